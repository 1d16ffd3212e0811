"""Options of chat models, the same for every purpose: ``--WORD KIND:MODEL``, ``--WORD-url``, ``--price``, ``--yes``."""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from vn.endpoints.cached import CachedChat, Price
from vn.endpoints.chat import ChatModel
from vn.environment import openai_url
from vn.errors import InputError
from vn.extras import require
from vn.io.disk_cache import DiskCache
from vn.io.urls import recorded

logger = logging.getLogger(__name__)
KINDS = "openai:MODEL or local:MODEL"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
TIMEOUT = 300.0  # seconds: a model on a CPU may write for minutes


@dataclass(frozen=True, slots=True)
class Sent:
    """What would be sent to an endpoint, at most."""

    texts: int
    frames: int = 0


class Amount(Protocol):
    """How much is to be narrated; 0 videos if that is not known."""

    @property
    def videos(self) -> int:
        """Number of videos."""

    @property
    def clips(self) -> int:
        """Number of clips."""

    @property
    def examples(self) -> int:
        """Number of clips of training stories that are described too, at most."""


Estimate = Callable[[argparse.Namespace, Amount], Sent]


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """The options that all endpoints of a command share; to be called once, before `add_endpoint`."""
    group = parser.add_argument_group("endpoints")
    group.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="[WORD=]IN,OUT",
        help="dollars per million tokens of prompts and replies, so that money is counted; with captions= or another "
        "word only for that model (repeatable)",
    )
    group.add_argument(
        "--yes", action="store_true", help="send frames and texts to the vendor of models without a URL of their own"
    )
    group.add_argument(
        "--endpoint-timeout",
        type=float,
        default=TIMEOUT,
        metavar="SECONDS",
        help="how long a reply may take before it is asked for again (default: %(default)g)",
    )
    group.add_argument(
        "--endpoint-workers",
        type=int,
        default=4,
        metavar="N",
        help="how many requests an endpoint gets at once (default: %(default)s)",
    )
    parser.set_defaults(endpoints={})


def add_endpoint(
    parser: argparse._ActionsContainer,
    word: str,
    what: str,
    estimate: Estimate,
    also: str = "",
    default: str | None = None,
) -> None:
    """The options ``--WORD`` and ``--WORD-url``.

    Args:
        parser: where `add_shared_options` was called, or a group of it.
        word: the purpose, e.g. ``captions``.
        what: the help of ``--WORD``, without the kinds.
        estimate: what would be sent.
        also: other values that the caller takes, for the help.
        default: the default of ``--WORD``.
    """
    shown = f" (default: {default})" if default else ""
    parser.add_argument(f"--{word}", metavar="MODEL", default=default, help=f"{what}: {also}{KINDS}{shown}")
    parser.add_argument(
        f"--{word}-url", metavar="URL", help="its OpenAI-compatible endpoint, e.g. http://localhost:8000/v1"
    )
    parser.get_default("endpoints")[word] = estimate


def open_chat(
    args: argparse.Namespace, word: str, cache: DiskCache, amount: Amount | None = None, frames: bool = False
) -> CachedChat:
    """The chat model of ``--WORD``; nothing is sent yet.

    Args:
        args: parsed options of `add_shared_options` and `add_endpoint`.
        word: the purpose.
        cache: keeps its replies.
        amount: how much is to be narrated, if that is known.
        frames: whether it must be able to see frames.

    Raises:
        InputError: there is no such model, it cannot see frames, or it is a vendor's and ``--yes`` was not given.
    """
    name, url = _named(args, word)
    kind, _, model = (name or "").partition(":")
    if kind not in ("openai", "local") or not model:
        raise InputError(f"no model {name!r}; expected {KINDS}", field=f"--{word}")
    if url is not None and (kind != "openai" or urlsplit(url).scheme not in ("http", "https")):
        problem = "expected http:// or https://" if kind == "openai" else f"only openai: models have one, not {name}"
        raise InputError(problem, field=f"--{word}-url")
    price = price_of(args, word) if kind == "openai" else None
    check_leave(args, amount)
    chat: ChatModel
    if kind == "openai":
        require("openai", field=f"--{word}", command="baseline")
        from vn.endpoints.openai_chat import OpenAIChat
        from vn.endpoints.openai_client import Attempts

        if not 0 < args.endpoint_timeout < math.inf:
            raise InputError(f"expected seconds, got {args.endpoint_timeout}", field="--endpoint-timeout")
        if args.endpoint_workers < 1:
            raise InputError(f"expected 1 or more, got {args.endpoint_workers}", field="--endpoint-workers")
        chat = OpenAIChat(model, url, args.endpoint_workers, Attempts(timeout=args.endpoint_timeout))
    else:
        from vn.endpoints.local_chat import LocalChat

        chat = LocalChat(model, frames)
    return CachedChat(chat, cache, word, price)


