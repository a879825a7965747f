"""What the decoder has learned: how probable it finds the references of dev articles, and what it writes itself.

In: an `Analyzer` whose checkpoint writes, and dev articles with summaries. Out: scores for the log of a run, of what the decoder writes before any
check; and which kind of summary is better after it. Does not know: the Trainer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import torch

from inference.analysis import ABSTRACTIVE, EXTRACTIVE
from inference.analyzer import Analyzer
from inference.article import Article
from inference.errors import DataError
from inference.generation import SummaryTokenizer
from inference.losses import count_items
from training.batches import Collator
from training.examples import SourceLabels, Writing, make_example
from training.metrics.summaries import ROUGE_TYPES, rouge

BATCH_ARTICLES = 4
"""Articles in a forward pass of the dev loss: the logits of their texts take gigabytes where the vocabulary is large."""

MOST_REFUSED = 0.5
"""Share of written summaries that may be refused where "auto" writes: a method that mostly gives way to the other is not the better one."""

_NO_LABELS = SourceLabels(topics=(), stance_weights=(1.0,) * 4, neutral_covers_unrelated=False)


def decoder_scores(analyzer: Analyzer, codec: SummaryTokenizer, articles: Sequence[Article]) -> dict[str, float]:
    """`summary_loss`, the mean cross-entropy of a reference's tokens with those before it given, without label smoothing; and `generated_rouge1`,
    `generated_rouge2` and `generated_rougeL` of the first candidate, in 0 to 1, as plain means over sources. Articles without words are left out.
    """
    readable = [article for article in articles if _is_readable(analyzer, article)]
    if not readable:
        return {}
    loss = _loss(analyzer, codec, readable)
    scores = {} if loss is None else {"summary_loss": loss}
    by_source: dict[str, list[dict[str, float]]] = {}
    for article, candidates in zip(readable, analyzer.candidates(readable), strict=True):
        by_source.setdefault(article.source, []).append(rouge(candidates[0].text, str(article.summary)))
    for name in ROUGE_TYPES:
        means = {source: fmean(one[name] for one in found) / 100 for source, found in by_source.items()}
        scores |= {f"{source}/generated_{name}": mean for source, mean in means.items()}
        scores[f"generated_{name}"] = fmean(means.values())
    return scores


def _is_readable(analyzer: Analyzer, article: Article) -> bool:
    """The report of the run counts those that are not."""
    try:
        analyzer.articles.encode(article)
    except DataError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class MethodComparison:
    """Mean ROUGE-1 over sources, 0 to 100, of both kinds of summaries on the same dev articles; a refused one counts as the extractive one."""

    articles: int
    extractive: float
    abstractive: float
    refused: float  # share of the written ones that did not pass the check
    gain: tuple[float, float]  # of writing, over all articles: its 95 % interval

    @property
    def better(self) -> str:
        """What "auto" is to mean: a checkpoint writes where most of that passes the check and scores better, by more than chance."""
        return ABSTRACTIVE if self.refused <= MOST_REFUSED and self.gain[0] > 0 else EXTRACTIVE


def compare_methods(analyzer: Analyzer, articles: Sequence[Article]) -> MethodComparison:
    """Summarize dev articles by both methods, as users would get it. Articles without words are left out."""
    readable = [article for article in articles if _is_readable(analyzer, article)]
    scores: dict[str, list[float]] = {}
    refused = 0
    for method in (EXTRACTIVE, ABSTRACTIVE):
        analyses = analyzer.analyze_many(readable, method=method)
        answers = [(analysis.summary, str(article.summary)) for article, analysis in zip(readable, analyses, strict=True)]
        scores[method] = [rouge(summary.text, reference)["rouge1"] for summary, reference in answers]
        refused += sum(summary.method != method for summary, _ in answers)
    sources = [article.source for article in readable]
    gains = [written - chosen for written, chosen in zip(scores[ABSTRACTIVE], scores[EXTRACTIVE], strict=True)]
    gain, margin = (fmean(gains), 1.96 * stdev(gains) / len(gains) ** 0.5) if len(gains) > 1 else (0.0, 0.0)  # one article says nothing
    means = {method: _mean_of_sources(sources, values) for method, values in scores.items()}
    return MethodComparison(len(readable), means[EXTRACTIVE], means[ABSTRACTIVE], refused / max(len(readable), 1), (gain - margin, gain + margin))


def _mean_of_sources(sources: Sequence[str], values: Sequence[float]) -> float:
    by_source: dict[str, list[float]] = {}
    for source, value in zip(sources, values, strict=True):
        by_source.setdefault(source, []).append(value)
    return fmean(map(fmean, by_source.values())) if by_source else 0.0


@torch.inference_mode()
def _loss(analyzer: Analyzer, codec: SummaryTokenizer, articles: Sequence[Article]) -> float | None:
    """None where no reference fits the decoder's limit of tokens."""
    model = analyzer.model
    topics = model.config.topics
    writing = Writing(summaries=True, headlines=False, codec=codec)
    plain = [Article(article.text, article.id, article.lang, article.title, summary=article.summary) for article in articles]
    examples = [make_example(article, 0, topics, analyzer.articles, False, writing=writing) for article in plain]
    collator = Collator(
        examples=examples,
        sources=[_NO_LABELS],
        topics=len(topics),
        encode=analyzer.articles,
        max_windows=model.config.max_windows,
        max_targets=1,
        hide_title=0.0,
        mask_tokens=0.0,
        headline_weight=0.0,
        seed=0,
        decoder_start=codec.start,
    )
    smoothing, model.summary_label_smoothing = model.summary_label_smoothing, 0.0
    model.train(False)
    total = items = 0.0
    for start in range(0, len(examples), BATCH_ARTICLES):
        batch = collator([(0, list(range(start, min(start + BATCH_ARTICLES, len(examples)))))])
        batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
        losses = model(**batch).task_losses
        total += float(losses["summary"])
        items += float(count_items(batch)[-1])
    model.summary_label_smoothing = smoothing
    return total / items if items else None
