"""What the page shows after an event: values of Gradio's components, from a `Studio`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from vn.errors import InputError
from vn.studio import pieces
from vn.studio.studio import New, Studio, checked_product

Updates = list[Any]


class Answers:
    """Answers to the page's events; bad input becomes a sentence in the page.

    Args:
        studio: the stories.
    """

    def __init__(self, studio: Studio) -> None:
        self.studio = studio

    def loaded(self, request: gr.Request) -> Updates:
        """The page was opened or reloaded: the story that its address names, or an empty form."""
        stories = self.studio.workspace.stories()
        asked = request.query_params.get("story", "")
        name = asked if asked in stories else None
        return [gr.update(choices=stories, value=name), *self.opened(name)]

    def opened(self, name: str | None, message: str = "", tab: str | None = None) -> Updates:
        """A story was chosen: message, tab, and all that is shown of it."""
        if not name:
            return [pieces.message(message), gr.Tabs(selected="new"), "", "", "", "", gr.skip(), gr.skip(), gr.skip()]
        try:
            story = self.studio.workspace.open(name)
            title, knowledge = self.studio.product(name)
            board, film, asked = self.studio.board(name), pieces.film(story), pieces.last_render(story)
        except InputError as error:
            return [_bad(error), gr.skip(), "", "", "", "", gr.skip(), gr.skip(), gr.skip()]
        names, voice = self.studio.voices.names, asked.voice
        return [
            pieces.message(message),
            gr.Tabs(selected=tab or "board"),
            board,
            title,
            knowledge,
            film,
            voice if voice in names else names[0],
            asked.original_volume,
            asked.burn,
        ]

    def filled(self, product: str | None) -> Updates:
        """A product file was uploaded: title and knowledge in the form, and a message."""
        if product is None:
            return [gr.skip(), gr.skip(), ""]
        try:
            return [*checked_product(Path(product)), ""]
        except InputError as error:
            return [gr.skip(), gr.skip(), _bad(error)]

    def created(
        self,
        video: str | None,
        chosen: str | None,
        product: str | None,
        title: str,
        knowledge: str,
        name: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio passes it)
    ) -> Updates:
        """A story is to be made: the choice of stories, then what `opened` gives."""
        progress(0.1, "finding the shots")
        paths = [Path(each) if each else None for each in (video, product)]
        try:
            made = self.studio.create(New(paths[0], chosen, paths[1], title or "", knowledge or "", name or ""))
        except InputError as error:
            return [gr.skip(), _bad(error), *[gr.skip()] * 8]
        return [gr.update(choices=self.studio.workspace.stories(), value=made), *self.opened(made)]

    def written(self, name: str | None, progress: gr.Progress = gr.Progress()) -> Updates:  # noqa: B008
        """A story is to be written: a message and the board."""
        return self._written(name, None, progress)

    def written_from(self, event: gr.EventData, progress: gr.Progress = gr.Progress()) -> Updates:  # noqa: B008
        """A story is to be written from a clip: a message and the board."""
        return self._written(event.story, event.clip, progress)

    def product_saved(self, name: str | None, title: str, knowledge: str) -> Updates:
        """Title and knowledge are to be saved: a message and the board."""
        try:
            self.studio.save_product(name or "", title, knowledge)
            return [
                pieces.message("Saved. All that is not yours will be written again."),
                self.studio.board(name or ""),
            ]
        except InputError as error:
            return [_bad(error), gr.skip()]

    def sound(self, voice: str, event: gr.EventData, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008
        """A clip is to be spoken: a player."""
        progress(0.1, "speaking")
        try:
            return self.studio.preview(event.story, event.clip, voice)
        except InputError as error:
            return _bad(error)

    def rendered(
        self,
        name: str | None,
        voice: str,
        volume: float,
        burn: bool,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:
        """A story is to be rendered: the player with the result."""
        progress(0.1, "speaking and rendering")
        try:
            return self.studio.render(name or "", voice, volume, burn)
        except InputError as error:
            return _bad(error)

    def _written(self, name: str | None, clip: Any, progress: gr.Progress) -> Updates:
        progress(0.0, "looking at the video")
        try:
            if not name:
                raise InputError("choose a story first")
            done = self.studio.write(name, clip, lambda done, all_: progress((done, all_), "writing", unit="clips"))
            return [pieces.message(done), self.studio.board(name)]
        except InputError as error:
            return [_bad(error), self.studio.board(name) if name in self.studio.workspace.stories() else gr.skip()]


def _bad(error: InputError) -> str:
    return pieces.message(str(error), bad=True)
