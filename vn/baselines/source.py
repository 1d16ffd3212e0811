"""The videos that a baseline writes: from a data folder, or from stories and a folder of videos."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from vn.baselines.content import Encoder, FileContent, ShardContent
from vn.baselines.context import Amount
from vn.baselines.writer import BaselineVideo, Storyline, VideoContent
from vn.data import readers
from vn.data.encoders import EncoderSettings, load_encoder, load_matching_encoder
from vn.data.encoders.revisions import newest
from vn.data.find_video import VideoFinder, looked_for
from vn.data.manifest import Manifest
from vn.data.readers import SourceStory
from vn.data.shards import read_story
from vn.errors import Findings, InputError
from vn.io.remote import Folder, open_folder
from vn.story import Domain, Fixed, Language, Story, WordRangeRule


@dataclass(frozen=True, slots=True)
class Data:
    """A data folder.

    Attributes:
        folder: its place.
        manifest: its manifest.
    """

    folder: Folder
    manifest: Manifest


class Source(Protocol):
    """Videos to write, in a fixed order.

    Attributes:
        keys: their ids.
        language: language of the stories.
        domain: their domain.
        corpus: name of the corpus, if it is known.
        amount: how much there is to write.
        record: what ``config.yaml`` has of them; a run that is continued must have the same.
    """

    keys: list[str]
    language: Language
    domain: Domain
    corpus: str | None
    amount: Amount
    record: dict[str, Any]

    def read(self, number: int) -> tuple[Story, VideoContent]:
        """A story with its references, and its video.

        Raises:
            InputError: it cannot be read; names it.
        """


def open_source(args: argparse.Namespace, data: Data | None, findings: Findings) -> Source:
    """The videos that the options name.

    Args:
        args: the parsed arguments.
        data: the data folder of ``--data``.
        findings: takes warnings.

    Raises:
        InputError: they name none, or cannot be read.
    """
    if args.videos is not None and not args.videos.is_dir():
        raise InputError("no such folder of videos", file=args.videos, field="--videos")
    if args.stories is not None:
        return StoryFiles(args, video_encoder(args, data), findings)
    if args.test_ids is not None:
        raise InputError("is only used with --stories", field="--test-ids")
    if data is None:
        raise InputError("give --data DATA, or --stories STORIES with --videos DIR")
    return Shards(data, args.split, args.limit, args.videos, findings)


def open_data(place: str | None) -> Data | None:
    """The data folder of ``--data``."""
    if place is None:
        return None
    folder = open_folder(place)
    return Data(folder, Manifest.load(folder))


def video_encoder(args: argparse.Namespace, data: Data | None) -> Encoder:
    """The encoder for videos that are in no shard: the one asked for, or that of the data."""
    if args.encoder is not None:
        settings = EncoderSettings(weights=args.encoder_weights)
        return Encoder(partial(load_encoder, args.encoder, settings))
    if data is None:
        return Encoder(None)
    made_with, file = data.manifest, Path(str(data.folder)) / "manifest.json"
    frame = made_with.tokens, made_with.width
    return Encoder(partial(load_matching_encoder, made_with.encoder, *frame, args.encoder_weights, (), file))


class Shards:
    """A split of a data folder.

    Args:
        data: the folder.
        split: ``train``, ``val`` or ``test``.
        limit: use only this many videos; None: all.
        videos: folder of the videos, for whole frames.
        findings: takes warnings.
    """

    def __init__(self, data: Data, split: str, limit: int | None, videos: Path | None, findings: Findings) -> None:
        manifest = data.manifest
        self._entries = manifest.samples(split)[:limit]
        if not self._entries:
            message = f"the {split} split is empty"
            raise InputError(message, file=data.folder / "manifest.json", field=f"splits.{split}")
        self._data = data
        self._finder = VideoFinder(videos) if videos is not None else None
        self._findings = findings
        self.keys = self._entries.keys()
        self.language = cast(Language, manifest.language)
        self.domain = cast(Domain, manifest.domain)
        self.corpus = manifest.corpus
        clips, narrated = (self._entries.column(name) for name in ("clips", "narrated"))
        written = int((narrated + clips * (narrated == 0)).sum())
        self.amount = Amount(len(self._entries), written, int(self._entries.column("frames").sum()))
        self.record: dict[str, Any] = {
            "data": {"folder": str(data.folder), "split": split, "limit": limit, "manifest_sha256": manifest.sha256},
            "frames": "thumbnails" if videos is None else "videos",
        }

    def read(self, number: int) -> tuple[Story, VideoContent]:
        """A story with its references, and its video."""
        entry, manifest = self._entries[number], self._data.manifest
        story = read_story(self._data.folder / entry.shard, entry)
        video = None if self._finder is None else _found(story, self._finder, Encoder(None), self._findings)
        frame = manifest.tokens, manifest.width
        return story, ShardContent(self._data.folder, entry, frame, self._findings, video)


class StoryFiles:
    """Stories in files, with a folder of videos.

    Args:
        args: the parsed arguments.
        encoder: encodes videos, if a system asks for features.
        findings: takes warnings.
    """

    def __init__(self, args: argparse.Namespace, encoder: Encoder, findings: Findings) -> None:
        found = readers.read(args.reader, args.stories, test_ids=args.test_ids, findings=findings)
        if any(each.split is not None for each in found):
            found = [each for each in found if (each.split or "train") == args.split]
            if not found:
                raise InputError(f"the {args.split} split is empty", file=args.stories, field="--split")
        elif args.split != "test":
            raise InputError("these stories are in no split: all are written", file=args.stories, field="--split")
        self._stories = found[: args.limit]
        first = self._stories[0].story
        self.language, self.domain = first.language, first.domain
        for source in self._stories:
            story = source.story
            if (story.language, story.domain) != (self.language, self.domain):
                message = (
                    f"is {story.language!r}, {story.domain!r}, but {first.id} is {self.language!r}, {self.domain!r}"
                )
                raise InputError(f"{message}: write them separately", file=source.file, sample=story.id)
        self._videos: Path | None = args.videos
        self._finders: dict[Path, VideoFinder] = {}
        self._encoder = encoder
        self._findings = findings
        self.keys = [each.story.id for each in self._stories]
        self.corpus = readers.CORPORA.get(args.reader)
        stories = [each.story for each in self._stories]
        clips = sum(len(story.narrated or story.clips) for story in stories)
        seconds = sum(max((clip.end for clip in story.clips), default=0.0) for story in stories)
        self.amount = Amount(len(stories), clips, round(seconds))
        content = hashlib.sha256("\n".join(str(story.to_dict()) for story in stories).encode()).hexdigest()
        self.record: dict[str, Any] = {
            "stories": {"path": str(args.stories), "split": args.split, "limit": args.limit, "sha256": content},
            "encoder": args.encoder and newest(args.encoder),
            "frames": "videos",
        }

    def read(self, number: int) -> tuple[Story, VideoContent]:
        """A story with its references, and its video; without clips, they are the video's shots."""
        source = self._stories[number]
        folder = self._videos or source.file.parent
        finder = self._finders.setdefault(folder, VideoFinder(folder))
        content = _found(source.story, finder, self._encoder, self._findings, source)
        if source.story.clips:
            return source.story, content
        from vn.data.prepare_plan import with_shots

        return with_shots(source, content.file, self._findings), content


