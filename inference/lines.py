"""How much a line of a page looks like boilerplate: menus, appeals, captions, credits, links, forms.

In: the lines of a page and its language. Out: a score in [0, 1) and a kind for each line; the same for single sentences.
Does not know titles, removal or how sentences are cut: `inference.cleaning` decides with these scores.

The score is a logistic regression on the features below. Features say what a line is made of (phrases of the lexicon, separators, addresses,
signs, length, final punctuation) and where it stands; a second step lets each line see its neighbors' scores, since boilerplate comes in runs.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import regex

from inference.lexicon import Match, Phrase, find_phrases, is_word, tokenize
from inference.sentences import ends_with_full_stop
from inference.words import count_words

FEATURE_WEIGHTS = {
    "bias": 0.97,
    "strong": 4.79,
    "strong_long": -0.53,
    "medium": 2.39,
    "coverage": 4.43,
    "appeal": 0.44,
    "topic": 2.07,
    "topic_appeal": 1.37,
    "hints": 2.09,
    "hints_short": 0.71,
    "open_end": 2.65,
    "very_short": 0.62,
    "short": -0.85,
    "length": -4.0,
    "separators": 1.52,
    "separators_open": 1.17,
    "address": 1.26,
    "sign": 0.29,
    "clock": 0.6,
    "numbers": -1.18,
    "bracketed": 0.65,
    "opening_bracket": 0.4,
    "credit": 1.71,
    "names": -0.18,
    "identifier": 0.56,
    "wordless": 0.86,
    "question": 0.52,
    "quotation": -0.42,
    "foreign_script": 2.32,
    "above": -1.31,
    "below": 1.4,
    "repeated": 1.25,
}
"""First step: what a line is made of and where it stands. Logistic regression on `data/sample/train.jsonl`, by `python -m benchmarks.fit_cleaner`."""
NEIGHBOR_WEIGHTS = {
    "bias": -0.44,
    "own": 1.69,
    "both": 1.03,
    "either": 0.89,
}
"""Second step, fitted likewise: the line's own logit, clipped to ±6, and the lower and higher score of the lines around it."""

APPEAL_KINDS = frozenset({"donation", "subscribe"})
"""Kinds that run over several lines, some of them well-formed prose."""
PLACE_FEATURES = ("foreign_script", "above", "below", "repeated")
"""Features that a line has from the page around it: another script than the page's, before or after the body, said twice."""
TELLING_FEATURES = ("separators", "address", "sign", "bracketed", "identifier", *PLACE_FEATURES)
"""What tells boilerplate without a word of it."""
NEAR_APPEAL = 2.0
"""Logit added to a suspicious sentence beside an appeal."""
LONG_LINE_WORDS = 25
"""A line with this many words and a final full stop is prose, and marks where the article's body begins and ends."""
EDGE_WORDS, EDGE_WORDS_UNPUNCTUATED = 6, 30
"""Phrases bound to a line's edge ("By …", "Photo: …") count in lines of up to this many words: with a final full stop, without one."""
PHRASE_TOKENS, PHRASE_SYLLABLES = 2, 4
"""A weak phrase of at least this many tokens, or CJK characters and Hangul syllables, is more than a menu word."""
TELLING_TIERS = frozenset({"strong", "weak"})
"""The phrases that say what kind of boilerplate a line is, and cover its words."""
MENU_KINDS = frozenset({"navigation", "byline"})
"""Their weak phrases are everyday words of the news: sections, days and months."""
APPEAL_WORDS = 3
"""A line that speaks to the reader with this many words of an appeal is looked at sentence by sentence."""
MOSTLY_PHRASES, SHORT_WORDS = 0.3, 10
"""Weak phrases tell something in a line that speaks to the reader, has this share of its words in phrases, or is this short."""
APPEAL_RUN_SCORE = 0.9
"""The least that a line scores that speaks to the reader between two lines of an appeal."""
MID_BODY_SCORE = 0.6
"""The most that a line inside the body scores on its shape alone: it may be a crosshead or an item of a list."""
PASSAGE_WORDS = 80
"""A longer line is never removed whole: an article that lost its line breaks holds some boilerplate. Its sentences are scored one by one."""
QUOTING_WORDS = 12
"""From this length on, what stands in quotation marks is somebody's words, not the page's."""
SCRIPT_CHARACTERS = 500
"""Enough to see a line's main script; the page's is that of its longest line."""
READ_CHARACTERS = 2000
"""Of a longer line the first and the last half of this are read: no menu or appeal is longer."""

