"""What trivial methods score: the floor under every number, and the ceiling of extraction.

In: gold labels, or one article with its reference. Out: label shares that stand in for a model's probabilities, or summaries by
system name. Does not know: the model or the scores.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
from sumy.summarizers.lex_rank import LexRankSummarizer

from inference.analyzer import BOILERPLATE_THRESHOLD
from inference.article import Article
from inference.cleaning import read_page
from inference.selection import cut_to_words, join_sentences, select_sentences
from inference.words import words
from training.oracle import oracle_sentences

MAJORITY = "majority (of gold)"
ORACLE = "oracle"
LEXRANK = "LexRank"
LEAD_SENTENCES = (1, 2, 3)

ORACLE_SENTENCES = 3  # as many as the longest lead, where no other limit is asked for

LEXRANK_SENTENCES = 100
"""Sentences of an article that LexRank compares with each other, from the opening: time grows with their square, to a third of a second here."""


def label_shares(gold: Counter[str]) -> dict[str, float]:
    """Share of each label, most frequent first: as "probabilities", they always predict the majority label.

    >>> label_shares(Counter(["sport", "arts", "sport", "sport"]))
    {'sport': 0.75, 'arts': 0.25}
    """
    return {label: count / gold.total() for label, count in gold.most_common()}


class Extract(NamedTuple):
    """Sentences of an article, joined, and where each begins in its text."""

    text: str
    starts: tuple[int, ...]


def body_spans(article: Article) -> list[tuple[int, int]]:
    """The sentences of an article that the cleaner's rules keep, in order; all of them where the rules doubt every one."""
    page = read_page(article.text, article.title, article.lang)
    kept = [sentence for sentence in page.sentences if sentence.boilerplate < BOILERPLATE_THRESHOLD] or page.sentences
    return [(sentence.start, sentence.end) for sentence in kept]


def baseline_summaries(article: Article, reference: str, max_sentences: int | None = None) -> Mapping[str, Extract]:
    """Summaries by system: the first one, two and three sentences after cleaning, as far as `max_sentences` allows, and the oracle.

    The oracle picks sentences with the reference in sight (`training.oracle`): no extractive system can be expected to beat it.
    Leads are not cut to a number of words: read their mean length beside their scores.

    >>> baseline_summaries(Article("It rained. Roads closed."), "Roads closed.", max_sentences=1)
    {'lead-1': Extract(text='It rained.', starts=(0,)), 'oracle': Extract(text='Roads closed.', starts=(11,))}
    """
    spans = body_spans(article)
    sentences = [article.text[start:end] for start, end in spans]

    def extract(places: Sequence[int]) -> Extract:
        return Extract(join_sentences([sentences[place] for place in places]), tuple(spans[place][0] for place in places))

    leads = [count for count in LEAD_SENTENCES if max_sentences is None or count <= max_sentences]
    summaries = {f"lead-{count}": extract(range(min(count, len(spans)))) for count in leads}
    return summaries | {ORACLE: extract(oracle_sentences(sentences, reference, max_sentences or ORACLE_SENTENCES))}


def lexrank_summary(article: Article, *, max_words: int | None, max_sentences: int | None) -> str:
    """The sentences that say most of what the others say, under the limits and the rules of selection that the model has.

    LexRank (Erkan and Radev, 2004) as sumy has it, over the sentences that the cleaner's rules keep. Where none fits, the opening of the
    best one; "" where the article has no sentence.

    >>> text = "The river rose by two metres. The mayor spoke. The river rose again by one metre. Schools near the river closed."
    >>> lexrank_summary(Article(text, lang="en"), max_words=7, max_sentences=1)
    'The river rose by two metres.'
    """
    sentences = [article.text[start:end] for start, end in body_spans(article)]
    salience = lexrank_salience(sentences)
    chosen = select_sentences(sentences, salience, max_words=max_words, max_sentences=max_sentences)
    if chosen:
        return join_sentences([sentences[index] for index in chosen])
    if not sentences:
        return ""
    best = sentences[salience.index(max(salience))]
    return best if max_words is None else cut_to_words(best, max_words)


def lexrank_salience(sentences: Sequence[str]) -> list[float]:
    """Share of each sentence in the centrality of all; 0 beyond the first LEXRANK_SENTENCES. Sentences that have nothing in common share alike.

    Words are those of `inference.words`, so that sumy needs no data of its own and every script has words; nothing is stemmed or stopped.
    """
    read = [Sentence(sentence, _Words()) for sentence in sentences[:LEXRANK_SENTENCES]]
    found = np.zeros(len(sentences))

    def take_all(rated: Sequence[tuple[Sentence, int, float]]) -> Sequence[tuple[Sentence, int, float]]:
        """Sumy hands every sentence with its place and rating to what picks among them."""
        for _, place, rating in rated:
            found[place] = rating
        return rated

    with np.errstate(invalid="ignore"):  # a graph without edges, as of two sentences without a word in common, has no ratings
        LexRankSummarizer()(ObjectDocumentModel([Paragraph(read)]), take_all)
    if not np.isfinite(found).all() or not found.any():
        found = np.ones(len(sentences))
    shares: list[float] = (found / max(found.sum(), 1e-9)).tolist()
    return shares


class _Words:
    """The tokenizer that sumy asks for."""

    def to_words(self, text: str) -> list[str]:
        return words(text)
