"""docs/extending.md: its package is installed as it is there, and its commands are run; without it, the refusals."""

import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_video import write_video

from vn.cli import main

GUIDE = Path(__file__).parents[1] / "docs" / "extending.md"
BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
OURS = ("vn_example", "my_parts", "wrong_parts")
WRONG_PARTS = """
from vn.data.encoders.picture import PictureEncoder
from vn_example.encoder import QuarterColours

NOTHING = 3


class NoTokens(PictureEncoder):
    def __init__(self, fps):
        super().__init__(fps, {})
    shrink = encode = None


class Broken(QuarterColours):
    def __init__(self, fps):
        raise OSError("no weights")


class NoRate(QuarterColours):
    def __init__(self, fps):
        super().__init__(fps)
        self.settings = {}


class NotFinite(QuarterColours):
    def encode(self, inputs):
        return super().encode(inputs) * float("nan")


def no_stories(path, context):
    return [path]


def broken(path, context):
    return path.split()
"""
MY_PARTS = """
from pathlib import Path
from torch import nn
from vn_example.encoder import QuarterColours

Path("imported").touch()


class Thirds(QuarterColours):
    pass


class Wide(nn.Sequential):
    def __init__(self, width, hidden):
        super().__init__(nn.Linear(width, 8 * hidden), nn.ReLU(), nn.Linear(8 * hidden, hidden))
"""


def command(start):
    """The arguments of the guide's command that begins so."""
    (line,) = [line for line in COMMANDS if line.startswith(f"vn {start}")]
    return shlex.split(line)[1:]


def forget():
    """Take the example's modules out of this process."""
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder that pip has installed the guide's package into."""
    source, target = tmp_path_factory.mktemp("vn-example"), tmp_path_factory.mktemp("site")
    for name, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        file = source / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (source / "vn_example" / "__init__.py").touch()
    pip = "-m pip install -q --no-deps --no-build-isolation --no-index --disable-pip-version-check"
    subprocess.run([sys.executable, *pip.split(), "--target", str(target), str(source)], check=True)
    return target


@pytest.fixture(scope="module")
def work(tmp_path_factory, tiny_base):
    """The folder that the guide's commands are called in."""
    folder = tmp_path_factory.mktemp("work")
    shutil.copytree(tiny_base, folder / "base")
    (folder / "videos").mkdir()
    rows = ["video,split,title,start,end,narration"]
    for name, split in (("one", "train"), ("two", "train"), ("three", "val"), ("four", "test"), ("new", None)):
        write_video(folder / "videos" / f"{name}.mp4", 6)
        if split:
            rows += [f"{name},{split},Tea,0,3,Tea is hot.", f"{name},{split},Tea,3,6,The kettle boils."]
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    product = "title: Tea\nlanguage: en\ndomain: general\nclips: [{start: 0, end: 3}, {start: 3, end: 6}]\n"
    (folder / "product.yaml").write_text(product)
    (folder / "experiment.yaml").write_text(
        """
seed_everything: 3
model: {base_model: base, lora: {rank: 4}, max_length: 1024}
data: {folder: data, clips_per_step: 2, workers: 0}
test: {decoding: {max_new_tokens: 4}}
trainer: {max_steps: 2, accelerator: cpu, devices: 1, logger: false, enable_progress_bar: false}
"""
    )
    (folder / "my_parts.py").write_text(MY_PARTS)
    (folder / "wrong_parts.py").write_text(WRONG_PARTS)
    return folder


@pytest.fixture
def here(work, monkeypatch):
    """The working folder as the current one, nothing installed; what the test imports is forgotten."""
    monkeypatch.chdir(work)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (work / "imported").unlink(missing_ok=True)
    forget()
    yield work
    forget()


@pytest.fixture
def installed(here, site):
    """The same with the guide's package installed."""
    sys.path.append(str(site))
    importlib.invalidate_caches()
    return here


@pytest.fixture(scope="module")
def made(work, site):
    """The guide's commands with its package, run once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        patch.setattr(sys, "path", [*sys.path, str(site)])
        importlib.invalidate_caches()
        for start in ("prepare", "run", "narrate videos/new.mp4 --product product.yaml --run runs/mine", "score"):
            assert main(command(start) if start.startswith(("score", "narrate")) else first(start)) == 0
    forget()
    return work


def first(start):
    """The guide's first command that begins so."""
    return shlex.split(next(line for line in COMMANDS if line.startswith(f"vn {start}")))[1:]


