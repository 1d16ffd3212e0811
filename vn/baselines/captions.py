"""Captions of a clip's key frames, for systems that read what a video shows: from a file, or by a model that sees."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vn.baselines.caption_file import WRITTEN, CaptionLog, FileCaptioner
from vn.baselines.context import Context
from vn.baselines.counts import Counts
from vn.baselines.key_frames import KeyFrames, jpeg
from vn.baselines.prompt_file import read_prompt
from vn.baselines.writer import BaselineVideo
from vn.endpoints.cached import CachedChat
from vn.endpoints.chat import Message, Reply
from vn.endpoints.local_chat import LocalChat
from vn.endpoints.options import Amount, Sent, add_endpoint, is_model, open_chat, settings_of
from vn.endpoints.sight import check_sight
from vn.errors import Findings, InputError

PROMPT = Path(__file__).with_name("templates") / "captions.yaml"
FRAMES = 4  # key frames of a clip that are described at most


class Captioner(Protocol):
    """Describes clips in words; called from several threads at once.

    Attributes:
        settings: what the captions depend on, for a writer's settings.
    """

    settings: Mapping[str, Any]

    def captions(self, video: BaselineVideo, clip: int) -> list[str]:
        """The captions of a clip's key frames, one line each, in order of time; at least one.

        Raises:
            InputError: there are none for this clip; names video and clip.
        """

    def report(self) -> Mapping[str, float]:
        """What was counted so far."""


def add_caption_arguments(parser: argparse.ArgumentParser) -> None:
    """The options ``--captions`` and those that begin with it; after `add_shared_options`."""
    what = "what describes the key frames of clips"
    add_endpoint(parser, "captions", what, _sent, also="a file of captions (JSON Lines), ")
    parser.add_argument(
        "--captions-frames",
        type=int,
        default=FRAMES,
        metavar="N",
        help="key frames of a clip that are described at most (default: %(default)s)",
    )
    parser.add_argument(
        "--captions-prompt", type=Path, default=PROMPT, metavar="FILE", help="another question about a frame"
    )


def open_captioner(args: argparse.Namespace, context: Context) -> Captioner:
    """The captioner of ``--captions``. What a model writes is kept beside the cache, in ``captions.jsonl``.

    Raises:
        InputError: there is no such file or model, or the model sees nothing.
    """
    if not args.captions:
        raise InputError("give a file of captions, or a model that is shown frames", field="--captions")
    if not is_model(args.captions):
        if args.captions_url is not None:
            raise InputError("only openai: models have one", field="--captions-url")
        return FileCaptioner(Path(args.captions))
    if args.captions_frames < 1:
        raise InputError(f"expected 1 or more, got {args.captions_frames}", field="--captions-frames")
    question = CaptionQuestion.load(args.captions_prompt)
    chat = open_chat(args, "captions", context.cache, context.amount, frames=True)
    log = CaptionLog(Path(context.cache.file).parent / WRITTEN, chat.id) if context.cache.file is not None else None
    return ModelCaptioner(chat, question, KeyFrames(context, args.captions_frames), context.findings, log)


def most_captions(args: argparse.Namespace, amount: Amount) -> int:
    """How many captions the clips have at most."""
    if is_model(args.captions or ""):
        return (amount.clips + amount.examples) * int(args.captions_frames)
    return len(FileCaptioner(Path(args.captions))) if args.captions else 0


def _sent(args: argparse.Namespace, amount: Amount) -> Sent:
    most = most_captions(args, amount)
    return Sent(texts=most, frames=most)


@dataclass(frozen=True, slots=True)
class CaptionQuestion:
    """What is asked about a frame.

    Attributes:
        prompt: the question.
        max_tokens: tokens of a caption at most.
        language: language of the captions.
        sha256: hash of the file.
    """

    prompt: str
    max_tokens: int
    language: str
    sha256: str

    @classmethod
    def load(cls, file: Path) -> CaptionQuestion:
        """Read a file like ``templates/captions.yaml``.

        Raises:
            InputError: a field is missing or wrong.
        """
        values, sha256 = read_prompt(file, {"prompt": str, "max_tokens": int, "language": str})
        if values["language"] not in ("en", "zh"):
            raise InputError(f"expected en or zh, got {values['language']!r}", file=file, field="language")
        return cls(values["prompt"].strip(), values["max_tokens"], values["language"], sha256)


class ModelCaptioner:
    """Captions by a model that is shown one frame at a time; see `Captioner`.

    Args:
        chat: the model.
        question: what it is asked.
        key_frames: chooses the frames.
        findings: takes empty and cut captions.
        log: keeps the captions; None for not at all.
    """

    def __init__(
        self,
        chat: CachedChat,
        question: CaptionQuestion,
        key_frames: KeyFrames,
        findings: Findings,
        log: CaptionLog | None = None,
    ) -> None:
        self._chat, self._question, self._key_frames = chat, question, key_frames
        self._findings, self._log = findings, log
        self._counts = Counts("captions_written", "captions_empty")
        self._sight = threading.Lock()
        self._sees = isinstance(chat.model, LocalChat)  # a local model was opened as one that does
        self.settings: Mapping[str, Any] = {
            **settings_of(chat, "captions"),
            "captions_language": question.language,
            "captions_prompt_sha256": question.sha256,
            **key_frames.settings,
        }

    def captions(self, video: BaselineVideo, clip: int) -> list[str]:
        """See `Captioner.captions`.

        Raises:
            InputError: the model cannot be asked, or says nothing about any frame.
        """
        found = []
        for frame in self._key_frames.of(video, clip):
            caption = " ".join(self._ask(jpeg(frame)).text.split())
            self._counts.add("captions_written" if caption else "captions_empty")
            if caption:
                found.append(caption)
            else:
                message = f"{self._chat.id} gave an empty caption of a frame, which is left out"
                self._findings.add(message, sample=video.story.id, field=f"clips[{clip}]")
        if not found:
            message = f"{self._chat.id} describes none of its frames"
            raise InputError(message, sample=video.story.id, field=f"clips[{clip}]")
        if self._log is not None:
            self._log.add(video.story.id, clip, found)
        return found

    def _ask(self, frame: bytes) -> Reply:
        question = [Message("user", self._question.prompt, (frame,))]
        if self._sees:
            return self._chat.ask(question, self._question.max_tokens)
        with self._sight:  # the first frame alone
            reply = self._chat.ask(question, self._question.max_tokens)
            if not self._sees:
                check_sight(self._chat, question, reply)
                self._sees = True
        return reply

    def report(self) -> Mapping[str, float]:
        """See `Captioner.report`."""
        return {**self._chat.report(), **self._counts.report()}
