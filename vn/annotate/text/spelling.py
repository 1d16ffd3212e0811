"""Texts as they are compared: without case, width and punctuation; numbers as they sound."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from vn.story import Language

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
DIGITS = "零一二三四五六七八九"
PLACES = ("", "十", "百", "千")
# How numerals sound, without tones: enough to compare one number with another where pypinyin is not installed.
SOUNDS = dict(zip("零一二两三四五六七八九十百千万点半", (
    *("ling", "yi", "er", "liang", "san", "si", "wu", "liu", "qi", "ba", "jiu"),
    *("shi", "bai", "qian", "wan", "dian", "ban"),
), strict=True))  # fmt: skip
_NUMBER = r"[0-9]+(?:[.,][0-9]+)*"
_WORDS = re.compile(rf"{_NUMBER}|[^\W\d_]+(?:['’][^\W\d_]+)*|[$€£¥%]")
_CHARACTERS = re.compile(rf"{_NUMBER}|[a-zA-Z]+|[^\W_]|[$€£¥%]")
_HAN = re.compile(r"[\u3400-\u9fff]")


def plain(text: str) -> str:
    r"""A text without differences of width and case, its words one blank apart.

    >>> plain("ＡＢＣ  Kettle\n９．９元")
    'abc kettle 9.9元'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def units(text: str, language: Language) -> list[str]:
    """What an edit distance counts: words in English, characters in Chinese; without punctuation, numbers in words.

    >>> units("Don't wait: it's 9.9!", "en"), units("只要9.9元，快！", "zh")
    (["don't", 'wait', "it's", 'nine', 'point', 'nine'], ['只', '要', '九', '点', '九', '元', '快'])
    """
    found: list[str] = []
    for each in tokens(plain(text), language):
        if each[0][0].isdecimal():
            words = spoken(Decimal(each[0].replace(",", "")), language)
            found += words.split() if language == "en" else words
        else:
            found.append(each[0])
    return found


def tokens(text: str, language: Language) -> list[re.Match[str]]:
    """Words and numbers of a text, in Chinese characters and numbers, with their places."""
    return list((_WORDS if language == "en" else _CHARACTERS).finditer(text))


def is_chinese(text: str) -> bool:
    """Whether a text has a Chinese character."""
    return bool(_HAN.search(text))


def spoken(value: Decimal, language: Language) -> str:
    """A number in words.

    >>> spoken(Decimal("19.5"), "en"), spoken(Decimal(250), "en"), spoken(Decimal(1050), "zh")
    ('nineteen point five', 'two hundred fifty', '一千零五十')
    """
    whole, _, part = format(value, "f").lstrip("-").partition(".")
    part = part.rstrip("0")
    words = _english(int(whole)) if language == "en" else _chinese(int(whole))
    if not part:
        return words
    if language == "en":
        return f"{words} point {' '.join(ONES[int(digit)] for digit in part)}"
    return f"{words}点{''.join(DIGITS[int(digit)] for digit in part)}"


def _english(number: int) -> str:
    if number >= 1_000_000_000:
        return " ".join(ONES[int(digit)] for digit in str(number))
    for size, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            return f"{_english(number // size)} {name}{f' {_english(rest)}' if rest else ''}"
    if number < len(ONES):
        return ONES[number]
    return f"{TENS[number // 10 - 2]}{f' {ONES[number % 10]}' if number % 10 else ''}"


def _chinese(number: int) -> str:
    if number >= 100_000_000:
        return "".join(DIGITS[int(digit)] for digit in str(number))
    if number >= 10_000:
        rest = number % 10_000
        return f"{_chinese(number // 10_000)}万{'零' if 0 < rest < 1000 else ''}{_chinese(rest) if rest else ''}"
    digits = str(number)
    words = ""
    for n, digit in enumerate(digits):
        place = PLACES[len(digits) - 1 - n]
        if digit != "0":
            words += DIGITS[int(digit)] + place
        elif not words.endswith("零"):
            words += "零"
    words = words.rstrip("零") or "零"
    return words.removeprefix("一") if words.startswith("一十") else words
