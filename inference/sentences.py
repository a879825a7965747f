"""Sentence spans in any script.

In: text, and its language where known. Out: character spans into that very text. Does not know pages: no span crosses a line break.
sentencex (Wikimedia) finds the breaks; what it gets wrong in news text is mended here, each rule by its own small function.
"""

from collections.abc import Iterable, Iterator

import regex

Span = tuple[int, int]

LONGEST_SENTENCE = 1500
"""Characters. A longer one is no sentence but a table, a list or a run without punctuation; it is cut at a space."""
LONG_QUOTATION = 400
"""Characters. The splitter keeps a quotation whole; one longer than this is split inside as well."""
READ_AT_ONCE = 5000
"""Characters of a line given to the splitter, whose time on nested quotations grows with the square of the length."""
UNPUNCTUATED_TARGET = 90
"""Characters. Thai and Lao end sentences with a space, and put spaces elsewhere too: they are split at the first space after this many."""

_LINE = regex.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_LONE_SURROGATE = regex.compile(r"[\uD800-\uDFFF]")
_WORD_CHARACTER = regex.compile(r"[\p{L}\p{N}]")
_SCRIPT_LANGUAGES = (("ja", regex.compile(r"[\p{Hiragana}\p{Katakana}]")), ("ko", regex.compile(r"\p{Hangul}")), ("zh", regex.compile(r"\p{Han}")))

_FULL_STOP = regex.compile(r"[.!?…；。！？｡।॥։።፧۔؟။៕᠃।\u061F][\s\"'”’»›」』）)\]】]*$|\p{Armenian}[»\"]?:\s*$")
_SENTENCE_END = regex.compile(
    r"(?:[.!?…。！？｡]|\p{Sentence_Terminal}|(?<=\p{Greek})[;\u037E]|[។៕།༎]|(?<=\p{Ethiopic})\s?(?:::|፡፡)"
    r"|[\p{Thai}\p{Lao}]\s?[\p{Nd}.,%]*)"  # and Thai and Lao may close with a number
    r"(?:[\p{Pe}\p{Pf}\p{Pi}\"'״׳\s]|\[\p{Nd}{1,3}\]|[¹²³⁰-⁹])*+$"  # „…“ closes with what “…” opens with; footnotes
)
"""Beside the full stops above, on which the scores of lines were fitted."""
_CLOSERS = r"[\"'”’»›」』）)\]】]"
_TERMINATOR = regex.compile(
    rf"[።፧៕។۔؟॥༎]+{_CLOSERS}*\s*"  # these end a sentence in every language that has them
    rf"|[।։။]+{_CLOSERS}*\s*"
    r"|(?<=\p{Ethiopic})(?:::|፡፡)\s*"  # typed Ethiopic full stop
    r"|(?<=\p{Armenian}):\s+(?=[\p{Armenian}&&\p{Lu}])"  # typed Armenian full stop
    r"|(?<=\p{Greek})[;\u037E]\s+(?=[\p{Greek}&&\p{Lu}])"  # the Greek question mark
    r"|(?<=\p{Tibetan})[།༎]+\s+",
    regex.V1,
)
_MARKS_AT_END = regex.compile(r"\P{M}\p{M}+$")
_CHUNK_END = regex.compile(r"[.!?…]\s+|[。！？।።۔؟]")
_UNPUNCTUATED = regex.compile(r"[\p{Thai}\p{Lao}]")

_QUOTE_END = regex.compile(r"[\"”’»」』)）】][\"”’»」』)）】,]*\s*$")
_ATTRIBUTION = {
    "ja": regex.compile(
        r"と(?!ころ|もあれ|はいえ|ても|き)|って|など|を|が(?!ん)|に(?!わか)|の(?!ち)|は(?!じ|や|っ)|も(?!う|し|ち|っ)|で(?!も|は)|、|だ(?!が|から)|[)）」』]"
    ),
    "zh": regex.compile(r"[，、]|[^，。！？“”]{0,12}(?:说|說|表示|称|稱|道|问道|問道|指出|强调|強調|坦言|回忆|回憶|告诉|告訴|写道|回答|解释|解釋)"),
    "ko": regex.compile(r"이?라고|이?라며|이?라는|이?라면서|고\s|며\s|면서|는\s|란\s|이?라[\s,]|하고|[은는이가을를의에도와과로]\s|으로"),
}
_UNSPACED_PARTICLE = regex.compile(r"[\p{Hangul}\p{Hiragana}]")

