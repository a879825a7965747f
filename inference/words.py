"""Words in any script, for overlap scores and for the one length unit of the package.

In: any text. Out: normalized words, or a number of words. Does not know languages, sentences or tokenizers.
"""

import unicodedata

import regex

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
"""Scripts that are written without spaces between words; the long-vowel mark belongs to no script in Unicode's tables."""

_CHARACTER = regex.compile(rf"[[{_UNSPACED}]&&[\p{{L}}\p{{N}}]]\p{{M}}*", regex.V1)
_WORD = regex.compile(rf"[[{_UNSPACED}]&&[\p{{L}}\p{{N}}]]\p{{M}}*|[[\p{{L}}\p{{N}}]--[{_UNSPACED}]][[\p{{L}}\p{{N}}\p{{M}}]--[{_UNSPACED}]]*", regex.V1)
_SPACED_RUN = regex.compile(rf"[^\s{_UNSPACED}]++", regex.V1)
_LETTER_OR_DIGIT = regex.compile(r"[\p{L}\p{N}]")
_INVISIBLE = regex.compile(r"[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u2069\uFEFF]")
"""Soft hyphens, joiners and direction marks: they change how a word looks, not which word it is."""


def words(text: str) -> list[str]:
    """The words of `text`, NFKC-normalized and case-folded, combining marks kept with their letters.

    Where a script puts no spaces between words (Han, Kana, Thai, Lao, Khmer, Myanmar) each character is a word.

    >>> words("Ｔokyo’s U.N. vote: 3–2")
    ['tokyo', 's', 'u', 'n', 'vote', '3', '2']
    >>> words("東京タワー हिन्दी")
    ['東', '京', 'タ', 'ワ', 'ー', 'हिन्दी']
    """
    found: list[str] = _WORD.findall(unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold())
    return found


def is_unspaced(word: str) -> bool:
    """Whether a word of `words` is of a script without spaces, and so a single character.

    >>> [is_unspaced(word) for word in ("東", "a", "3")]
    [True, False, False]
    """
    return _CHARACTER.match(word) is not None


def count_words(text: str) -> int:
    """The length of `text` in words, the unit of `max_words`: two characters of an unspaced script count as one, rounded up.

    >>> count_words("The U.N. voted 3–2.")
    4
    >>> count_words("東京で会談した。")
    4
    """
    text = _INVISIBLE.sub("", text)
    characters = len(_CHARACTER.findall(text))
    return (characters + 1) // 2 + sum(1 for run in _SPACED_RUN.finditer(text) if _LETTER_OR_DIGIT.search(run.group()))
