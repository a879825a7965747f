"""What trivial methods score: the floor under every number, and the ceiling of extraction.

In: gold labels, or one article with its reference. Out: label shares that stand in for a model's probabilities, or summaries by
system name. Does not know: the model or the scores.
"""

from collections import Counter
from collections.abc import Mapping

from inference.analyzer import BOILERPLATE_THRESHOLD
from inference.article import Article
from inference.cleaning import read_page
from inference.selection import join_sentences
from training.oracle import oracle_sentences

MAJORITY = "majority (of gold)"
ORACLE = "oracle"
LEAD_SENTENCES = (1, 2, 3)

ORACLE_SENTENCES = 3  # as many as the longest lead, where no other limit is asked for


def label_shares(gold: Counter[str]) -> dict[str, float]:
    """Share of each label, most frequent first: as "probabilities", they always predict the majority label.

    >>> label_shares(Counter(["sport", "arts", "sport", "sport"]))
    {'sport': 0.75, 'arts': 0.25}
    """
    return {label: count / gold.total() for label, count in gold.most_common()}


def body_sentences(article: Article) -> list[str]:
    """The sentences of an article that the cleaner's rules keep, in order; all of them where the rules doubt every one."""
    page = read_page(article.text, article.title, article.lang)
    kept = [sentence for sentence in page.sentences if sentence.boilerplate < BOILERPLATE_THRESHOLD] or page.sentences
    return [article.text[sentence.start : sentence.end] for sentence in kept]


def baseline_summaries(article: Article, reference: str, max_sentences: int | None = None) -> Mapping[str, str]:
    """Summaries by system: the first one, two and three sentences after cleaning, as far as `max_sentences` allows, and the oracle.

    The oracle picks sentences with the reference in sight (`training.oracle`): no extractive system can be expected to beat it.
    Leads are not cut to a number of words: read their mean length beside their scores.

    >>> baseline_summaries(Article("It rained. Roads closed."), "Roads closed.", max_sentences=1)
    {'lead-1': 'It rained.', 'oracle': 'Roads closed.'}
    """
    sentences = body_sentences(article)
    leads = [count for count in LEAD_SENTENCES if max_sentences is None or count <= max_sentences]
    summaries = {f"lead-{count}": join_sentences(sentences[:count]) for count in leads}
    picked = oracle_sentences(sentences, reference, max_sentences or ORACLE_SENTENCES)
    return summaries | {ORACLE: join_sentences([sentences[index] for index in picked])}
