"""The options of ``vn order``, and what they open."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vn.card import lost_base, read_card
from vn.endpoints.options import Amount, Sent, add_endpoint, add_shared_options, open_chat
from vn.errors import InputError
from vn.hub import local_folder
from vn.io.disk_cache import DiskCache
from vn.io.remote import Folder, open_folder
from vn.ordered import METHODS
from vn.plugins import add_import_option
from vn.run_paths import run_data, run_path

if TYPE_CHECKING:
    from vn.adapter import Assembly
    from vn.order.label_order import LabelOrder
    from vn.order.methods import Method

USUAL = "transitions"  # likelihood is better only if labels and narrations are known (docs/ordering.md)
CONFIG = "config.yaml"


def add_method_options(parser: argparse.ArgumentParser) -> None:
    """How clips are ordered: options that ``vn order`` and ``vn narrate --unordered`` share."""
    group = parser.add_argument_group("ordering")
    group.add_argument(
        "--method",
        metavar="NAMES",
        help=f"one or, for a test, several joined by commas: {', '.join(METHODS)} ({USUAL})",
    )
    group.add_argument(
        "--choose",
        choices=("votes", "best"),
        default="votes",
        help="which of all orders: the one whose pairs of clips have the most votes, or the most probable one (votes)",
    )
    group.add_argument("--orders", type=int, metavar="N", help="how many orders likelihood reads (half the clips)")
    group.add_argument(
        "--shown", choices=("texts", "frames", "both"), default="texts", help="what chat is given of each clip (texts)"
    )


def add_chat_options(parser: argparse.ArgumentParser) -> None:
    """The endpoint of the method ``chat``."""
    if parser.get_default("endpoints") is None:
        add_shared_options(parser)
    add_endpoint(parser, "chat", "chat model of the method chat", _sent)


def _sent(args: argparse.Namespace, amount: Amount) -> Sent:
    """One question per video, and one more if a reply is not an order, each with a strip of frames per clip."""
    return Sent(2 * amount.videos, 2 * amount.clips if args.shown != "texts" else 0)


def add_narrator_options(parser: argparse.ArgumentParser) -> None:
    """Which narrator, and where it runs."""
    parser.add_argument("--run", type=Path, help="a run folder: its narrator, its data, and where results are written")
    parser.add_argument("--adapter", metavar="DIR|hf://USER/REPO", help="an adapter folder instead of --run")
    parser.add_argument("--base-model", help="path of the base model, if it has moved since training")
    parser.add_argument(
        "--encoder-weights", nargs="+", default=[], metavar="FILE", help="weights of the frame encoder, if any"
    )
    parser.add_argument("--device", default=None, help="e.g. cpu, cuda (default: cuda if available)")
    add_import_option(parser)


def methods_in(args: argparse.Namespace, several: bool) -> list[str]:
    """The methods that a call names.

    Raises:
        InputError: there is no such method, or several are named but one is needed.
    """
    names = [name.strip() for name in (args.method or USUAL).split(",")]
    for name in names:
        if name not in METHODS:
            raise InputError(f"no method {name!r}; there are {', '.join(METHODS)}", field="--method")
    if len(names) > 1 and not several:
        raise InputError(f"one method is needed to order these clips, got {', '.join(names)}", field="--method")
    return list(dict.fromkeys(names))


class Opened:
    """What methods are made of, each loaded when it is first needed.

    Args:
        args: the parsed arguments.
        cache: keeps replies of the chat model.

    Attributes:
        adapter: the adapter folder; None if no narrator is named.
    """

    def __init__(self, args: argparse.Namespace, cache: DiskCache) -> None:
        if args.run is not None and args.adapter is not None:
            raise InputError("give either --run or --adapter")
        if args.orders is not None and args.orders < 1:
            raise InputError(f"expected 1 or more, got {args.orders}", field="--orders")
        self.args, self._cache = args, cache
        self.adapter: Path | None = None
        if args.adapter is not None:
            self.adapter = local_folder(args.adapter)
        elif args.run is not None:
            self.adapter = args.run / "adapter"
        self._assembly: Assembly | None = None
        self._known: LabelOrder | None = None

    @property
    def data(self) -> Folder:
        """The data folder: as given, else that of the run.

        Raises:
            InputError: there is none.
        """
        if self.args.data is not None:
            return open_folder(self.args.data)
        found = run_data(self.args.run / CONFIG) if self.args.run is not None else None
        if found is None:
            where = "" if self.args.run is None else f" (that of {self.args.run} is not found)"
            raise InputError(f"the training stories are needed: give their data folder with --data{where}")
        return found

    @property
    def assembly(self) -> Assembly:
        """The narrator, on its device.

        Raises:
            InputError: none is named, or it cannot be loaded.
        """
        if self._assembly is None:
            from vn.adapter import load_adapter
            from vn.llm.device import device_of

            args = self.args
            if self.adapter is None:
                raise InputError("a trained narrator is needed: give its run folder with --run, or --adapter")
            base = args.base_model
            if base is None and args.run is not None and lost_base(read_card(self.adapter), self.adapter) is not None:
                place = run_path(args.run / CONFIG, "model.base_model")
                base = str(place) if place is not None else None
            device = device_of(args.device)
            self._assembly = load_adapter(self.adapter, base, imports=args.imports, only_writes=True)
            self._assembly.narrator.to(device)
        return self._assembly

    @property
    def known(self) -> LabelOrder:
        """The order of labels in the training stories.

        Raises:
            InputError: there is no data folder, or its training stories have no labels.
        """
        if self._known is None:
            from vn.data.manifest import Manifest
            from vn.data.shards import read_story
            from vn.order.label_order import LabelOrder, storylines_of

            folder = self.data
            entries = Manifest.load(folder).samples("train")
            stories = [read_story(folder / entry.shard, entry) for entry in entries]
            try:
                self._known = LabelOrder(storylines_of(stories))
            except InputError as error:
                raise InputError(str(error), file=folder) from None
        return self._known

    def method(self, name: str, amount: Amount | None = None) -> Method:
        """A method by its name.

        Args:
            name: one of `METHODS`.
            amount: how much is to be ordered, for the message before anything is sent.

        Raises:
            InputError: what it needs is not there.
        """
        from vn.order.methods import ByLabels, ByLikelihood, ByTransitions

        if name == "labels":
            return ByLabels(self.known)
        if name == "transitions":
            return ByTransitions(self.known, self.args.choose)
        if name == "likelihood":
            from vn.order.likelihood import Likelihood, LikelihoodSettings

            settings = LikelihoodSettings(orders=self.args.orders)
            return ByLikelihood(Likelihood(self.assembly, settings), self.known, self.args.choose)
        from vn.order.chat_order import ByChat

        if self.args.chat is None:
            raise InputError("name the chat model with --chat", field="--method chat")
        model = open_chat(self.args, "chat", self._cache, amount, frames=self.args.shown != "texts")
        return ByChat(model, self.args.shown)
