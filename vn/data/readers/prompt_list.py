"""The release's list of ready prompts (``test.json``): not annotations, but it lists the test videos.

A list with an entry for each prompt, in the format of LLaVA's training files: an ``id``, a ``video`` or an ``image``,
and ``conversations`` that contain the prompt as text (docs/method.md#e-syncvidstory).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vn.errors import InputError

NAMES = ("id", "video_id", "question_id", "video", "image")  # fields that name an entry's video, the best first
PROMPTS = ("conversations", "conversation", "messages", "prompt", "question", "instruction")  # that contain its text


def refuse_prompt_list(data: Any, file: Path, lists_are_stories: bool = True) -> None:
    """Refuse a file that holds ready prompts instead of annotations.

    Args:
        data: the file's JSON.
        file: named in the error.
        lists_are_stories: whether a list may be annotations; if not, any list whose entries name videos is refused.

    Raises:
        InputError: it is a list of ready prompts.
    """
    if not isinstance(data, list) or not data or not all(_is_prompt(entry, lists_are_stories) for entry in data[:10]):
        return
    raise InputError(
        f"is a list of {len(data)} ready prompts (as the release's test.json), not annotations: give the file with "
        "the annotations, and this one to --test-ids, which reads its ids",
        file=file,
    )


def _is_prompt(entry: Any, lists_are_stories: bool) -> bool:
    if not isinstance(entry, dict) or "clips" in entry:
        return False
    return any(name in entry for name in (PROMPTS if lists_are_stories else PROMPTS + NAMES))
