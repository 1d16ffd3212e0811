"""The studio's folder: one folder per story, made by uploads or by hand, all there is to remember between restarts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from vn.card import NarratorCard
from vn.data.find_video import VIDEO_SUFFIXES
from vn.data.video import probe
from vn.errors import Findings, InputError, show
from vn.story import KEY, KEY_RULE
from vn.story_file.product import read_product
from vn.story_reader import parse_story
from vn.studio.inside import inside
from vn.studio.product_form import parse_knowledge
from vn.studio.story_folder import PRODUCT, VIDEO, WRITTEN, StoryFolder

PRODUCT_SUFFIXES = (".yaml", ".yml", ".json")
MOST_PRODUCT = 1_000_000  # bytes of a product file


class Workspace:
    """The folder of stories.

    Args:
        folder: the folder; made if it is missing.
        videos: a folder of videos to choose from, if any.

    Raises:
        InputError: one of them is not a folder.
    """

    def __init__(self, folder: Path, videos: Path | None = None) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(error.strerror or "cannot be made", file=folder, field="--folder") from None
        if videos is not None and not videos.is_dir():
            raise InputError("no such folder of videos", file=videos, field="--videos")
        self.folder = folder.resolve()
        self.videos = videos.resolve() if videos is not None else None

    def stories(self) -> list[str]:
        """The names of its stories."""
        return [
            path.name
            for path in sorted(self.folder.iterdir())
            if KEY.fullmatch(path.name) and any((path / name).is_file() for name in (PRODUCT, WRITTEN))
        ]

    def open(self, name: str) -> StoryFolder:
        """One of its stories.

        Raises:
            InputError: there is none of this name, or it leads out of the folder.
        """
        if not KEY.fullmatch(name):
            raise InputError(f"got {show(name)}; {KEY_RULE}")
        folder = inside(self.folder, name)
        if not any((folder / each).is_file() for each in (PRODUCT, WRITTEN)):
            raise InputError(f"has no story {show(name)}", file=self.folder)
        return StoryFolder(folder)

    def choices(self) -> list[str]:
        """The videos to choose from, as paths relative to their folder."""
        if self.videos is None:
            return []
        found = [p for p in sorted(self.videos.rglob("*")) if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file()]
        return [str(p.relative_to(self.videos)) for p in found if p.resolve().is_relative_to(self.videos)]

    def chosen(self, name: str) -> Path:
        """A video to choose.

        Raises:
            InputError: there is none of this name in the folder of videos.
        """
        if self.videos is None or name not in self.choices():
            raise InputError(f"no video {show(name)} to choose from", file=self.videos)
        return inside(self.videos, name)

    def create(self, name: str, video: Path, product: Path, card: NarratorCard, move: bool) -> StoryFolder:
        """Make a story of a video and a product file; complete or not at all.

        Args:
            name: name of the story.
            video: the video, which is moved or copied into the story's folder.
            product: the product file, which is checked and copied.
            card: the narrator's; its language is the product's.
            move: whether the video is moved: an upload.

        Raises:
            InputError: the name is taken or not allowed, or one of the files is not what it should be.
        """
        if not KEY.fullmatch(name):
            raise InputError(f"got {show(name)}; {KEY_RULE}", field="name")
        check_upload(video, VIDEO_SUFFIXES, "a video")
        check_upload(product, PRODUCT_SUFFIXES, "a product file")
        if product.stat().st_size > MOST_PRODUCT:
            raise InputError(f"has over {MOST_PRODUCT // 1_000_000} MB, too many for a product file", file=product.name)
        probe(video)
        story = read_product(product, Findings())
        if story.language != card.language:
            message = f"is {story.language!r}, but the narrator was trained on {card.language!r}"
            raise InputError(message, file=product.name, field="language")
        partial, folder = self.folder / f".{name}.partial", self.folder / name
        if folder.exists() or folder.is_symlink():
            raise InputError(f"there is a story {show(name)} already; choose another name", field="name")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            place = partial / f"{VIDEO}{video.suffix.lower()}"
            if move:
                shutil.move(video, place)
            else:
                shutil.copyfile(video, place)
            StoryFolder(partial).save_product(story)
            os.rename(partial, folder)
        except OSError as error:
            raise InputError(f"cannot be made: {error.strerror}", file=folder) from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return StoryFolder(folder)

    def free_name(self, wish: str) -> str:
        """A name for a new story that is not taken, like the one wished for."""
        name = "".join(c if KEY.fullmatch(c) else "-" for c in wish)[:150].strip("-") or "story"
        numbered = (f"{name}-{n}" for n in range(2, 10_000))
        return next(each for each in [name, *numbered] if not (self.folder / each).exists())


def write_form(file: Path, title: str, knowledge: str, card: NarratorCard) -> Path:
    """Write a product file from a form.

    Args:
        file: the file.
        title: title of the product or topic.
        knowledge: its lines (`vn.studio.product_form`).
        card: the narrator's, for language and domain.

    Raises:
        InputError: the title is missing, or a line cannot be read.
    """
    if not title.strip():
        raise InputError("is missing", field="title")
    data = {"title": title.strip(), "language": card.language, "domain": card.domain or "ad"}
    story = parse_story({**data, "knowledge": parse_knowledge(knowledge)}, clips_required=False, default_id="product")
    folder = StoryFolder(file.parent)
    folder.save_product(story)
    return file


def check_upload(file: Path, suffixes: Sequence[str], what: str) -> None:
    """Raise if a file is not of a type that may be uploaded.

    Raises:
        InputError: its name ends in something else, or it is not a file.
    """
    if file.suffix.lower() not in suffixes:
        raise InputError(f"is not {what}: its name ends in none of {' '.join(suffixes)}", file=file.name)
    if not file.is_file():
        raise InputError("is not a file", file=file.name)
