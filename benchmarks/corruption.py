"""Ways to make a true summary false, each by simple rules of its own, for measuring a check of summaries.

In: a summary, its article's text, a donor of names and clauses. Out: the summary with one thing wrong, or None where a rule finds nothing to change.
Does not know the check's code: where a number, a name or a verb is, is told by simpler means than the check's. A falsehood that is no kind here is measured by
no figure: a name at the opening of a sentence is one only where the article has it after a small word too, and outside the listed languages none is told
without a capital.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import regex

_DIGITS = regex.compile(r"\p{Nd}+(?:[.,٫٬]\p{Nd}+)*|[一二三四五六七八九十百千]{2,}")
_HAN_DIGITS = "一二三四五六七八九"

_LISTS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
COUNTS: dict[str, list[str]] = {lang: listed.split("|") for lang, listed in _LISTS["counts"].items()}
"""Words that count, to swap one for another of its language."""
NAMES: dict[str, list[str]] = {lang: listed.split("|") for lang, listed in _LISTS["names"].items()}
"""Names in the sample's references in languages where capitals do not tell them, chosen by reading. People, companies and most places are invented."""

_CAPITALS = regex.compile(r"(?<=[\p{Ll}\p{M}] )\p{Lu}[\p{L}\p{M}]+(?:[ -]\p{Lu}[\p{L}\p{M}]+)*(?![\p{L}\p{M}])")

_OPENING = regex.compile(r"(?:^|(?<=[.!?…][»”\"]? ))[«“\"¿¡]?\K\p{Lu}[\p{L}\p{M}]+(?:[ -]\p{Lu}[\p{L}\p{M}]+)*(?![\p{L}\p{M}])")
_THOUSANDS = regex.compile(r"(?<!\p{Nd}[.,٬]?)(?P<lead>\p{Nd}{1,3})(?P<rest>(?:[.,٬ \u00A0\u202F]\p{Nd}{3})+)(?![.,٬]?\p{Nd})")
_PLAIN = regex.compile(r"(?<![\p{Nd}][.,٬٫:/-]?)(?P<digits>[\p{Nd}--0]\p{Nd}*)(?![.,٬٫:/-]?\p{Nd})", regex.V1)

_NEGATIONS: dict[str, list[tuple[str, str]]] = {
    "en": [(r" not\b", ""), (r"\b(is|are|was|were|has|have|had|will|would|can|could|must|should|may)\b", r"\1 not"), (r"\bto (?=\p{Ll}+)", "not to ")],
    "fr": [
        (r"\b(?:n'|ne )(\p{L}+) pas\b", r"\1"),
        (r"\b(est|sont|était|sera|seront|doit|peut|vont|va|reste)\b", r"ne \1 pas"),
        (r"\b(a|ont|avait|avaient)\b", r"n'\1 pas"),
    ],
    "de": [
        (r"\bnicht ", ""),
        (r"\b(ist|sind|hat|haben|wird|werden|wurde|wurden|soll|sollen|will|wollen|muss|müssen|kann|können|darf|dürfen)\b", r"\1 nicht"),
        (r"\b(ein|eine|einen)\b", r"k\1"),
    ],
    "es": [(r"\bno ", ""), (r"\b(ha|han|es|son|fue|fueron|está|están|será|tiene|tienen|pide|exige|puede|debe)\b", r"no \1")],
    "pt": [(r"\bnão ", ""), (r"\b(foi|foram|é|são|está|estão|será|tem|têm|pode|deve|vai|vão|pede)\b", r"não \1")],
    "id": [(r"\b(?:tidak|tak|belum) ", ""), (r"\b(akan|telah|sudah|dapat|bisa|harus|masih|me\p{L}{4,}|di\p{L}{4,})\b", r"tidak \1")],
    "ru": [(r"\bне ", ""), (r"\b(\p{Ll}{3,}(?:л|ла|ли|ло|лся|лась|лись|лось|ет|ют|ит|ят|ется|ются))\b", r"не \1")],
    "sw": [
        (r"\bame(\p{Ll}{3,})", r"haja\1"),
        (r"\bwame(\p{Ll}{3,})", r"hawaja\1"),
        (r"\bime(\p{Ll}{3,})", r"haija\1"),
        (r"\bume(\p{Ll}{3,})", r"hauja\1"),
        (r"\bni\b", "si"),
    ],
    "ar": [(r"\b(?:لا|لم|لن) ", ""), (r"(?<=^|، |و)(ي\p{L}{3,}|ت\p{L}{3,})\b", r"لا \1"), (r"^(\p{L}{3,}[تّ]?) ", r"لم \1 ")],
    "hi": [(r"नहीं ", ""), (r"(\S+) (है|हैं|था|थे|थी)(?=[ ,;।])", r"नहीं \1 \2"), (r" (किया|दिया|गया|हुए|हुई|मिली|मिले)(?=[ ,;।])", r" नहीं \1")],
    "zh": [
        (r"(?<!\p{Han})未|尚未", ""),
        (r"(将|会|可|拟|同意|支持|认为|主张|要求|批评|指出|获救|收购|保留)", r"不\1"),
        (r"(发生|判处|发布|取消|留住|改进|抵押)", r"没有\1"),
    ],
    "ja": [
        (r"なかった(?=。|と)", "た"),
        (r"した(?=。|、|と)", "しなかった"),
        (r"れた(?=。|と)", "れなかった"),
        (r"する(?=。|と)", "しない"),
        (r"める(?=。|と)", "めない"),
        (r"れる(?=。|と)", "れない"),
    ],
    "ko": [
        (r"지 않(?:았다|는다)(?=\.)", "었다"),
        (r"했다(?=\.)", "하지 않았다"),
        (r"한다(?=\.)", "하지 않는다"),
        (r"됐다(?=\.)", "되지 않았다"),
        (r"하고 있다(?=\.)", "하지 않고 있다"),
        (r"(늘렸|줄였|올랐|들어갔|떨어졌)", r"안 \1"),
    ],
    "vi": [(r"\b(?:không|chưa) ", ""), (r"\b(đã|sẽ|được|bị|là|có|phải)\b", r"không \1")],
}
"""For each language, rules in order of trial: the first that finds a place changes one, taken at random. The first ones take a negation out."""


