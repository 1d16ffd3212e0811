"""Revisions of an encoder: the same features except for rounding, told apart by their ids, and never mixed."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from rendered_videos import counting_video

from vn.cli import main
from vn.data.encoders import EncoderSettings, encoder_entry, load_encoder, load_matching_encoder
from vn.data.manifest import Manifest
from vn.errors import InputError
from vn.train.fits import check_narrator

FIRST, SECOND, PLAIN = "efficientnet-lite0@1", "efficientnet-lite0@2", "efficientnet-lite0"


@pytest.fixture(scope="module")
def both():
    return load_encoder(FIRST), load_encoder(SECOND)


@pytest.fixture(scope="module")
def frames():
    """Noise, flat colours and blocks: ``[n, 160, 160, 3]``."""
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (9, 10, 10, 3)).astype(np.uint8).repeat(16, axis=1).repeat(16, axis=2)
    flat = np.broadcast_to(np.array([0, 128, 255], np.uint8)[:, None, None, None], (3, 160, 160, 3))
    return np.concatenate([random.integers(0, 256, (4, 160, 160, 3)).astype(np.uint8), flat, blocks])


@pytest.fixture
def words(write_stories, tmp_path):
    """The command that prepares two short videos."""
    stories = write_stories(*({"id": name, "clips": [{"start": 0, "end": 2}]} for name in "ab"))
    for name in "ab":
        counting_video(stories / f"{name}.mp4", 25)
    return ["prepare", str(stories), "--reader", "stories", "--shard-size", "1", "--out", str(tmp_path / "data")]


SHOWN = "print([n for n in ('torch', 'torchvision', 'efficientnet_lite_pytorch', 'transformers') if n in sys.modules])"


def python(code):
    """What a new process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


