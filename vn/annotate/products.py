"""Which product each video advertises: a product file or page per video, or one list in which videos share them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vn.annotate.videos import meant
from vn.errors import Findings, InputError, show
from vn.io.files import read_text, read_yaml
from vn.story import Language, Story
from vn.story_file.product import read_product

FILES = (".yaml", ".yml", ".json")
PAGES = (".txt", ".html", ".htm")


@dataclass(frozen=True, slots=True)
class Product:
    """What a video advertises.

    Attributes:
        id: the same for files of the same title, and for pages of the same text.
        story: a Story without clips, from a product file; None for a page.
        page: the page's file; None for a product file.
    """

    id: str
    story: Story | None = None
    page: Path | None = None


def products_of(
    videos: Sequence[str], places: Sequence[Path], language: Language, findings: Findings
) -> dict[str, Product]:
    """The products of the videos that have one.

    Args:
        videos: ids.
        places: folders with a file per video, named after the video or its id, in the same subfolder if that has one;
            and YAML files that map videos to product files, whose paths are relative to the list.
        language: language of the narrations, which the product files must have.
        findings: receives warnings: products of no video.

    Raises:
        InputError: a file or folder is missing, wrong or in another language; or a video has two products.
    """
    wanted = set(videos)
    files: dict[str, Path] = {}
    unused: list[str] = []
    for place in places:
        for video, file in (_in_folder(place, wanted) if place.is_dir() else _in_list(place, wanted)).items():
            if video not in wanted:
                unused.append(video)
            elif not os.path.samefile(files.setdefault(video, file), file):
                raise InputError(f"has two products, {files[video]} and {file}", file=place, sample=video)
    if unused:
        which = ", ".join(sorted(unused)[:5]) + (" ..." if len(unused) > 5 else "")
        are = "1 product is" if len(unused) == 1 else f"{len(unused)} products are"
        findings.add(f"{are} for none of these videos: {which}")
    read: dict[Path, Product] = {}
    for file in files.values():
        if file not in read:
            read[file] = _read(file, language, findings)
    return {video: read[file] for video, file in files.items()}


def title_id(title: str) -> str:
    """The id of the product with a title, however its letters and blanks are written.

    >>> title_id("Red  Kettle")
    'title red kettle'
    """
    return f"title {' '.join(title.casefold().split())}"


def _in_folder(folder: Path, videos: Collection[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in _files(folder):
        video = meant(file.relative_to(folder).with_suffix("").as_posix(), videos)
        if video in found:
            names = " and ".join(each.relative_to(folder).as_posix() for each in (found[video], file))
            raise InputError(f"two product files, {names}", file=folder)
        found[video] = file
    if not set(found) & set(videos):
        expected = f"{min(videos, default='ID')}{FILES[0]}"
        raise InputError(f"has no product file named after a video, e.g. {expected} or {PAGES[0]}", file=folder)
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Product files and pages, with those in subfolders, by name."""
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in (*FILES, *PAGES):
                yield Path(here) / name


def _in_list(file: Path, videos: Collection[str]) -> dict[str, Path]:
    data = read_yaml(file)
    if not isinstance(data, Mapping) or not data:
        message = f"expected 'VIDEO: PRODUCT FILE' in each line, got {show(data)}"
        raise InputError(message, file=file)
    found: dict[str, Path] = {}
    for name, product in data.items():
        if not isinstance(product, str) or not product:
            raise InputError(f"expected the path of a product file, got {show(product)}", file=file, field=show(name))
        path = file.parent / product
        if not path.is_file():
            raise InputError(f"no such product file: {path}", file=file, field=show(name))
        video = meant(str(name), videos)
        if not os.path.samefile(found.setdefault(video, path), path):
            raise InputError(f"has two products, {found[video]} and {path}", file=file, sample=video)
    return found


def _read(file: Path, language: Language, findings: Findings) -> Product:
    if file.suffix.lower() in PAGES:
        text = read_text(file)
        if not text.strip():
            raise InputError("the page is empty", file=file)
        return Product(f"page {hashlib.sha256(text.encode()).hexdigest()}", page=file)
    story = read_product(file, findings)
    if story.language != language:
        raise InputError(f"is in {story.language}, but --language is {language}", file=file, field="language")
    if story.clips:
        findings.add("its clips are not read: they are found in the videos", file=file, field="clips")
    return Product(title_id(story.title), story=replace(story, clips=(), video=None))
