"""The storylines of the demo's advertisements, and what is seen and told in a clip of each label."""

from __future__ import annotations

import random
from dataclasses import dataclass

from vn.demo.product import Product
from vn.story import ScriptLabel

ATTRIBUTES = ("kind", "colour", "pattern")  # in the order a product's fields are named


@dataclass(frozen=True, slots=True)
class Picture:
    """A scene that can be filmed.

    Attributes:
        name: of its painter in `vn.demo.scenes`.
        shows: the product's attributes that can be seen in it.
    """

    name: str
    shows: frozenset[str]


@dataclass(frozen=True, slots=True)
class Part:
    """The part a script label plays in an advertisement.

    Attributes:
        weight: how readily a storyline takes it.
        place: where it stands, from 0 (opening) to 1 (end); roughly, since chance moves it.
        pictures: the scenes that go with it.
        tells: attributes on screen that its narration names.
        recalls: an attribute that its narration names when it was seen, now or earlier, and nobody has named it yet.
        repeats: whether a storyline may have it twice, with another knowledge point.
    """

    weight: float
    place: float
    pictures: tuple[Picture, ...]
    tells: tuple[str, ...] = ()
    recalls: str | None = None
    repeats: bool = False


_ALL = frozenset(ATTRIBUTES)
_KIND = frozenset({"kind"})
_NOTHING: frozenset[str] = frozenset()

PARTS: dict[ScriptLabel, Part] = {
    ScriptLabel.SORE_POINT: Part(4.0, 0.0, (Picture("mess", _KIND),), tells=("kind",)),
    ScriptLabel.APPEARANCE: Part(2.4, 0.3, (Picture("close_up", _ALL),), tells=ATTRIBUTES),
    ScriptLabel.MATERIAL: Part(2.0, 0.45, (Picture("swatches", _NOTHING),), repeats=True),
    ScriptLabel.PRODUCTION: Part(1.3, 0.45, (Picture("factory", _KIND),), tells=("kind",)),
    ScriptLabel.CHARACTERISTICS: Part(2.0, 0.55, (Picture("splash", _ALL),), tells=("kind",), repeats=True),
    ScriptLabel.TRIAL: Part(2.0, 0.6, (Picture("hands", _ALL),), tells=("kind",)),
    ScriptLabel.EFFECT: Part(2.5, 0.7, (Picture("before_after", _ALL),), repeats=True),
    ScriptLabel.SECURITY: Part(1.3, 0.75, (Picture("badge", _NOTHING),)),
    ScriptLabel.CERTIFICATE: Part(1.0, 0.8, (Picture("diploma", _NOTHING),)),
    ScriptLabel.SOCIAL_PROOF: Part(2.0, 0.85, (Picture("people", _NOTHING),), recalls="pattern"),
    ScriptLabel.OTHERS: Part(1.0, 0.5, (Picture("shop", _NOTHING),)),
    ScriptLabel.CALL_TO_ACTION: Part(
        9.0, 1.1, (Picture("price_tag", _NOTHING), Picture("price_tag_beside", _ALL)), recalls="colour"
    ),
}

REPEATED = 0.15  # share of the storylines in which a label comes twice
JITTER = 0.12  # standard deviation of the places


def draw_storyline(rng: random.Random, clips: int) -> list[ScriptLabel]:
    """Choose the labels of an advertisement: a few parts, in a loose order.

    Trouble comes early and the invitation to buy comes last, mostly.
    """
    # Weighted sampling without replacement: the largest keys u ** (1 / weight) win (Efraimidis and Spirakis).
    keys = {label: rng.random() ** (1 / part.weight) for label, part in PARTS.items()}
    labels = sorted(keys, key=lambda label: keys[label], reverse=True)[:clips]
    again = [label for label in labels[:-1] if PARTS[label].repeats]
    if again and rng.random() < REPEATED:
        labels[-1] = rng.choice(again)
    places = [PARTS[label].place + rng.gauss(0, JITTER) for label in labels]
    return [label for _, label in sorted(zip(places, labels, strict=True), key=lambda pair: pair[0])]


@dataclass(frozen=True, slots=True)
class Seen:
    """An attribute to name, and where it can be seen: in this clip's ``picture`` or in an ``earlier_picture``."""

    attribute: str
    where: str


def attributes_to_name(label: ScriptLabel, shows: frozenset[str], seen: set[str], named: set[str]) -> list[Seen]:
    """Which of the product's attributes a narration names: a rule, so that it can be learned.

    Args:
        label: the clip's.
        shows: attributes in the clip's picture.
        seen: attributes in the pictures of earlier clips.
        named: attributes that earlier narrations named.
    """
    part = PARTS[label]
    found = [Seen(attribute, "picture") for attribute in part.tells if attribute in shows]
    recalled = part.recalls
    if recalled and recalled not in named and recalled in shows | seen:
        found.append(Seen(recalled, "picture" if recalled in shows else "earlier_picture"))
    return found


def attribute(product: Product, name: str) -> str:
    """The identifier of a product's ``kind``, ``colour`` or ``pattern``."""
    return str(getattr(product, name))
