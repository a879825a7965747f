"""Numbers spelled out and the names of months, in some twenty-five languages, beside the numbers in digits.

In: text and its language. Out: `Mention`s of numbers, in order, each with all it can mean. Does not know what is counted, ordinals
("third"), nor numbers past a hundred in words. The words are in `number_words.json`, by language:

    {"units": [words for 0, 1, 2 …], "tens": [for 20, 30 … 90], "compounds": [how the two make 21], "scales": {"1000": words}, "months": [12]}

Spellings are parted by "|"; what "?" opens has another meaning ("neuf", new): it supports a number and is not one to be supported.
"""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import regex

from inference.numerals import numbers

LEAST_CLAIM = 3
"""Words for smaller numbers are articles and pronouns too (un, ein, uno): they support a number and need no support."""
SHORT_SCALE = 2
"""Characters. "m" and "mi" are million, and meters or notes: the number before them may be meant as it stands."""
LONGEST_ROUNDED = 30
"""Characters: nobody rounds a longer number, and Python makes no integer of more than 4300 digits."""

_THOUSANDS = regex.compile(r"\p{Nd}[.,٬،'’，． \u00A0\u2009\u202F]\p{Nd}{3}(?!\p{Nd})")
_BOUNDARY = r"(?<![\p{L}\p{M}\p{N}])%s(?![\p{L}\p{M}\p{N}])"
_GAP = regex.compile(r"[ \u00A0\u202F-]?")
_NEAR_NUMBER = r"\p{Nd}{1,4}(?:er|st|nd|rd|th|\.|º|ª)?,?\s(?:de\s|of\s|del\s)?$"
_BEFORE_MONTH = regex.compile(_NEAR_NUMBER)
_AFTER_MONTH = regex.compile(r"\.?,?\s(?:de\s|del\s|do\s)?\p{Nd}")
_NUMERIC_DATE = regex.compile(
    r"\p{Nd}{4}-(?P<month>\p{Nd}{2})-\p{Nd}{2}|\p{Nd}{1,2}(?P<mark>[./-])(?P<month>\p{Nd}{1,2})(?P=mark)\p{Nd}{2,4}|(?<!\p{Nd})(?P<month>\p{Nd}{1,2})\s?[月월]"
)
_COUNTED_HAN = regex.compile(
    r"(?<![\p{Nd}〇零一二三四五六七八九十百千万亿億兆第])(?P<digit>[一二两三四五六七八九])"
    r"(?=[人名年天个個位次项項家月日件隊队校歳回社棟軒枚台割点點倍度県县町村市冊頭匹杯階部組种種周週分小])"
)
_HAN_VALUES = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}


class Mention(NamedTuple):
    """A number or month as written; `text[start:start + len(mention.text)]`."""

    text: str
    start: int
    readings: frozenset[tuple[str, ...]]
    """As those of `inference.numerals.Number`; a month that stands in a date is "month 5", and also 5."""
    claimed: bool
    """False: it may mean something else, so it supports a number and does not need support."""


@dataclass(frozen=True, slots=True)
class _Words:
    pattern: regex.Pattern[str]
    values: dict[str, tuple[str, bool]]  # value, and whether it needs support
    months: dict[str, str]
    scales: dict[str, int]


def mentions(text: str, lang: str = "") -> list[Mention]:
    """All numbers of `text` in order: in digits of any script, and in words where `lang` (ISO 639) is one of the known languages.

    >>> found = mentions("On 3 May twelve men lost 2.5 million.", "en")
    >>> [(mention.text, sorted(mention.readings)) for mention in found if mention.claimed]
    [('3', [('3',)]), ('May', [('month 5',)]), ('twelve', [('12',)]), ('2.5', [('2500000',)])]
    """
    words = _words(lang)
    found = [mention for plain in _digits(text) for mention in _scaled(text, plain, words)]
    if words:
        found += _spelled(text, words)
    found += (Mention(match.group(), match.start(), frozenset({(str(_HAN_VALUES[match.group()]),)}), False) for match in _COUNTED_HAN.finditer(text))
    for match in _NUMERIC_DATE.finditer(text):
        month = next(group for group in match.captures("month"))
        found.append(Mention(match.group(), match.start(), frozenset({(f"month {_plain(month)}",)}), False))
    return sorted(found, key=lambda mention: mention.start)


def supported_values(mention: Mention) -> set[str]:
    """The values for which a number of a source stands: 94.3 also for 94, but 15,600 and 15 600, which can be thousands, for neither 15 nor 16.

    >>> sorted(supported_values(mentions("94.3 percent")[0])), sorted(supported_values(mentions("15,600 people")[0]))
    (['94', '94.3'], ['15.600', '15600'])
    """
    whole = {reading[0] for reading in mention.readings if len(reading) == 1}
    if _THOUSANDS.search(mention.text) and any(value.isdecimal() and len(value) > 3 for value in whole):
        return whole
    exact = {value for reading in mention.readings for value in reading}
    return exact.union(*map(_rounded, exact)) if mention.claimed else exact  # the 2.5 of 2.5 million is not 3