_SPEECH_END = regex.compile(r"[」』]$")
_SEPARATOR = regex.compile(r"\s[|｜·・•›»>→/–—-]\s|[|｜»›]|\s{3,}|\u3000|(?<=\p{L})\s?[·•]\s?(?=\p{L})")
_EMAIL = regex.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]+\.[\w.-]+")
_URL = regex.compile(r"https?://|\bwww\.|(?<![\w-])[\w-]++\.(?:com|org|net|info|co|io|jp|kr|cn|de|fr|es|ru|in|id|br|pt|uk|tv)(?:/|\b)(?!\w)", regex.I)
_SIGN = regex.compile(r"[☰▲▼▶►◀◆■●★☆↑↓←→▾▸☞☎✉✓✔👍👎🔊🔍📷📩\u2B50\u2190-\u21FF\U0001F300-\U0001FAFF]|^\s*(?:>>|»|«|\+\s|\*|•|※|＞)|<\s*$")
_CLOCK = regex.compile(r"\b\p{Nd}{1,2}[:h.]\p{Nd}{2}\b|\b\p{Nd}{1,4}[./-]\p{Nd}{1,2}[./-]\p{Nd}{1,4}\b|\p{Nd}+[年월月日時时]")
_BRACKETED = regex.compile(r"^\s*[(\[（【<〈〔].{0,200}[)\]）】>〉〕]\s*$")
_OPENING_BRACKET = regex.compile(r"^\s*[\[【〔]")
_IDENTIFIER = regex.compile(r"^\s*\w+(?:_\w+)+\s*$")
_CREDIT = regex.compile(
    r"[(（\[][^()（）\[\]]{0,30}[:：=/][^()（）\[\]]{1,60}[)）\]][\s.。]*$|©|ⓒ"  # … (Photo: A. Bell/Agency)
    r"|[=＝]\p{Nd}{1,2}日|=[^=]{0,40}(?:撮影|写す)[)）]?$"  # …=13日、名古屋市
    r"|\s[/|]\s\p{Lu}[\p{Lu}\s.'-]{4,40}$"  # … / MARTA ASENSIO
)
_QUOTED = regex.compile(r"[\"“„«「『‹].{0,400}?[\"”“»」』›]")
_OPENING_QUOTES = frozenset('"“„«「『‹‘–—-')
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}'’-]*")
_SCRIPTS = {
    name: regex.compile(pattern)
    for name, pattern in (
        ("latin", r"\p{Latin}"),
        ("cyrillic", r"\p{Cyrillic}"),
        ("arabic", r"\p{Arabic}"),
        ("devanagari", r"\p{Devanagari}"),
        ("hangul", r"\p{Hangul}"),
        ("cjk", r"[\p{Han}\p{Hiragana}\p{Katakana}]"),
    )
}


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of a line or sentence, the kind of boilerplate it would be, and whether anything in it is worth a closer look."""

    score: float
    kind: str
    suspicious: bool


def score_lines(lines: Sequence[str], lang: str) -> list[Scored]:
    """Score every line of a page, top to bottom.

    >>> [scored.kind for scored in score_lines(["Home | World | Sport", "Rain fell over the hills for three days."], "en") if scored.score > 0.5]
    ['navigation']
    """
    units = [Unit(line, lang) for line in lines]
    features = line_features(lines, units)
    logits = [weigh(values, FEATURE_WEIGHTS) for values in features]
    scores = [sigmoid(logit) for logit in logits]
    scored = []
    for index, unit in enumerate(units):
        score, kind = sigmoid(weigh(neighbor_features(index, logits, scores), NEIGHBOR_WEIGHTS)), unit.kind()
        if _is_mute(unit, features[index]):
            score = min(score, MID_BODY_SCORE)
        if _is_amid_appeal(index, scores, units):
            score, kind = max(score, APPEAL_RUN_SCORE), units[index - 1].kind()
        scored.append(Scored(score if unit.words <= PASSAGE_WORDS else 0.0, kind, unit.suspicious))
    return scored


def _is_amid_appeal(index: int, scores: Sequence[float], units: Sequence["Unit"]) -> bool:
    """Whether a line that speaks to the reader stands between two lines of an appeal: a paragraph of it, however well-formed."""
    if not 0 < index < len(units) - 1 or not units[index].hints:
        return False
    return all(scores[near] > 0.5 and units[near].kind() in APPEAL_KINDS for near in (index - 1, index + 1))


def _is_mute(unit: "Unit", features: Mapping[str, float]) -> bool:
    """Whether a line inside the body says nothing of what it is but by its shape."""
    return not unit.suspicious and unit.coverage < MOSTLY_PHRASES and not any(features[name] for name in TELLING_FEATURES)


def score_sentence(text: str, lang: str, near_appeal: bool = False) -> Scored:
    """Score one sentence of a line that is kept; `near_appeal`: the line stands beside an appeal, which may run into it.

    A sentence without a phrase, address or credit is the article's, however short it is.

    >>> round(score_sentence("Your support makes all the difference.", "en", near_appeal=True).score, 1)
    1.0
    """
    unit = Unit(text, lang)
    if unit.wordless or not unit.suspicious or not (unit.strong or unit.medium * unit.hints or unit.credited):
        return Scored(0.0, unit.kind(), False)
    logit = weigh(unit.features() | dict.fromkeys(PLACE_FEATURES, 0.0), FEATURE_WEIGHTS)
    return Scored(sigmoid(logit + NEAR_APPEAL * near_appeal), unit.kind(), True)


def line_features(lines: Sequence[str], units: Sequence["Unit"]) -> list[dict[str, float]]:
    """The features of the first step: each line's own, and where it stands in the page."""
    page_script = _main_script(max(lines, key=len, default=""))
    repeated = Counter(line.strip() for line in lines)
    prose = [index for index, unit in enumerate(units) if unit.words >= LONG_LINE_WORDS and unit.final and not unit.strong]
    first, last = (prose[0], prose[-1]) if prose else (len(units), -1)
    return [
        unit.features()
        | dict(
            zip(
                PLACE_FEATURES,
                (bool(unit.script) and unit.script != page_script, index < first, index > last, repeated[lines[index].strip()] > 1),
                strict=True,
            )
        )
        for index, unit in enumerate(units)
    ]


