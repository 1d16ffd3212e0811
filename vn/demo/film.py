"""One film: a product, what is shown scene by scene, and the story told about it. Pure, quick, and seeded."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vn.demo.product import Product, Split, products_of
from vn.demo.storyline import PARTS, attribute, attributes_to_name, draw_storyline
from vn.demo.vocabulary import Aspect, Vocabulary
from vn.story import Clip, Knowledge, ScriptLabel, Story

CLIPS = (3, 7)
SECONDS = (2, 5)  # of a clip, whole
POINTS = (2, 4)  # known of an aspect
MORE_ASPECTS = (1, 3)  # known, but of no use in this storyline
CHANGES = 0.4  # share of the scenes with a change within

BACKDROPS = 8
"""Backdrop i is light or dim by i % 2 and warm or cool by i // 2 % 2: at a cut both change, so that it can be seen."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A slow move: the part of the still that fills the frame, at the start and at the end.

    Attributes:
        start, end: left, top and side of the part, as shares of the still.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is filmed during one clip.

    Attributes:
        picture: the name of the painter in `vn.demo.scenes`.
        seconds: whole seconds.
        backdrop: below `BACKDROPS`.
        camera: how it moves.
        change: the second, within the clip, at which something happens; None when all stays.
        seed: of the small things (where the drops fall, how the camera is held).
    """

    picture: str
    seconds: int
    backdrop: int
    camera: Camera
    change: float | None
    seed: int


@dataclass(frozen=True, slots=True)
class Film:
    """A product video before it is rendered, and the story that goes with it."""

    product: Product
    scenes: tuple[Scene, ...]
    story: Story


def make_film(vocabulary: Vocabulary, seed: int, split: Split, index: int) -> Film:
    """Invent a film.

    What is shown depends on the seed, split and index alone, so a world in another language has the same videos.

    Args:
        vocabulary: the language it is told in.
        seed: of the world.
        split: decides which combinations of attributes may occur (`Product.split`).
        index: within the split.
    """
    rng = random.Random(f"film/{seed}/{split}/{index}")
    products = list(products_of(split))
    random.Random(f"products/{seed}/{split}").shuffle(products)
    product = products[index % len(products)]
    labels = draw_storyline(rng, rng.randint(*CLIPS))
    scenes: list[Scene] = []
    shows: list[frozenset[str]] = []
    for label in labels:
        picture = rng.choice(PARTS[label].pictures)
        scenes.append(_scene(rng, picture.name, scenes[-1].backdrop if scenes else None))
        shows.append(picture.shows)
    words = random.Random(f"words/{vocabulary.language}/{seed}/{split}/{index}")
    story = _tell(words, vocabulary, f"{split}-{index:05d}", product, labels, scenes, shows)
    return Film(product, tuple(scenes), story)


def _scene(rng: random.Random, picture: str, last: int | None) -> Scene:
    seconds = rng.randint(*SECONDS)
    if last is None:
        backdrop = rng.randrange(BACKDROPS)
    else:
        backdrop = rng.choice([b for b in range(BACKDROPS) if (b ^ last) & 3 == 3])
    change = round(rng.uniform(0.3, 0.5) * seconds, 1) if rng.random() < CHANGES else None
    return Scene(picture, seconds, backdrop, _camera(rng), change, rng.randrange(1 << 30))


def _camera(rng: random.Random) -> Camera:
    side = rng.uniform(0.84, 0.9)
    room = 1 - side
    near = (room * rng.uniform(0.3, 0.7), room * rng.uniform(0.3, 0.7), side)
    left, right = (0.0, near[1], side), (room, near[1], side)
    whole = (0.0, 0.0, 1.0)
    return rng.choice([Camera(whole, near), Camera(near, whole), Camera(left, right), Camera(right, left)])


def _tell(
    rng: random.Random,
    vocabulary: Vocabulary,
    name: str,
    product: Product,
    labels: list[ScriptLabel],
    scenes: list[Scene],
    shows: list[frozenset[str]],
) -> Story:
    """Draw the knowledge, then narrate clip by clip from what is seen, was seen, and is known."""
    known = _knowledge(rng, vocabulary, labels)
    unused = {aspect: list(points) for aspect, points in known.items()}
    seen: set[str] = set()
    named: set[str] = set()
    clips: list[Clip] = []
    for label, scene, visible in zip(labels, scenes, shows, strict=True):
        start = clips[-1].end if clips else 0.0
        clip = Clip(start, start + scene.seconds, (label,))
        facts: dict[str, dict[str, str]] = {}
        for each in attributes_to_name(label, visible, seen, named):
            word = vocabulary.attributes[each.attribute][attribute(product, each.attribute)]
            facts[each.attribute] = {"value": word, "from": each.where}
        if (aspect := vocabulary.aspects.get(label)) is not None:
            facts[aspect.fact] = {"value": unused[aspect].pop(0), "from": "knowledge"}
        values = {fact: entry["value"] for fact, entry in facts.items()}
        words = vocabulary.words.range_of(clip, vocabulary.language)
        narration = vocabulary.narrations[label].sentence(rng, values, words)
        clips.append(replace(clip, narration=narration, facts=facts))
        seen |= visible
        named |= facts.keys()
    title = vocabulary.title.format(brand=rng.choice(vocabulary.brands), series=rng.choice(vocabulary.series))
    knowledge = tuple(Knowledge(aspect.name, points) for aspect, points in known.items())
    return Story(name, title, vocabulary.language, "ad", knowledge, tuple(clips), f"../videos/{name}.mp4")


def _knowledge(
    rng: random.Random, vocabulary: Vocabulary, labels: list[ScriptLabel]
) -> Mapping[Aspect, tuple[str, ...]]:
    """Points of each aspect the storyline asks for and of a few others, in any order; a narration uses the next."""
    needed = [aspect for label in dict.fromkeys(labels) if (aspect := vocabulary.aspects.get(label))]
    others = [aspect for aspect in vocabulary.aspects.values() if aspect not in needed]
    more = rng.sample(others, min(len(others), rng.randint(*MORE_ASPECTS)))
    aspects = rng.sample(needed + more, len(needed) + len(more))
    return {aspect: tuple(rng.sample(aspect.points, rng.randint(*POINTS))) for aspect in aspects}