_INITIAL_OR_TITLE = regex.compile(
    r"(?:^|[\s(\"“«'’.])(?:\p{Lu}|т|г|им|ул|пр|н|Dr|Mr|Mrs|Ms|Prof|Dkt|Dk|Bw|Bi|Mh|Sra?|Srta|Dra|Dña|Mme|Mlle|MM|Sen|Rep|Gov|Gen|Col|Capt|Lt|Sgt|Hon|Rev|St|Ste"
    r"|Jl|No|Nr|Nº|núm|Hj|Drs|Ir|Ing|Mag|vs|ca|ok|Mt|Ft|Av|Bd|डॉ|प्रो|श्री|د|أ)\.\s*$"
)
_ORDINAL = regex.compile(r"(?:^|\s)(?:\p{L}+\s)?\d{1,2}\.\s+$")
_ORDINAL_LANGUAGES = frozenset(
    {"bs", "cs", "da", "de", "et", "eu", "fi", "fo", "hr", "hu", "is", "lb", "lt", "lv", "nb", "nn", "no", "pl", "sk", "sl", "sr", "tr"}
)
_SHORT_TAIL = regex.compile(r"(?:^|[\s.])\p{L}{1,3}\.\s*$")
_LOWER_START = regex.compile(r"[\"“«]?\p{Ll}")

_GLUED_CLOSER = regex.compile(r"[.!?…][\"”’»)]+$")
_GLUE = regex.compile(r"(?<=\p{Ll}{3}|[\p{Lo}\p{M}]{3}|\p{Hangul})[.!?…]+[\"”’»)]*(?=[\"“«‘(]?(?:\p{Lu}|\p{Lo}{2}))")
_TOKEN_BEFORE = regex.compile(r"\S*$")
_TOKEN_AFTER = regex.compile(r"\S*")
_NOT_PROSE = regex.compile(r"[./@_\\#]|^\p{Lu}\p{Ll}{0,3}$")
"""Left of a glued full stop: a domain, path, address or abbreviation, not the last word of a sentence."""
_NEXT_SENTENCE = regex.compile(r"[\"“«‘(]?(?:(?:\p{Lu}\.)+|[^./@_\\#]+[.!?…,:;\"”’»)]*)$")
_TOP_LEVEL_DOMAIN = regex.compile(r"(?:com|org|net|info|co|io|js|de|fr|uk|ru|jp|cn|tv|eu|us)\b", regex.I)
_SPLITTER_TOKEN_LIMIT = 200
"""Characters looked at around a place: no word of prose is longer."""


def split_sentences(text: str, lang: str = "") -> list[Span]:
    """Spans of the sentences of `text`, trimmed of white space; nothing but white space lies outside them.

    `lang` is an ISO 639 code and helps with abbreviations; without it the script decides.

    >>> text = "Rain fell.President Joe Biden met Dr. Ito.\\nThey left."
    >>> [text[start:end] for start, end in split_sentences(text, "en")]
    ['Rain fell.', 'President Joe Biden met Dr. Ito.', 'They left.']
    """
    spans: list[Span] = []
    for match in _LINE.finditer(text):
        line = _LONE_SURROGATE.sub("\ufffd", match.group())  # the splitter wants valid UTF-8; one for one keeps the offsets
        for chunk_start, chunk_end in _chunks(line):
            offset = match.start() + chunk_start
            spans.extend((offset + start, offset + end) for start, end in _split_chunk(line[chunk_start:chunk_end], lang))
    return spans


