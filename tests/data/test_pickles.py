"""Per-clip pickles: arrays are read, code is not run."""

import contextlib
import json
import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vn.cli import main
from vn.data.manifest import Manifest
from vn.data.pickles import read_pickle
from vn.data.shards import read_sample


@given(
    array=arrays(st.sampled_from(["<f4", ">f4", "<f2", "<i8", "|b1"]), array_shapes(max_dims=4)),
    protocol=st.integers(0, 5),
    fortran=st.booleans(),
)
@settings(deadline=None, max_examples=150)
def test_arrays_come_out_as_they_went_in(array, protocol, fortran):
    array = np.asfortranarray(array) if fortran else array
    again = read_pickle(pickle.dumps(array, protocol))
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)


def test_a_list_of_frames_is_stacked():
    frames = [np.full((2, 3), n, np.float32) for n in range(4)]
    np.testing.assert_array_equal(read_pickle(pickle.dumps(frames)), np.stack(frames))
    with pytest.raises(ValueError, match="different shapes"):
        read_pickle(pickle.dumps([np.zeros(2), np.zeros(3)]))


class Evil:
    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "value",
    [
        Evil(os.system, "touch {ran}"),
        Evil(eval, "open('{ran}', 'w')"),
        [np.zeros(2), Evil(os.mkdir, "{ran}")],
        Evil(np.load, "{ran}"),
        {"a": np.zeros(2)},
        np.array([{}, None], dtype=object),
        np.zeros(2, dtype=[("a", "f4")]),
        np.array(["text"]),
        7,
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_programs_are_refused_and_do_not_run(value, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"names|expected|holds|found"):
        read_pickle(pickle.dumps(value, protocol))
    assert not list(tmp_path.iterdir())


@given(data=st.binary(max_size=60), cut=st.integers(0, 200), flip=st.integers(0, 199))
@settings(deadline=None, max_examples=200)
def test_damage_is_a_value_error(data, cut, flip):
    whole = bytearray(pickle.dumps(np.arange(6.0), 4))
    whole[flip % len(whole)] ^= 0x55
    for bad in (data, bytes(whole[: cut % len(whole)])):
        with pytest.raises(ValueError, match=r"pickle|array"):
            read_pickle(bad)
    with contextlib.suppress(ValueError):
        read_pickle(bytes(whole))  # a flipped number is still a number


def test_prepare_reads_them_into_shards(tmp_path, capsys):
    story = {
        "id": "a",
        "title": "Kettle",
        "language": "en",
        "knowledge": [],
        "clips": [{"start": 0, "end": 2, "narration": "One."}, {"start": 4, "end": 5.5, "narration": "Two."}],
    }
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories" / "a.json").write_text(json.dumps(story))
    folder = tmp_path / "features"
    folder.mkdir()
    random = np.random.default_rng(0)
    clips = [random.normal(size=(n, 4, 6)).astype(np.float32) for n in (2, 1)]
    for n, array in enumerate(clips, 1):
        (folder / f"a_{n}.pkl").write_bytes(pickle.dumps(array))
    words = ["prepare", str(tmp_path / "stories"), "--reader", "stories", "--encoder", "pickles"]
    words += ["--features", str(folder), "--out", str(tmp_path / "data")]
    assert main(words) == 0
    manifest = Manifest.load(tmp_path / "data")
    (entry,) = manifest.samples("train")
    _, frames, seconds = read_sample(tmp_path / "data" / entry.shard, entry)
    np.testing.assert_array_equal(frames, np.concatenate(clips).astype(np.float16))
    assert seconds.tolist() == [0, 1, 4]
    capsys.readouterr()
    (folder / "a_2.pkl").write_bytes(pickle.dumps(Evil(os.system, "true")))
    assert main([*words[:-1], str(tmp_path / "again")]) == 2
    assert "system, which is not part of a NumPy array; it was not run" in capsys.readouterr().err
    (folder / "a_2.pkl").unlink()
    assert main([*words[:-1], str(tmp_path / "again")]) == 2
    assert "a: expected one pickle per clip, 2 numbered from 0 or 1, found 1" in capsys.readouterr().err
