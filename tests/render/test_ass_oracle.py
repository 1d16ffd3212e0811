"""``story.ass`` as pysubs2 and FFmpeg read it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.render.editors.ass import JOINER, ass

pytestmark = pytest.mark.oracle

CUES = [
    (0.0, 1.25, ["Plain text, with commas, 5 < 6 & more"]),
    (1.25, 3.5, [r"a {\b1}tag{\b0} and {braces}", r"C:\New\hold \N"]),
    (3661.5, 3662.0, ["一分钟烧开，", "真快。"]),
]
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)


def test_pysubs2_reads_times_lines_and_style():
    pysubs2 = pytest.importorskip("pysubs2", reason="pysubs2 is not installed")
    subtitles = pysubs2.SSAFile.from_string(ass(CUES, "A title: [x]", "zh", (1080, 1920)))
    assert subtitles.info["Title"] == "A title: [x]"
    assert (subtitles.info["PlayResX"], subtitles.info["PlayResY"]) == ("1080", "1920")
    style = subtitles.styles["Narration"]
    assert (style.fontsize, style.marginv, style.alignment) == (68, 320, pysubs2.Alignment.BOTTOM_CENTER)
    assert [(event.start, event.end) for event in subtitles] == [(0, 1250), (1250, 3500), (3661500, 3662000)]
    assert subtitles[0].plaintext == CUES[0][2][0]
    assert subtitles[2].plaintext.split("\n") == CUES[2][2]


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(TEXTS, min_size=1, max_size=2))
def test_ffmpeg_shows_every_text_as_it_is(lines):
    """FFmpeg's decoder hands its subtitles on in the same format; its own escapes are undone here."""
    av = pytest.importorskip("av", reason="av is not installed")
    with av.open(io.BytesIO(ass([(1.0, 2.0, lines)], "t", "en").encode()), format="ass") as container:
        (stream,) = container.streams.subtitles
        shown = [
            each.ass.decode().split(",", 8)[8] for packet in container.demux(stream) for each in packet.decode() or ()
        ]
    (text,) = shown
    text = text.replace(r"\N", "\n").replace(r"\{", "{").replace(r"\}", "}").replace("\\" + JOINER, "\\")
    assert text.split("\n") == lines
