"""The adapter folder: what was saved is what is loaded, merged or not."""

import json
import re
import sys
from dataclasses import replace

import pytest
import torch
from toy_narrator import SECONDS, STORY, T

from vn.adapter import load_adapter, save_adapter
from vn.errors import InputError
from vn.llm.packing import collate


def loss_of(assembly, frames):
    builder = assembly.builder
    rows = [(0, builder.training_row(STORY, builder.plan(STORY, frames, SECONDS, c), c)) for c in STORY.narrated]
    with torch.no_grad():
        return assembly.narrator.eval()(collate(rows, [frames], T, builder.tokens.pad))


@pytest.mark.parametrize("rank", [0, 4])
def test_loaded_and_merged_equals_trained(make, card, frames, tmp_path, rank):
    assembly = make(lora=replace(card.lora, rank=rank))
    torch.nn.init.normal_(assembly.narrator.position.table.weight)
    save_adapter(tmp_path / "adapter", assembly)
    loaded = load_adapter(tmp_path / "adapter")
    assert loaded.card == assembly.card
    torch.testing.assert_close(loss_of(loaded, frames), loss_of(assembly, frames), rtol=1e-4, atol=1e-3)
    assert not any("lora" in name for name, _ in loaded.narrator.named_parameters())


def test_saving_again_replaces_the_old_folder_whole(make, tmp_path):
    folder = tmp_path / "adapter"
    save_adapter(folder, make())
    (folder / "stray").touch()
    save_adapter(folder, make())
    assert not (folder / "stray").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["adapter"]


def test_a_base_model_that_moved_is_found_by_name_and_another_is_refused(make, tiny_base, tmp_path):
    import shutil

    save_adapter(tmp_path / "adapter", make())
    shutil.copytree(tiny_base, tmp_path / "moved")
    assert load_adapter(tmp_path / "adapter", str(tmp_path / "moved"))
    config = json.loads((tmp_path / "moved" / "config.json").read_text())
    (tmp_path / "moved" / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}))
    with pytest.raises(InputError, match="was trained on another base model"):
        load_adapter(tmp_path / "adapter", str(tmp_path / "moved"))


@pytest.mark.parametrize("field", ["base_model", "visual", "lora"])
def test_a_card_without_a_field_names_it(make, tmp_path, field):
    folder = tmp_path / "adapter"
    save_adapter(folder, make())
    card = json.loads((folder / "narrator.json").read_text())
    del card[field]
    (folder / "narrator.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=rf"narrator.json: {field}: missing"):
        load_adapter(folder)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"projector": "os:system"}, "narrator.json: projector: names the projector 'os:system' by its module"),
        ({"narrator": "this:s"}, "narrator.json: narrator: names the narrator 'this:s' by its module"),
        ({"base_model": "this:s:rest"}, "narrator.json: base_model: names the loader of base models 'this:s'"),
        ({"projector": "x", "packages": {"projector": "vn-x"}}, "of the package vn-x, which is not installed here"),
        ({"projector": "x", "packages": {"projector": "vn-x; rm"}}, "'vn-x; rm' is not the name of a package"),
        ({"projector": "x", "packages": {"projector": ["y"]}}, "is not the name of a package"),
        ({"projector": "x"}, "narrator.json: projector: no projector 'x'; there are linear, what packages register"),
        ({"projector": 3}, "narrator.json: projector: is wrong: 3"),
        ({"packages": "vn-x"}, "narrator.json: packages: is wrong"),
    ],
)
def test_what_a_card_names_is_not_imported(make, tmp_path, changes, error):
    save_adapter(tmp_path, make())
    card = json.loads((tmp_path / "narrator.json").read_text())
    (tmp_path / "narrator.json").write_text(json.dumps({**card, "base_model_from_here": None, **changes}))
    with pytest.raises(InputError, match=re.escape(error)):
        load_adapter(tmp_path)
    assert "this" not in sys.modules  # which would print when it is imported


def test_a_card_of_earlier_builds_has_vns_own_parts(make, tmp_path):
    save_adapter(tmp_path, make())
    card = json.loads((tmp_path / "narrator.json").read_text())
    for name in ("projector", "narrator", "packages"):
        del card[name]
    (tmp_path / "narrator.json").write_text(json.dumps(card))
    assert load_adapter(tmp_path).card.projector == "linear"


def test_a_part_by_module_is_used_if_the_call_names_it(make, tmp_path):
    save_adapter(tmp_path, make(projector="vn.visual.projector:Projector"))
    with pytest.raises(InputError, match="no module is imported because a file names it"):
        load_adapter(tmp_path)
    assert load_adapter(tmp_path, imports=["vn.visual.projector:Projector"]).card.packages == {}
