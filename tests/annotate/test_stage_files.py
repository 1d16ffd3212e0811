"""Files of stages: whole or absent, edits are noticed, and what nobody can read is damaged rather than a crash."""

from __future__ import annotations

import json

import pytest
from annotated import MADE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vn.annotate.stage import Made
from vn.annotate.stage_file import Damaged, digest, read_stage, set_aside, stage_file, write_stage
from vn.errors import InputError

RESULT = {"duration": 4.0, "clips": [[0.0, 4.0]], "fingerprint": []}


@pytest.fixture
def file(tmp_path):
    return stage_file(tmp_path, "shots", "a")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(MADE)
def test_what_is_written_is_read(file, made):
    written = write_stage(file, made, "hash")
    read = read_stage(file)
    assert read == written
    assert not read.edited


def test_there_is_none(file):
    assert read_stage(file) is None


def test_an_edit_of_the_result_is_seen_and_its_hash_is_that_of_the_edit(file):
    write_stage(file, Made(RESULT), "hash")
    content = json.loads(file.read_text())
    content["result"]["clips"] = [[0, 2], [2, 4]]
    file.write_text(json.dumps(content, indent=4))
    read = read_stage(file)
    assert read.edited
    assert read.hash == digest(content["result"]) != digest(RESULT)


def test_another_layout_of_the_same_values_is_no_edit(file):
    write_stage(file, Made(RESULT), "hash")
    file.write_text(json.dumps(json.loads(file.read_text()), sort_keys=True))
    assert not read_stage(file).edited


def test_a_mistake_in_an_edit_is_named_and_is_not_damage(file):
    write_stage(file, Made(RESULT), "hash")
    file.write_text(file.read_text().replace('"duration": 4.0', '"duration": "four"'))
    with pytest.raises(InputError, match=r"a\.json: duration: expected seconds, got 'four'") as raised:
        read_stage(file)
    assert not isinstance(raised.value, Damaged)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_a_file_cut_anywhere_is_damaged(file, data):
    write_stage(file, Made(RESULT), "hash")
    whole = file.read_bytes()
    file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 3))])
    with pytest.raises(Damaged, match=r"a\.json: "):
        read_stage(file)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", 2),
        ("stage", "speech"),
        ("video", "b"),
        ("made_from", None),
        ("result", []),
        ("marks", [{"why": "", "kind": "far"}]),
        ("counts", {"silent": "1"}),
    ],
)
def test_a_file_of_something_else_is_damaged(file, name, value):
    write_stage(file, Made(RESULT), "hash")
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, name: value}))
    with pytest.raises(Damaged, match=name):
        read_stage(file)


def test_what_is_set_aside_is_no_json(file):
    write_stage(file, Made(RESULT), "hash")
    aside = set_aside(file, ".damaged")
    assert aside.suffix != ".json"
    assert aside.exists()
    assert not file.exists()


def test_what_was_set_aside_before_stays(file):
    kept = []
    for text in ("first", "second", "third"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        kept.append(set_aside(file, ".edited"))
    assert [each.read_text() for each in kept] == ["first", "second", "third"]
    assert [each.name.removeprefix(file.stem) for each in kept] == [".edited", ".edited-2", ".edited-3"]
