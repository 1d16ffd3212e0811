"""The knowledge points that were left out of a story's prompts because they do not fit into the model's context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vn.errors import show
from vn.story import Story

if TYPE_CHECKING:
    from vn.written import WrittenClip

NAMED = 3  # in a message; story.json names all


def dropped_points(story: Story, written: Sequence[WrittenClip]) -> list[tuple[str, str]]:
    """The (aspect, point) pairs that at least one clip's prompt left out: the story's last ones, in its order."""
    count = max((each.points_dropped for each in written), default=0)
    points = [(each.aspect, point) for each in story.knowledge for point in each.points]
    return points[len(points) - count :]


def dropped_message(story: Story, dropped: Sequence[tuple[str, str]]) -> str:
    """The warning about them."""
    names = [show(point) for _, point in dropped]
    shown = ", ".join([*names[:NAMED], "...", names[-1]] if len(names) > NAMED + 1 else names)
    total = sum(len(each.points) for each in story.knowledge)
    return f"{len(dropped)} of {total} knowledge points do not fit into the model's context and are left out: {shown}"
