"""Language identification: which language a text is in, and how sure that is.

In: any text, best without page boilerplate (English menus flip the answer). Out: an ISO 639 code and a probability.
Does not know where in a page the article stands: the caller passes the article's own words.
"""

from functools import cache
from typing import Any

import regex

UNKNOWN = ""
CONFIDENCE_FLOOR = 0.2
"""Below it the answer is "". Lone words and featureless text ("Hello", "12 34") get 0.01 to 0.06; the sample's train titles get 0.2 to 1, half of
them above 0.9, and even the 13 of 221 below 0.5 are named rightly but for two; whole paragraphs get 0.99."""
CHARACTERS_READ = 2000
"""More text does not change the answer of a paragraph, and costs time."""

_VARIETIES = {"wuu": "zh", "yue": "zh", "ary": "ar", "arz": "ar", "uzs": "uz"}
"""Spoken varieties whose news is written in the standard language; the identifier takes short standard headlines for them."""
_WORD = regex.compile(r"\p{L}")
_NOT_TEXT = regex.compile(r"[\uD800-\uDFFF\p{Cc}]")


def identify(text: str) -> tuple[str, float]:
    """The language of `text` as ISO 639-1 code (639-3 where there is none) and its probability in [0, 1].

    The code is "" for wordless text and below `CONFIDENCE_FLOOR`. Identifier: py3langid (Lui and Baldwin 2012, retrained), normalized probabilities.

    >>> identify("Der Stadtrat hat die neue Brücke beschlossen.")[0]
    'de'
    >>> identify("12:34")
    ('', 0.0)
    """
    start = _NOT_TEXT.sub(" ", text[:CHARACTERS_READ])
    if not _WORD.search(start):
        return UNKNOWN, 0.0
    probabilities: dict[str, float] = {}
    for code, probability in _identifier().rank(start):
        code = _VARIETIES.get(code, code)
        probabilities[code] = probabilities.get(code, 0.0) + probability
    best = max(probabilities, key=lambda code: probabilities[code])
    confidence = min(probabilities[best], 1.0)
    if confidence < CONFIDENCE_FLOOR:
        return UNKNOWN, confidence
    return ("ti" if best == "am" and _is_tigrinya(start) else best), confidence


def _is_tigrinya(text: str) -> bool:
    """The identifier lacks Tigrinya and says Amharic. Tigrinya writes the vowel carrier ኣ where Amharic writes አ."""
    return text.count("ኣ") > text.count("አ")


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # half a second and 120 MB: only when asked

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