def is_model(name: str) -> bool:
    """Whether a value of ``--WORD`` names a model, and not a file."""
    return name.startswith(("openai:", "local:"))


def settings_of(chat: CachedChat, word: str) -> dict[str, str]:
    """What a configuration has of a chat model: its name, and the URL of an endpoint without secrets."""
    url = getattr(chat.model, "url", None)
    return {word: chat.id, **({f"{word}_url": url} if url else {})}


def check_leave(args: argparse.Namespace, amount: Amount | None) -> None:
    """Raise if something would go to a vendor and ``--yes`` was not given; with it, log once what may go there.

    Raises:
        InputError: one line with the numbers of frames and texts.
    """
    words = [word for word in args.endpoints if _is_vendors(args, word)]
    if not words or getattr(args, "leave_given", False):
        return
    models = ", ".join(f"--{word} {_named(args, word)[0]}" for word in words)
    host = _vendor()
    if amount is None or not amount.videos:
        what = "frames and texts"
    else:
        sent = [args.endpoints[word](args, amount) for word in words]
        frames, texts = sum(each.frames for each in sent), sum(each.texts for each in sent)
        shown = f"{frames:,} frames and " if frames else ""
        what = f"up to {shown}{texts:,} texts of {amount.videos:,} {'video' if amount.videos == 1 else 'videos'}"
    if not args.yes:
        how = "; add --yes to send them, or the URL of another endpoint"
        raise InputError(f"{models}: {what} would be sent to {host}{how}")
    args.leave_given = True
    logger.info("%s: %s are sent to %s", models, what, host)


def far_endpoints(args: argparse.Namespace, words: Iterable[str]) -> list[str]:
    """Hosts of the models of these words that are not on this machine."""
    hosts = []
    for word in words:
        name, url = _named(args, word)
        if name is not None and name.startswith("openai:"):
            hosts.append(urlsplit(recorded(url)).hostname if url is not None else _vendor())
    return sorted({host or "" for host in hosts if host not in LOOPBACK})


def check_judge(judge: str, yes: bool) -> None:
    """Raise if narrations would go to the vendor of a judge and ``--yes`` was not given.

    Raises:
        InputError: one line with the vendor's host.
    """
    if judge.startswith("openai:") and not yes:
        message = f"--judge {judge}: all narrations would be sent to {_vendor()}; add --yes to send them"
        raise InputError(f"{message}, or judge at the URL of another endpoint (vn score --judge-url)")


def price_of(args: argparse.Namespace, word: str) -> Price | None:
    """What ``--price`` says of a model; its own if there is one.

    Raises:
        InputError: not two numbers, or of a model that does not exist.
    """
    found: dict[str, Price] = {}
    for given in args.price:
        named, equals, numbers = given.rpartition("=")
        if equals and named not in args.endpoints:
            raise InputError(f"no option --{named}; there are {', '.join(args.endpoints)}", field="--price")
        try:
            prompt, completion = (float(number) for number in numbers.split(","))
        except ValueError:
            raise InputError(f"expected two numbers, as in 2.5,10, got {given!r}", field="--price") from None
        if not (0 <= prompt < math.inf and 0 <= completion < math.inf):
            raise InputError(f"expected numbers of at least 0, got {given!r}", field="--price")
        found[named] = Price(prompt, completion)
    return found.get(word, found.get(""))


def _vendor() -> str | None:
    """The host of models without a URL of their own."""
    return urlsplit(recorded(openai_url() or "https://api.openai.com/v1")).hostname


def _is_vendors(args: argparse.Namespace, word: str) -> bool:
    name, url = _named(args, word)
    return name is not None and name.startswith("openai:") and url is None


def _named(args: argparse.Namespace, word: str) -> tuple[str | None, str | None]:
    """What was given for ``--WORD`` and ``--WORD-url``."""
    name = word.replace("-", "_")
    return getattr(args, name), getattr(args, f"{name}_url")