def swap_number(summary: str, random: Random) -> str | None:
    """One number in digits, or of Chinese numerals, becomes another with as many digits."""
    matches = [match for match in _DIGITS.finditer(summary) if any(character.isdecimal() or character in _HAN_DIGITS for character in match.group())]
    if not matches:
        return None
    match = random.choice(matches)
    digits = [place for place, character in enumerate(match.group()) if character.isdecimal() or character in _HAN_DIGITS]
    changed = list(match.group())
    while "".join(changed) == match.group():
        for count, place in enumerate(digits):
            character = match.group()[place]
            if character in _HAN_DIGITS:
                changed[place] = random.choice(_HAN_DIGITS)
            else:
                value = int(character)
                # a year stays a likely year, and no number opens with a zero
                keep = count < 2 and len(digits) == 4 and "".join(match.group()[p] for p in digits[:2]) in ("19", "20")
                lowest = 1 if count == 0 else 0
                changed[place] = character if keep else chr(ord(character) - value + random.randint(lowest, 9))
    return summary[: match.start()] + "".join(changed) + summary[match.end() :]


def drop_thousands(summary: str, random: Random) -> str | None:
    """One number loses its last groups of three digits: 1,200 becomes 1."""
    matches = list(_THOUSANDS.finditer(summary))
    if not matches:
        return None
    match = random.choice(matches)
    return summary[: match.start("rest")] + summary[match.end() :]


def times_ten(summary: str, random: Random) -> str | None:
    """One number in digits, without marks, gets a zero more."""
    matches = list(_PLAIN.finditer(summary))
    if not matches:
        return None
    match = random.choice(matches)
    digits = match["digits"]
    zero = chr(ord(digits[-1]) - int(digits[-1]))
    return summary[: match.end()] + zero + summary[match.end() :]


def swap_count(summary: str, lang: str, random: Random) -> str | None:
    """One number word becomes another of its language."""
    listed = COUNTS.get(lang, [])
    matches = list(regex.finditer(r"(?<![\p{L}\p{M}-])\L<listed>(?![\p{L}\p{M}-])", summary, listed=listed)) if listed else []
    if not matches:
        return None
    match = random.choice(matches)
    return summary[: match.start()] + random.choice([word for word in listed if word != match.group()]) + summary[match.end() :]


def names_of(summary: str, lang: str) -> list[tuple[int, int]]:
    """Spans of the names: runs of capitalized words after a small one, or the listed ones."""
    if lang in NAMES:
        return [match.span() for match in regex.finditer(r"\L<names>", summary, names=NAMES[lang])]
    return [match.span() for match in _CAPITALS.finditer(summary)]


def swap_name(summary: str, text: str, lang: str, donors: Sequence[str], random: Random) -> str | None:
    """One name becomes one of `donors` that the article's text does not have."""
    spans = names_of(summary, lang)
    folded = text.casefold()
    strange = [donor for donor in donors if donor.casefold() not in folded]
    if not spans or not strange:
        return None
    start, end = random.choice(spans)
    return summary[:start] + random.choice(strange) + summary[end:]


def swap_opening_name(summary: str, text: str, lang: str, donors: Sequence[str], random: Random) -> str | None:
    """One name that opens a sentence becomes one of one word among `donors`, as `swap_name` does inside sentences; none in scripts without capitals."""
    inside = {name for start, end in names_of(text, lang) for name in (text[start:end], text[start:end].split(" ")[0])}
    spans = [match.span() for match in _OPENING.finditer(summary) if match.group() in inside or match.group().split(" ")[0] in inside]
    folded = text.casefold()
    strange = [donor for donor in donors if donor.isalpha() and donor.casefold() not in folded and donor[0].isupper()]
    if not spans or not strange:
        return None
    start, end = random.choice(spans)
    return summary[:start] + random.choice(strange) + summary[end:]


def negate(summary: str, lang: str, random: Random) -> str | None:
    """One verb is negated, or one negation taken out."""
    for pattern, change in _NEGATIONS.get(lang, []):
        matches = list(regex.finditer(pattern, summary))
        if matches:
            match = random.choice(matches)
            return summary[: match.start()] + match.expand(change) + summary[match.end() :]
    return None


def add_clause(summary: str, other: str, random: Random) -> str:
    """The last clause of another summary is added to the end of this one."""
    clauses = [clause.strip() for clause in regex.split(r"[,;:،؛，；、:.!?。।]\s*", other) if len(clause.strip()) >= 8]
    clause = random.choice(clauses) if clauses else other
    end = regex.search(r"[.!?。।]?\s*$", summary)
    place = end.start() if end else len(summary)
    return f"{summary[:place]}, {clause}{summary[place:].rstrip() or '.'}"
