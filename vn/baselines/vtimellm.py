"""VTimeLLM (Huang et al. 2023; paper A.1): a narrator of ours with other settings; our own commands train and test it.

It is shown 100 frames of the whole video, one token each, once, and then asked for clip after clip by its time
(docs/baselines.md#vtimellm).

    --fit                 vn run: trains on the data, from the base model or from an adapter, and tests
    --adapter | --weights vn test: an adapter folder, or the released weights of three stages made into one
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vn.card import NarratorCard, read_card
from vn.data.manifest import Manifest
from vn.errors import InputError, show
from vn.hub import local_folder
from vn.io.files import read_yaml
from vn.io.remote import open_folder
from vn.io.urls import recorded
from vn.renamed import with_current_names
from vn.run_folder.same_run import flat, refuse_difference
from vn.score.run_config import CONFIG

NAME = "vtimellm"
ZERO_SHOT, FINE_TUNED = "VTimeLLM", "VTimeLLM fine-tuned"
EXPERIMENT, DEMO = "esyncvidstory_vtimellm", "demo_vtimellm"
STAGES = "three-stages"  # the adapter folder of the released weights, in the run folder that is trained from it
STORYLINES = {
    "predicted": ["predicted"],
    "given": ["given"],
    "both": ["predicted", "given"],
    None: ["predicted", "given"],
}
WORDS = {"word_range": "source", "word_rate": "rate", "word_margin": "margin"}  # option -> field of the rule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this baseline alone."""
    parser.add_argument("--fit", action="store_true", help="train on the data first, with vn run")
    parser.add_argument(
        "--experiment",
        metavar="NAME",
        help=f"experiment of --fit, shipped or a file ({EXPERIMENT}; {DEMO} for the demo's data)",
    )
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--adapter", metavar="FOLDER", help="adapter folder to test or, with --fit, to start training from"
    )
    start.add_argument(
        "--weights", nargs=3, metavar="STAGE", help="the same, from the released weights of stages 1, 2 and 3"
    )
    parser.add_argument("--base-model", metavar="FOLDER", help="the language model of --weights (ChatGLM3-6B)")
    parser.add_argument("--dtype", default="bfloat16", help="type of that model's weights (bfloat16)")
    parser.add_argument(
        "--with",
        dest="extra",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="FLAG",
        help="flags for vn run or vn test: everything that follows, as in --with --trainer.devices 1",
    )


def run(args: argparse.Namespace) -> int:
    """Train if asked for, test, and score, in the run folder ``args.out``.

    Returns:
        The exit code of the first command that does not end with 0.

    Raises:
        InputError: an option is missing, or has no meaning here.
    """
    from vn.cli import main

    _check(args)
    if not args.fit:
        _refuse_another(args)
    if not args.fit and (args.out / "scores.json").exists():
        print(
            f"{args.out} is finished; vn score {args.out} scores it again; give another --out or --name to test again"
        )
        return 0
    for words in _training(args) if args.fit else _testing(args):
        if code := main(words):
            return code
    if args.no_score:
        return 0
    scoring = {"tokenisation": args.tokenisation, "sentences": args.sentences, "judge": args.judge}
    given = [word for name, value in scoring.items() if value is not None for word in (f"--{name}", value)]
    return main(["score", str(args.out), *given])


def _check(args: argparse.Namespace) -> None:
    for option, is_given in (("--stories", args.stories), ("--videos", args.videos), ("--encoder", args.encoder)):
        if is_given:
            message = "vtimellm is a narrator: it reads shards, made by vn prepare with its frame encoder (--data)"
            raise InputError(message, field=option)
    if args.split != "test":
        raise InputError("a narrator is tested on the test split", field="--split")
    if args.data is None and not (args.fit and args.experiment):
        raise InputError("give --data DATA")
    if args.weights and not args.base_model:
        raise InputError("--weights are those of a language model; give its folder", field="--base-model")
    if args.experiment and not args.fit:
        raise InputError("is trained only with --fit", field="--experiment")
    if args.fit:
        return
    if not (args.adapter or args.weights):
        raise InputError("give --fit, or --adapter FOLDER, or --weights STAGE1 STAGE2 STAGE3 with --base-model FOLDER")
    for name in WORDS:
        if getattr(args, name) is not None:
            message = "a trained narrator has its own word ranges; only --fit sets them"
            raise InputError(message, field=f"--{name.replace('_', '-')}")


