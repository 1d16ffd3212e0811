"""The key of a kit: which system is which version, for whoever merges the ratings; raters never get it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vn.errors import InputError, show
from vn.io.atomic import write_text
from vn.io.files import read_json

FORMAT = 1
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SUFFIX = ".key.json"


@dataclass(frozen=True)
class Key:
    """What merging needs to know about a kit.

    Attributes:
        kit: id of the kit: a hash of everything that its pages show.
        made: the command that made it.
        seed: random seed of the sample and of all orders.
        setting: whose predictions are rated: ``predicted`` or ``given``.
        systems: name -> ``run``, the paper's row for it (``paper_row``), and how it differs from that.
        stories: key in the kit -> ``video`` and ``seconds``.
        raters: name -> ``content``, the hash of what its page shows, and ``order``: story -> systems by letter.
    """

    kit: str
    made: str
    seed: int
    setting: str
    systems: Mapping[str, Mapping[str, Any]]
    stories: Mapping[str, Mapping[str, Any]]
    raters: Mapping[str, Mapping[str, Any]]

    def save(self, file: Path) -> None:
        """Write the key."""
        write_text(file, json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def load(cls, file: Path) -> Key:
        """Read a key.

        Raises:
            InputError: it is not the key of a kit, or is damaged.
        """
        data = read_json(file)
        if not isinstance(data, dict) or data.get("format") != FORMAT or "systems" not in data:
            raise InputError("is not the key of a kit that vn rate make wrote", file=file)
        names = cls.__annotations__
        for name in names:
            if name not in data:
                raise InputError("is missing", file=file, field=name)
        key = cls(**{name: data[name] for name in names})
        try:
            for rater, own in key.raters.items():
                if set(own["order"]) != set(key.stories) or not isinstance(own["content"], str):
                    raise InputError("has other stories than the kit", file=file, sample=f"rater {rater}")
                for story, order in own["order"].items():
                    if sorted(order) != sorted(key.systems):
                        raise InputError(f"story {story} has other systems than the kit", file=file, sample=rater)
            for system, about in key.systems.items():
                if not isinstance(about, dict):
                    message = f"expected fields by name, got {show(about)}"
                    raise InputError(message, file=file, field=f"systems.{system}")
            for story, about in key.stories.items():
                if not isinstance(about["video"], str) or not about["seconds"] >= 0:
                    raise InputError(f"expected a video and its seconds, got {show(about)}", file=file, sample=story)
        except (AttributeError, KeyError, TypeError) as error:
            raise InputError(f"is damaged: {show(str(error))}", file=file) from None
        return key


def default_key(kit: Path) -> Path:
    """Where the key of a kit is stored unless the user names another place: beside the folder, not in it."""
    return kit.resolve().with_name(kit.resolve().name + SUFFIX)
