"""The release's list of ready prompts (``test.json``): not annotations, but it says which videos are tested.

A list with an entry for each prompt, in the way of LLaVA's training files: an ``id``, a ``video`` or an ``image``, and
``conversations`` that hold the prompt as text (spec "Data").
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vn.errors import InputError

NAMES = ("id", "video_id", "question_id", "video", "image")  # fields that name an entry's video, the best first
PROMPTS = ("conversations", "conversation", "messages", "prompt", "question", "instruction")  # that hold its text


def is_prompt_list(data: Any) -> bool:
    """Whether parsed JSON is a list of ready prompts."""
    return isinstance(data, list) and bool(data) and all(map(_is_prompt, data[:10]))


def _is_prompt(entry: Any) -> bool:
    # A Story has clips, and an entry of the annotations has frames: neither has a prompt.
    return isinstance(entry, dict) and any(name in entry for name in PROMPTS) and "clips" not in entry


def refuse_prompt_list(data: Any, file: Path) -> None:
    """Raise `InputError` with what the file is, if it is a list of ready prompts."""
    if is_prompt_list(data):
        raise InputError(
            f"is a list of {len(data)} ready prompts (as the release's test.json), not annotations: give the file with "
            "the annotations, and this one to --test-ids, which reads its ids",
            file=file,
        )
