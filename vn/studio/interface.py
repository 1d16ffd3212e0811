"""The page: Gradio's components, and which of `Answers` each of their events gets."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vn.data.find_video import VIDEO_SUFFIXES
from vn.render.settings import LOUDEST
from vn.studio.answers import Answers
from vn.studio.board import PAGE
from vn.studio.studio import Studio
from vn.studio.workspace import PRODUCT_SUFFIXES

# The page's own buttons wait until the board has saved what was typed.
SAVED = "async (...given) => { await window.vnSaved?.(); return given; }"
REMEMBER = (
    "(name) => { history.replaceState(null, '', name ? `?story=${encodeURIComponent(name)}` : '?'); return name; }"
)
LIGHT: dict[str, Any] = {"queue": False, "api_visibility": "private"}
# Writing, speaking and rendering: one at a time.
WORK: dict[str, Any] = {"concurrency_id": "work", "concurrency_limit": 1, "api_visibility": "private"}
EXAMPLE = "Material: glazed stoneware, recycled glass\nOffer: a gift box"


def make_page(studio: Studio, waiting: int) -> gr.Blocks:
    """The page of a studio.

    Args:
        studio: what it shows and changes.
        waiting: how many pieces of work may wait for the one that is done.
    """
    answers = Answers(studio)
    language = {"en": "English", "zh": "Chinese"}[studio.writer.language]
    page: gr.Blocks
    with gr.Blocks(title="vn studio", analytics_enabled=False, delete_cache=(3600, 86_400)) as page:
        with gr.Row(equal_height=True):
            stories = studio.workspace.stories()
            story = gr.Dropdown(stories, value=None, label=f"Story ({language})", elem_id="story", scale=1)
            with gr.Column(scale=2):
                message = gr.HTML(elem_id="message")
        with gr.Tabs(selected="new") as tabs:
            with gr.Tab("New story", id="new"):
                form, create, filled = _new(studio)
            with gr.Tab("Shots and narrations", id="board"):
                board, write, voice, sound = _board(studio)
            with gr.Tab("Product", id="product"):
                title = gr.Textbox(label="Title", elem_id="title")
                knowledge = gr.Textbox(label="Knowledge: a line per aspect", lines=8, elem_id="knowledge")
                save = gr.Button("Save", elem_id="save-product")
            with gr.Tab("Video", id="video"):
                volume, burn, render, film = _video()
        shown = [message, tabs, board, title, knowledge, film, voice, volume, burn]
        page.load(answers.loaded, None, [story, *shown], **LIGHT)
        story.input(answers.opened, story, shown, js=REMEMBER, **LIGHT)
        filled.upload(answers.filled, filled, [*form[3:5], message], **LIGHT)
        create.click(answers.created, form, [story, *shown], show_progress_on=create, **WORK).then(
            None, story, None, js=REMEMBER
        )
        write.click(answers.written, story, [message, board], js=SAVED, show_progress_on=message, **WORK)
        getattr(board, "from")(answers.written_from, None, [message, board], show_progress_on=message, **WORK)
        board.speak(answers.sound, voice, sound, show_progress_on=sound, **WORK)
        save.click(answers.product_saved, [story, title, knowledge], [message, board], **LIGHT)
        render.click(answers.rendered, [story, voice, volume, burn], film, js=SAVED, **WORK)
    page.queue(max_size=waiting, api_open=False)
    return page


def _new(studio: Studio) -> tuple[list[Any], Any, Any]:
    """The form of a new story: its fields, its button, and the product file among the fields."""
    folder = studio.workspace.videos
    with gr.Row():
        with gr.Column():
            video = gr.File(label="Video", file_types=list(VIDEO_SUFFIXES), height=140, elem_id="upload")
            chosen = gr.Dropdown(
                studio.workspace.choices(),
                value=None,
                label=f"or a video of {folder}",
                visible=folder is not None,
                elem_id="chosen",
            )
            name = gr.Textbox(label="Name of the story", placeholder="that of the video", elem_id="name")
        with gr.Column():
            product = gr.File(
                label="Product file (YAML or JSON), or fill the form",
                file_types=list(PRODUCT_SUFFIXES),
                height=140,
                elem_id="product-file",
            )
            title = gr.Textbox(label="Title", placeholder="Aurora home classic", elem_id="new-title")
            label = "Knowledge: a line per aspect"
            knowledge = gr.Textbox(label=label, placeholder=EXAMPLE, lines=4, elem_id="new-knowledge")
    create = gr.Button("Find the shots", variant="primary", elem_id="create")
    return [video, chosen, product, title, knowledge, name], create, product


def _board(studio: Studio) -> tuple[Any, Any, Any, Any]:
    """The board, the button that writes, the choice of voices, and the place of the sound."""
    voices = studio.voices.names

    def edit(request: Any) -> dict[str, Any]:  # the board's script calls it by this name
        return studio.edit(request)

    with gr.Row(equal_height=True):
        write = gr.Button("Write", variant="primary", elem_id="write")
        voice = gr.Dropdown(voices, value=voices[0], label="Voice", elem_id="voice")
    sound = gr.HTML(elem_id="sound")
    board = gr.HTML(
        value="",
        html_template=(PAGE / "wrapper.html").read_text("utf-8"),
        js_on_load=(PAGE / "board.js").read_text("utf-8"),
        server_functions=[edit],
        apply_default_css=False,
        elem_id="board",
    )
    return board, write, voice, sound


def _video() -> tuple[Any, Any, Any, Any]:
    """Volume, burnt subtitles, the button that renders, and the place of the result."""
    with gr.Row(equal_height=True):
        label = "Volume of the video's own sound"
        volume = gr.Slider(0.0, LOUDEST, value=1.0, step=0.05, label=label, elem_id="volume")
        burn = gr.Checkbox(label="Draw the subtitles into the frames", elem_id="burn")
    render = gr.Button("Render", variant="primary", elem_id="render")
    return volume, burn, render, gr.HTML(elem_id="film")
