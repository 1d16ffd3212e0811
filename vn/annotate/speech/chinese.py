"""Traditional to Simplified Chinese by OpenCC, character by character, so that the times of words stay right."""

from __future__ import annotations

import functools
from typing import Any

from vn.extras import require

BOTH = "著"  # 看著 is 看着, but 著名 stays: only the configuration for Taiwan knows which


def simplified(text: str) -> str:
    """A text in Simplified characters, of the same length; one that is Simplified already stays as it is.

    >>> simplified("為什麼看著他，這個著名的不鏽鋼鍋")
    '为什么看着他，这个著名的不锈钢锅'

    ``t2s`` alone leaves 看著 as it is; ``tw2s`` alone makes 擡头 of 抬頭, and 什幺 of 什么 (Simplified already).

    Raises:
        InputError: OpenCC is not installed.
    """
    usual, taiwan = (_converter(config).convert(text) for config in ("t2s", "tw2s"))
    if not len(usual) == len(taiwan) == len(text):  # no phrase of t2s changes its length; one of tw2s may
        return str(usual)
    return "".join(there if before == BOTH else here for before, here, there in zip(text, usual, taiwan, strict=True))


@functools.cache
def _converter(config: str) -> Any:
    require("opencc", field="--chinese", command="annotate")
    from opencc import OpenCC

    return OpenCC(config)
