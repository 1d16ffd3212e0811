"""What is refused before Lightning is imported is what the real parser refuses, in the same sentence, and no more."""

import json
import random
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from vn.errors import InputError
from vn.train import early
from vn.train.arguments import expand
from vn.train.place import Finished

ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted(file.stem for file in (ROOT / "experiments").glob("*.yaml"))
GIVEN = ["--model.base_model", "models/tiny", "--data.folder", "data"]


class Kept:
    """A `CodeCache` in memory."""

    def __init__(self):
        self.texts = {}

    def get(self, name):
        return self.texts.get(name)

    def put(self, name, text):
        self.texts[name] = text


@pytest.fixture(scope="module")
def real():
    """Parses as the command does, with Lightning's own parser, and builds nothing; remembers its signatures."""
    from vn.train.narrator_cli import NarratorCLI

    class Parsed(NarratorCLI):
        def _set_seed(self):
            pass

        def before_instantiate_classes(self):
            pass

        instantiate_classes = after_instantiate_classes = before_instantiate_classes

    kept = Kept()

    def parse(command, args):
        cli = Parsed(command, args, code=kept)
        return cli.parser, cli.settings

    with pytest.raises(InputError):
        parse("fit", [])
    parse.kept = kept
    return parse


@pytest.fixture(scope="module")
def known(real):
    signatures = json.loads(real.kept.get(early.FILE))
    found = {command: early.Known(command, signatures) for command in ("fit", "test")}
    assert all(each.sound for each in found.values())
    return found


def dumped(parser, settings):
    return yaml.safe_load(parser.dump(settings, skip_none=False))


def agree(known, real, command, args):
    """Whether the early verdict on a command line is the real one; gives it."""
    try:
        args = expand(args)
    except InputError:
        return "not expanded"
    said, soon = None, None
    try:
        soon = known[command].parse(args)
    except InputError as error:
        said = str(error)
    if said is not None:
        with pytest.raises(InputError) as late:
            real(command, args)
        assert said == str(late.value)
        return said
    if soon is None:
        return None
    parser, settings = real(command, args)  # it takes what was not refused
    assert dumped(known[command].parser, soon) == dumped(parser, settings)
    return "taken"


@pytest.fixture(autouse=True)
def there(monkeypatch):
    monkeypatch.chdir(ROOT)


REFUSED = [
    (["--modl.base_model", "x"], "did you mean 'model.base_model'"),
    (["--model.lora.rnk", "8"], "did you mean 'model.lora.rank'"),
    (["--model.lora.rnk=8"], "did you mean 'model.lora.rank'"),
    (["--nme", "x"], "did you mean 'name'"),
    (["--trainer.max_epocs", "3"], "did you mean 'trainer.max_epochs'"),
    (["stray"], "unrecognized arguments: stray"),
    (["--model.lora.rank", "eight"], "model.lora.rank: Expected a <class 'int'>. Got value: eight"),
    (["--trainer.max_epochs", "three"], "trainer.max_epochs: expected int or null, got three"),
    (["--trainer.precision", "8"], "trainer.precision: expected 64, 32, 16 or 'transformer-engine'"),
    (["--trainer.deterministic", "perhaps"], "trainer.deterministic"),
    (["--keep", "all"], "keep: Expected a typing.Literal['best', 'last']. Got value: all"),
    (["--test.storyline", "guessed"], "test.storyline"),
    (["--test.storyline+", "guessed"], "test.storyline"),
    (["--model.clip_header", "roman"], "model.clip_header: expected"),
    (["--model.lora", "no-such-file"], "model.lora"),
    (["--data.workers", "-1"], "data.workers: expected 0 to 1024, got -1"),
    (["--model.optimization.warmup", ".nan"], "model.optimization.warmup: expected 0 to 1, got nan"),
    (["--name", "a/b"], "name: expected the name of a folder"),
    (["--data.seed", "4"], "data.seed"),
    (["--test.decoding.beams", "2", "--test.decoding.temperature", "1"], "test.decoding.beams: 2 beams search"),
    (["--config", "FILE"], "FILE"),
]


