"""The options of ``vn score``, and the settings they make."""

from __future__ import annotations

import argparse
from pathlib import Path

from vn.io.disk_cache import DiskCache
from vn.io.remote import Folder, open_folder
from vn.run_paths import run_data
from vn.score.breakdown import WAYS
from vn.score.models import ScoringModels
from vn.score.settings import ScoreSettings

CACHE = "score_cache.sqlite"
EPILOG = """\
Scores are kept on the raw scale in scores.json and shown times 100, as the paper's tables do.

examples:
  vn score runs/demo
  vn score runs/demo --against runs/no_memory --by label --by position
  vn score runs/demo --paper --table scorecard.tex --table scorecard.csv
  vn score runs/esync --clip OFA-Sys/chinese-clip-vit-base-patch16 --videos videos/ \\
      --sentences hfl/chinese-roberta-wwm-ext-large --tokenisation llm-ids:models/baichuan-7b --corpus e-syncvidstory
  vn score runs/demo --judge openai:qwen3 --judge-url http://localhost:8000/v1 --second-judge classifier
  vn score predictions.jsonl --stories stories.jsonl --tokenisation words --out scores.json
  vn score runs/demo --metric my_metrics:names_title
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn score``."""
    parser.epilog = EPILOG
    parser.add_argument("predictions", type=Path, metavar="RUN|PREDICTIONS", help="a run folder or a predictions file")
    parser.add_argument(
        "--stories", type=Path, help="stories.jsonl with the references (default: the one beside the predictions)"
    )
    parser.add_argument(
        "--tokenisation", help="char, jieba, ptb, words or llm-ids:FOLDER (default: ptb in English, char in Chinese)"
    )
    parser.add_argument("--meteor", choices=("exact", "jar"), default="exact", help="METEOR's matcher (jar needs Java)")
    parser.add_argument(
        "--user-dictionary",
        default="stories",
        metavar="stories|none|FILE",
        help="words jieba keeps whole: the stories' titles and points (default), or a file in jieba's format: "
        "one word per line, with an optional frequency and tag",
    )
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="NAME|MODULE:NAME",
        help="a metric of another package, by the name it registers or by its module, beside vn's own (repeatable)",
    )
    with_models = parser.add_argument_group("encoders and judges")
    with_models.add_argument(
        "--sentences",
        default="auto",
        metavar="MODEL",
        help="encoder of InfoSim and InfoDiverse: a folder, a hub name, none, or auto (minilm in English; default)",
    )
    with_models.add_argument(
        "--clip",
        metavar="MODEL",
        help="encoder of EMScore: a folder or hub name of transformers, or open_clip:ARCH:WEIGHTS",
    )
    with_models.add_argument("--videos", type=Path, help="folder of the videos, if the shards' frames are not CLIP's")
    with_models.add_argument(
        "--judge",
        default="classifier",
        help="judge of script labels: classifier (trained on the training split; default), openai:MODEL, local:MODEL "
        "or none",
    )
    with_models.add_argument(
        "--second-judge", metavar="JUDGE", help="a second one, to report how far both agree (Cohen's kappa)"
    )
    with_models.add_argument("--judge-url", metavar="URL", help="an OpenAI-compatible endpoint (default: OpenAI's)")
    with_models.add_argument(
        "--judge-prompt", type=Path, metavar="FILE", help="file with another question (see score/judge.yaml)"
    )
    with_models.add_argument(
        "--data", help="shards with the classifier's training split and the frames (default: the run's own)"
    )
    with_models.add_argument(
        "--training",
        type=Path,
        metavar="STORIES",
        help="training stories of the classifier: a folder of Story files, or JSON Lines",
    )
    with_models.add_argument(
        "--cache",
        type=Path,
        metavar="FILE",
        help=f"file that keeps embeddings and answers (default: {CACHE} beside the scores)",
    )
    beside = parser.add_argument_group("beside others")
    beside.add_argument(
        "--against", type=Path, metavar="RUN|PREDICTIONS", help="print paired differences from another run"
    )
    beside.add_argument(
        "--by", action="append", choices=WAYS, default=[], help="break scores down by this (repeatable)"
    )
    beside.add_argument("--paper", action="store_true", help="print the paper's rows beside ours")
    beside.add_argument(
        "--table", action="append", type=Path, default=[], metavar="FILE", help="write that table: .json, .csv or .tex"
    )
    beside.add_argument("--corpus", help="the corpus whose test split this is: e-syncvidstory or video-storytelling")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the resampling behind the intervals")
    parser.add_argument(
        "--out", type=Path, help="where to write the scores (default: RUN/scores.json or PREDICTIONS.scores.json)"
    )


def score_settings(args: argparse.Namespace, out: Path) -> ScoreSettings:
    """The settings of the options; the data that a run's configuration names are the default.

    Args:
        args: parsed options of `add_arguments`.
        out: file for the scores; the cache is beside it.
    """
    folder = args.predictions if args.predictions.is_dir() else args.predictions.parent
    data = open_folder(args.data) if args.data else _data_of(folder)
    models = ScoringModels(
        clip_name=_chosen(args.clip),
        sentences_name=_chosen(args.sentences),
        judge=_chosen(args.judge),
        second_judge=_chosen(args.second_judge),
        judge_url=args.judge_url,
        judge_prompt=args.judge_prompt,
        training=args.training or data,
        shards=data,
        videos=args.videos,
        cache=DiskCache(args.cache or out.parent / CACHE),
    )
    return ScoreSettings(args.tokenisation, args.meteor, args.user_dictionary, models, tuple(args.metric))


def _chosen(name: str | None) -> str | None:
    return None if name == "none" else name


def _data_of(folder: Path) -> Folder | None:
    """The shards that a run was trained on, if its config names them and they are here, or at a URL."""
    place = run_data(folder / "config.yaml")
    return None if isinstance(place, Path) and not place.is_dir() else place