def neighbor_features(index: int, logits: Sequence[float], scores: Sequence[float]) -> dict[str, float]:
    """What the second step sees: the line's own logit, and the scores of the lines around it."""
    around = [scores[near] for near in (index - 1, index + 1) if 0 <= near < len(scores)]
    return {
        "own": max(-6.0, min(6.0, logits[index])),
        "both": min(around) if len(around) == 2 else 0.5,
        "either": max(around, default=0.5),
    }


class Unit:
    """What one line or sentence is made of."""

    def __init__(self, text: str, lang: str) -> None:
        if len(text) > 2 * READ_CHARACTERS:
            text = text[:READ_CHARACTERS] + text[-READ_CHARACTERS:]
        self.text = text
        self.words = count_words(text)
        self.final = ends_with_full_stop(text) or bool(_SPEECH_END.search(text))
        self.script = _main_script(text)
        unquoted = _QUOTED.sub(" ", text)
        tokens = tokenize(unquoted if self.words >= QUOTING_WORDS else text)
        matches = [match for match in find_phrases(tokens, lang) if not match.phrase.at_edge or self._is_edge_line()]
        outside = matches if unquoted == text or self.words >= QUOTING_WORDS else find_phrases(tokenize(unquoted), lang)
        self.strong = _distinct(match for match in matches if match.phrase.tier == "strong")
        self.hints = sum(match.phrase.tier == "hint" for match in outside)
        self.topic = len({match.phrase.tokens for match in outside if match.phrase.tier == "word"})
        covered = {index for match in matches if match.phrase.tier in TELLING_TIERS for index in range(match.start, match.end)}
        word_tokens = [index for index, token in enumerate(tokens.words) if is_word(token)]
        self.coverage = sum(index in covered for index in word_tokens) / len(word_tokens) if word_tokens else 0.0
        telling = {match.phrase.tokens for match in matches if match.phrase.tier == "weak" and match.phrase.kind not in MENU_KINDS and _is_long(match.phrase)}
        self.medium = len(telling) if self.hints or self.coverage >= MOSTLY_PHRASES or self.words <= SHORT_WORDS else 0
        self.numbers = sum(tokens.words[index] == "#" for index in word_tokens) / len(word_tokens) if word_tokens else 0.0
        self.wordless = not word_tokens
        self.credited = bool(_CREDIT.search(text) or _EMAIL.search(text))
        self.suspicious = bool(self.strong or self.medium or self.credited or self.wordless or (self.hints and self.topic >= APPEAL_WORDS))
        self._matches = matches

    def features(self) -> dict[str, float]:
        """The features that do not depend on where the line stands, each between 0 and about 3."""
        text = self.text
        names = _WORD.findall(text)
        capitals = sum(name[0].isupper() for name in names) / len(names) if names else 0.0
        return {
            "strong": min(self.strong, 3),
            "strong_long": min(self.strong, 2) * (self.words > 40),
            "medium": min(self.medium, 3),
            "coverage": self.coverage,
            "appeal": min(self.hints, 4) * min(self.strong + self.medium, 2) / 4,
            "topic": min(self.topic, 5) / 5,
            "topic_appeal": min(self.topic, 5) * min(self.hints, 3) / 15,
            "hints": min(self.hints, 4) / 4,
            "hints_short": (self.hints > 0) * (self.words < 20),
            "open_end": not self.final,
            "very_short": self.words <= 3,
            "short": self.words <= 8,
            "length": math.log1p(min(self.words, 150)) / 2,
            "separators": min(len(_SEPARATOR.findall(text)), 4) / 2,
            "separators_open": min(len(_SEPARATOR.findall(text)), 2) * (not self.final),
            "address": bool(_EMAIL.search(text) or _URL.search(text)),
            "sign": bool(_SIGN.search(text)),
            "clock": bool(_CLOCK.search(text)) and self.words <= 16,
            "numbers": self.numbers,
            "bracketed": bool(_BRACKETED.search(text)),
            "opening_bracket": bool(_OPENING_BRACKET.search(text)),
            "credit": bool(_CREDIT.search(text)) and self.words <= 40,
            "names": (capitals > 0.6) * (not self.final) * (2 <= self.words <= 14),
            "identifier": bool(_IDENTIFIER.search(text)),
            "wordless": self.wordless,
            "question": "?" in text[-3:] or "？" in text[-3:],
            "quotation": text.lstrip()[:1] in _OPENING_QUOTES,
        }

    def kind(self) -> str:
        """The kind whose phrases fill most of the line; without any, what its shape says."""
        weight: Counter[str] = Counter()
        for match in self._matches:
            if match.phrase.tier in TELLING_TIERS:
                weight[match.phrase.kind] += (3 if match.phrase.tier == "strong" else 1) * (match.end - match.start)
        if (weight and weight.most_common(1)[0][1] > 1) or self.coverage > 0.5:
            return weight.most_common(1)[0][0]
        if _CREDIT.search(self.text):
            return "caption"
        if _EMAIL.search(self.text):
            return "contact"
        if _CLOCK.search(self.text):
            return "timestamp"
        return weight.most_common(1)[0][0] if weight else "navigation"

    def _is_edge_line(self) -> bool:
        return self.words <= (EDGE_WORDS if self.final else EDGE_WORDS_UNPUNCTUATED)


def _distinct(matches: Iterable[Match]) -> int:
    """How many matches do not overlap: "our newsletter" inside "sign up for our newsletter" says nothing more."""
    count, reached = 0, 0
    for match in sorted(matches, key=lambda match: (match.end, -match.start)):
        if match.start >= reached:
            count, reached = count + 1, match.end
    return count


def _is_long(phrase: Phrase) -> bool:
    return len(phrase.tokens) >= (PHRASE_SYLLABLES if phrase.syllabic or phrase.languages == {"vi"} else PHRASE_TOKENS)


def _main_script(text: str) -> str:
    counts = {name: len(pattern.findall(text[:SCRIPT_CHARACTERS])) for name, pattern in _SCRIPTS.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else ""


def weigh(features: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return weights["bias"] + sum(weights[name] * value for name, value in features.items())


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
