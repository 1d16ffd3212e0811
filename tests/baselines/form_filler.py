"""Fills in the form at the end of a question of the baseline `chat`, as a good chat model would."""

from __future__ import annotations

import re

LINE = re.compile(r"Clip (\d+)(\nScript label:)?\nNarration:")


def filled(question: str, text: str = "It is warm and it is red.", label: str = "Product Effect") -> str:
    """An answer in the form asked for.

    Args:
        question: the last turn of a dialogue.
        text: narration of each clip; ``{clip}`` is its number.
        label: script label of each clip, if it is asked for.
    """
    form = re.split(r"form:\n|only:\n", question)[-1]
    return "\n".join(
        f"Clip {number}\n{f'Script label: {label}' if asks else ''}\nNarration: {text.format(clip=number)}"
        for number, asks in LINE.findall(form)
    )
