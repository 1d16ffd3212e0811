"""LAVIS compared with ours. VN_LAVIS_PYTHON is the Python of an environment with LAVIS; without it these skip."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from blip2_weights import FULL, TINY, write_files

from vn.cli import main
from vn.data.encoders import EncoderSettings, load_encoder
from vn.data.encoders import lavis as lavis_module
from vn.data.encoders.lavis import Lavis
from vn.data.manifest import Manifest
from vn.errors import InputError


@pytest.fixture(scope="module")
def python():
    path = os.environ.get("VN_LAVIS_PYTHON")
    if not path:
        pytest.skip("VN_LAVIS_PYTHON names no Python with LAVIS")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [TINY, FULL], ids=["tiny", "full"])
def test_lavis_and_ours_give_the_same_features(python, tmp_path, sizes):
    files = write_files(tmp_path, sizes)
    block = min(21, sizes["layers"] - 1)
    ours = load_encoder("blip2-clip-l14", EncoderSettings(weights=files, block=block))
    lavis = load_encoder("lavis", EncoderSettings(weights=files, block=block, python=python))
    assert lavis.weights_sha256 == ours.weights_sha256
    side = sizes["side"]
    pictures = np.random.default_rng(0).integers(0, 255, (2, side, side, 3)).astype(np.uint8)
    exact = ours.forward(ours.prepare(pictures)).numpy()
    off = np.abs(lavis.exact(pictures) - exact)
    relative = np.linalg.norm(off) / np.linalg.norm(exact)
    print(
        f"\nLAVIS = ours: largest difference {off.max():.3g}, relative {relative:.3g}, up to {np.abs(exact).max():.3g}"
    )
    assert relative < 1e-5
    if sizes is FULL:
        for dtype, bound in (("float16", 1e-3), ("bfloat16", 2e-2)):
            half = load_encoder("blip2-clip-l14", EncoderSettings(weights=files, block=block, dtype=dtype))
            error = half.forward(half.prepare(pictures)).numpy() - exact
            print(f"{dtype}: relative {np.linalg.norm(error) / np.linalg.norm(exact):.3g}")
            assert np.linalg.norm(error) / np.linalg.norm(exact) < bound


@pytest.mark.slow
def test_prepare_and_training_on_a_real_video(python, tmp_path, real_data, tiny_base):
    """`vn prepare --encoder lavis` on a real video with random weights; its shards are read by training."""
    import json

    from toy_experiment import Experiment

    files = write_files(tmp_path / "weights")
    (tmp_path / "stories").mkdir()
    clips = [{"start": n, "end": n + 5, "labels": ["Sore Point"], "narration": "Cold tea?"} for n in (0, 5)]
    for n in range(3):
        story = {"id": f"v{n}", "title": "Kettle", "language": "en", "knowledge": [], "clips": clips}
        story |= {"video": "real_clip_10s.mp4"}
        (tmp_path / "stories" / f"v{n}.json").write_text(json.dumps(story))
    (tmp_path / "ids.txt").write_text("v2\n")
    words = ["prepare", str(tmp_path / "stories"), "--reader", "stories", "--videos", str(real_data)]
    words += ["--out", str(tmp_path / "data"), "--encoder", "lavis", "--encoder-block", "2", "--lavis-python", python]
    words += ["--test-ids", str(tmp_path / "ids.txt"), "--encoder-weights", *map(str, files)]
    assert main(words) == 0
    manifest = Manifest.load(tmp_path / "data")
    assert (manifest.encoder["id"], manifest.tokens, manifest.width) == ("lavis", 5, 64)
    assert [s.frames for s in manifest.samples("train")] == [10, 10]
    assert main(["doctor", str(tmp_path / "data")]) == 0
    experiment = Experiment(tmp_path, tiny_base, tmp_path / "data")
    assert experiment("run", "--trainer.max_epochs", "1") == 0
    assert len(experiment.predictions()) == 2


def test_without_lavis_it_says_so(tmp_path):
    files = write_files(tmp_path)
    with pytest.raises(InputError, match="cannot start LAVIS: No such file"):
        load_encoder("lavis", EncoderSettings(weights=files, block=2, python=tmp_path / "python"))
    with pytest.raises(InputError, match="computes in float32"):
        load_encoder("lavis", EncoderSettings(weights=files, block=2, dtype="float16"))
    if not os.environ.get("VN_LAVIS_PYTHON"):
        with pytest.raises(InputError, match=r"LAVIS ended in its environment: .*lavis"):
            load_encoder("lavis", EncoderSettings(weights=files, block=2, python=sys.executable))


def test_batches_travel_as_npy_files(tmp_path, monkeypatch):
    """The traffic, with a stand-in that answers by the same rules: each batch gets its own answer."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import os, sys, numpy as np\n"
        "print('ready', flush=True)\n"
        "for line in sys.stdin:\n"
        "    name = os.path.join(sys.argv[1], line.strip())\n"
        "    pictures = np.load(name + '.npy', allow_pickle=False)\n"
        "    if pictures[0, 0, 0, 0] == 255: sys.exit('out of luck')\n"
        "    means = pictures.mean(axis=(1, 2, 3), dtype=np.float32)\n"
        "    np.save(name + '.out.npy', np.broadcast_to(means[:, None, None], (len(means), 5, 64)))\n"
        "    print(line.strip(), flush=True)\n"
    )
    monkeypatch.setattr("vn.data.encoders.lavis_worker.__file__", str(worker))
    lavis = Lavis(write_files(tmp_path / "weights"), block=2, python=Path(sys.executable))
    for value in (3, 90):
        features = lavis.encode(np.full((2, 16, 16, 3), value, np.uint8))
        assert features.dtype == np.float16
        assert (features == value).all()
    assert sorted(p.name for p in lavis._folder.iterdir()) == ["stderr", "weights.pt"]
    with pytest.raises(InputError, match="LAVIS ended in its environment: out of luck"):
        lavis.encode(np.full((1, 16, 16, 3), 255, np.uint8))
    lavis.close()
    assert not lavis._folder.exists()


def wheel(folder, name):
    """A package of one empty module, as pip takes it without an index."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    notes = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{notes}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{notes}/WHEEL", "Wheel-Version: 1.0\nGenerator: vn\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{notes}/RECORD", "")
    return str(path)


def test_the_environment_is_made_once(tmp_path, monkeypatch):
    folder, shown = tmp_path / "lavis", []
    monkeypatch.setattr("vn.io.own_environment.logger.info", lambda text, *values: shown.append(text % values))
    monkeypatch.setattr(lavis_module, "REQUIREMENTS", (str(tmp_path / "absent-1.0-py3-none-any.whl"),))
    with pytest.raises(InputError, match=r"lavis: LAVIS' environment cannot be created: .*absent"):
        lavis_module.environment(folder)
    monkeypatch.setattr(lavis_module, "REQUIREMENTS", (wheel(tmp_path, "one"),))
    python = lavis_module.environment(folder)
    shown.clear()
    assert lavis_module.environment(folder) == python
    assert shown == []
    subprocess.run([python, "-I", "-c", "import one"], check=True, timeout=60)
    monkeypatch.setattr(lavis_module, "REQUIREMENTS", (wheel(tmp_path, "two"),))
    assert lavis_module.environment(folder) == python
    assert [line.partition(" in ")[0] for line in shown] == ["creating LAVIS' environment"]
    subprocess.run([python, "-I", "-c", "import two"], check=True, timeout=60)
    assert subprocess.run([python, "-I", "-c", "import one"], capture_output=True, timeout=60).returncode == 1
    assert sorted(path.name for path in folder.iterdir()) == ["complete", "environment"]
