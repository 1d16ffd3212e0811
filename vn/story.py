"""The domain: a story is a video cut into clips, facts to tell, a storyline and narrations.

Plain, immutable values, and no torch: everything that reads data builds on this file.
Times are seconds; clips are numbered from 0 here and in files, from 1 in prompts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from vn.errors import InputError, did_you_mean, show
from vn.io.files import read_text as read_text  # re-exported for code that reads stories

Language = Literal["zh", "en"]
Domain = Literal["ad", "general"]

KEY = re.compile(r"[0-9A-Za-z_-]{1,200}")  # a file name has at most 255 bytes, extension included
KEY_RULE = "an id has letters, digits, '_' and '-' only, and 200 of them at most"
LONGEST = 1e6  # seconds; eleven days: a larger value must be something else


class ScriptLabel(Enum):
    """The 12 script labels of a storyline (docs/method.md#script-labels), with definitions in our own words.

    Example:
        >>> ScriptLabel.EFFECT.text("en"), ScriptLabel.EFFECT.text("zh")
        ('Product Effect', '产品功效')
    """

    SOCIAL_PROOF = (
        "Social Proof/Influence",
        "产品推荐",
        "Someone vouches for the product, with their own or other people's good experience.",
        "以个人或大家的好评、使用经历为产品背书，并加以推荐。",
    )
    SORE_POINT = (
        "Sore Point",
        "痛点铺垫",
        "The trouble, need or worry that people have without the product.",
        "说出没有该产品时人们遇到的麻烦、需求或担忧。",
    )
    CALL_TO_ACTION = (
        "Call to Action",
        "引导购买",
        "An invitation to buy, with prices, offers, gifts or deadlines.",
        "用价格、优惠、赠品或期限等引导观众下单。",
    )
    APPEARANCE = (
        "Design of Appearance",
        "外观设计",
        "How the product or its packaging looks: shape, size, colour, pattern, cut.",
        "描述产品或包装的样子：形状、大小、颜色、图案、剪裁等。",
    )
    MATERIAL = (
        "Ingredient/Material/Texture",
        "质地/成分/材质",
        "What the product is made of or contains, and how it feels.",
        "说明产品的用料、成分，以及手感或质地。",
    )
    TRIAL = (
        "Product Trial",
        "产品试用",
        "Using the product step by step, so that viewers can imagine doing it.",
        "一步步展示使用过程，让观众身临其境。",
    )
    EFFECT = (
        "Product Effect",
        "产品功效",
        "What the product does and what changes after using it.",
        "说明产品的作用，以及使用后的变化。",
    )
    CHARACTERISTICS = (
        "Specific Characteristics",
        "质量/特性介绍",
        "A particular quality of the product, such as being durable or waterproof.",
        "介绍耐用、防水等具体的质量或特性。",
    )
    SECURITY = (
        "Product Security",
        "安全认证",
        "Safety tests and safety marks that the product has passed.",
        "展示产品通过的安全检测与安全认证。",
    )
    CERTIFICATE = (
        "Authoritative Certificate",
        "鉴定展示",
        "Appraisals, awards or certificates from an authority.",
        "展示权威机构的鉴定、奖项或证书。",
    )
    PRODUCTION = (
        "Production Process",
        "生产过程",
        "How and where the product is made.",
        "介绍产品在哪里、怎样被生产出来。",
    )
    OTHERS = (
        "Others",
        "其他/通用卖点",
        "Any other selling point, such as the story of the brand.",
        "其他卖点，例如品牌故事。",
    )

    def __init__(self, en: str, zh: str, definition_en: str, definition_zh: str) -> None:
        self.en = en
        self.zh = zh
        self.definition_en = definition_en
        self.definition_zh = definition_zh

    def text(self, language: Language) -> str:
        """The label's name in a language."""
        return self.zh if language == "zh" else self.en

    def definition(self, language: Language) -> str:
        """What the label means, in a language."""
        return self.definition_zh if language == "zh" else self.definition_en


Labels = tuple[ScriptLabel, ...]

_LABEL_OF: dict[str, ScriptLabel] = {}
for _label in ScriptLabel:
    for _name in (_label.en, _label.zh, _label.name):
        _LABEL_OF[_name.casefold()] = _label
_LABEL_OF["其他"] = ScriptLabel.OTHERS  # the data writes both


def parse_labels(text: str | Sequence[str]) -> Labels:
    """Read one label or several joined by ``+``, in either language.

    Args:
        text: ``"Sore Point+Product Trial"``, or a list of such names.

    Returns:
        The labels in the order given, each once.

    Raises:
        InputError: a name that is none of the 12, which are listed.
    """
    names = text.split("+") if isinstance(text, str) else [n for part in text for n in str(part).split("+")]
    labels: list[ScriptLabel] = []
    for name in names:
        label = _LABEL_OF.get(name.strip().casefold())
        if label is None:
            known = [n for each in ScriptLabel for n in (each.en, each.zh)]
            chinese = any("\u4e00" <= c <= "\u9fff" for c in name)
            all_12 = ", ".join(each.zh if chinese else each.en for each in ScriptLabel)
            hint = did_you_mean(name.strip(), known)
            raise InputError(f"unknown script label {show(name.strip())}{hint}; the 12 are: {all_12}")
        if label not in labels:
            labels.append(label)
    return tuple(labels)


def format_labels(labels: Sequence[ScriptLabel], language: Language) -> str:
    """Labels as prompts and data write them: names joined by ``+``."""
    return "+".join(label.text(language) for label in labels)


@dataclass(frozen=True, slots=True)
class WordRange:
    """How many words a narration may have, both ends included."""

    low: int
    high: int

    def __contains__(self, count: int) -> bool:
        return self.low <= count <= self.high

    @classmethod
    def of_duration(cls, seconds: float, rate: float, margin: float) -> WordRange:
        """[rate * t - margin, rate * t + margin] (docs/method.md#word-ranges), at least one word."""
        low = max(1, math.ceil(rate * seconds - margin - 1e-9))
        return cls(low, max(low, math.floor(rate * seconds + margin + 1e-9)))

    @classmethod
    def of_reference(cls, narration: str, language: Language, margin: int) -> WordRange:
        """The reference's word count plus or minus a margin, at least one word."""
        count = count_words(narration, language)
        low = max(1, count - margin)
        return cls(low, max(low, count + margin))


@dataclass(frozen=True)  # no slots: jsonargparse reads defaults from __dict__
class WordRangeRule:
    """How a clip's word range is computed.

    Attributes:
        source: ``duration`` (what a raw video has) or ``reference`` (what the released data used).
        rate: words per second; None means zh 5 (the paper's), en 2.5 (ours).
        margin: words above and below; None means zh 3, en 5 (docs/method.md#word-ranges).
    """

    source: Literal["duration", "reference"] = "duration"
    rate: float | None = None
    margin: int | None = None

    def range_of(self, clip: Clip, language: Language) -> WordRange:
        """The range of one clip; a clip without a narration always uses its duration."""
        margin = self.margin if self.margin is not None else (3 if language == "zh" else 5)
        if self.source == "reference" and clip.narration:
            return WordRange.of_reference(clip.narration, language, margin)
        rate = self.rate if self.rate is not None else (5.0 if language == "zh" else 2.5)
        return WordRange.of_duration(clip.duration, rate, margin)


def is_seconds(value: Any) -> bool:
    """Whether a parsed value is a time in a video: a number, finite and not below 0."""
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= LONGEST


def count_words(text: str, language: Language) -> int:
    """Spoken words: characters with punctuation in Chinese, whitespace words in English.

    See docs/method.md#word-ranges.
    """
    return len(text.strip()) if language == "zh" else len(text.split())


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known about one aspect: short expressions, most important first."""

    aspect: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """A part of the video, in seconds; `narration` is None if the clip is not narrated.

    Example:
        >>> clip = Clip(2.0, 5.0, (ScriptLabel.EFFECT,), "It boils in a minute.")
        >>> clip.duration
        3.0
    """

    start: float
    end: float
    labels: Labels | None = None
    narration: str | None = None
    facts: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def duration(self) -> float:
        """The clip's length in seconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Fixed:
    """What is given for a clip rather than generated; None lets the narrator write it."""

    labels: Labels | None = None
    narration: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A video with its clips, title and knowledge (docs/design.md#story).

    Example:
        >>> clips = (Clip(0, 4, narration="Cold tea again?"), Clip(4, 10))
        >>> story = Story("kettle", "Aurora kettle", "en", "ad", (Knowledge("Material", ("steel",)),), clips)
        >>> story.duration, story.narrated, story.position(1)
        (10, (0,), 99)
    """

    id: str
    title: str
    language: Language
    domain: Domain
    knowledge: tuple[Knowledge, ...]
    clips: tuple[Clip, ...]
    video: str | None = None
    category: str | None = None  # what kind of product or event it is about, if the data says so

    @property
    def duration(self) -> float:
        """Total seconds of all clips, without gaps."""
        return sum(clip.duration for clip in self.clips)

    @property
    def end(self) -> float:
        """When the last clip ends, in seconds."""
        return max((clip.end for clip in self.clips), default=0.0)

    @property
    def narrated(self) -> tuple[int, ...]:
        """The numbers of the clips that have a narration."""
        return tuple(i for i, clip in enumerate(self.clips) if clip.narration)

    def time(self, second: float) -> int:
        """A time in per cent of the video, 0 to 99 (docs/design.md#whole-video); the video ends with its last clip."""
        return min(99, max(0, math.floor(100 * second / self.end))) if self.end > 0 else 0

    def position(self, clip: int) -> int:
        """Relative position of a clip in per cent, 0 to 99 (docs/method.md#clip-position).

        The middle of the clip relative to the total time of all clips, without gaps; the first clip is 0, the
        last 99, and the only clip of a video 99.
        """
        if clip == len(self.clips) - 1:
            return 99
        if clip == 0:
            return 0
        total = self.duration
        before = sum(c.duration for c in self.clips[:clip])
        middle = before + self.clips[clip].duration / 2
        return min(99, max(0, math.floor(100 * middle / total))) if total > 0 else 0

    def to_dict(self) -> dict[str, Any]:
        """The story as the JSON of docs/design.md#story; label names are in the story's language."""
        clips = []
        for clip in self.clips:
            entry: dict[str, Any] = {"start": clip.start, "end": clip.end}
            if clip.labels is not None:
                entry["labels"] = [label.text(self.language) for label in clip.labels]
            if clip.narration is not None:
                entry["narration"] = clip.narration
            if clip.facts is not None:
                entry["facts"] = dict(clip.facts)
            clips.append(entry)
        story: dict[str, Any] = {
            "id": self.id,
            "title": self.title,
            "language": self.language,
            "domain": self.domain,
            "knowledge": [{"aspect": k.aspect, "points": list(k.points)} for k in self.knowledge],
            "clips": clips,
        }
        if self.category is not None:
            story["category"] = self.category
        if self.video is not None:
            story["video"] = self.video
        return story