@pytest.mark.parametrize(("args", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_slip_is_refused_in_the_real_sentence(known, real, tmp_path, args, message):
    file = tmp_path / "slip.yaml"
    file.write_text("model: {lora: {rnk: 8}}\n")
    args = [str(file) if each == "FILE" else each for each in args]
    verdict = agree(known, real, "fit", [*GIVEN, *args])
    assert verdict is not None
    assert message.replace("FILE", f"{file}: Group 'model' does not accept option 'lora.rnk'") in verdict


@pytest.mark.parametrize("args", [[], GIVEN[:2], GIVEN[2:]])
def test_a_key_that_is_missing(known, real, args):
    assert "the following arguments are required" in agree(known, real, "test", args)


@pytest.mark.parametrize(
    "args",
    [
        ["--trainer.logger", "none"],
        ["--trainer.callbacks", "EarlyStopping"],
        ["--trainer.strategy", "DDPStrategy"],
        ["--trainer.strateg", "lightning.pytorch.strategies.DDPStrategy"],
        ["--trainer.strategy.stage", "2"],
        ["--trainer.callbacks+=lightning.pytorch.callbacks.EarlyStopping"],
        ["--trainer", "trainer.yaml"],
        ["--print_config"],
        ["--help"],
        ["--trainer.callbacks.help", "EarlyStopping"],
    ],
    ids=" ".join,
)
def test_what_lightning_has_a_say_in_is_left_to_it(real, args, capsys):
    known = early.Known("fit", json.loads(real.kept.get(early.FILE)))  # a parser that was asked for a page is spoiled
    assert known.parse([*GIVEN, *args]) is None
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_shipped_experiments_are_taken_as_they_are(known, real, name):
    """With the same resolved configuration, unless they name classes of Lightning."""
    for command in ("fit", "test"):
        verdict = agree(known, real, command, ["--config", name, "--trainer.accelerator=cpu"])
        assert verdict in ("taken", None)
        assert verdict == "taken" or "class_path" in (ROOT / "experiments" / f"{name}.yaml").read_text()


def spoiled(rng, text):
    """A text with a slip of the kind that people make."""
    place = rng.randrange(len(text) + 1)
    return rng.choice(
        [
            text[:place] + text[place + 1 :],
            text[:place] + rng.choice("abz19.-_=:[]{}'\" \0é") + text[place:],
            text[:place] + text[place + 1 : place + 2] + text[place : place + 1] + text[place + 2 :],
            text.upper(),
            text + text,
            "",
        ]
    )


VALUES = [
    "0",
    "-1",
    "3",
    "1e9",
    "1e-4",
    "0.5",
    "true",
    "null",
    "none",
    "[1]",
    "[a, b]",
    "{a: 1}",
    "auto",
    "cpu",
    "x",
    "nan",
]


def test_any_command_line_gets_one_verdict(known, real, tmp_path):
    """Keys, values and files, some of them spoiled: what is refused early is refused late, word for word."""
    rng = random.Random(20)
    flags = [
        flag for action in real("fit", GIVEN)[0]._actions for flag in action.option_strings if flag.startswith("--")
    ]
    verdicts = []
    for number in range(80):
        args = [] if rng.random() < 0.2 else list(GIVEN)
        if rng.random() < 0.4:
            text = (ROOT / "experiments" / f"{rng.choice(EXPERIMENTS)}.yaml").read_text()
            lines = text.splitlines()
            if rng.random() < 0.7:
                line = rng.randrange(len(lines))
                lines[line] = spoiled(rng, lines[line])
            (tmp_path / f"{number}.yaml").write_text("\n".join(lines).replace("\0", ""))
            args += ["--config", str(tmp_path / f"{number}.yaml")]
        for _ in range(rng.randrange(3)):
            flag, value = rng.choice(flags), rng.choice(VALUES)
            flag = spoiled(rng, flag) if rng.random() < 0.3 else flag
            value = spoiled(rng, value) if rng.random() < 0.2 else value
            args += [f"{flag}={value}"] if rng.random() < 0.5 else [flag, value]
        if not any(word in " ".join(args) for word in ("--h", "-h", "--print", ".help")):  # they print, and exit
            verdicts.append(agree(known, real, "fit", args))
    refused = [each for each in verdicts if each not in (None, "taken", "not expanded")]
    assert len(refused) > 20
    assert verdicts.count("taken") > 10


def refused(command, args, kept):
    """What is said of a command early, and then by the command itself."""
    from vn.train.narrator_cli import NarratorCLI

    with pytest.raises((InputError, Finished)) as soon:
        early.refuse_early(command, expand(args), kept)
    with ExitStack() as stack, pytest.raises((InputError, Finished)) as late:
        NarratorCLI(command, expand(args), stack)
    assert type(soon.value) is type(late.value)
    assert str(soon.value) == str(late.value)
    return str(soon.value)


def test_the_run_folder_and_the_data_are_looked_at_early(experiment, real, tmp_path):
    words = ["--config", str(experiment.config), "--runs", str(tmp_path / "runs"), "--name", "toy"]
    assert "no such data folder" in refused("fit", [*words, "--data.folder", str(tmp_path / "none")], real.kept)
    assert not (tmp_path / "runs").exists()
    assert "no template 'ad-fr'" in refused("fit", [*words, "--model.template", "ad-fr"], real.kept)
    assert "no adapter here" in refused("test", words, real.kept)
    assert "no adapter here" in refused("fit", [*words, "--model.start_from", str(tmp_path)], real.kept)
    assert early.refuse_early("fit", expand(words), real.kept) is None

    folder = experiment.run_folder()
    (folder / "adapter").mkdir(parents=True)
    parser, settings = real("fit", expand(words))
    (folder / "config.yaml").write_text(parser.dump(settings, skip_none=False))
    assert refused("fit", words, real.kept) == str(folder)  # finished
    assert "resume" in refused("fit", [*words, "--resume", "never"], real.kept)
    error = refused("fit", [*words, "--model.lora.rank", "8"], real.kept)
    assert "model.lora.rank: this run folder has 4, but it is now 8" in error


def test_a_base_model_that_is_missing_is_named_as_when_it_is_loaded(experiment, real, tmp_path):
    from vn.llm.load import load_base

    for name in (str(tmp_path / "none"), str(tmp_path / "none.gguf"), "none"):
        args = ["--config", str(experiment.config), "--runs", str(tmp_path / "runs"), "--model.base_model", name]
        with pytest.raises(InputError) as soon:
            early.refuse_early("fit", expand(args), real.kept)
        with pytest.raises(InputError) as late:
            load_base(name)
        assert str(soon.value) == str(late.value)


def test_without_signatures_or_with_others_nothing_is_said(real):
    early.refuse_early("fit", ["--modl.x", "1"], Kept())
    changed = json.loads(real.kept.get(early.FILE))
    changed["actions"].pop()
    other = Kept()
    other.put(early.FILE, json.dumps(changed))
    early.refuse_early("fit", ["--modl.x", "1"], other)
