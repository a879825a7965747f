"""The numbers in a text of any script, as written and as what they can mean.

In: text. Out: `Number`s with all their readings as plain decimals, so that 1.200, 1,200 and ١٢٠٠ can be compared. Does not know: languages, what is
counted, number words.
"""

import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import regex

_HAN_DIGITS = {"〇": 0, "○": 0, "零": 0, "一": 1, "二": 2, "两": 2, "兩": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_SMALL_SCALES = {"十": 10, "百": 100, "千": 1000, "십": 10, "백": 100, "천": 1000}  # inside a group of four digits
_BIG_SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "兆": 10**12, "만": 10**4, "억": 10**8, "조": 10**12}
_SCALES = "".join(_SMALL_SCALES | _BIG_SCALES)
_HAN = "".join(_HAN_DIGITS) + "十百千万萬亿億兆"  # Hangul scales count after digits only: alone they are syllables of words

_NUMBER = regex.compile(
    r"(?P<digits>\p{Nd}{1,3}(?:[ \u00A0\u2009\u202F]\p{Nd}{3})+(?!\p{Nd})(?:[.,٫]\p{Nd}+)?"
    r"|\p{Nd}+(?:(?:[.,٫٬،'’]|(?<=[０-９])[，．](?=[０-９]))\p{Nd}+)*+)"
    rf"(?P<scaled>(?:[{_SCALES}][{_HAN}]*(?:\p{{Nd}}+(?:,\p{{Nd}}{{3}})*)?)*+)"
    rf"|(?P<han>[{_HAN}]++)"
)
_SCALED_PIECE = regex.compile(rf"\p{{Nd}}+(?:,\p{{Nd}}{{3}})*|[{_HAN}{_SCALES}]")
_DIGITS = regex.compile(r"\p{Nd}+")
_SAME_MARKS = str.maketrans("，．’\u00a0\u2009\u202f", ",.'   ")
_LONGEST_SCALED = 28
"""Characters. What is longer is no number that news would spell with scales, and past the precision of `Decimal`."""


class Number(NamedTuple):
    """A number as written, and what it can mean."""

    text: str
    readings: frozenset[tuple[str, ...]]
    """Values as plain decimals in the digits 0-9. A reading of several values is a date, a time or a list: its parts in order."""
    start: int
    """Where it stands in the text."""


def numbers(text: str) -> Iterator[Number]:
    """The numbers written in digits of any script, or as Chinese numerals such as 四百六十万; number words are left out.

    Signs, currencies, units and ordinal endings are no part of a number. What no dot joins in a date or time are numbers of their own.
    One mark before three digits can be of thousands or decimals: both are readings. A lone 三 or 十 is taken for a word.

    >>> [(number.text, sorted(number.readings)) for number in numbers("١٬٢٣٤٫٥٪, 1.234 or 3万5000 on 12.03.2024")]
    [('١٬٢٣٤٫٥', [('1234.5',)]), ('1.234', [('1.234',), ('1234',)]), ('3万5000', [('30000', '5000'), ('35000',)]), ('12.03.2024', [('12', '3', '2024')])]
    """
    for match in _NUMBER.finditer(text):
        digits, scaled, written = match["digits"], match["scaled"], match.group()
        readings: list[tuple[str, ...]] = []
        if match["han"]:
            if _is_exact_han(written) and len(written) <= _LONGEST_SCALED:
                readings = _scaled_readings(None, written)
        elif scaled and len(written) <= _LONGEST_SCALED:
            readings = [reading for values in _readings(digits) if len(values) == 1 for reading in _scaled_readings(values[0], scaled)]
        elif digits != "00":  # 14:00 is also written 14
            readings = _readings(digits)
            if len(digits) == 2 and (text[match.end() : match.end() + 1] in ("年", "년") or text[match.start() - 1 : match.start()] in ("'", "’")):
                readings += [(century + _ascii(digits),) for century in ("19", "20")]  # 24年 and '24 are 2024
        if readings:
            yield Number(written, frozenset(readings), match.start())


def _readings(written: str) -> list[tuple[str, ...]]:
    """What digits with marks between them can mean."""
    groups = [_ascii(group) for group in _DIGITS.findall(written)]
    marks = [mark for mark in _DIGITS.split(written.translate(_SAME_MARKS)) if mark]
    parts = tuple(map(_decimal, groups))
    if not marks:
        return [parts]
    if len(set(marks)) == 2 and marks[-1] not in marks[:-1] and marks[-1] in ".,٫" and _are_thousands(groups[:-1]):
        return [(_decimal("".join(groups[:-1]), groups[-1]),)]
    if len(set(marks)) > 1:
        return [parts]
    mark = marks[0]
    readings: list[tuple[str, ...]] = []
    if mark != "٫" and _are_thousands(groups):
        readings.append((_decimal("".join(groups)),))
    if len(marks) == 1 and mark in ".,٫،":
        # the zeros of 1.200 stay: an ambiguous number must not be supported by 1.2
        readings.append((f"{_decimal(groups[0])}.{groups[1]}" if readings else _decimal(*groups),))
    clock = mark == "." and [len(group) for group in groups] in ([1, 2], [2, 2]) and groups[1] < "60"  # 14.30 is also written 14:30
    if not readings or clock or " " in written or len(groups[-1]) > 3:  # "2023,2024" are two years
        readings.append(parts)
    return readings


def _are_thousands(groups: list[str]) -> bool:
    """Whether the groups are those of 1,234,567 or of the Indian 12,34,567."""
    if len(groups) < 2 or len(groups[0]) > 3 or groups[0].startswith("0") or len(groups[-1]) != 3:
        return False
    middle = {len(group) for group in groups[1:-1]}
    return middle <= {3} or (middle == {2} and len(groups[0]) <= 2)


def _is_exact_han(written: str) -> bool:
    """Lone numerals, 万一 (in case) and 三四 (three or four) are words; 四十, 二〇二四 are numbers."""
    scales = any(character in _SCALES for character in written)
    return written[0] not in _BIG_SCALES and len(written) >= (2 if scales else 3)


def _scaled_readings(lead: str | None, written: str) -> list[tuple[str, ...]]:
    """The value of a number with Chinese or Korean scales; 3万5000 can be 35000, or 30000 and 5000 as in "3万 5000"."""
    sections: list[Decimal] = []
    section = Decimal(0)
    current = None if lead is None else Decimal(lead)
    for piece in _SCALED_PIECE.findall(written):
        if piece in _BIG_SCALES:
            sections.append((section + (current or 0) or Decimal(1)) * _BIG_SCALES[piece])
            section, current = Decimal(0), None
        elif piece in _SMALL_SCALES:
            section, current = section + (1 if current is None else current) * _SMALL_SCALES[piece], None
        elif piece in _HAN_DIGITS:
            current = (current or 0) * 10 + Decimal(_HAN_DIGITS[piece])
        else:
            current = Decimal(_ascii("".join(_DIGITS.findall(piece))))
    section += current or 0
    if section or not sections:
        sections.append(section)
    values = [_decimal(*f"{value:f}".split(".")) for value in (sum(sections, Decimal(0)), *sections)]
    return [(values[0],), tuple(values[1:])]


def _ascii(digits: str) -> str:
    return digits if digits.isascii() else "".join(str(unicodedata.decimal(digit, 0)) for digit in digits)  # 0: newer than Python's tables


def _decimal(whole: str, fraction: str = "") -> str:
    return f"{whole.lstrip('0') or '0'}.{fraction.rstrip('0')}".rstrip(".")
