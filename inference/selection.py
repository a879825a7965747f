"""Salience -> an extractive summary: which sentences, under a budget of words and sentences, without saying a thing twice.

In: the sentences of one article, in order, with their salience. Out: indices in order, and a cut where nothing else fits.
Does not know: the model, offsets, boilerplate.
"""

from collections.abc import Sequence

import regex

from inference.words import count_words, words

REDUNDANT_SHARE = 0.6
"""A sentence is left out when this share of its words stands in a chosen one: repeats of a lead share 0.7 and more, follow-ups below 0.5."""

LEAST_SALIENCE = 0.7
"""A further sentence must have this multiple of the even share 1/N of salience: a full budget is no reason to add what says nothing. On dev of
configs/news.yaml, at 60 words, ROUGE-1 was 34.8 at 0.5, 35.2 here and 35.3 at 1.0, in 52, 49 and 45 words: of the last two, the longer says more."""

_CLAUSE_END = regex.compile(r"[،؛፣、，；：—](?!\p{N})\s*|[,;:–]\s+|(?<!\p{N})\s+|\s+(?!\p{N})")
"""Never inside a number: "1,000,000", "3–2" and "1 500 000" cut short say something else."""


def select_sentences(sentences: Sequence[str], salience: Sequence[float], *, max_words: int | None, max_sentences: int | None) -> list[int]:
    """Pick sentences by falling salience and return their indices in the article's order.

    `salience` are probabilities over the sentences. A sentence that would pass `max_words` or repeats a chosen one is passed over.
    Where all fit together, none is too weak: a short article is its own summary. Empty where no sentence fits.

    >>> select_sentences(["Rain fell.", "The river rose by two metres.", "Rain fell again."], [0.2, 0.5, 0.3], max_words=9, max_sentences=None)
    [1, 2]
    """
    chosen: list[int] = []
    chosen_words: list[set[str]] = []
    budget = max_words
    all_fit = max_words is None or sum(map(count_words, sentences)) <= max_words
    for index in sorted(range(len(sentences)), key=lambda i: (-salience[i], i)):
        if max_sentences is not None and len(chosen) == max_sentences:
            break
        if chosen and not all_fit and salience[index] * len(sentences) < LEAST_SALIENCE:
            break
        length = count_words(sentences[index])
        if budget is not None and length > budget:
            continue
        own = set(words(sentences[index]))
        if not own or any(len(own & other) >= REDUNDANT_SHARE * min(len(own), len(other)) for other in chosen_words):
            continue
        chosen.append(index)
        chosen_words.append(own)
        if budget is not None:
            budget -= length
    return sorted(chosen)


def cut_to_words(sentence: str, max_words: int) -> str:
    """The longest opening of `sentence` of at most `max_words` words that ends at a clause, or at a word where no clause ends.

    Scripts without spaces are cut at a character. The result is a prefix of `sentence`.

    >>> cut_to_words("After days of rain, the river rose by two metres.", 7)
    'After days of rain'
    """
    if count_words(sentence) <= max_words:
        return sentence
    clauses: list[int] = []
    spaces: list[int] = []
    for match in _CLAUSE_END.finditer(sentence):
        if count_words(sentence[: match.start()]) > max_words:
            break
        (spaces if match.group().isspace() else clauses).append(match.start())
    # a clause end in the first half would throw away more than it tidies
    if clauses and count_words(sentence[: clauses[-1]]) * 2 >= max_words:
        return sentence[: clauses[-1]]
    if spaces and count_words(sentence[: spaces[-1]]) * 2 >= max_words:
        return sentence[: spaces[-1]]
    end = next(i for i in range(len(sentence), 0, -1) if count_words(sentence[:i]) <= max_words)
    return sentence[:end].rstrip()


def join_sentences(sentences: Sequence[str]) -> str:
    """Sentences as running text: a space between them, none after Chinese or Japanese full stops."""
    text = ""
    for sentence in sentences:
        text += sentence if not text or regex.search(r"[。！？」』][”’」』）]*$", text) else f" {sentence}"
    return text
