"""Fit the weights of the cleaner's line score (`inference/lines.py`) on the sample's train part and print them.

In: `data/sample/train.jsonl` and the train lines of `boilerplate.jsonl`. Out: two dictionaries to paste into `inference/lines.py`, and their scores on dev.
Each train article is read as it is, below its title, and three times with boilerplate lines put around and into it, most in its own language.

    python -m benchmarks.fit_cleaner
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from sklearn.linear_model import LogisticRegression

from benchmarks.cleaner import SAMPLE
from inference.article import Article, read_articles, read_json_rows
from inference.lines import PASSAGE_WORDS, Unit, line_features, neighbor_features, sigmoid, weigh

INVERSE_REGULARIZATION = 0.3
"""Of 0.1, 0.3 and 1: the best recall on dev at equal precision."""
VARIANTS = 3
FOREIGN = 0.25
"""Share of pages whose inserted lines are in another language, mostly English, as menus are."""
WIDGETS = ("bar_progress", "icon_share", "menu_open", "btn_close_2", "* * *", "———", "•", "| |", "***", "1", "1/5", "×", ">")
"""Names of page parts and ornaments, which the sample lacks."""

Line = tuple[str, bool]
"""A line and whether it is boilerplate."""


@dataclass(frozen=True)
class Lines:
    """The lines of many pages: features of the first step, labels, units by page."""

    features: list[dict[str, float]]
    labels: list[bool]
    pages: list[list[Unit]]


def fit(lines: Lines) -> tuple[dict[str, float], dict[str, float]]:
    """The weights of both steps."""
    short = [unit.words <= PASSAGE_WORDS for page in lines.pages for unit in page]
    first = _regress(lines.features, lines.labels, short)
    return first, _regress(_second_step(lines, first), lines.labels, short)


def score(lines: Lines, first: dict[str, float], second: dict[str, float]) -> list[float]:
    short = (unit.words <= PASSAGE_WORDS for page in lines.pages for unit in page)
    return [sigmoid(weigh(features, second)) * is_short for features, is_short in zip(_second_step(lines, first), short, strict=True)]


def _regress(rows: Sequence[dict[str, float]], labels: Sequence[bool], used: Sequence[bool]) -> dict[str, float]:
    names = list(rows[0])
    matrix = np.array([[float(row[name]) for name in names] for row, use in zip(rows, used, strict=True) if use])
    model = LogisticRegression(C=INVERSE_REGULARIZATION, max_iter=3000).fit(matrix, [label for label, use in zip(labels, used, strict=True) if use])
    return {"bias": round(float(model.intercept_[0]), 2)} | {name: round(float(weight), 2) for name, weight in zip(names, model.coef_[0], strict=True)}


def _second_step(lines: Lines, first: dict[str, float]) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    for page in lines.pages:
        logits = [weigh(features, first) for features in lines.features[len(rows) : len(rows) + len(page)]]
        scores = [sigmoid(logit) for logit in logits]
        rows += [neighbor_features(index, logits, scores) for index in range(len(page))]
    return rows


def _read(pages: Sequence[tuple[str, list[Line]]]) -> Lines:
    read = Lines([], [], [])
    for lang, page in pages:
        texts = [text for text, _ in page]
        units = [Unit(text, lang) for text in texts]
        read.pages.append(units)
        read.features.extend(line_features(texts, units))
        read.labels.extend(label for _, label in page)
    return read


def _plain(article: Article, *, title: bool) -> tuple[str, list[Line]]:
    lines = [(line, line in (article.boilerplate or ())) for line in article.text.split("\n") if line.strip()]
    return article.lang, [(article.title, False)] * title + lines


def _littered(article: Article, lines: dict[str, list[str]], rng: random.Random) -> tuple[str, list[Line]]:
    """The article among boilerplate lines: up to three above it, five below, two inside; half of the time with its title."""
    _, page = _plain(article, title=False)
    foreign = rng.choice(["en", "en", "en", "ko", "es", "fr"])
    source = lines[foreign if rng.random() < FOREIGN else article.lang]
    above = [(line, True) for line in rng.sample(source, rng.randint(0, 3))]
    below = [(line, True) for line in rng.sample(source, rng.randint(0, 5))]
    for _ in range(rng.randint(0, 2)):
        page.insert(rng.randint(1, len(page)), (rng.choice(source), True))
    title = [(article.title, False)] * (rng.random() < 0.5)
    page = title + above + page + below if rng.random() < 0.5 else above + title + page + below
    if rng.random() < 0.3:
        page.insert(rng.choice([0, 1, len(page)]), (rng.choice(WIDGETS), True))
    return article.lang, page


def main() -> None:
    rng = random.Random(0)
    train, dev = (list(read_articles(SAMPLE / f"{part}.jsonl")) for part in ("train", "dev"))
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for _, row in read_json_rows(SAMPLE / "boilerplate.jsonl"):
        if row["split"] == "train":
            lines[row["lang"]].append(row["line"])
    pages = [_plain(article, title=title) for article in train for title in (False, True)]
    pages += [_littered(article, lines, rng) for article in train for _ in range(VARIANTS)]
    first, second = fit(_read(pages))
    console = Console()
    console.print({"FEATURE_WEIGHTS": first, "NEIGHBOR_WEIGHTS": second})
    held_out = _read([_plain(article, title=True) for article in dev])
    scores, labels = np.array(score(held_out, first, second)), np.array(held_out.labels)
    for threshold in (0.5, 0.6, 0.7, 0.8, 0.9):
        out = scores >= threshold
        console.print(f"dev, {labels.sum()} of {len(labels)} lines, threshold {threshold}: precision {labels[out].mean():.3f}, recall {out[labels].mean():.3f}")


if __name__ == "__main__":
    main()
