"""The storylines of the demo's advertisements: labels, the scenes that go with them, and what is narrated.

Three rules make the world learnable from all that a narrator receives, and from nothing less:

- a scene and the half of the video that it is in determine the label (`Picture.label`): people in the first half have a
  problem, people in the second praise the product. Clip counts vary and prompts show no total, so only the clip's
  position distinguishes the halves;
- what a narration states about a scene is determined by the scene (`Picture.tells`);
- some labels name an attribute that they do not show, once any earlier scene has shown it (`RECALLS`). If no earlier
  narration has named it, it is only in the memory of that scene's frames.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vn.demo.product import ATTRIBUTES
from vn.story import ScriptLabel

Half = Literal["first", "second"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A scene that can be filmed.

    Attributes:
        name: name of its painter in `vn.demo.scenes`.
        first: its label in the first half of a video (clip position below 50).
        second: its label in the second half.
        shows: the product's attributes that are visible in it.
        tells: those of them that its narration names.
    """

    name: str
    first: ScriptLabel
    second: ScriptLabel
    shows: frozenset[str] = frozenset()
    tells: tuple[str, ...] = ()

    @property
    def ambiguous(self) -> bool:
        """Whether the label depends on the position."""
        return self.first is not self.second

    def label(self, half: Half) -> ScriptLabel:
        """The scene's label in this half of a video."""
        return self.first if half == "first" else self.second


def _always(name: str, label: ScriptLabel, shows: Sequence[str] = (), tells: Sequence[str] = ()) -> Picture:
    return Picture(name, label, label, frozenset(shows), tuple(tells))


PICTURES: dict[str, Picture] = {
    picture.name: picture
    for picture in (
        _always("mess", ScriptLabel.SORE_POINT, ["kind"], ["kind"]),
        _always("close_up", ScriptLabel.APPEARANCE, ATTRIBUTES, ["colour"]),
        _always("macro", ScriptLabel.APPEARANCE, ["colour", "pattern"], ["pattern"]),
        _always("swatches", ScriptLabel.MATERIAL),
        _always("factory", ScriptLabel.PRODUCTION, ["kind"]),
        _always("splash", ScriptLabel.CHARACTERISTICS, ATTRIBUTES, ["kind"]),
        _always("hands", ScriptLabel.TRIAL, ATTRIBUTES, ["part"]),
        _always("before_after", ScriptLabel.EFFECT, ATTRIBUTES),
        _always("diploma", ScriptLabel.CERTIFICATE),
        _always("price_tag", ScriptLabel.CALL_TO_ACTION),
        _always("price_tag_beside", ScriptLabel.CALL_TO_ACTION, ATTRIBUTES),
        Picture("people", ScriptLabel.SORE_POINT, ScriptLabel.SOCIAL_PROOF),
        Picture("shop", ScriptLabel.OTHERS, ScriptLabel.CALL_TO_ACTION),
        Picture("badge", ScriptLabel.SECURITY, ScriptLabel.CERTIFICATE),
    )
}

RECALLS: dict[ScriptLabel, str] = {
    ScriptLabel.MATERIAL: "part",
    ScriptLabel.SECURITY: "part",
    ScriptLabel.CERTIFICATE: "kind",
    ScriptLabel.SOCIAL_PROOF: "pattern",
    ScriptLabel.CALL_TO_ACTION: "colour",
}
"""The attribute that a narration of this label names if it is or was visible, in this clip or earlier."""

WEIGHTS: dict[str, tuple[float, float]] = {
    # Weights of a scene in the first and in the second half of a storyline. Problems open, offers close.
    "mess": (0.8, 0.1),
    "close_up": (1.0, 0.5),
    "macro": (0.9, 0.6),
    "swatches": (0.9, 1.1),
    "factory": (0.7, 0.7),
    "splash": (0.8, 0.5),
    "hands": (0.9, 0.7),
    "before_after": (1.4, 1.6),
    "diploma": (0.5, 1.0),
    "price_tag": (0.1, 0.7),
    "price_tag_beside": (0.1, 0.3),
    "people": (1.6, 2.0),
    "shop": (1.4, 1.4),
    "badge": (1.4, 1.4),
}
OPENING = 0.3  # factor on ambiguous scenes in the opening clip, which any narrator can tell to be the first
OFFER_LAST = 0.6  # share of the storylines whose last clip is forced to be an offer


def half_of(position: int) -> Half:
    """The half of a video that a clip position (0 to 99, `Story.position`) is in."""
    return "first" if position < 50 else "second"


def draw_pictures(rng: random.Random, positions: Sequence[int]) -> list[Picture]:
    """Choose the scene of each clip; no scene appears twice in a row, nor more than twice.

    Args:
        rng: source of the choices.
        positions: clip positions, 0 to 99.
    """
    chosen: list[Picture] = []
    for number, position in enumerate(positions):
        half = half_of(position)
        last = number == len(positions) - 1
        offers = [p for p in PICTURES.values() if p.label(half) is ScriptLabel.CALL_TO_ACTION]
        pool = offers if last and rng.random() < OFFER_LAST else list(PICTURES.values())
        free = [p for p in pool if chosen.count(p) < 2 and p not in chosen[-1:]]
        weights = [WEIGHTS[p.name][half == "second"] / (1 + 2 * chosen.count(p)) for p in free]
        if not number:
            weights = [w * (OPENING if p.ambiguous else 1) for p, w in zip(free, weights, strict=True)]
        chosen.append(rng.choices(free, weights)[0])
    return chosen


Where = Literal["picture", "earlier_picture", "earlier_text"]


@dataclass(frozen=True, slots=True)
class Seen:
    """An attribute to name, and where it can be known from.

    Attributes:
        attribute: the attribute's name.
        where: this clip's ``picture``; an ``earlier_picture`` alone; or ``earlier_text`` too, if it was named there.
    """

    attribute: str
    where: Where


def attributes_to_name(picture: Picture, label: ScriptLabel, seen: set[str], named: set[str]) -> list[Seen]:
    """Which of the product's attributes a narration names: a rule, so that it can be learned.

    Args:
        picture: the clip's scene.
        label: the clip's label.
        seen: attributes visible in earlier clips.
        named: attributes that earlier narrations named.
    """
    found = [Seen(attribute, "picture") for attribute in picture.tells]
    recalled = RECALLS.get(label)
    if recalled in picture.shows:
        found.append(Seen(recalled, "picture"))
    elif recalled in seen:
        found.append(Seen(recalled, "earlier_text" if recalled in named else "earlier_picture"))
    return found
