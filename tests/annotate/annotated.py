"""Hypothesis strategies for what the stages of the annotation find out."""

from __future__ import annotations

from hypothesis import strategies as st

from vn.annotate.results import (
    KINDS,
    Heard,
    Known,
    Labelled,
    OnScreen,
    Refined,
    Reviewed,
    ReviewedClip,
    Shots,
    Word,
)
from vn.annotate.stage import Made, Mark
from vn.story import Knowledge, ScriptLabel

ANY = st.characters(exclude_categories=("Cs", "Cc"))
TEXT = st.text(ANY, max_size=12).map(str.strip)
FULL = TEXT.filter(bool)
LABELS = st.lists(st.sampled_from(list(ScriptLabel)), min_size=1, max_size=3, unique=True).map(tuple)
MAYBE = st.none() | LABELS


@st.composite
def spans(draw, least=1):
    lengths = draw(st.lists(st.integers(1, 40_000), min_size=least, max_size=6))
    ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
    return tuple((start / 1000, end / 1000) for start, end in zip([0, *ends], ends, strict=False))


@st.composite
def shots(draw):
    clips = draw(spans())
    return Shots(clips[-1][1], clips, tuple(draw(st.lists(FULL, max_size=3))))


@st.composite
def heard(draw, clips=None):
    count = len(clips) if clips else draw(st.integers(1, 5))
    words = []
    for i in range(draw(st.integers(0, 6))):
        end = i * 0.5 + draw(st.sampled_from((0, 0.2)))
        words.append(Word(draw(TEXT), i * 0.5, end, draw(st.integers(0, count - 1))))
    texts = tuple(draw(TEXT) for _ in range(count))
    return Heard(draw(st.none() | FULL), tuple(words), texts, draw(st.sampled_from(KINDS)))


KNOWN = st.builds(
    Known,
    FULL,
    st.lists(st.builds(Knowledge, FULL, st.lists(FULL, max_size=3).map(tuple)), max_size=3).map(tuple),
    st.none() | FULL,
)


@st.composite
def refined(draw, count=None):
    texts = tuple(draw(TEXT) for _ in range(count or draw(st.integers(1, 5))))
    return Refined(texts, tuple(draw(st.lists(st.integers(0, len(texts) - 1), unique=True))))


@st.composite
def reviewed(draw):
    clips = tuple(ReviewedClip(*span, draw(st.none() | FULL), draw(MAYBE)) for span in draw(spans()))
    return Reviewed(clips, tuple(draw(st.lists(FULL, max_size=2))))


BY_STAGE = {
    "shots": shots(),
    "speech": heard(),
    "on_screen": st.builds(OnScreen, st.lists(TEXT, max_size=4).map(tuple)),
    "knowledge": KNOWN,
    "refine": refined(),
    "labels": st.builds(Labelled, st.lists(MAYBE, max_size=4).map(tuple)),
    "review": reviewed(),
}

MADE = st.builds(
    Made,
    shots().map(lambda each: each.to_json()),
    st.lists(st.builds(Mark, FULL, FULL, st.none() | st.integers(0, 3)), max_size=3),
    st.dictionaries(FULL, st.integers(0, 9), max_size=3),
)