def _found(
    story: Story, finder: VideoFinder, encoder: Encoder, findings: Findings, source: SourceStory | None = None
) -> FileContent:
    """The video of a story: the file it names, or one named like it."""
    names = [story.video] if story.video and "://" not in story.video else []
    names += [Path(name).name for name in names if Path(name).name != name]
    ids = list(dict.fromkeys((story.id, *((source.group,) if source else ()))))
    missing = f"in {finder.folder} {looked_for(names, ids)}"
    return FileContent(finder.find(names, ids), story.id, encoder, findings, missing)


def as_shown(
    story: Story,
    content: VideoContent,
    words: WordRangeRule,
    storyline: Storyline,
    fixed: Mapping[int, Fixed] | None = None,
) -> BaselineVideo:
    """A story as a system gets it: without narrations and facts, and with labels only if they are given.

    Args:
        story: the story with its references.
        content: its video.
        words: how word ranges are computed; from the references, if it says so.
        storyline: whether the system gets the story's labels.
        fixed: labels and narrations that a user has fixed.
    """
    clips = story.narrated or range(len(story.clips))
    given = {i: Fixed(story.clips[i].labels) for i in clips if story.clips[i].labels} if storyline == "given" else {}
    given |= fixed or {}
    hidden = tuple(
        replace(clip, labels=given[i].labels if i in given else None, narration=None, facts=None)
        for i, clip in enumerate(story.clips)
    )
    ranges = {i: words.range_of(story.clips[i], story.language) for i in clips}
    return BaselineVideo(replace(story, clips=hidden), tuple(clips), ranges, content, given)
