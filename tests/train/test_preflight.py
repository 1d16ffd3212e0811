"""What would fail late is refused before a weight is read, a frame encoded or a step taken: the loaders raise here."""

import shutil

import pytest
from made_up import as_format_1, write_manifest

import vn.train.work  # noqa: F401 (so that what it imports by name is not yet replaced)
from vn.adapter import save_adapter
from vn.cli import main
from vn.data.manifest import Manifest
from vn.story import ScriptLabel


@pytest.fixture
def nothing_loads(monkeypatch):
    """Loading a base model, an adapter or an encoder, looking for shots, or training fails the test."""

    def refuse(*args, **options):
        pytest.fail("was called before the input was checked")

    for name in (
        "vn.llm.load.load_base",
        "vn.adapter.load_adapter",
        "vn.train.tested.load_adapter",
        "vn.data.encoders.load_encoder",
        "vn.data.shots.find_shots",
        "vn.data.frames.encode_video",
        "lightning.Trainer.fit",
    ):
        monkeypatch.setattr(name, refuse)


@pytest.fixture
def changed(data, experiment):
    """Makes a copy of the data whose manifest, of format 1, is changed; the experiment then uses it."""

    def copy(change):
        folder = experiment.folder / "data"
        shutil.copytree(data, folder)
        manifest = as_format_1(folder)
        change(manifest)
        write_manifest(folder, manifest)
        experiment.config.write_text(experiment.config.read_text().replace(str(data), str(folder)))
        return folder / "manifest.json"

    return copy


@pytest.fixture
def trained(make, data, experiment):
    """A run folder whose adapter was made on the data, without training."""
    save_adapter(experiment.run_folder() / "adapter", make(encoder=Manifest.load(data).encoder))


def said(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert len(lines) == 1
    return lines[0]


def without(split):
    def change(manifest):
        manifest["splits"][split]["shards"] = []

    return change


def unnarrated(split):
    def change(manifest):
        for shard in manifest["splits"][split]["shards"]:
            for sample in shard["samples"]:
                sample["narrated"] = 0

    return change


@pytest.mark.usefixtures("nothing_loads")
@pytest.mark.parametrize(
    ("command", "change", "message"),
    [
        ("run", without("test"), "splits.test: the test split is empty: `vn fit` trains without a test"),
        ("run", without("train"), "splits.train: the train split is empty"),
        ("fit", without("train"), "splits.train: the train split is empty"),
        ("fit", unnarrated("train"), "splits.train: no clip of the train split has a narration"),
        ("fit", lambda manifest: manifest.update(language="fr"), "'fr'"),
    ],
)
def test_data_that_cannot_be_trained_on(experiment, changed, capsys, command, change, message):
    file = changed(change)
    assert experiment(command) == 2
    error = said(capsys)
    assert message in error
    assert str(file) in error or "fr" in message
    assert not (experiment.run_folder() / "config.yaml").exists()


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("command", "change", "message"),
    [
        ("test", without("test"), "splits.test: the test split is empty: give vn prepare test videos"),
        ("predict", without("test"), "splits.test: the test split is empty"),
        ("validate", without("val"), "splits.val: the val split is empty"),
        ("validate", unnarrated("val"), "no clip of the val split has a narration"),
        (
            "test",
            lambda m: m.update(language="zh"),
            "language: the stories are in 'zh', but the narrator was trained on",
        ),
        (
            "test",
            lambda m: m["encoder"].update(id="another"),
            "encoder: is another, but the narrator was trained with",
        ),
    ],
)
def test_data_that_cannot_be_tested_on(experiment, changed, nothing_loads, capsys, command, change, message):
    file = changed(change)
    assert experiment(command) == 2
    error = said(capsys)
    assert message in error
    assert str(file) in error


@pytest.mark.usefixtures("nothing_loads")
def test_a_template_or_an_overlay_that_is_missing(experiment, capsys):
    assert experiment("fit", "--model.template", "ad-fr") == 2
    assert "no template 'ad-fr'" in said(capsys)
    assert experiment("fit", "--ablation", "no_memroy") == 2
    assert "did you mean 'no_memory'" in said(capsys)


@pytest.mark.usefixtures("trained")
def test_beams_with_a_temperature(experiment, nothing_loads, capsys):
    for command in ("test", "run"):
        assert experiment(command, "--test.decoding.beams", "3", "--test.decoding.temperature", "0.5") == 2
        assert "test.decoding.beams: 3 beams search for the most likely narration" in said(capsys)


def test_one_video_has_no_other(experiment, changed, trained, nothing_loads, capsys):
    changed(lambda manifest: None)
    assert experiment("test", "--data.frames", "other_video", "--data.limit", "1") == 2
    assert "frames of another video need at least two videos" in said(capsys)


@pytest.fixture
def narrate(experiment, trained, nothing_loads, tmp_path, capsys):
    """Runs ``vn narrate`` on a file that is no video; gives the sentence that it refuses with."""

    def refused(product, *words):
        (tmp_path / "video.mp4").touch()
        file = tmp_path / "product.yaml"
        file.write_text(product)
        adapter = experiment.run_folder() / "adapter"
        args = ["--product", str(file), "--adapter", str(adapter), "--out", str(tmp_path / "out")]
        assert main(["narrate", str(tmp_path / "video.mp4"), *args, *words]) == 2
        assert not list((tmp_path / "out").glob("*.json"))
        return said(capsys)

    return refused


PRODUCT = "title: Kettle\nlanguage: en\n"
CLIPS = PRODUCT + "clips: [{start: 0, end: 2}, {start: 2, end: 4}]\n"


def test_narrate_refuses_another_language(narrate):
    error = narrate("title: 水壶\nlanguage: zh\n")
    assert "product.yaml: language: is 'zh', but the narrator was trained on 'en'" in error


def test_narrate_refuses_beams_with_a_temperature(narrate):
    error = narrate(PRODUCT, "--beams", "4", "--temperature", "0.7")
    assert "--beams: 4 beams search for the most likely narration, and a temperature of 0.7 draws one" in error


def test_narrate_refuses_a_wrong_storyline(narrate, tmp_path):
    storyline = tmp_path / "storyline.yaml"
    storyline.write_text("[Sore Point]\n")
    assert "has 1 labels, but the video has 2 clips" in narrate(CLIPS, "--storyline", str(storyline))
    storyline.write_text("[Sore Point, Sore Pont]\n")
    error = narrate(CLIPS, "--storyline", str(storyline))
    assert "storyline.yaml: [1]: unknown script label 'Sore Pont' (did you mean 'Sore Point'?); the 12 are: " in error
    assert all(label.en in error for label in ScriptLabel)
    storyline.write_text("[痛点说明]\n", encoding="utf-8")
    error = narrate(CLIPS, "--storyline", str(storyline))
    assert all(label.zh in error for label in ScriptLabel)
