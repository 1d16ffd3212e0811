"""The order of clips by a chat model (paper, appendix A.5 and Figure 11, in words of our own).

The reply is JSON with every clip's number once. Another reply is asked for once more with what is wrong with it,
then refused: nothing is repaired, since a clip that was left out could go anywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from vn.endpoints.cached import CachedChat
from vn.endpoints.chat import Message
from vn.endpoints.options import settings_of
from vn.endpoints.sight import check_sight
from vn.errors import show
from vn.order.clips import Clips
from vn.order.methods import Answer
from vn.order.votes import Order
from vn.story import ScriptLabel, Story, format_labels

Shown = Literal["texts", "frames", "both"]
ATTEMPTS = 2
MAX_TOKENS = 400
FENCE = re.compile(r"\s*(```|~~~)\s*\w*\s*")

TASK = {
    "en": "You edit product videos. The clips below were recorded separately and are listed in no particular order. "
    "Put them into the order in which they make the most convincing video: viewers should understand why they need "
    "the product before they see what it does, see how it is used before they see what has changed, and be asked to "
    "buy once they are convinced. Use every clip exactly once.",
    "zh": "你负责剪辑商品视频。下面的片段是分开拍摄的,排列没有先后之分。请把它们排成最有说服力的视频:"
    "先让观众明白为什么需要这个商品,再看到它的特点;先看到怎么使用,再看到使用后的变化;等观众信服之后再引导购买。每个片段必须恰好使用一次。",
}
FORM = {
    "en": 'Reply with JSON and nothing else: {"order": [numbers of the clips, the first clip of the video first]}',
    "zh": '只回复JSON,不要其他内容:{"order": [片段编号,视频的第一个片段在最前]}',
}
CLIP = {"en": "Clip {number} ({seconds:g} s)", "zh": "片段{number}({seconds:g}秒)"}
STRIPS = {
    "en": "The frames of each clip are shown as one strip per clip, in the order of the list below, the first frame of "
    "a clip on the left.",
    "zh": "每个片段的画面从左到右拼成一张图片,图片顺序与下面的片段列表一致。",
}
AGAIN = {"en": "This cannot be used: {why}. {form}", "zh": "无法使用:{why}。{form}"}
MEANINGS = {"en": "What the labels mean:", "zh": "标签的含义:"}


class ByChat:
    """See `vn.order.methods.Method`.

    Args:
        model: the chat model.
        shown: what it is given of each clip.
    """

    def __init__(self, model: CachedChat, shown: Shown = "texts") -> None:
        self.needs_texts = self.needs_narrations = shown != "frames"
        self.settings: Mapping[str, Any] = {**settings_of(model, "chat"), "shown": shown}
        self._model, self._shown, self._seen = model, shown, False

    def order(self, clips: Clips) -> Answer:
        """See `Method.order`; a reply that is not an order of these clips is refused."""
        language = clips.story.language
        messages = [question(clips.story, clips.pictures if self._shown != "texts" else (), self.needs_texts)]
        why = ""
        for _ in range(ATTEMPTS):
            reply = self._model.ask(messages, MAX_TOKENS)
            if self._shown != "texts" and not self._seen:
                check_sight(self._model, messages, reply)
                self._seen = True
            found = read_order(reply.text, len(clips))
            if not isinstance(found, str):
                return Answer(found)
            why = found
            again = AGAIN[language].format(why=why, form=FORM[language])
            messages = [*messages, Message("assistant", reply.text or "-"), Message("user", again)]
        return Answer(tuple(range(len(clips))), refused=f"{self._model.id} gave no order of the clips: {why}")

    def report(self) -> Mapping[str, float]:
        """See `Method.report`."""
        return self._model.report()


def question(story: Story, pictures: Sequence[bytes] = (), texts: bool = True) -> Message:
    """The question about clips.

    Args:
        story: title, knowledge and the clips in the order given.
        pictures: a JPEG of each clip's frames side by side; none: the clips are described by texts alone.
        texts: whether labels and narrations are given.
    """
    language = story.language
    lines = [TASK[language], "", story.title]
    lines += [f"{each.aspect}: {', '.join(each.points)}" for each in story.knowledge]
    if texts:
        used = {label for clip in story.clips for label in clip.labels or ()}
        lines += ["", MEANINGS[language]]
        lines += [f"{each.text(language)}: {each.definition(language)}" for each in ScriptLabel if each in used]
    if pictures:
        lines += ["", STRIPS[language]]
    lines.append("")
    for number, clip in enumerate(story.clips, start=1):
        head = CLIP[language].format(number=number, seconds=clip.duration)
        told = [format_labels(clip.labels, language)] if clip.labels and texts else []
        told += [clip.narration] if clip.narration and texts else []
        lines.append(": ".join([head, *told]))
    return Message("user", "\n".join([*lines, "", FORM[language]]), tuple(pictures))


def read_order(text: str, count: int) -> Order | str:
    """The order in a reply, from 0; or what is wrong with it.

    Args:
        text: the reply; lines that open or close a code fence are left out.
        count: number of clips.

    Example:
        >>> read_order('{"order": [2, 1, 3]}', 3), read_order('{"order": [2, 2, 3]}', 3)
        ((1, 0, 2), 'clip 2 is in it twice')
    """
    kept = "\n".join(line for line in text.splitlines() if not FENCE.fullmatch(line)).strip()
    try:
        data = json.loads(kept)
    except (ValueError, RecursionError):
        return f"expected JSON, got {show(text)}" if kept else "the reply is empty"
    numbers = data.get("order") if isinstance(data, dict) else None
    if not isinstance(numbers, list) or not all(type(n) is int for n in numbers):
        return f'expected {{"order": [numbers]}}, got {show(text)}'
    for number in numbers:
        if not 1 <= number <= count:
            return f"there is no clip {show(number)}"
        if numbers.count(number) > 1:
            return f"clip {number} is in it twice"
    if len(numbers) < count:
        return f"clip {next(n for n in range(1, count + 1) if n not in numbers)} is left out"
    return tuple(number - 1 for number in numbers)
