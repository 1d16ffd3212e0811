"""Files of captions, JSON Lines: how captions of a model that does not run here enter, and how ours are kept.

A line is ``{"video", "clip", "captions": [...]}`` or ``{"video", "second", "caption"}``; ``model`` names who wrote it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.baselines.writer import BaselineVideo
from vn.errors import InputError, did_you_mean, show
from vn.io.files import parse_json, read_text
from vn.story import is_seconds

BY_CLIP = {"video", "clip", "captions"}
BY_SECOND = {"video", "second", "caption"}
WRITTEN = "captions.jsonl"


class FileCaptioner:
    """Captions from a file; see `vn.baselines.captions.Captioner`.

    Args:
        file: the file.

    Raises:
        InputError: a line is wrong, or a clip or second is there twice; names line and field.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._by_clip: dict[str, dict[int, list[str]]] = {}
        self._by_second: dict[str, dict[float, str]] = {}
        self._used = 0
        self._lock = threading.Lock()
        text = read_text(file)
        models: set[str] = set()
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                place = f"{file}:{number}"
                self._add(parse_json(line, place, None), place, models)
        if not self._by_clip and not self._by_second:
            raise InputError("has no captions", file=file, field="--captions")
        self.settings: Mapping[str, Any] = {
            "captions": f"file {file.name}",
            "captions_sha256": hashlib.sha256(text.encode()).hexdigest(),
            **({"captions_model": sorted(models)} if models else {}),
        }

    def __len__(self) -> int:
        """Number of captions."""
        clips = sum(len(captions) for video in self._by_clip.values() for captions in video.values())
        return clips + sum(map(len, self._by_second.values()))

    @property
    def clips(self) -> set[tuple[str, int]]:
        """The clips that have lines of their own."""
        return {(video, clip) for video, clips in self._by_clip.items() for clip in clips}

    def captions(self, video: BaselineVideo, clip: int) -> list[str]:
        """See `Captioner.captions`."""
        found = list(self._by_clip.get(video.story.id, {}).get(clip, ()))
        if not found:
            span, seconds = video.story.clips[clip], self._by_second.get(video.story.id, {})
            found = [caption for second, caption in sorted(seconds.items()) if span.start <= second < span.end]
        if not found:
            span = video.story.clips[clip]
            message = f"has no captions of this clip ({span.start:g} to {span.end:g} s)"
            raise InputError(message, file=self._file, sample=video.story.id, field=f"clips[{clip}]")
        with self._lock:
            self._used += len(found)
        return found

    def report(self) -> Mapping[str, float]:
        """See `Captioner.report`."""
        return {"captions_from_file": self._used}

    def _add(self, line: Any, place: str, models: set[str]) -> None:
        if not isinstance(line, dict):
            raise InputError(f"expected an object, got {show(line)}", file=place)
        names = set(line) - {"model"}
        if names not in (BY_CLIP, BY_SECOND):
            known = BY_SECOND if "second" in names or "caption" in names else BY_CLIP
            for name in sorted(names - known):
                hint = did_you_mean(name, known)
                raise InputError(f"is not a field{hint}; expected {', '.join(sorted(known))}", file=place, field=name)
            raise InputError("is missing", file=place, field=sorted(known - names)[0])
        model = line.get("model", "")
        if not isinstance(model, str):
            raise InputError(f"expected a name, got {show(model)}", file=place, field="model")
        models |= {model} - {""}
        key = line["video"]
        if not isinstance(key, str) or not key:
            raise InputError(f"expected a video's id, got {show(key)}", file=place, field="video")
        if "clip" in line:
            clip, captions = line["clip"], line["captions"]
            if isinstance(clip, bool) or not isinstance(clip, int) or clip < 0:
                raise InputError(f"expected a number from 0, got {show(clip)}", file=place, field="clip")
            if not isinstance(captions, list) or not captions:
                raise InputError(f"expected a list of texts, got {show(captions)}", file=place, field="captions")
            texts = [_text(each, place, f"captions[{i}]") for i, each in enumerate(captions)]
            if clip in self._by_clip.setdefault(key, {}):
                raise InputError(f"has captions in an earlier line already: clip {clip}", file=place, sample=key)
            self._by_clip[key][clip] = texts
            return
        second = line["second"]
        if not is_seconds(second):
            raise InputError(f"expected seconds, got {show(second)}", file=place, field="second")
        if second in self._by_second.setdefault(key, {}):
            raise InputError(f"has a caption in an earlier line already: second {second}", file=place, sample=key)
        self._by_second[key][second] = _text(line["caption"], place, "caption")


def _text(value: Any, place: str, field: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"expected a text, got {show(value)}", file=place, field=field)
    return " ".join(value.split())


class CaptionLog:
    """Keeps captions in a file that `FileCaptioner` reads, each clip once; in several threads at once.

    Args:
        file: the file; lines of an earlier process stay, except one that a kill has cut off.
        model: who writes the captions.
    """

    def __init__(self, file: Path, model: str) -> None:
        self._file, self._model = file, model
        self._lock = threading.Lock()
        self._known: set[tuple[str, int]] = set()
        if file.exists():
            content = file.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                file.write_bytes(whole)
            if whole:
                self._known = FileCaptioner(file).clips

    def add(self, video: str, clip: int, captions: Sequence[str]) -> None:
        """Keep the captions of a clip."""
        line = {"video": video, "clip": clip, "captions": list(captions), "model": self._model}
        with self._lock:
            if (video, clip) in self._known:
                return
            self._known.add((video, clip))
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with open(self._file, "a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