def _refuse_another(args: argparse.Namespace) -> None:
    """Raise if the run folder has another run than this test; ``vn run`` compares those that it trains itself."""
    file = args.out / CONFIG
    if not file.exists():
        return
    now = {
        "system": ZERO_SHOT,
        "data.folder": recorded(args.data),
        "data.limit": args.limit,
        "test.storyline": STORYLINES[args.storyline],
        "seed_everything": args.seed,
        **({"adapter": args.adapter} if args.adapter else {}),
    }
    before = flat(with_current_names(read_yaml(file)))
    way_out = "give another --out or --name"
    if before.get("baseline") != NAME:
        raise InputError(f"is a run of {show(before.get('baseline') or 'a narrator')}; {way_out}", file=file)
    asked = {key: value for key, value in now.items() if not any(f"--{key}" in word for word in args.extra)}
    known = {key: before.get(key) for key in asked}
    refuse_difference(file, known, asked, lambda key: False, way_out)


def _training(args: argparse.Namespace) -> Iterator[list[str]]:
    """``vn run``, or ``vn fit`` and a test of some videos, or without scores."""
    experiment = args.experiment or (DEMO if _manifest(args.data).corpus == "demo" else EXPERIMENT)
    fit = ["--config", experiment, *_where(args), "--seed_everything", str(args.seed)]
    fit += ["--baseline", NAME, "--system", FINE_TUNED]
    if args.data is not None:
        fit += ["--data.folder", args.data]
    for name, field in WORDS.items():
        if getattr(args, name) is not None:
            fit += [f"--model.word_range.{field}", str(getattr(args, name))]
    if args.adapter or args.weights:
        start = args.adapter or str(_adapter(args, args.out / STAGES))
        lora = read_card(local_folder(start)).lora
        fit += ["--model.start_from", start]
        if lora.rank:  # it is trained on
            fit += [f"--model.lora.{name}={_word(getattr(lora, name))}" for name in ("rank", "alpha", "targets")]
    if args.limit is None and not args.no_score:
        yield ["run", *fit, *_storyline(args), *args.extra]
        return
    yield ["fit", *fit, *args.extra]
    limit = [] if args.limit is None else ["--data.limit", str(args.limit)]
    yield [_test(args), "--run", str(args.out), *limit, *_storyline(args), *args.extra]


def _testing(args: argparse.Namespace) -> Iterator[list[str]]:
    """``vn test`` of an adapter, with its own settings, which the run's ``config.yaml`` then has."""
    adapter = args.adapter or str(_adapter(args, args.out / "adapter"))
    folder = local_folder(adapter)
    settings = _settings(read_card(folder), folder)
    words = [_test(args), "--config", json.dumps({"model": settings}), *_where(args), "--adapter", adapter]
    words += [
        "--baseline",
        NAME,
        "--system",
        ZERO_SHOT,
        "--data.folder",
        args.data,
        "--seed_everything",
        str(args.seed),
    ]
    limit = [] if args.limit is None else ["--data.limit", str(args.limit)]
    yield [*words, *limit, *_storyline(args), *args.extra]


def _settings(card: NarratorCard, folder: Path) -> dict[str, Any]:
    """The settings of a narrator, as the key ``model`` of an experiment."""
    settings = {
        name: dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
        for name, value in card.of_narrator().items()
    }
    return {**settings, "template": str(folder / "template.yaml")}


def _adapter(args: argparse.Namespace, out: Path) -> Path:
    """The adapter folder of the released weights; it is made once."""
    if out.exists():
        return out
    from vn.baselines.vtimellm_weights import make_adapter

    manifest = _manifest(args.data)
    template = f"{NAME}-{manifest.language}"
    made = {"language": manifest.language, "domain": manifest.domain, "dtype": args.dtype, "max_length": 2048}
    return make_adapter(args.weights, args.base_model, out, manifest.encoder, template, **made)


def _manifest(data: str | None) -> Manifest:
    if data is None:
        raise InputError("give --data DATA")
    return Manifest.load(open_folder(data))


def _where(args: argparse.Namespace) -> list[str]:
    logger = [] if args.wandb else ["--trainer.logger", "false"]
    return ["--runs", str(args.out.parent), "--name", args.out.name, *logger]


def _test(args: argparse.Namespace) -> str:
    return "predict" if args.no_score else "test"


def _storyline(args: argparse.Namespace) -> list[str]:
    return ["--test.storyline", json.dumps(STORYLINES[args.storyline])]


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
