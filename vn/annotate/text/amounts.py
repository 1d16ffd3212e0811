"""The numbers that a text states, however they are written: prices, amounts, dates, shares.

``$19``, ``19 dollars`` and ``nineteen dollars`` are one number, as are ``9.9元``, ``九点九元`` and ``九块九``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from vn.annotate.text.spelling import DIGITS, ONES, TENS, plain
from vn.story import Language


@dataclass(frozen=True, slots=True)
class Number:
    """A number and what it counts.

    Attributes:
        value: its value.
        unit: currency, measure, part of a date; empty if there is none that we know.
    """

    value: Decimal
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """A number in a text.

    Attributes:
        number: the number.
        start: where it begins in the plain text (`vn.annotate.text.spelling.plain`).
        end: where it ends.
        sure: False for words such as "one", which mostly count nothing.
    """

    number: Number
    start: int
    end: int
    sure: bool = True


_UNITS = {
    "usd": "$ dollar dollars buck bucks usd 美元 美金 刀",
    "eur": "€ euro euros eur 欧元",
    "gbp": "£ pound pounds gbp 英镑",
    "cny": "¥ yuan rmb cny 元 块 块钱 元钱 人民币",
    "jiao": "毛 角 毛钱",
    "cent": "cent cents 分钱 美分",
    "%": "% percent 个百分点",
    "off": "折",
    "g": "g gram grams gramme grammes 克",
    "kg": "kg kilo kilos kilogram kilograms 公斤 千克",
    "jin": "斤",
    "ml": "ml milliliter milliliters millilitre millilitres 毫升",
    "l": "l liter liters litre litres 升",
    "mm": "mm millimeter millimeters millimetre millimetres 毫米",
    "cm": "cm centimeter centimeters centimetre centimetres 厘米 公分",
    "m": "m meter meters metre metres 米",
    "inch": "inch inches 英寸 寸",
    "foot": "foot feet ft",
    "w": "w watt watts 瓦",
    "degree": "° ℃ °c degree degrees 度 摄氏度",
    "second": "sec secs second seconds 秒 秒钟",
    "minute": "min mins minute minutes 分钟",
    "hour": "h hour hours 小时 个小时 钟头",
    "day": "day days 天",
    "week": "week weeks 周 个星期 星期",
    "month": "month months 个月",
    "year": "year years 年",
    "month of the year": "月",
    "day of the month": "日 号",
    "o'clock": "o'clock 点 点钟 am pm a.m. p.m.",
    "age": "岁",
    "times": "times 倍 x",
}
UNITS = {name: unit for unit, names in _UNITS.items() for name in names.split()}
CURRENCIES = "$€£¥"
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    "december",
)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ORDINALS = {
    **{"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12},
    **{f"{ONES[n]}th": n for n in (4, 6, 7, 10, 11, *range(13, 20))},
    **{f"{name[:-1]}ieth": 10 * n for n, name in enumerate(TENS, 2)},
}
_VALUES = {name: n for n, name in enumerate(ONES)} | {name: 10 * n for n, name in enumerate(TENS, 2)} | _ORDINALS
_LARGE = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_OTHER = {"half": Decimal("0.5"), "double": Decimal(2), "twice": Decimal(2), "triple": Decimal(3), "dozen": Decimal(12)}

_NAMES = "|".join(sorted((re.escape(name) for name in UNITS), key=len, reverse=True))
# One in letters is a word of its own, and a sign that has a number behind it belongs to that one.
_UNIT = rf"(?P<unit>(?:{_NAMES})(?![a-z])(?:(?<![{CURRENCIES}])|(?!\s?\d)))"
_PLAIN = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_ARABIC = re.compile(
    rf"(?P<sign>(?<![\w.)-])-)?(?:(?P<currency>[{CURRENCIES}]|us\$)\s?)?(?P<value>{_PLAIN})"
    rf"(?P<large>\s?(?:hundred|thousand|million)\b|[万千百亿])?(?:st|[nr]d|th)?(?:[\s-]?{_UNIT})?"
)
_WORD = "|".join(sorted((*_VALUES, *_LARGE), key=len, reverse=True))
_ENGLISH = re.compile(
    rf"\b(?P<value>(?:a\s+(?=hundred|thousand|million))?(?:{_WORD})(?:[\s-]+(?:and\s+)?(?:{_WORD}))*)"
    rf"(?:\s+point(?P<part>(?:\s+(?:{'|'.join(ONES[:10])}))+))?\b(?:[\s-]{_UNIT})?"
)
_NUMERALS = f"{DIGITS}两〇幺十百千万亿"
_CHINESE = re.compile(
    rf"(?:百分之(?P<share>[{_NUMERALS}]+(?:点[{DIGITS}]+)?))"
    rf"|(?P<weekday>(?:周|星期|礼拜)[一二三四五六日天](?![{_NUMERALS}]))"
    rf"|(?P<value>[{_NUMERALS}]+(?:点[{DIGITS}]+)?){_UNIT}?"
)
# Nine kuai nine, nine kuai ninety-nine: what follows the yuan is a part of it.
_PART = re.compile(
    rf"(?P<part>[{DIGITS}\d])(?:[毛角](?P<cents>[{DIGITS}\d])?分?)?(?![{_NUMERALS}\d.折件个只支瓶盒包袋天年月日克升斤米%])"
)
# Words with a numeral that count nothing.
_IDIOMS = re.compile(
    r"千万(?=别|不|要|记)|万一|十分(?!钟|之)|十足|百般|万般|千百|万千|三明治|四川|五官|四周|四处|七夕|一|万能|万物|百搭|百货|百姓|九寨"
)
_OTHERS = re.compile(rf"\b(?:{'|'.join(_OTHER)})\b|半|双倍|翻倍")
_NAMED = re.compile(rf"\b(?:{'|'.join((*MONTHS, *DAYS))})\b")
_UNSURE_MONTHS = ("march", "may", "august")


def stated(text: str, language: Language) -> list[Stated]:
    """The numbers of a text, in its order.

    >>> [str(each.number.value) + each.number.unit for each in stated("only nineteen dollars for 2 litres", "en")]
    ['19usd', '2l']
    >>> [str(each.number.value) + each.number.unit for each in stated("两瓶只要九块九，八折", "zh")]
    ['2', '9.9cny', '8off']
    """
    text = plain(text)
    found = list(_arabic(text))
    more = _english(text) if language == "en" else _chinese(text)
    for each in (*more, *_others(text)):
        if all(each.end <= other.start or each.start >= other.end for other in found):
            found.append(each)
    return sorted(found, key=lambda each: each.start)


def changed(before: str, after: str, language: Language) -> tuple[list[Stated], list[Stated]]:
    """The numbers that one text states and the other does not.

    Returns:
        Those of `before` that are lost, and those of `after` that are new; words such as "one" may come and go.
    """
    old, new = stated(before, language), stated(after, language)
    return _without(old, new), _without(new, old)


def _without(these: list[Stated], those: list[Stated]) -> list[Stated]:
    """What is sure in `these` and has no equal in `those`."""
    left = Counter(each.number for each in those)
    missing = []
    for each in sorted(these, key=lambda each: not each.sure):
        if left[each.number] > 0:
            left[each.number] -= 1
        elif each.sure:
            missing.append(each)
    return missing


def _arabic(text: str) -> Iterator[Stated]:
    end = 0
    for found in _ARABIC.finditer(text):
        if found.start() < end:
            continue
        value = Decimal(found["value"].replace(",", "")) * _size(found["large"])
        unit = UNITS.get(found["unit"] or "", "")
        end = found.end()
        if found["currency"]:
            unit = "usd" if found["currency"] == "us$" else UNITS[found["currency"]]
        if unit == "cny" and (part := _PART.match(text, end)) and value == int(value):
            value, end = value + _parts(part), part.end()
        yield Stated(Number(-value if found["sign"] else value, unit), found.start(), end)


def _size(word: str | None) -> int:
    sizes: dict[str, int] = {"万": 10_000, "千": 1000, "百": 100, "亿": 100_000_000, **_LARGE}
    return sizes[word.strip()] if word else 1


def _english(text: str) -> Iterator[Stated]:
    for found in _ENGLISH.finditer(text):
        words = [word for word in re.split(r"[\s-]+", found["value"]) if word not in ("and", "a")]
        value = Decimal(_value_of(words))
        if found["part"]:
            value += Decimal("0." + "".join(str(ONES.index(word)) for word in found["part"].split()))
        unit = UNITS.get(found["unit"] or "", "")
        alone = words in (["one"], ["second"], ["first"]) and not unit
        yield Stated(Number(value, unit), found.start(), found.end(), sure=not alone)


def _value_of(words: list[str]) -> int:
    """Words as a number; digits, tens and such that follow one another are written one after the other (a year)."""
    parts: list[int] = []
    total = group = 0
    for word in words:
        if word in _LARGE:
            size = _LARGE[word]
            group = max(1, group) * size
            if size >= 1000:
                total, group = total + group, 0
            continue
        value = _VALUES[word]
        ends_in_tens = group % 100 >= 20 and group % 10 == 0
        if group and not (ends_in_tens and 0 < value < 10) and not (group % 100 == 0 and value < 100):
            parts.append(total + group)
            total = group = 0
        group += value
    parts.append(total + group)
    return int("".join(map(str, parts)))


def _chinese(text: str) -> Iterator[Stated]:
    idioms = [found.span() for found in _IDIOMS.finditer(text)]
    end = 0
    for found in _CHINESE.finditer(text):
        if found.start() < end:
            continue
        end = found.end()
        if found["weekday"]:
            day = DIGITS.find(found["weekday"][-1])
            yield Stated(Number(Decimal(day if day > 0 else 7), "weekday"), found.start(), end)
            continue
        if found["share"]:
            yield Stated(Number(_numeral(found["share"]), "%"), found.start(), end)
            continue
        value, unit = _numeral(found["value"]), UNITS.get(found["unit"] or "", "")
        if unit == "cny" and (part := _PART.match(text, end)):
            value, end = value + _parts(part), part.end()
        sure = bool(unit) or not any(a <= found.start() and found.end("value") <= b for a, b in idioms)
        yield Stated(Number(value, unit), found.start(), end, sure)


def _numeral(text: str) -> Decimal:
    """Chinese numerals, by place or digit after digit."""
    whole, _, part = text.replace("两", "二").replace("〇", "零").replace("幺", "一").partition("点")
    fraction = Decimal("0." + "".join(str(DIGITS.index(digit)) for digit in part)) if part else Decimal(0)
    if not set(whole) & set("十百千万亿"):
        return Decimal("".join(str(DIGITS.index(digit)) for digit in whole)) + fraction
    total = Decimal(0)
    section = digit = 0
    for character in whole:
        if character in DIGITS:
            digit = DIGITS.index(character)
        elif character in "十百千":
            section += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = 0
        else:
            total = max(total + section + digit, Decimal(1)) * {"万": 10_000, "亿": 100_000_000}[character]
            section = digit = 0
    return total + Decimal(section + digit) + fraction


def _parts(found: re.Match[str]) -> Decimal:
    """Tenths and hundredths that follow an amount of yuan."""
    tenth, cent = (_digit(found[name]) for name in ("part", "cents"))
    return Decimal(tenth) / 10 + Decimal(cent) / 100


def _digit(character: str | None) -> int:
    if not character:
        return 0
    return int(character) if character.isdecimal() else DIGITS.index(character)


def _others(text: str) -> Iterator[Stated]:
    """Halves and doubles, months and weekdays."""
    for found in _OTHERS.finditer(text):
        value = _OTHER.get(found[0], Decimal("0.5") if found[0] == "半" else Decimal(2))
        yield Stated(Number(value, "part" if value < 1 else "times"), found.start(), found.end())
    for found in _NAMED.finditer(text):
        name = found[0]
        if name in DAYS:
            yield Stated(Number(Decimal(DAYS.index(name) + 1), "weekday"), found.start(), found.end())
            continue
        beside = re.search(r"(?:\d|\b(?:of|in|on))\s*$", text[: found.start()]) or re.match(
            r"\s*\d", text[found.end() :]
        )
        if name not in _UNSURE_MONTHS or beside:
            yield Stated(Number(Decimal(MONTHS.index(name) + 1), "month of the year"), found.start(), found.end())