def _rounded(value: str) -> set[str]:
    whole, mark, fraction = value.partition(".")
    return {whole, str(int(whole) + (fraction[0] >= "5"))} if mark and len(value) <= LONGEST_ROUNDED else set()


def _digits(text: str) -> Iterator[Mention]:
    return (Mention(number.text, number.start, number.readings, True) for number in numbers(text))


def _scaled(text: str, plain: Mention, words: "_Words | None") -> list[Mention]:
    """2.5 before "million" says 2500000; a source that has it supports 2.5 as well."""
    gap = _GAP.match(text, plain.start + len(plain.text)) if words else None
    match = words.pattern.match(text, gap.end()) if words and gap else None
    scale = words.scales.get(_key(match.group())) if words and match else None
    scaled = {(_times(reading[0], scale),) for reading in plain.readings if len(reading) == 1} if scale else set()
    if not match or not scaled:
        return [plain]
    if len(match.group()) <= SHORT_SCALE:
        return [plain._replace(readings=plain.readings | scaled)]
    return [plain._replace(readings=frozenset(scaled)), plain._replace(claimed=False)]


def _spelled(text: str, words: _Words) -> Iterator[Mention]:
    matches = list(words.pattern.finditer(text))
    kinds = [_key(match.group()) for match in matches]
    for place, (match, key) in enumerate(zip(matches, kinds, strict=True)):
        if key in words.months and (_BEFORE_MONTH.search(text, max(0, match.start() - 16), match.start()) or _AFTER_MONTH.match(text, match.end())):
            month = words.months[key]
            yield Mention(match.group(), match.start(), frozenset({(f"month {month}",)}), True)
            yield Mention(match.group(), match.start(), frozenset({(month,)}), False)
        elif key in words.months:
            yield Mention(match.group(), match.start(), frozenset({(f"month {words.months[key]}",)}), False)
        elif key in words.values:
            value, claimed = words.values[key]
            after = matches[place + 1] if place + 1 < len(matches) and _touch(text, match.end(), matches[place + 1].start()) else None
            scale = words.scales.get(kinds[place + 1]) if after else None
            alone = not after and not (place and _touch(text, matches[place - 1].end(), match.start()) and kinds[place - 1] not in words.months)
            readings = {(value,)} if not scale else {(_times(value, scale),)}
            yield Mention(match.group(), match.start(), frozenset(readings), claimed and alone)


def _touch(text: str, end: int, start: int) -> bool:
    return bool(_GAP.fullmatch(text, end, start))


@cache
def _words(lang: str) -> _Words | None:
    entry = _entries().get(lang)
    if not entry:
        return None
    units = {form: value for value, forms in enumerate(entry["units"]) for form in forms.split("|")}
    tens = {form: value for value, forms in enumerate(entry["tens"], 2) for form in forms.split("|")}
    values = units | {form: 10 * value for form, value in tens.items()}
    for compound in entry["compounds"]:
        for ten, tens_value in tens.items():
            for unit, value in units.items():
                if 1 <= value <= 9 or (lang == "fr" and 10 <= value <= 19 and tens_value in (6, 8)):
                    values.setdefault(compound.format(ten=ten.lstrip("?"), unit=unit.lstrip("?")), 10 * tens_value + value)
    months = {form: str(number) for number, forms in enumerate(entry["months"], 1) for form in forms.split("|")}
    scales = {form: int(scale) for scale, forms in entry["scales"].items() for form in forms.split("|")}
    spellings = {variant for form in (*values, *months, *scales) for variant in _variants(form.lstrip("?"))}
    unspaced = lang == "th"
    pattern = regex.compile(r"\L<spellings>" if unspaced else _BOUNDARY % r"\L<spellings>", regex.IGNORECASE, spellings=sorted(spellings))
    return _Words(
        pattern,
        {_key(form.lstrip("?")): (str(value), value >= LEAST_CLAIM and not form.startswith("?")) for form, value in values.items()},
        {_key(form.lstrip("?")): value for form, value in months.items()},
        {_key(form): value for form, value in scales.items()},
    )


@cache
def _entries() -> dict[str, dict[str, Any]]:
    return json.loads(files("inference").joinpath("number_words.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _variants(form: str) -> tuple[str, ...]:
    return form, unicodedata.normalize("NFC", form), unicodedata.normalize("NFD", form)


def _key(form: str) -> str:
    return unicodedata.normalize("NFC", form.casefold())


def _plain(digits: str) -> str:
    return str(int(digits))


def _times(value: str, scale: int) -> str:
    product = Decimal(value) * scale
    return f"{product:f}".rstrip("0").rstrip(".") if "." in f"{product:f}" else f"{product:f}"
