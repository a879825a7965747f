"""What n-grams and words say beside the encoder: answers to dev articles by the encoder alone, by them alone, and by both as users get them.

In: a checkpoint with models of n-grams and of words, and the dev articles of a config. Out: benchmarks/results/ngrams.json. The weights between the
two were fitted on some of the same dev articles: two numbers a task. Does not know: how either was trained.

    python -m benchmarks.ngrams inference/released --data-root path/to/the/data
"""

import argparse
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from statistics import mean

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.common import RESULTS, ROOT, write_result
from inference.analyzer import Analyzer, Logits
from inference.article import Article
from inference.labels import STANCES
from training.config import load_config
from training.corpus import load_corpus
from training.metrics.labels import best_label, label_scores, merge_neutral, merged_stance, stance_scores
from training.metrics.summaries import rouge

PREDICTED = {
    "topic_accuracy": "both 1 point above the n-grams alone, which are 9 points above the encoder",
    "stance_macro_f1": "both 2 points above the n-grams alone, which are 3 points above the encoder",
    "best_sentence_rouge1": "both as good as the words alone, which are 1.5 above the encoder",
}
"""Written before a checkpoint was trained with them, from models that were fitted beside an earlier one."""

SYSTEMS = ("encoder", "beside", "both")


def by_system(logits: torch.Tensor, weight: float, temperature: float) -> dict[str, torch.Tensor]:
    """What the encoder and what stands beside it say, [items, 2, labels] -> probabilities by system, [items, labels].

    The encoder alone has the temperature of both. That of the others alone follows from their weight, what they add to both; a weight of 0
    would leave nothing to see.
    """
    encoder, beside = logits.unbind(1)
    said = {"encoder": encoder, "beside": (weight or 1.0) * beside, "both": encoder + weight * beside}
    return {system: (one / temperature).softmax(-1) for system, one in said.items()}


def topic_accuracy(
    articles: Sequence[Article], logits: Sequence[Logits], topics: Sequence[str], weight: float, temperature: float
) -> dict[str, dict[str, float]]:
    """System -> source -> share of right topics, all topics competing."""
    labelled = [(article, one.topic) for article, one in zip(articles, logits, strict=True) if article.topic]
    scores: dict[str, dict[str, float]] = {}
    for system, found in by_system(torch.stack([one for _, one in labelled]), weight, temperature).items():
        named = [topics[int(row.argmax())] for row in found]
        scores[system] = {}
        for source in dict.fromkeys(article.source for article, _ in labelled):
            pairs = [(str(article.topic), name) for (article, _), name in zip(labelled, named, strict=True) if article.source == source]
            scores[system][source] = _score(label_scores, pairs, "accuracy")
    return scores


def stance_macro_f1(
    articles: Sequence[Article], logits: Sequence[Logits], merged: Collection[str], weight: float, temperature: float
) -> dict[str, dict[str, float]]:
    """System -> source -> macro F1 of stances; neutral and unrelated are one in the sources of `merged`."""
    labelled = [
        (article.source, stance.stance, row)
        for article, one in zip(articles, logits, strict=True)
        for stance, row in zip(article.stances, one.stances, strict=True)
        if stance.stance
    ]
    scores: dict[str, dict[str, float]] = {}
    for system, found in by_system(torch.stack([row for *_, row in labelled]), weight, temperature).items():
        pairs: dict[str, list[tuple[str, str]]] = {}
        for (source, gold, _), row in zip(labelled, found.tolist(), strict=True):
            named = dict(zip(STANCES, row, strict=True))
            three_way = source in merged
            pairs.setdefault(source, []).append((merged_stance(gold), best_label(merge_neutral(named))) if three_way else (gold, best_label(named)))
        scores[system] = {source: _score(stance_scores, ones, "macro_f1") for source, ones in pairs.items()}
    return scores


def best_sentence_rouge1(articles: Sequence[Article], logits: Sequence[Logits], weight: float) -> dict[str, dict[str, float]]:
    """System -> source -> ROUGE-1 of the most salient sentence of each article against its summary, boilerplate in the running."""
    found: dict[str, dict[str, list[float]]] = {system: {} for system in SYSTEMS}
    for article, one in zip(articles, logits, strict=True):
        if not article.summary:
            continue
        for system, (salience,) in by_system(one.salience[None], weight, 1.0).items():
            best = one.sentences[int(salience.argmax())]
            found[system].setdefault(article.source, []).append(rouge(best, article.summary, ("rouge1",))["rouge1"])
    return {system: {source: round(mean(values), 2) for source, values in sources.items()} for system, sources in found.items()}


def _score(scores: Callable[[Sequence[str], Sequence[str]], dict[str, float] | None], pairs: Sequence[tuple[str, str]], name: str) -> float:
    found = scores([gold for gold, _ in pairs], [named for _, named in pairs])
    assert found is not None
    return round(found[name], 4)


def result_table(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """A row a score, mean over its sources; a column a system."""
    table = Table(title="Encoder, and what stands beside it, dev, mean over the sets", title_justify="left")
    for name in ("score", "sets", *SYSTEMS):
        table.add_column(name, justify="left" if name == "score" else "right")
    for name, scores in found.items():
        table.add_row(name, str(len(scores[SYSTEMS[0]])), *(f"{mean(scores[system].values()):.3f}" for system in SYSTEMS))
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="checkpoint folder, or a Hub id")
    parser.add_argument("--data-root", type=Path, required=True, metavar="FOLDER", help="folder that holds train/, dev/ and test/")
    parser.add_argument("--config", type=Path, default=ROOT / "configs/release.yaml", help="config whose data.dev is read (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS / "ngrams.json", help="results file (default: %(default)s)")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    analyzer = Analyzer.from_pretrained(options.checkpoint)
    settings = analyzer.model.config
    if not settings.ngram_buckets or not settings.word_buckets:
        parser.error(f"{options.checkpoint} lacks models beside its encoder. Train one with model.ngram_buckets and model.word_buckets above 0.")
    dev = load_corpus(load_config(options.config, data_root=options.data_root)).dev
    refused: set[int] = set()
    every = [article for loaded in dev for article in loaded.articles]
    logits = list(analyzer.logits(every, on_error=lambda article, error: refused.add(id(article))))
    articles = [article for article in every if id(article) not in refused]
    merged = {loaded.source.name for loaded in dev if loaded.source.neutral_covers_unrelated}
    found = {
        "topic_accuracy": topic_accuracy(articles, logits, settings.topics, settings.topic_ngram_weight, settings.topic_temperature),
        "stance_macro_f1": stance_macro_f1(articles, logits, merged, settings.stance_ngram_weight, settings.stance_temperature),
        "best_sentence_rouge1": best_sentence_rouge1(articles, logits, settings.salience_word_weight),
    }
    weights = {"topic": settings.topic_ngram_weight, "stance": settings.stance_ngram_weight, "salience": settings.salience_word_weight}
    console.print(result_table(found))
    write_result(options.output, {"predicted": PREDICTED, "articles": len(articles), "refused": len(refused), "weights": weights, "scores": found}, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
