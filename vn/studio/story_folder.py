"""A story of the studio: a folder with its video, its product file and, once it is written, its ``story.json``.

Until then the clips are in the product file, so that ``vn narrate`` can write it as well; afterwards ``story.json`` is
all there is to know, and ``vn narrate --edit`` goes on from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vn.data.find_video import VIDEO_SUFFIXES
from vn.errors import Findings, InputError, show
from vn.io.atomic import write_text
from vn.io.files import read_json
from vn.io.lock import claim
from vn.story import Story
from vn.story_file.edit import ADDED, NOT_A_STORYS, Plan, plan_of, read_edited
from vn.story_file.product import read_product
from vn.story_file.record import FIELDS
from vn.story_reader import parse_story
from vn.studio.edits import Entry
from vn.studio.inside import inside

PRODUCT, WRITTEN, VIDEO = "product.yaml", "story.json", "video"
AT_WORK = "vn studio"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the studio shows of a story.

    Attributes:
        story: the story, without narrations.
        clips: entries of its clips, in order; ``fixed`` lists what is the user's.
        first: the clip from which it is to be written; None if everything is.
        seen: what was edited, one phrase per change.
        warnings: what was found when it was written.
        written: whether it was written before.
    """

    story: Story
    clips: Sequence[Entry]
    first: int | None
    seen: Sequence[str] = ()
    warnings: Sequence[str] = ()
    written: bool = True


class StoryFolder:
    """A folder with one story.

    Args:
        folder: the folder, links resolved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name

    @property
    def written(self) -> bool:
        """Whether it was written: by the studio or by ``vn narrate``."""
        return (self.folder / WRITTEN).is_file()

    @property
    def file(self) -> Path:
        """The file that is edited.

        Raises:
            InputError: it leads out of the folder.
        """
        return inside(self.folder, WRITTEN if self.written else PRODUCT)

    def video(self) -> Path:
        """The video, which is in the folder.

        Raises:
            InputError: there is none, or it is elsewhere.
        """
        if self.written:
            data = read_json(self.file)
            if not isinstance(data, dict):
                raise InputError(f"expected a story, got {show(data)}", file=self.file)
            if isinstance(named := data.get("video"), str):
                video = inside(self.folder, named)
                if not video.is_file():
                    raise InputError("no such video", file=video)
                return video
        for path in sorted(self.folder.iterdir()):
            if path.stem == VIDEO and path.suffix.lower() in VIDEO_SUFFIXES:
                return inside(self.folder, path.name)
        raise InputError(f"has no video; it is named {VIDEO}.mp4, or whatever its format is", file=self.folder)

    def plan(self, findings: Findings) -> Plan:
        """What there is to write.

        Raises:
            InputError: it is no longer a story.
        """
        if self.written:
            return read_edited(self.file, findings)
        return plan_of(read_product(self.file, findings))

    def sheet(self) -> Sheet:
        """What is shown.

        Raises:
            InputError: it is no longer a story.
        """
        plan = self.plan(Findings())
        if self.written:
            found = read_json(self.file).get("warnings")
            warnings = [line for line in found if isinstance(line, str)] if isinstance(found, list) else []
            return Sheet(plan.story, _marked(plan), plan.first, plan.seen, warnings)
        clips = list(plan.story.to_dict()["clips"])
        for i, entry in enumerate(clips):
            if plan.given.get(i):
                entry["fixed"] = list(plan.given[i])
            if i in plan.fixed and plan.fixed[i].narration:
                entry["narration"] = plan.fixed[i].narration
        return Sheet(plan.story, clips, 0, written=False)

    def edit_clips(self, times: Sequence[Sequence[float]], change: Callable[[list[Entry]], None]) -> None:
        """Change the clips and save them.

        Args:
            times: start and end of each clip as the user saw them.
            change: changes the entries.

        Raises:
            InputError: the clips are others by now, the change is refused, it would no longer be a story, or it is
                being written or rendered.
        """
        with claim(self.folder, AT_WORK):
            clips = [dict(entry) for entry in self.sheet().clips]
            if [[c["start"], c["end"]] for c in clips] != [[float(t) for t in pair] for pair in times]:
                raise InputError("its clips were changed elsewhere, in another window or by a command; reload the page")
            change(clips)
            self._save({**self._read(), "clips": clips})

    def edit_product(self, title: str, knowledge: Sequence[dict[str, Any]]) -> None:
        """Change what is known about the product; all that is not the user's is written again.

        Raises:
            InputError: it would no longer be a story, or it is being written or rendered.
        """
        with claim(self.folder, AT_WORK):
            self._save({**self._read(), "title": title.strip(), "knowledge": list(knowledge)})

    def save_product(self, story: Story) -> None:
        """Write the product file.

        Raises:
            InputError: it cannot be written.
        """
        data = {name: value for name, value in story.to_dict().items() if name not in ("id", "video")}
        self._write(data)

    def _read(self) -> dict[str, Any]:
        if self.written:
            data = read_json(self.file)
            assert isinstance(data, dict)  # the sheet was read
            return data
        return read_product(self.file, Findings()).to_dict()

    def _save(self, data: dict[str, Any]) -> None:
        bare = {name: value for name, value in data.items() if name not in NOT_A_STORYS}
        bare["clips"] = [
            {k: v for k, v in entry.items() if k not in ADDED and not (k in FIELDS and not v)}
            for entry in data["clips"]
        ]
        parse_story(bare, file=self.file, clips_required=self.written)
        if self.written:
            write_text(self.file, json.dumps(data, ensure_ascii=False, indent=1) + "\n")
        else:
            self._write({name: value for name, value in bare.items() if name not in ("id", "video")})

    def _write(self, data: dict[str, Any]) -> None:
        if not data["clips"]:
            del data["clips"]
        write_text(inside(self.folder, PRODUCT), yaml.safe_dump(data, allow_unicode=True, sort_keys=False))


def _marked(plan: Plan) -> list[Entry]:
    """The entries of an edited file, with what is the user's in ``fixed``, also if it was edited elsewhere."""
    entries = [dict(entry) for entry in plan.entries]
    for i, (entry, clip) in enumerate(zip(entries, plan.story.clips, strict=True)):
        entry |= {"start": clip.start, "end": clip.end}
        if names := list(plan.given.get(i, ())):
            entry["fixed"] = names
        elif i in plan.given:
            entry.pop("fixed", None)
        if not isinstance(entry.get("fixed", []), list):
            raise InputError(f"expected a list, got {show(entry['fixed'])}", field=f"clips[{i}].fixed")
    return entries
