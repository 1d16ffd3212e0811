"""What the page asks for, apart from how it looks: each request with its answer as HTML or plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.errors import Findings, InputError, show
from vn.story_file.product import read_product
from vn.story_file.record import FIELDS
from vn.studio import edits, pieces
from vn.studio.board import board_html, state_of
from vn.studio.edits import Entry
from vn.studio.product_form import knowledge_text, parse_knowledge
from vn.studio.story_folder import Sheet, StoryFolder
from vn.studio.voices import Voices
from vn.studio.workspace import Workspace, write_form
from vn.studio.writer import Writer

Step = Callable[[int, int], Any]
REDRAWN = ("border", "split", "merge")  # edits after which the board is drawn again


@dataclass(frozen=True, slots=True)
class New:
    """What a new story is made of.

    Attributes:
        video: an uploaded video; None if one was chosen.
        chosen: a video of the folder of videos.
        product: an uploaded product file; None if the form was filled.
        title: title in the form.
        knowledge: its knowledge, as lines.
        name: name of the story; empty: after the video.
    """

    video: Path | None
    chosen: str | None
    product: Path | None
    title: str
    knowledge: str
    name: str


@dataclass(frozen=True, slots=True)
class Studio:
    """The stories, and what works on them.

    Attributes:
        workspace: the stories.
        writer: the narrator.
        voices: the voices.
        scratch: a folder for files while they are made.
    """

    workspace: Workspace
    writer: Writer
    voices: Voices
    scratch: Path

    def create(self, new: New) -> str:
        """Make a story and find its shots.

        Returns:
            Its name.

        Raises:
            InputError: something is missing, or a file is not what it should be.
        """
        video = new.video or (self.workspace.chosen(new.chosen) if new.chosen else None)
        if video is None:
            raise InputError("upload a video, or choose one")
        card, product = self.writer.card, new.product
        if product is None:
            product = write_form(self.scratch / "product.yaml", new.title, new.knowledge, card)
        name = new.name.strip() or self.workspace.free_name(video.stem)
        story = self.workspace.create(name, video, product, card, move=new.video is not None)
        self.writer.find_shots(story)
        return name

    def board(self, name: str) -> str:
        """The board of a story.

        Raises:
            InputError: there is no such story, or it cannot be read.
        """
        story = self.workspace.open(name)
        return self._drawn(story, story.sheet())

    def product(self, name: str) -> tuple[str, str]:
        """Title and knowledge of a story, as the form has them.

        Raises:
            InputError: there is no such story, or it cannot be read.
        """
        known = self.workspace.open(name).sheet().story
        return known.title, knowledge_text(known.knowledge)

    def save_product(self, name: str, title: str, knowledge: str) -> None:
        """Save title and knowledge.

        Raises:
            InputError: the title is missing, or a line cannot be read.
        """
        self.workspace.open(name).edit_product(title, parse_knowledge(knowledge))

    def edit(self, request: Any) -> dict[str, Any]:
        """Save one change of the clips.

        Args:
            request: from the board: ``story``, ``times`` of its clips as the user sees them, ``do``, ``clip`` and the
                new value.

        Returns:
            ``problem``, empty if it was saved; then ``board``, the new board, or ``state``, a sentence, ``first``, the
            clip from which it will be written, and ``yours``, by clip which fields are the user's.
        """
        try:
            if not isinstance(request, Mapping):
                raise InputError(f"expected a change, got {show(request)}")
            story = self.workspace.open(str(request.get("story")))
            story.edit_clips(_times(request.get("times")), lambda clips: _change(clips, request))
            sheet = story.sheet()
            if request["do"] in REDRAWN:
                return {"problem": "", "board": self._drawn(story, sheet)}
            yours = [[name for name in FIELDS if edits.is_users(entry, name)] for entry in sheet.clips]
            return {"problem": "", "state": state_of(sheet), "first": sheet.first, "yours": yours}
        except InputError as error:
            return {"problem": str(error)}

    def write(self, name: str, clip: int | None = None, step: Step | None = None) -> str:
        """Write a story from the first clip that was edited.

        Args:
            name: the story.
            clip: a clip from which it is to be written in any case.
            step: called with the number of clips that are written and the number of clips.

        Returns:
            A sentence.

        Raises:
            InputError: there is nothing to write, or it cannot be written.
        """
        story = self.workspace.open(name)
        if clip is not None:
            times = [(entry["start"], entry["end"]) for entry in story.sheet().clips]
            story.edit_clips(times, lambda clips: edits.write_from(clips, clip))
        self.writer.write(story, step)
        return f"{name} is written"

    def preview(self, name: str, clip: Any, voice: str) -> str:
        """Speak one clip.

        Raises:
            InputError: there is no such story, clip or voice, or nothing to speak.
        """
        entries = self.workspace.open(name).sheet().clips
        if type(clip) is not int or not 0 <= clip < len(entries):
            raise InputError(f"there is no clip {show(clip)}")
        return pieces.sound(clip, entries[clip], self.voices.preview(voice, clip, entries[clip]))

    def render(self, name: str, voice: str, volume: float, burn: bool) -> str:
        """Render a story as a video that speaks.

        Args:
            name: the story.
            voice: the voice, or ``none``.
            volume: volume of the video's own sound, 0 to 1.
            burn: draw the subtitles into the frames.

        Returns:
            The player with the result.

        Raises:
            InputError: it is not written, there is no such voice, or it cannot be rendered.
        """
        from vn.render.make import render_story
        from vn.render.settings import RenderSettings

        story, speaker = self.workspace.open(name), self.voices.get(voice)
        if not story.written:
            raise InputError("write the story first")
        story.video()  # in its folder, or refused
        render_story(story.file, None, RenderSettings(volume, burn), speaker)
        return pieces.film(story)

    def _drawn(self, story: StoryFolder, sheet: Sheet) -> str:
        can_hear = bool(self.voices.opened)
        return board_html(story, sheet, self.writer.card, self.writer.word_range, can_hear)


def checked_product(file: Path) -> tuple[str, str]:
    """Title and knowledge of an uploaded product file, for the form.

    Raises:
        InputError: it is not a product file.
    """
    story = read_product(file, Findings())
    return story.title, knowledge_text(story.knowledge)


def _times(value: Any) -> list[list[float]]:
    try:
        return [[float(start), float(end)] for start, end in value]
    except (TypeError, ValueError):
        raise InputError(f"expected the times of the clips, got {show(value)}") from None


def _change(clips: list[Entry], request: Mapping[str, Any]) -> None:
    clip, do = request.get("clip"), request.get("do")
    if type(clip) is not int:
        raise InputError(f"there is no clip {show(clip)}")
    if do == "labels":
        edits.set_labels(clips, clip, [name for name in str(request.get("labels") or "").split("+") if name])
    elif do == "narration":
        edits.set_narration(clips, clip, str(request.get("narration") or ""))
    elif do == "merge":
        edits.merge(clips, clip)
    elif do in ("border", "split"):
        second = request.get("second")
        if isinstance(second, bool) or not isinstance(second, int | float):
            raise InputError(f"expected seconds, got {show(second)}")
        (edits.move_border if do == "border" else edits.split)(clips, clip, float(second))
    else:
        raise InputError(f"the board cannot do {show(do)}")