class TestFeatures:
    def test_they_differ_by_rounding(self, both, frames):
        old, new = (encoder.encode(frames).astype(np.float64) for encoder in both)
        step = np.spacing(np.abs(old).astype(np.float16)).astype(np.float64)
        assert (np.abs(new - old) <= 1e-3 + step).all()

    def test_pytorchs_own_convolutions_agree(self, both, frames, monkeypatch):
        new = both[1]
        fused = new.features.forward(frames)
        monkeypatch.setattr(new.features.network, "fused", False)
        assert float((new.features.forward(frames) - fused).abs().max()) < 1e-3

    def test_the_last_stage_is_the_packages_own(self, both, frames):
        """An oracle: the network as its authors build it."""
        import torch

        old, new = both
        x = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            theirs = old.features._network.extract_features((x - old.features._mean) / old.features._std)
        pooled = torch.nn.functional.adaptive_avg_pool2d(theirs, (2, 4)).flatten(2).transpose(1, 2)
        assert float((new.features.forward(frames)[..., :1280] - pooled).abs().max()) < 1e-3

    def test_threads_change_nothing(self, both, frames):
        """Neither PyTorch's, nor videos side by side."""
        import torch

        new, before = both[1], torch.get_num_threads()
        alone = new.encode(frames[:8])
        try:
            torch.set_num_threads(3)
            np.testing.assert_array_equal(new.encode(frames[:8]), alone)
        finally:
            torch.set_num_threads(before)
        found = []
        threads = [threading.Thread(target=lambda: found.append(new.encode(frames[:8]))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 3
        for each in found:
            np.testing.assert_array_equal(each, alone)

    def test_bfloat16(self, both, frames):
        from vn.data.encoders.lite_network import has_bfloat16

        if not has_bfloat16():
            pytest.skip("this processor does not compute in bfloat16")
        narrow = load_encoder(PLAIN, EncoderSettings(dtype="bfloat16"))
        assert narrow.settings == {**both[1].settings, "dtype": "bfloat16"}
        ours, exact = narrow.encode(frames).astype(np.float64), both[1].encode(frames).astype(np.float64)
        np.testing.assert_array_equal(ours[..., 1320:], exact[..., 1320:])  # colours are computed as always
        assert np.corrcoef(ours[..., :1280].ravel(), exact[..., :1280].ravel())[0, 1] > 0.99
        assert encoder_entry(load_matching_encoder(encoder_entry(narrow), 8, 1334)) == encoder_entry(narrow)

    def test_a_processor_without_bfloat16(self, monkeypatch):
        monkeypatch.setattr("vn.data.encoders.lite_network.has_bfloat16", lambda: False)
        with pytest.raises(InputError, match=r"--encoder-dtype: this processor does not compute in bfloat16"):
            load_encoder(PLAIN, EncoderSettings(dtype="bfloat16"))


class TestNames:
    def test_a_call_means_the_newest_and_a_file_the_first(self, both):
        assert load_encoder(PLAIN).id == SECOND
        assert [encoder.id for encoder in both] == [PLAIN, SECOND]
        for encoder in both:
            again = load_matching_encoder(encoder_entry(encoder), 8, 1334)
            assert type(again) is type(encoder)
            assert encoder_entry(again) == encoder_entry(encoder)

    def test_the_entry_of_the_first_is_as_ever(self, both):
        settings = {"size": 160, "fit": "squash", "grid": [2, 4], "early_block": 4, "hues": 12, "fps": 1.0}
        entry = encoder_entry(both[0])
        assert (entry["id"], entry["settings"]) == (PLAIN, settings)

    def test_dtypes_that_they_do_not_have(self):
        with pytest.raises(InputError, match=r"--encoder-dtype: .*lite0@1' computes in float32"):
            load_encoder(FIRST, EncoderSettings(dtype="bfloat16"))
        with pytest.raises(InputError, match=r"--encoder-dtype: .*computes in float32 or bfloat16, got 'float16'"):
            load_encoder(PLAIN, EncoderSettings(dtype="float16"))

    def test_loading_it_imports_no_network(self):
        code = "import sys; import numpy as np; from vn.data.encoders import load_encoder; "
        code += f"encoder = load_encoder({PLAIN!r}); {SHOWN}; "
        code += f"encoder.encode(np.zeros((1, 160, 160, 3), np.uint8)); {SHOWN}"
        assert python(code) == "[]\n['torch']\n"

    @pytest.mark.parametrize("name", [FIRST, SECOND])
    def test_the_network_is_loaded_once_however_many_threads_begin(self, name, both, frames, monkeypatch):
        encoder = load_encoder(name)
        ready, found, loaded, load = threading.Barrier(4), [], [], encoder.load

        def slowly():
            loaded.append(load())
            return loaded[-1]

        def begin():
            ready.wait()
            found.append(encoder.encode(frames[:3]))

        monkeypatch.setattr(encoder, "load", slowly)
        threads = [threading.Thread(target=begin) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(loaded), len(found)) == (1, 4)
        for each in found:
            np.testing.assert_array_equal(each, both[name == SECOND].encode(frames[:3]))


class TestFolders:
    def test_a_folder_goes_on_with_the_revision_it_was_begun_with(self, words, tmp_path, capsys):
        data = tmp_path / "data"
        assert main([*words, "--encoder", FIRST]) == 0
        assert Manifest.load(data).encoder["id"] == PLAIN
        whole = contents(data)
        capsys.readouterr()
        assert main(words) == 0  # finished
        assert f"was begun with {FIRST}" in (said := capsys.readouterr()).err
        assert "Nothing to do" in said.out
        assert contents(data) == whole
        for name in ("manifest.json", "train-00000.tar", ".prepare/train-00000.json"):
            (data / name).unlink()
        assert main(words) == 0  # interrupted
        assert contents(data) == whole

    @pytest.mark.parametrize("name", [FIRST, SECOND])
    def test_finished_data_need_no_network(self, name, words, tmp_path, capsys):
        data = tmp_path / "data"
        assert main([*words, "--encoder", name]) == 0
        whole, times = contents(data), {file: file.stat().st_mtime_ns for file in data.glob("*.tar")}
        capsys.readouterr()
        assert main([*words, "--encoder", name]) == 0
        said = capsys.readouterr().out
        shown = python(f"import sys; from vn.cli import main; main({[*words, '--encoder', name]}); {SHOWN}")
        assert shown == f"{said}[]\n"
        assert "Nothing to do" in said
        assert contents(data) == whole
        assert {file: file.stat().st_mtime_ns for file in times} == times

    def test_another_revision_is_refused_or_replaces_it(self, words, tmp_path, capsys):
        data = tmp_path / "data"
        assert main([*words, "--encoder", FIRST]) == 0
        assert main([*words, "--encoder", SECOND]) == 2
        assert f"encoder.id was '{PLAIN}', now '{SECOND}'" in capsys.readouterr().err
        assert main([*words, "--overwrite"]) == 0
        assert Manifest.load(data).encoder["id"] == SECOND
        assert main([*words, "--encoder", FIRST]) == 2
        assert main(words) == 0
        assert json.loads((data / "manifest.json").read_text())["encoder"]["settings"]["dtype"] == "float32"

    def test_jobs_and_threads_change_nothing(self, words, tmp_path):
        found = []
        for number, more in enumerate(([], ["--threads", "3"], ["--jobs", "2"])):
            assert main([*words[:-1], str(tmp_path / f"data{number}"), *more]) == 0
            found.append(contents(tmp_path / f"data{number}"))
        assert found[0] == found[1] == found[2]

    def test_a_narrator_of_the_other_revision_is_refused(self, words, tmp_path):
        from types import SimpleNamespace

        data = tmp_path / "data"
        assert main(words) == 0
        manifest = Manifest.load(data)
        card = {"language": "en", "tokens": 8, "width": 1334}
        first = {**manifest.encoder, "id": PLAIN}
        with pytest.raises(InputError, match=f"is {SECOND}, but the narrator was trained with {PLAIN}$"):
            check_narrator(SimpleNamespace(**card, encoder=first), manifest, data)
        narrow = {**manifest.encoder, "settings": {**manifest.encoder["settings"], "dtype": "bfloat16"}}
        with pytest.raises(InputError, match=r"'dtype': 'float32'.*trained with .*'dtype': 'bfloat16'"):
            check_narrator(SimpleNamespace(**card, encoder=narrow), manifest, data)
