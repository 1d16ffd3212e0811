"""Video Storytelling (Li et al. 2019): English stories of general events, one text file each.

See docs/method.md#video-storytelling.

    wedding/story1.txt      abc123.mp4
                            00:00 00:12 the guests arrive at the church
                            00:12 00:31 the bride walks in

Its knowledge is the event's topic: the name of the folder that holds the file, unless one is given.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from vn.data.readers.prompt_list import refuse_prompt_list
from vn.data.readers.source import ReadContext, SourceStory, load_json, story_id, whole_seconds
from vn.errors import InputError, show
from vn.io.files import is_text, read_text
from vn.story import Clip, Knowledge, Story

LINE = re.compile(r"(?P<times>(\d{1,4}):([0-5]\d)\s+(\d{1,4}):([0-5]\d))\s+(?P<text>\S.*)")


def read(path: Path, context: ReadContext) -> list[SourceStory]:
    """Read a text file, or all text files below a folder; see `vn.data.readers.read`.

    Several stories of one video get the ids ``<video>_1``, ``<video>_2``, ... in the order of their files' names.
    """
    if path.suffix == ".json" and path.is_file():
        refuse_prompt_list(load_json(path), path)
    files = [path] if path.is_file() else sorted(path.rglob("*.txt"))
    of_video: dict[str, list[tuple[Path, str, list[str]]]] = defaultdict(list)
    for file in files:
        with context.story():
            name, *lines = read_text(file).splitlines() or [""]
            if not name.strip():
                raise InputError("expected the video's file name in the first line", file=file)
            video = story_id(Path(name.strip()).stem, file)
            of_video[video].append((file, name.strip(), lines))
    stories = []
    for video, entries in of_video.items():
        for number, (file, name, lines) in enumerate(entries, start=1):
            identity = f"{video}_{number}" if len(entries) > 1 else video
            with context.story():
                story = _story(identity, name, lines, file, context)
                stories.append(SourceStory(story, None, video, file))
    return stories


def _story(identity: str, video: str, lines: list[str], file: Path, context: ReadContext) -> Story:
    topic = context.topic or file.resolve().parent.name.replace("_", " ")
    if not is_text(topic) or not topic.strip():
        raise InputError("the topic cannot be read from the folder's name; give it with --topic", file=file)
    times, fields, texts = [], [], []
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        where = f"line {number}"
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise InputError(
                f"expected 'MM:SS MM:SS sentence', got {show(line.strip())}", file=file, sample=identity, field=where
            )
        minutes = [int(match[i]) for i in (2, 3, 4, 5)]
        times.append((minutes[0] * 60 + minutes[1], minutes[2] * 60 + minutes[3]))
        fields.append(where)
        texts.append(_sentence(match["text"]))
    if not texts:
        raise InputError("the story has no clips", file=file, sample=identity)
    spans = whole_seconds(times, fields, file, identity, context)
    clips = tuple(Clip(start, end, narration=text) for (start, end), text in zip(spans, texts, strict=True))
    return Story(identity, topic, "en", "general", (Knowledge("topic", (topic,)),), clips, video)


def _sentence(text: str) -> str:
    """Capitalised, with a final full stop (docs/method.md#video-storytelling)."""
    text = " ".join(text.split())
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
