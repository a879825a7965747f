"""The summary of an article: made of its own sentences, or written by the decoder and checked.

In: the readable sentences of an article with their salience, or the decoder's candidates. Out: a `Summary`. A written one that does
not pass the check is not handed on: the extractive one stands in for it and says why. Does not know: the model, tokens.
"""

from collections.abc import Sequence
from dataclasses import replace

from inference.analysis import ABSTRACTIVE, EXTRACTIVE, Summary, SummarySentence
from inference.cleaning import Page
from inference.faithfulness import ArticleText, check_summary
from inference.generation import Candidate
from inference.selection import cut_to_words, join_sentences, select_sentences

SUPPORT_WEIGHT = 1.0
"""Of the share of a candidate's word pairs that the article has, beside its mean log-probability a token, in choosing among those that pass."""

REFUSED = "No written summary passed the check, so this one is made of the article's own sentences."


def extractive_summary(page: Page, readable: Sequence[int], salience: Sequence[float], *, max_words: int | None, max_sentences: int | None) -> Summary:
    """The most salient of the `readable` sentences, which are indices into the page's; the opening of the best one where none fits `max_words`."""
    spans = [(page.sentences[i].start, page.sentences[i].end) for i in readable]
    texts = [page.text[start:end] for start, end in spans]
    chosen = select_sentences(texts, salience, max_words=max_words, max_sentences=max_sentences)
    if not chosen:
        best = max(range(len(texts)), key=lambda i: salience[i])
        chosen = [best]
        if max_words is not None:
            texts[best] = cut_to_words(texts[best], max_words)
    sentences = tuple(SummarySentence(texts[i], spans[i][0], spans[i][0] + len(texts[i]), salience[i]) for i in chosen)
    return Summary(join_sentences([s.text for s in sentences]), sentences, EXTRACTIVE)


def article_text(page: Page, readable: Sequence[int]) -> ArticleText:
    """What a written summary is checked against: the readable sentences, and datelines, which no summary has but which say where it happened."""
    sentences = [(page.sentences[i].start, page.sentences[i].end) for i in readable]
    datelines = [(part.start, part.end) for part in page.removed if part.kind == "dateline"]
    return ArticleText(page.text, page.title, sorted([*sentences, *datelines]))


def checked_summary(candidates: Sequence[Candidate], source: ArticleText, lang: str, fallback: Summary, *, max_words: int | None) -> Summary:
    """The candidate that passes the check with the best score and support; where none passes, `fallback` with the reasons.

    The reasons are those of the candidate that the decoder holds for the most probable.
    """
    checked = [(candidate, check_summary(candidate.text, source, lang=lang, max_words=max_words)) for candidate in candidates]
    passing = [(candidate, verdict) for candidate, verdict in checked if not verdict.problems]
    if not passing:
        _, verdict = max(checked, key=lambda pair: pair[0].score)
        return replace(fallback, warnings=(REFUSED, *(problem.message for problem in verdict.problems)))
    candidate, verdict = max(passing, key=lambda pair: pair[0].score + SUPPORT_WEIGHT * pair[1].support)
    return Summary(candidate.text, (), ABSTRACTIVE, verdict.claims)