def _chunks(line: str) -> Iterator[Span]:
    """Nearly always the whole line; an endless one in parts, each up to its last sentence end, or else space."""
    start = 0
    while len(line) - start > READ_AT_ONCE:
        ends = list(_CHUNK_END.finditer(line, start + READ_AT_ONCE // 2, start + READ_AT_ONCE))
        stop = ends[-1].end() if ends else max(line.rfind(" ", start, start + READ_AT_ONCE) + 1, 0) or start + READ_AT_ONCE
        yield start, stop
        start = stop
    yield start, len(line)


def _split_chunk(line: str, lang: str) -> list[Span]:
    """Spans into one line, or a part of one."""
    language = _splitter_language(line, lang)
    pieces = _break_terminators(line, _segment(line, language))
    pieces = _break_long_quotations(line, pieces, language)
    pieces = _rejoin(line, pieces, lang or language)
    pieces = _break_glue(line, pieces)
    pieces = _attach_wordless(line, pieces)
    return [span for piece in pieces for span in _bounded(line, piece) if span[0] < span[1]]


def _splitter_language(line: str, lang: str) -> str:
    """Han, Kana and Hangul need their own rules even in a page that says it is English."""
    if lang in {"ja", "zh", "ko"}:
        return lang
    start = line[:_SPLITTER_TOKEN_LIMIT]
    return next((language for language, script in _SCRIPT_LANGUAGES if script.search(start)), lang if lang.isascii() and lang else "en")


def _segment(line: str, language: str) -> list[Span]:
    import sentencex  # a compiled module: loaded when the first text is split

    quotes_match = line.count("“") == line.count("”")
    readable = line if quotes_match else line.replace("“", '"').replace("”", '"')  # an unclosed quotation would swallow all that follows
    spans, start = [], 0
    for piece in sentencex.segment(language, readable):
        spans.append((start, start + len(piece)))
        start += len(piece)
    if start < len(line):
        spans.append((start, len(line)))
    return spans


def _break_terminators(line: str, pieces: Iterable[Span]) -> list[Span]:
    return [span for start, end in pieces for span in _cut(start, end, (match.end() for match in _TERMINATOR.finditer(line, start, end)))]


def _break_long_quotations(line: str, pieces: Iterable[Span], language: str) -> list[Span]:
    spans: list[Span] = []
    for start, end in pieces:
        if end - start <= LONG_QUOTATION:
            spans.append((start, end))
            continue
        unquoted = regex.sub(r"[\"“”«»「」『』()（）\[\]]", " ", line[start:end])
        spans.extend((start + inner_start, start + inner_end) for inner_start, inner_end in _segment(unquoted, language))
    return spans


def _rejoin(line: str, pieces: Iterable[Span], lang: str) -> list[Span]:
    """Join a piece to the one before where the break is inside a sentence."""
    spans: list[Span] = []
    for start, end in pieces:
        if spans and _is_one_sentence(line, spans[-1], (start, end), lang):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _is_one_sentence(line: str, before: Span, after: Span, lang: str) -> bool:
    tail, head = line[max(before[0], before[1] - 40) : before[1]], line[after[0] : min(after[1], after[0] + 40)]
    if _QUOTE_END.search(tail):
        attribution = _ATTRIBUTION.get(lang)
        unspaced = not tail[-1].isspace() and bool(_UNSPACED_PARTICLE.match(head)) and lang == "ko"
        return unspaced or bool(_LOWER_START.match(head)) or bool(attribution and attribution.match(head))
    if _INITIAL_OR_TITLE.search(tail) or (lang in _ORDINAL_LANGUAGES and _ORDINAL.search(tail)):
        return True
    if _SHORT_TAIL.search(tail) and regex.match(r"\p{Ll}", head):
        return True
    return not tail[-1].isspace() and not _is_uncased_terminator(tail) and not _is_glued_break(line, before[1])


def _is_uncased_terminator(tail: str) -> bool:
    return tail[-1] not in ".!?…" and not _GLUED_CLOSER.search(tail)


def _break_glue(line: str, pieces: Iterable[Span]) -> list[Span]:
    """Crawled text loses the line break or space between two sentences: "ended.President Joe"."""
    spans: list[Span] = []
    for start, end in pieces:
        breaks = (match.end() for match in _GLUE.finditer(line, start, end) if _is_glued_break(line, match.end()))
        spans.extend(_cut(start, end, breaks))
    return spans


def _is_glued_break(line: str, position: int) -> bool:
    """Whether a sentence ends at `position` although no space follows."""
    before = _TOKEN_BEFORE.search(line[max(0, position - _SPLITTER_TOKEN_LIMIT) : position]).group()  # type: ignore[union-attr]
    after = _TOKEN_AFTER.match(line[position : position + _SPLITTER_TOKEN_LIMIT]).group()  # type: ignore[union-attr]
    if not _GLUE.search(before + after[:3]) or _TOP_LEVEL_DOMAIN.match(after):
        return False
    last_word = before.rstrip('.!?…"”’»)')
    if regex.search(r"\p{Lo}", last_word[-1:]):
        return before[-1] in ".!?…"  # after a closing quotation mark a particle goes on: "…"라고
    return not _NOT_PROSE.search(last_word) and bool(_NEXT_SENTENCE.match(after))


def _attach_wordless(line: str, pieces: Iterable[Span]) -> list[Span]:
    """Stray marks belong to the sentence before them, or after them at a line's start."""
    spans: list[Span] = []
    for start, end in pieces:
        if spans and (not _WORD_CHARACTER.search(line, start, end) or not _WORD_CHARACTER.search(line, *spans[-1])):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _bounded(line: str, piece: Span) -> Iterator[Span]:
    """Trim white space; cut what no reader would call one sentence."""
    start, end = piece
    window = UNPUNCTUATED_TARGET if end - start > UNPUNCTUATED_TARGET and _UNPUNCTUATED.search(line[start : start + _SPLITTER_TOKEN_LIMIT]) else 0
    while start < end:
        stop = _next_cut(line, start, end, window)
        while start < stop and line[start].isspace():
            start += 1
        last = stop
        while last > start and line[last - 1].isspace():
            last -= 1
        yield start, last
        start = stop


def _next_cut(line: str, start: int, end: int, window: int) -> int:
    if window and end - start > window:
        space = regex.compile(r"\s+").search(line, start + window, min(end, start + LONGEST_SENTENCE))
        if space and end - space.end() >= window // 3:
            return int(space.end())
    if end - start <= LONGEST_SENTENCE:
        return end
    limit = start + LONGEST_SENTENCE
    for mark in (" ", "、", "，", ","):
        cut = line.rfind(mark, start + LONGEST_SENTENCE // 2, limit)
        if cut > 0:
            return cut + 1
    marks = _MARKS_AT_END.search(line, limit - 20, limit + 1)  # never between a letter and its marks, short of nonsense
    return marks.start() if marks else limit


def _cut(start: int, end: int, breaks: Iterable[int]) -> Iterator[Span]:
    for stop in breaks:
        if start < stop < end:
            yield start, stop
            start = stop
    yield start, end


def ends_with_full_stop(text: str) -> bool:
    """Whether a line ends with the mark that ends a sentence, in any script.

    >>> ends_with_full_stop("Rain fell."), ends_with_full_stop("雨が降った。"), ends_with_full_stop("Read more")
    (True, True, False)
    """
    return bool(_FULL_STOP.search(text))


def ends_sentence(text: str) -> bool:
    """Whether a text ends where a sentence can: with a full stop or, in Thai and Lao, which write none, with a letter.

    >>> ends_sentence("It rained."), ends_sentence("It rained and"), ends_sentence("ฝนตกหนัก")
    (True, False, True)
    """
    return ends_with_full_stop(text) or bool(_SENTENCE_END.search(text))
