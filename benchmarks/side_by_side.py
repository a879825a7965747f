"""A checkpoint beside spaCy's text classifier, fastText, a linear SVM, and sumy's LexRank and TextRank: scores, speed, memory and size.

In: a checkpoint, and the data root of what it was trained on. Out: tables and `benchmarks/results/side_by_side.json`.
Does not know: how the systems work (`benchmarks.contenders`).

    python -m benchmarks.side_by_side CHECKPOINT --data-root DIR [--articles N]

The classifiers learn the topics of the training articles that the checkpoint learned from, which it names; all answer the same dev articles, each
in a process of its own, on one thread. Speed is articles a second of processor time, which another program on the machine disturbs least.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import common
from benchmarks.contender_process import ENVIRONMENT
from benchmarks.contenders import BROADSHEET, CONTENDERS, FASTTEXT, LEADS, LEXRANK, MAX_WORDS, OPENING_CHARACTERS, SPACY, SVM, TEXTRANK
from benchmarks.linear_floors import FEW_SHOT, FULL_TRAINING, SUMMARY_SETS
from inference.article import Article, write_articles
from inference.checkpoint import load_checkpoint
from inference.errors import DataError
from inference.words import count_words
from training.config import load_config
from training.costly_baselines import training_sources_of
from training.metrics.labels import label_scores
from training.metrics.summaries import rouge
from training.sources import LoadedSource, load_source

TOPICS = (BROADSHEET, SVM, SPACY, FASTTEXT)
SUMMARIES = (BROADSHEET, LEXRANK, TEXTRANK, LEADS)
BY_LANGUAGE = "masakhanews"
"""The source that is scored by language, with the weighted F1 that its papers have; the others get one macro F1 each."""

PACKAGES = {"torch": "torch", "transformers": "transformers", "spacy": "spacy", "sklearn": "scikit-learn", "sumy": "sumy", "fasttext": "fasttext-wheel"}

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Workplace:
    """A temporary folder in which the systems run one after the other."""

    folder: Path
    console: Console

    def write(self, name: str, articles: Sequence[Article], *, topics: bool) -> Path:
        """Articles for a process: their text, and topics only where it is to learn them."""
        path = self.folder / f"{name}.jsonl"
        asked = (Article(a.text, f"{place}", a.lang, a.title, a.topic if topics else None) for place, a in enumerate(articles))
        write_articles(path, asked)
        return path

    def run(self, action: str, system: str, articles: Path, model: Path) -> Result:
        """Train a system, or ask it, in a process of its own. Raises `CalledProcessError` where it fails."""
        self.console.print(f"{action} {system}: {articles.stem} articles", highlight=False)
        output = self.folder / "output.json"
        command = [sys.executable, "-m", "benchmarks.contender_process", action, system, str(articles), str(model), str(output)]
        subprocess.run(command, cwd=common.ROOT, env={**os.environ, **ENVIRONMENT}, check=True)
        result: Result = json.loads(output.read_text(encoding="utf-8"))
        return result


def unavailable(systems: Iterable[str]) -> dict[str, str]:
    """The systems whose packages are not installed, and why they are left out."""
    missing = {system: [name for name in CONTENDERS[system].packages if importlib.util.find_spec(name) is None] for system in systems}
    return {system: f"the package {PACKAGES[names[0]]} is not installed" for system, names in missing.items() if names}


def measure_topics(systems: Sequence[str], checkpoint: Path, train: Sequence[Article], dev: Sequence[LoadedSource], place: Workplace) -> Result:
    """What each system took to train and to answer, and its scores on every dev source with topics."""
    articles = [replace(article, source=loaded.source.name) for loaded in dev for article in loaded.articles if article.topic]
    asked, learned = place.write("dev topic", articles, topics=False), place.write("training", train, topics=True)
    found = {}
    for number, system in enumerate(systems):
        model, costs = checkpoint, Result()
        if CONTENDERS[system].train is not None:
            model = place.folder / f"model-{number}"
            model.mkdir()
            trained = place.run("train", system, learned, model)
            costs = {"training_seconds": trained["processor_seconds"], "training_peak_megabytes": trained["peak_bytes"] / 1e6}
        answered = place.run("ask", system, asked, model)
        scores = topic_scores(articles, [row["topic"] for row in answered.pop("answers")])
        found[system] = scores | costs | _costs(answered, len(articles)) | {"model_megabytes": _bytes_in(model) / 1e6}
    by_source = {loaded.source.name: sum(article.source == loaded.source.name for article in articles) for loaded in dev}
    n = {name: count for name, count in by_source.items() if count}
    return {"articles": len(articles), "training_articles": len(train), "n": n, "systems": found}


def topic_scores(articles: Sequence[Article], said: Sequence[str]) -> Result:
    """Weighted F1 by language of MasakhaNEWS, macro F1 of each other source, all topics competing, and the plain mean of either; None = no article.

    >>> topic_scores([Article("Rain.", lang="yo", topic="weather", source="masakhanews"), Article("Goal.", topic="sport", source="a")], ["weather", "arts"])
    {'weighted_f1': 1.0, 'macro_f1': 0.0, 'by_language': {'yo': 1.0}, 'by_source': {'a': 0.0}}
    """
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for article, topic in zip(articles, said, strict=True):
        group = ("language", article.lang) if article.source == BY_LANGUAGE else ("source", article.source)
        pairs.setdefault(group, []).append((str(article.topic), topic))
    scores = {group: label_scores(*zip(*answers, strict=True)) or {} for group, answers in pairs.items()}
    by_language = {lang: scores["language", lang]["weighted_f1"] for lang in FULL_TRAINING if ("language", lang) in scores}
    by_source = {name: values["macro_f1"] for (kind, name), values in scores.items() if kind == "source"}
    return {"weighted_f1": _mean(by_language), "macro_f1": _mean(by_source), "by_language": by_language, "by_source": by_source}


def measure_summaries(systems: Sequence[str], checkpoint: Path, dev: Sequence[LoadedSource], place: Workplace) -> Result:
    """What each system took to sum the articles up, and its ROUGE on every source; a system with several methods has a row for each."""
    articles = [replace(a, source=loaded.source.name) for loaded in dev if loaded.source.name in SUMMARY_SETS for a in loaded.articles if a.summary]
    asked = place.write("dev summary", articles, topics=False)
    found = {}
    for system in systems:
        answered = place.run("ask", system, asked, checkpoint)
        answers = answered.pop("answers")
        for method in [name for name in answers[0] if name != "topic"]:
            scores = {"by_source": summary_scores(articles, [row[method] for row in answers])}
            found[system if method == "summary" else method] = scores | _costs(answered, len(articles))
    return {"articles": len(articles), "systems": found}


def summary_scores(articles: Sequence[Article], said: Sequence[str]) -> dict[str, dict[str, float]]:
    """ROUGE-1, -2 and -L F-measures (0 to 100), mean words and n by source."""
    rows: dict[str, list[dict[str, float]]] = {}
    for article, text in zip(articles, said, strict=True):
        rows.setdefault(article.source, []).append(rouge(text, str(article.summary)) | {"words": count_words(text)})
    return {source: {name: fmean(row[name] for row in found) for name in found[0]} | {"n": len(found)} for source, found in rows.items()}


def _costs(answered: Mapping[str, float], articles: int) -> dict[str, float]:
    return {
        "articles_per_second": articles / answered["processor_seconds"],
        "articles_per_second_of_wall_time": articles / answered["seconds"],
        "load_seconds": answered["load_seconds"],
        "peak_megabytes": answered["peak_bytes"] / 1e6,
    }


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _mean(scores: Mapping[str, float]) -> float | None:
    return fmean(scores.values()) if scores else None


def dev_sources(config_path: Path, root: Path, most: int | None) -> list[LoadedSource]:
    """The dev sources of a config, at most so many articles of each language in each; MasakhaNEWS without the few-shot languages."""
    config = load_config(config_path, data_root=root)
    found = []
    for source in config.data.dev:
        loaded = load_source(source, config.data.root, config.data.topics, config.seed)
        taken: dict[str, int] = {}
        kept = []
        for article in loaded.articles:
            if source.name == BY_LANGUAGE and article.lang in FEW_SHOT:
                continue
            taken[article.lang] = taken.get(article.lang, 0) + 1
            if most is None or taken[article.lang] <= most:
                kept.append(article)
        found.append(replace(loaded, articles=kept))
    return found


def tables(result: Result) -> list[Table]:
    topic = Table(title=f"Topic, {result['topic']['articles']:,} dev articles", title_justify="left")
    for name in ("system", "weighted F1, MasakhaNEWS", "macro F1, other sources", "articles/s", "memory, MB", "model, MB", "training, s"):
        topic.add_column(name, justify="left" if name == "system" else "right")
    for system, row in result["topic"]["systems"].items():
        scores = ("-" if row[name] is None else f"{row[name]:.4f}" for name in ("weighted_f1", "macro_f1"))
        costs = (f"{row[name]:,.1f}" for name in ("articles_per_second", "peak_megabytes", "model_megabytes", "training_seconds"))
        topic.add_row(system, *scores, *costs)
    summary = Table(title=f"ROUGE-1/2/L (words), {result['summary']['articles']:,} dev articles", title_justify="left")
    sources = next(iter(result["summary"]["systems"].values()))["by_source"]
    for name in ("system", *sources, "articles/s", "memory, MB"):
        summary.add_column(name, justify="left" if name == "system" else "right")
    for system, row in result["summary"]["systems"].items():
        scores = (f"{s['rouge1']:.1f}/{s['rouge2']:.1f}/{s['rougeL']:.1f} ({s['words']:.0f})" for s in row["by_source"].values())
        summary.add_row(system, *scores, f"{row['articles_per_second']:,.1f}", f"{row['peak_megabytes']:,.1f}")
    return [topic, summary]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.side_by_side", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder")
    parser.add_argument("--data-root", type=Path, required=True, help="folder that holds the files which the checkpoint was trained on, and dev/")
    parser.add_argument("--config", type=Path, default=common.ROOT / "configs/news.yaml", help="config whose dev articles are read (default: %(default)s)")
    parser.add_argument("--articles", type=int, metavar="N", help="at most so many articles of each language of a dev source (default: all)")
    parser.add_argument("--output", type=Path, default=common.RESULTS / "side_by_side.json", help="result file (default: %(default)s)")
    options = parser.parse_args(arguments)
    console = Console(width=max(Console().width, 140))
    info = load_checkpoint(options.checkpoint).info
    train = [article for loaded in training_sources_of(info, options.data_root) for article in loaded.articles if article.topic]
    dev = dev_sources(options.config, options.data_root, options.articles)
    if not any(loaded.source.name in SUMMARY_SETS and loaded.articles for loaded in dev):
        raise DataError(f"{options.config}: none of {', '.join(SUMMARY_SETS)} is among data.dev. Name a config that has one of them.")
    missing = unavailable((*TOPICS, *SUMMARIES))
    with tempfile.TemporaryDirectory() as folder:
        place, checkpoint = Workplace(Path(folder), console), options.checkpoint.resolve()
        topic = measure_topics([system for system in TOPICS if system not in missing], checkpoint, train, dev, place)
        summary = measure_summaries([system for system in SUMMARIES if system not in missing], checkpoint, dev, place)
    topic["systems"][BROADSHEET]["training_seconds"] = info["run"]["seconds"]
    settings = {"checkpoint": info["name"], "run": info["run"], "articles": options.articles, "max_words": MAX_WORDS, "opening_characters": OPENING_CHARACTERS}
    versions = {name: version(name) for package, name in PACKAGES.items() if importlib.util.find_spec(package) is not None}
    machine = common.machine() | {"threads": 1}
    result = {"settings": settings | machine, "versions": versions, "not_measured": missing, "topic": topic, "summary": summary}
    console.print(*tables(result), *(f"not measured: {system}, since {why}" for system, why in missing.items()))
    common.write_result(options.output, result, console)


if __name__ == "__main__":
    main()
