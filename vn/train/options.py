"""The options of a run folder: its name, how it is resumed, which weights are kept."""

from __future__ import annotations

from typing import Literal

from jsonargparse import ArgumentParser

from vn.train.arguments import ABLATIONS, DEBUG


def add_run_options(parser: ArgumentParser) -> None:
    """Add the options of a run folder, besides those of model, data, test and trainer."""
    parser.add_argument(
        "--name", type=str | None, default=None, help="name of the run folder (default: from the config)"
    )
    parser.add_argument("--runs", type=str, default="runs", help="folder of the run folders")
    parser.add_argument(
        "--baseline",
        type=str | None,
        default=None,
        help="name of the baseline that this narrator is, as in vn baseline",
    )
    parser.add_argument("--system", type=str | None, default=None, help="name of this system for readers of vn compare")
    parser.add_argument("--ablation", type=Literal[ABLATIONS], default="full", help="overlay ablations/NAME.yaml")
    parser.add_argument(
        "--debug",
        type=Literal[("off", *DEBUG)],
        default="off",
        help="fast: a few steps of everything; overfit: overfit to four videos, and test on them",
    )
    parser.add_argument(
        "--resume",
        type=Literal["auto", "weights", "never"],
        default="auto",
        help="for an existing run folder: resume exactly, from its weights with a fresh optimizer, or refuse",
    )
    parser.add_argument(
        "--keep",
        type=Literal["best", "last"],
        default="last",
        help="which weights the adapter gets: those with the lowest val/loss, or the final ones",
    )
    parser.add_argument("--checkpoint_every", type=int, default=200, help="optimizer steps between checkpoints")
    parser.add_argument(
        "--adapter",
        type=str | None,
        default=None,
        help="adapter folder to test, or hf://USER/REPO (default: the run's)",
    )
    parser.add_argument(
        "--out", type=str | None, default=None, help="folder that a test writes to (default: the run folder)"
    )