def refused(capsys, *args):
    assert main([*map(str, args)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "Traceback" not in error
    return error


def test_every_command_of_the_guide_is_one_that_is_run():
    assert [line.split()[:2] for line in COMMANDS] == [
        ["vn", name] for name in ("prepare", "run", "narrate", "score", "voice", "prepare", "run", "test", "narrate")
    ]


def test_what_is_made_with_a_package_names_it(made):
    manifest = json.loads((made / "data/manifest.json").read_text())
    assert manifest["encoder"]["id"] == "quarter-colours"
    assert manifest["encoder"]["package"] == "vn-example"
    assert [manifest["tokens"], manifest["width"]] == [4, 3]
    counts = [shard["samples"] for split in manifest["splits"].values() for shard in split["shards"]]
    assert counts == [2, 1, 1]
    card = json.loads((made / "runs/mine/adapter/narrator.json").read_text())
    assert card["packages"] == dict.fromkeys(("base_model", "projector", "narrator"), "vn-example")
    assert card["base_sha256"].startswith("untrained-")
    assert [card["base_model"], card["projector"], card["narrator"]] == ["untrained:base", "mlp", "gated"]
    readme = (made / "runs/mine/adapter/README.md").read_text()
    assert "needs the packages | vn-example" in readme
    assert len(json.loads((made / "story/story.json").read_text())["clips"]) == 2


def test_the_parts_were_trained_and_saved(made):
    from safetensors.torch import load_file

    weights = load_file(made / "runs/mine/adapter/narrator.safetensors")
    assert {"gate", "projector.0.weight", "projector.2.weight", "position.table.weight"} <= set(weights)
    assert weights["gate"].item() != pytest.approx(0.1, abs=1e-9)


def test_a_metric_is_in_the_scores_with_its_tags(made, capsys):
    scores = json.loads((made / "runs/mine/scores.json").read_text())["predicted"]
    entry = scores["names-title"]
    assert entry["variant"] == "any case"
    assert entry["package"] == "vn-example 1.0"
    lines = (made / "runs/mine/predictions.predicted.jsonl").read_text().splitlines()
    hits = ["tea" in json.loads(line)["narration"].lower() for line in lines]
    assert entry["value"] == sum(hits) / len(hits)
    assert entry["coverage"]["scored"] == len(hits)
    assert "bleu_1" in scores


def test_a_voice_is_measured_and_refused_without_its_package(installed, capsys):
    assert main(command("voice")) == 0
    assert "hum:330: 3.0" in capsys.readouterr().out  # 3 words per second
    sys.path.pop()
    importlib.invalidate_caches()
    assert "no voice 'hum:330'" in refused(capsys, *command("voice"))


def test_the_same_command_goes_on_and_tests_again(made, installed):
    assert main(["test", "--run", "runs/mine"]) == 0
    assert main(["doctor", "runs/mine"]) == 0


def test_without_the_package_what_names_it_is_refused(made, here, capsys):
    prepared = refused(capsys, *first("prepare"), "--overwrite")
    assert "no reader 'clip-table'" in prepared
    (here / "own.json").write_text('{"title": "Tea", "language": "en", "domain": "general"}')
    args = ["prepare", "own.json", "--reader", "stories", "--out", "o", "--encoder", "quarter-colours"]
    assert "no frame encoder 'quarter-colours'" in refused(capsys, *args)
    trained = refused(capsys, *first("run"), "--name", "other")
    assert "no loader of base models 'untrained'" in trained
    for again in (["test", "--run", "runs/mine"], ["export", "runs/mine", "--to", "peft", "--out", "exported"]):
        tested = refused(capsys, *again)
        assert "narrator.json: base_model" in tested
        assert "vn-example, which is not installed here: pip install vn-example" in tested
    assert "vn-example" in refused(capsys, *first("narrate"))
    assert "no metric 'names-title'" in refused(capsys, *command("score"))
    assert main(["doctor", "runs/mine"]) == 0  # which imports nothing
    assert not (here / "imported").exists()


def test_a_trained_narrator_needs_its_encoder_for_a_new_video_only(made, installed, capsys):
    card = made / "runs/mine/adapter/narrator.json"
    before = card.read_text()
    data = json.loads(before)
    data["encoder"] |= {"id": "thirds", "package": "vn-thirds"}
    try:
        card.write_text(json.dumps(data))
        error = refused(capsys, *first("narrate"))
    finally:
        card.write_text(before)
    assert "narrator.json: encoder.id: names the frame encoder 'thirds' of the package vn-thirds" in error


@pytest.fixture(scope="module")
def tried(made, site):
    """The guide's commands with a module of the current folder, run once; only the last ones need to name it again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        patch.setattr(sys, "path", [*sys.path, str(site)])
        importlib.invalidate_caches()
        for start in (
            "prepare clips.csv --reader clip-table --videos videos --encoder my_parts",
            "run --config experiment.yaml --name tried",
            "test",
            "narrate videos/new.mp4 --product product.yaml --run runs/tried",
        ):
            assert main(command(start)) == 0
    forget()
    return made


def test_a_module_is_imported_only_if_the_call_names_it(tried, installed, capsys):
    tested = refused(capsys, "test", "--run", "runs/tried")
    assert "runs/tried/config.yaml: model.projector: names the projector 'my_parts:Wide' by its module" in tested
    assert "name it in this call: --model.projector my_parts:Wide" in tested
    assert "install a package that registers it as vn.projectors" in tested
    *narrate, _, _ = command("narrate videos/new.mp4 --product product.yaml --run runs/tried")
    assert "narrator.json: encoder.id: names the frame encoder 'my_parts:Thirds'" in refused(capsys, *narrate)
    (here_imported := tried / "imported").unlink()
    forget()
    assert "narrator.json: projector: names the projector 'my_parts:Wide'" in refused(capsys, *narrate[:-2])
    assert "narrator.json: projector" in refused(capsys, "export", "runs/tried", "--to", "peft", "--out", "exported")
    assert not here_imported.exists()


@pytest.mark.parametrize(
    ("name", "key"),
    [("my_parts:Wide", "projector"), ("my_parts:Wide", "narrator"), ("my_parts:load:base", "base_model")],
)
def test_no_file_and_no_sweep_has_a_module_imported(made, installed, capsys, name, key):
    config = (installed / "experiment.yaml").read_text()
    model = "{base_model: base, " if key != "base_model" else "{"
    config = config.replace("{base_model: base, ", f"{model}{key}: '{name}', ")
    (installed / "theirs.yaml").write_text(config)
    (installed / "point.json").write_text(json.dumps({f"model.{key}": name}))
    error = refused(capsys, "fit", "--config", "theirs.yaml", "--name", "x")
    assert f"theirs.yaml: model.{key}: names the" in error
    assert f"--model.{key} {name}" in error
    inline = json.dumps({"model": {key: name}})
    for parameters in ("point.json", inline):
        error = refused(capsys, "fit", "--config", "experiment.yaml", "--config", parameters, "--name", "x")
        assert f"model.{key}: names the" in error
    assert not (installed / "imported").exists()
    assert not (installed / "runs/x").exists()


@pytest.mark.parametrize(
    ("flag", "name", "error"),
    [
        ("projector", "mlq", "no projector 'mlq' (did you mean 'mlp'?); there are linear, mlp"),
        ("projector", "no_such_module:Mlp", "No module named 'no_such_module'"),
        ("projector", "vn_example.projector:Mlq", "has no attribute 'Mlq'"),
        ("narrator", "vn_example.projector:Mlp", "cannot be built: TypeError"),
        ("narrator", "builtins:dict", "cannot be built"),
        ("base_model", "untrained:nowhere", "nowhere: expected a model folder, and no quantization"),
        ("base_model", "nothing:base", "no loader of base models 'nothing'"),
    ],
)
def test_a_wrong_part_is_one_sentence(made, installed, capsys, flag, name, error):
    args = ["fit", "--config", "experiment.yaml", "--name", "wrong", f"--model.{flag}", name]
    assert error in refused(capsys, *args)


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        ("--encoder wrong_parts:NoTokens", "has no tokens, width, standardise, similarity_threshold"),
        ("--encoder wrong_parts:Broken", "cannot be built: OSError: no weights"),
        ("--encoder wrong_parts:NoRate", "has settings without fps"),
        ("--encoder wrong_parts:NotFinite", "gave a feature that is not finite"),
        ("--encoder wrong_parts:NOTHING", "cannot be called"),
        ("--encoder quarter-colours --encoder-weights x.pt", "--encoder-weights: the frame encoder 'quarter-colours'"),
        ("--encoder quarter-colour", "(did you mean 'quarter-colours'?)"),
        ("--reader wrong_parts:no_stories", "gave a PosixPath instead of a SourceStory"),
        ("--reader wrong_parts:broken", "failed: AttributeError"),
        ("--reader wrong_parts:", "no reader 'wrong_parts:'"),
    ],
)
def test_a_wrong_encoder_or_reader_is_one_sentence(installed, capsys, flags, error):
    assert error in refused(capsys, *first("prepare"), "--out", "wrong", *flags.split())


def test_a_name_that_two_packages_have_is_refused(installed, capsys):
    other = installed / "site2" / "vn_other-2.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: vn-other\nVersion: 2\n")
    (other / "entry_points.txt").write_text("[vn.readers]\nclip-table = nothing:read\n")
    sys.path.append(str(other.parent))
    error = refused(capsys, *first("prepare"))
    assert "several packages have the reader 'clip-table': vn-example, vn-other; uninstall one" in error
