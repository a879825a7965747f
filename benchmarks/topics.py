"""How well each topic is covered: training articles, and what the checkpoint makes of the sample's test articles of that topic.

In: a checkpoint and the data of its config. Out: benchmarks/results/topics.json. The sample has few test articles a topic: read the counts, not
the shares. Does not know: which topics the public sets name (the corpus says so).

    python -m benchmarks.topics runs/release/checkpoint --data-root path/to/the/data
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common import RESULTS, ROOT, write_result
from inference.analyzer import Analyzer
from inference.article import read_articles
from training.config import load_config
from training.corpus import Corpus, load_corpus

OWN = ("sample", "synthetic")
"""Sources that were written for this project; they have every topic."""

MISTAKES = 8  # kept as examples
COLUMNS = {
    "training": "public training articles",
    "sources": "sets",
    "languages": "languages",
    "written": "written for this project",
    "test": "test articles",
    "right": "found",
    "predicted": "named",
}


def count(corpus: Corpus, topics: Sequence[str]) -> dict[str, dict[str, int]]:
    """Per topic: public training articles, sets and languages that have it, and articles that were written for this project."""
    every = [(article.topic, loaded.source.name, article.lang) for loaded in corpus.train for article in loaded.articles]
    labelled = [one for one in every if one[1] not in OWN]
    return {
        topic: {
            "training": sum(found == topic for found, _, _ in labelled),
            "sources": len({name for found, name, _ in labelled if found == topic}),
            "languages": len({lang for found, _, lang in labelled if found == topic}),
            "written": sum(found == topic for found, name, _ in every if name in OWN),
        }
        for topic in topics
    }


def score(analyzer: Analyzer, path: Path) -> tuple[dict[str, Counter[str]], list[dict[str, Any]]]:
    """Counts by topic (articles of it, articles of it that were given it, articles that were given it), and the mistakes, the surest first."""
    articles = [article for article in read_articles(path) if article.topic]
    counts: dict[str, Counter[str]] = {"test": Counter(), "right": Counter(), "predicted": Counter()}
    mistakes = []
    for article, analysis in zip(articles, analyzer.analyze_many(articles), strict=True):
        gold, named = str(article.topic), str(analysis.topic.name)
        counts["test"][gold] += 1
        counts["predicted"][named] += 1
        counts["right"][gold] += named == gold
        if named != gold:
            title = article.title or analysis.title
            mistakes.append({"id": article.id, "lang": article.lang, "title": title, "gold": gold, "named": named, "confidence": analysis.topic.confidence})
    return counts, sorted(mistakes, key=lambda mistake: -mistake["confidence"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="checkpoint folder, or a Hub id")
    parser.add_argument("--data-root", type=Path, required=True, metavar="FOLDER", help="folder that holds train/, dev/ and test/")
    parser.add_argument("--config", type=Path, default=ROOT / "configs/release.yaml", help="config of the checkpoint's run (default: %(default)s)")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    analyzer = Analyzer.from_pretrained(options.checkpoint)
    topics = analyzer.model.config.topics
    trained = count(load_corpus(load_config(options.config, data_root=options.data_root)), topics)
    scored, mistakes = score(analyzer, ROOT / "data/sample/test.jsonl")
    found: dict[str, Any] = {topic: trained[topic] | {name: counts[topic] for name, counts in scored.items()} for topic in topics}
    table = Table(title="Topics", title_justify="left")
    for name in ("topic", *COLUMNS.values()):
        table.add_column(name, justify="left" if name == "topic" else "right")
    for topic, row in found.items():
        table.add_row(topic, *(f"{row[name]:,}" for name in COLUMNS))
    console.print(table)
    write_result(RESULTS / "topics.json", {"topics": found, "mistakes": mistakes[:MISTAKES]}, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
