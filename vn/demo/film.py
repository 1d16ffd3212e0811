"""One film: a product, its scenes, and its story. Pure, fast, and seeded."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from vn.demo.product import Product, Split, products_of
from vn.demo.storyline import Picture, attributes_to_name, draw_pictures, half_of
from vn.demo.vocabulary import Aspect, Vocabulary
from vn.story import Clip, Knowledge, ScriptLabel, Story

CLIPS = (3, 10)
SECONDS = (2, 5)  # per clip, whole
POINTS = (2, 4)  # known per aspect
MORE_ASPECTS = (1, 3)  # known, but unused in this storyline
CHANGES = 0.4  # share of the scenes that have a change

BACKDROPS = 8
"""Backdrop i is light or dim by i % 2 and warm or cool by i // 2 % 2: at a cut both change, so that it is visible."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A slow movement: the part of the still that fills the frame, at the start and at the end.

    Attributes:
        start, end: left, top and side of the part, as shares of the still.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """What is filmed during one clip.

    Attributes:
        picture: name of the painter in `vn.demo.scenes`.
        seconds: whole seconds.
        backdrop: index below `BACKDROPS`.
        camera: the camera's movement.
        change: second within the clip at which something happens; None if nothing does.
        seed: random seed of the details (where the drops fall, how objects are turned).
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
    """Generate a film.

    What is shown depends on the seed, split and index alone, so a world in another language has the same videos.

    Args:
        vocabulary: the language of its story.
        seed: random seed of the world.
        split: decides which combinations of attributes may occur (`Product.split`).
        index: index within the split.
    """
    rng = random.Random(f"film/{seed}/{split}/{index}")
    products = list(products_of(split))
    random.Random(f"products/{seed}/{split}").shuffle(products)
    product = products[index % len(products)]
    seconds = [rng.randint(*SECONDS) for _ in range(rng.randint(*CLIPS))]
    cuts = [sum(seconds[:i]) for i in range(len(seconds) + 1)]
    clips = [Clip(float(start), float(end)) for start, end in pairwise(cuts)]
    bare = Story(f"{split}-{index:05d}", "", vocabulary.language, "ad", (), tuple(clips))
    pictures = draw_pictures(rng, [bare.position(i) for i in range(len(clips))])
    scenes: list[Scene] = []
    for picture, length in zip(pictures, seconds, strict=True):
        scenes.append(_scene(rng, picture.name, length, scenes[-1].backdrop if scenes else None))
    words = random.Random(f"words/{vocabulary.language}/{seed}/{split}/{index}")
    return Film(product, tuple(scenes), _tell(words, vocabulary, bare, product, pictures))


def _scene(rng: random.Random, picture: str, seconds: int, last: int | None) -> Scene:
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


def _tell(rng: random.Random, vocabulary: Vocabulary, bare: Story, product: Product, pictures: list[Picture]) -> Story:
    """Draw the knowledge, then narrate clip by clip from what is shown, was shown, and is known.

    Each clip's ``facts`` record what its narration states and where that can be known from: this clip's ``picture``, an
    ``earlier_picture`` alone, ``earlier_text``, the clip's ``position`` (together with its frames), the ``label`` or
    the ``knowledge``.
    """
    labels = [picture.label(half_of(bare.position(i))) for i, picture in enumerate(pictures)]
    known = _knowledge(rng, vocabulary, labels)
    unused = {aspect: list(points) for aspect, points in known.items()}
    seen: set[str] = set()
    named: set[str] = set()
    clips: list[Clip] = []
    for clip, label, picture in zip(bare.clips, labels, pictures, strict=True):
        source = "position" if picture.ambiguous else "picture"
        facts = {"label": {"value": label.text(vocabulary.language), "from": source}}
        stated: dict[str, str] = {}
        for each in attributes_to_name(picture, label, seen, named):
            stated[each.attribute] = vocabulary.attributes[each.attribute][product.attribute(each.attribute)]
            facts[each.attribute] = {"value": stated[each.attribute], "from": each.where}
        if (aspect := vocabulary.aspects.get(label)) is not None:
            stated[aspect.fact] = unused[aspect].pop(0)
            facts["aspect"] = {"value": aspect.name, "from": "label"}
            facts[aspect.fact] = {"value": stated[aspect.fact], "from": "knowledge"}
        words = vocabulary.words.range_of(clip, vocabulary.language)
        narration = vocabulary.narrations[label].sentence(rng, stated, words)
        clips.append(replace(clip, labels=(label,), narration=narration, facts=facts))
        seen |= picture.shows
        named |= stated.keys()
    title = vocabulary.title.format(brand=rng.choice(vocabulary.brands), series=rng.choice(vocabulary.series))
    knowledge = tuple(Knowledge(aspect.name, points) for aspect, points in known.items())
    return replace(bare, title=title, knowledge=knowledge, clips=tuple(clips), video=f"../videos/{bare.id}.mp4")


def _knowledge(
    rng: random.Random, vocabulary: Vocabulary, labels: list[ScriptLabel]
) -> Mapping[Aspect, tuple[str, ...]]:
    """Points of each aspect that the storyline needs and of a few others, in any order; each narration uses the next.

    An aspect has at least as many points as clips that need it.
    """
    needed = [aspect for label in dict.fromkeys(labels) if (aspect := vocabulary.aspects.get(label))]
    others = [aspect for aspect in vocabulary.aspects.values() if aspect not in needed]
    more = rng.sample(others, min(len(others), rng.randint(*MORE_ASPECTS)))
    aspects = rng.sample(needed + more, len(needed) + len(more))
    uses = Counter(aspect for label in labels if (aspect := vocabulary.aspects.get(label)))
    counts = {aspect: rng.randint(*(max(count, uses[aspect]) for count in POINTS)) for aspect in aspects}
    return {aspect: tuple(rng.sample(aspect.points, count)) for aspect, count in counts.items()}
