"""Personal data in speech: telephone numbers, addresses of e-mail, handles and accounts, written or spoken.

A text with any of these is marked for review. Prices, dates, sizes and counts are none of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vn.annotate.stage import Mark

_SPOKEN = dict(zip("零〇一幺二三四五六七八九", "001123456789", strict=True)) | {
    name: str(n % 10)
    for n, name in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))
} | {"oh": "0"}  # fmt: skip
_REPEATED = {"double": 2, "triple": 3}
_DIGIT_WORD = "|".join(name for name in _SPOKEN if len(name) > 1)
_REPEAT = "|".join(_REPEATED)
# Digits that are spoken one after the other, at least three: "one three eight", "double five".
_ENGLISH_RUN = re.compile(
    rf"\b(?:(?:{_REPEAT})\s+)?(?:{_DIGIT_WORD}|\d)(?:[\s,-]+(?:(?:{_REPEAT})\s+)?(?:{_DIGIT_WORD}|\d)(?!\d)){{2,}}\b"
)
_CHINESE_DIGIT = "[零〇一幺二三四五六七八九0-9]"
_CHINESE_RUN = re.compile(rf"{_CHINESE_DIGIT}(?:[\s,，、-]?{_CHINESE_DIGIT}){{4,}}")
_GAP = r"[\s.-]?"
_LEFT, _RIGHT = r"(?<![\d.,])", r"(?![\d]|[.,]\d)"
_PHONES = (
    # Chinese mobile numbers, perhaps in groups of three and four.
    rf"(?:\+?86{_GAP})?{_LEFT}1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}{_RIGHT}",
    # With the code of a country.
    r"(?:(?<![\w+])\+|\bplus\s)\s?\d{1,3}(?:[\s.()-]{0,2}\d){6,14}(?!\d)",
    # Chinese landlines and service numbers, North American and British numbers.
    rf"{_LEFT}0\d{{2,3}}[\s-]\d{{7,8}}{_RIGHT}",
    rf"{_LEFT}[48]00-\d{{3,4}}-?\d{{3,4}}{_RIGHT}",
    rf"(?<!\w)\(\d{{3}}\)\s?\d{{3}}[\s.-]\d{{4}}{_RIGHT}",
    rf"(?:\b1[\s.-])?{_LEFT}\d{{3}}[.-]\d{{3}}[.-]\d{{4}}{_RIGHT}",
    rf"{_LEFT}07\d{{3}}\s?\d{{6}}{_RIGHT}",
)
_PHONE = re.compile("|".join(_PHONES))
FEWEST = 7  # digits, spoken one by one, that are taken for a telephone number
_CALL = re.compile(
    r"(?:\b(?:call|phone|ring|text|dial|tel|telephone|mobile)\b(?:\s(?:us|me|now|number|at|on|is))*|电话|手机号?|热线|致电|拨打)"
    r"\W{0,3}(?:是|为|号码)?\W{0,2}(?P<number>\d(?:[\s-]?\d){6,14})(?!\d)"
)
_EMAIL = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[\w.+-]+\s(?:at|艾特)\s[\w-]+(?:\s(?:dot|点)\s[a-z]{2,}|\.(?:com|net|org|cn))\b",
    re.ASCII,
)
_HANDLE = re.compile(r"(?<![\w.@])@[\w.]{2,30}")
_ACCOUNT = re.compile(
    r"(?:(?:(?:加|加我|我的|联系)?(?:微信|薇信|威信|v信|vx|wx)(?:号码|账号|号)?)|(?<![a-z])(?:wechat|whatsapp|telegram|instagram|snapchat|"
    r"tiktok|line id|skype)(?:\s(?:id|account|handle|number|name))?)"
    r"(?:\s?[:：是为]\s?|\sis\s|\sat\s|\s)?(?P<name>(?=[a-z0-9_.+-]*[a-z0-9])[a-z0-9_.+-]{4,30})",
    re.ASCII,
)
_QQ = re.compile(
    r"(?<![a-z])q{2}(?:号码|群号|号|群)?\s?[:：是为]?\s?\+?[1-9]\d{4,10}(?!\d)|扣扣(?:号|群)?\s?[:：是为]?\s?\+?[1-9]\d{4,10}(?!\d)"
)
_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s，。]+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org|cn|io|shop|store|xyz|top|info)\b",
    re.ASCII,
)
_NOT_NAMES = {"is", "and", "the", "for", "now", "with", "from", "that", "this", "them", "group", "friends", "stories"}


@dataclass(frozen=True, slots=True)
class Private:
    """Personal data in a text.

    Attributes:
        kind: ``telephone number``, ``e-mail address``, ``handle`` or ``account``.
        text: it, with spoken digits as digits.
    """

    kind: str
    text: str


def private(text: str) -> list[Private]:
    """The personal data in a text.

    >>> [each.kind for each in private("打电话一三八零零一三八零零零，或者加微信 kettle_88")]
    ['telephone number', 'account']
    >>> private("Only $1,999.00 until 2026-11-28, 1920 x 1080 pixels, 3 for 2")
    []
    """
    found: list[tuple[str, re.Match[str]]] = []
    for kind, match in _found(_with_digits(text)):
        if all(match.end() <= other.start() or other.end() <= match.start() for _, other in found):
            found.append((kind, match))
    return [Private(kind, match[0].strip()) for kind, match in sorted(found, key=lambda each: each[1].start())]


def private_marks(texts: Sequence[str | None]) -> list[Mark]:
    """A mark for each clip whose text holds personal data; the mark does not repeat it."""
    marks = []
    for clip, text in enumerate(texts):
        kinds = dict.fromkeys(each.kind for each in private(text or ""))
        if kinds:
            marks.append(Mark(f"the text holds personal data: {', '.join(kinds)}", "private", clip))
    return marks


def new_contacts(before: str, after: str) -> list[str]:
    """Personal data and addresses of pages that one text has and another has not."""
    old = {each.text for each in private(before)} | set(_URL.findall(_with_digits(before)))
    new = [each.text for each in private(after)] + [found[0] for found in _URL.finditer(_with_digits(after))]
    return [each for each in new if each not in old]


def _found(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    for kind, pattern in (("e-mail address", _EMAIL), ("handle", _HANDLE), ("account", _QQ)):
        yield from ((kind, match) for match in pattern.finditer(text))
    for match in _ACCOUNT.finditer(text):
        if match["name"] not in _NOT_NAMES:
            yield "account", match
    for pattern in (_PHONE, _CALL):
        yield from (("telephone number", match) for match in pattern.finditer(text))


def _with_digits(text: str) -> str:
    """A text in small letters and usual width, with digits for those that are spoken one by one.

    A run of `FEWEST` digits and more is a telephone number, whatever its form, unless it counts: it gets a plus sign.
    """
    text = unicodedata.normalize("NFKC", text).lower()
    text = _ENGLISH_RUN.sub(lambda run: _digits(re.split(r"[\s,-]+", run[0]), run[0]), text)
    return _CHINESE_RUN.sub(lambda run: _digits(list(re.sub(r"[\s,，、-]", "", run[0])), run[0]), text)


def _digits(words: list[str], as_written: str) -> str:
    if all(word.isdecimal() for word in words):
        return as_written
    said, times = "", 1
    for word in words:
        if word in _REPEATED:
            times = _REPEATED[word]
        else:
            said, times = said + (_SPOKEN.get(word, word) * times), 1
    counts = said in "1234567890123456789"
    return f"+{said}" if len(said) >= FEWEST and not counts and not re.match(r"1[3-9]\d{9}$", said) else said
