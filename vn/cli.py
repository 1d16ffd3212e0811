"""The command table. Imports nothing heavy: each command's module is loaded when it is called."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from vn.environment import set_defaults
from vn.errors import InputError, did_you_mean
from vn.extras import check_installed, explain_missing
from vn.io.urls import recorded_arguments
from vn.process import importing, run
from vn.version import __version__

# name -> (module, what it does). A module has either `add_arguments(parser)` and `run(args)`, or, for the commands
# that LightningCLI parses, `main(command, argv)`.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("vn.demo.command", "render a toy world, train on it, score it and narrate a new video"),
    "annotate": ("vn.annotate.command", "raw videos to stories to train on: shots, speech, correction, labels, review"),
    "review": ("vn.annotate.review.command", "people check what vn annotate made: pages, Label Studio, agreement"),
    "prepare": ("vn.data.prepare_command", "turn videos or released features into WebDataset shards"),
    "fit": ("vn.train.command", "train a narrator"),
    "validate": ("vn.train.command", "the loss of a trained narrator on the val split"),
    "test": ("vn.train.command", "narrate the test split with a trained narrator and score it"),
    "predict": ("vn.train.command", "narrate the test split without scoring it"),
    "run": ("vn.train.command", "fit, then test, in one process: what sweeps call"),
    "baseline": (
        "vn.baselines.command",
        "narrate the test split with another system of the paper's tables",
    ),
    "narrate": ("vn.narrate.command", "narrate a raw video: story.json and subtitles"),
    "render": ("vn.render.command", "a narrated story as a video that speaks, with subtitles and a page"),
    "order": ("vn.order.command", "put clips that were recorded in any order into the order of a story"),
    "voice": ("vn.voice.command", "the voices: which there are, whether one speaks a language, how fast it is"),
    "studio": ("vn.studio.command", "make and edit stories in a browser: shots, labels, narrations, voice, video"),
    "sweep": ("vn.sweep.command", "run the grid of a W&B sweep file, without a server"),
    "score": ("vn.score.command", "score a run's predictions"),
    "compare": ("vn.compare.command", "compare runs or a sweep: dashboard and tables"),
    "rate": ("vn.rate.command", "human evaluation: a blinded kit for raters, and what their ratings say"),
    "stats": ("vn.stats.command", "what is in a data set: the paper's Table 1, Figures 3 and 4, and more"),
    "export": ("vn.export.command", "a run's language model for stock transformers or PEFT"),
    "import-released": ("vn.released.command", "a checkpoint of the released program as an adapter folder"),
    "doctor": ("vn.doctor.command", "find what is damaged in a data or run folder, and name it"),
    "experiments": ("vn.experiments_command", "the shipped experiments and sweeps, and copies of them to change"),
}
LIGHTNING = "vn.train.command"

EXAMPLES = """\
examples:
  vn demo                                               everything, end to end, on a toy world
  vn run --config demo                                  train and test one experiment, shipped or a file of yours
  vn run --config demo --ablation no_memory
  vn test --run runs/demo --test.storyline '[given]'
  vn sweep demo_ablations --parallel 2
  vn narrate video.mp4 --product product.yaml --run runs/demo --out story
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0, or 2 after one line on stderr when the input is at fault.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(_help())
        return 0
    if argv[0] in ("-V", "--version"):
        print(f"vn {__version__}")
        return 0
    command, rest = argv[0], argv[1:]
    try:
        rest = _without_secrets(rest)
        if command not in COMMANDS:
            raise InputError(f"no command {command!r}{did_you_mean(command, COMMANDS)}; see vn --help")
        set_defaults()
        _quieten()
        _log_to_stderr()
        with importing():
            module = importlib.import_module(COMMANDS[command][0])
        if COMMANDS[command][0] == LIGHTNING:
            return int(module.main(command, rest))
        parser = argparse.ArgumentParser(
            prog=f"vn {command}", description=COMMANDS[command][1], formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.set_defaults(words=rest)  # some options depend on others
        module.add_arguments(parser)
        args = parser.parse_args(rest)
        check_installed(command)
        return int(module.run(args))
    except InputError as error:
        print(f"vn {command}: error: {error}", file=sys.stderr)
        return 2
    except ImportError as error:  # an extra is not installed
        sentence = explain_missing(error, command)
        if sentence is None:
            raise
        print(f"vn {command}: error: {sentence}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # a full disk, no write permission, too many open files: not a bug of ours
        where = f"{error.filename}: " if error.filename else ""
        print(f"vn {command}: error: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"vn {command}: interrupted", file=sys.stderr)
        return 130
    except SystemExit as exit:  # argparse has printed what was wrong
        return exit.code if isinstance(exit.code, int) else 2


def _without_secrets(args: list[str]) -> list[str]:
    """The arguments without the secrets of URLs, here and where libraries look for them, who would record them."""
    clean = recorded_arguments(args)
    if sys.argv[2:] == args:
        sys.argv[2:] = clean
    return clean


def _quieten() -> None:
    """Silence what other libraries log about their internals."""
    quiet = logging.Filter()
    quiet.filter = lambda record: "Setting accelerator to CPU" not in record.getMessage()  # type: ignore[method-assign]
    logging.getLogger("DeepSpeed").addFilter(quiet)  # peft imports it; users know that they have no GPU
    # If bitsandbytes is installed, peft always imports it, and it then warns that a package for 4 bits on the CPU is
    # missing, and at every 8-bit product that it computes in float16.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", ".*is_gradient_checkpointing. is deprecated.*")


class _Stderr(logging.Handler):
    """Prints messages unchanged to whatever ``sys.stderr`` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


def _log_to_stderr() -> None:
    """Show the library's log messages plainly, as command-line output."""
    logger = logging.getLogger("vn")
    logger.setLevel(logging.INFO)
    if not any(isinstance(handler, _Stderr) for handler in logger.handlers):
        logger.addHandler(_Stderr())


def _help() -> str:
    width = max(map(len, COMMANDS))
    table = "\n".join(f"  {name:{width}}  {what}" for name, (_, what) in COMMANDS.items())
    return (
        "usage: vn COMMAND [options]\n\nVideoNarrator: videos narrated in sync with their clips.\n\n"
        f"commands (each has --help):\n{table}\n\n{EXAMPLES}"
    )


def program() -> NoReturn:
    """The console script: `main` in a process of its own."""
    run(main)


if __name__ == "__main__":
    program()
