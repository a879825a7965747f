"""What simple methods reach on the public sets, measured on the same rows that a run is judged on: the floors that a model must beat.

In: a folder with `train/` and `dev/` JSON Lines files (.jsonl.xz) in the form of the data contract. Out: tables, and one JSON file with the settings,
sizes, scores and seconds of each part. Does not know: the model, run configs, or any test file; nothing is chosen on dev.

Run with `OMP_NUM_THREADS=1 python -m benchmarks.linear_floors --data-root DIR`: one thread, fixed seeds, the same figures every time.
"""

import argparse
import json
import resource
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rouge_score.rouge_scorer import RougeScorer
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupShuffleSplit

from inference.article import Article, open_whole, read_articles, read_json_rows
from inference.labels import IPTC_TOPICS, STANCES
from inference.sentences import split_sentences
from inference.words import words
from training.config import Source
from training.linear import LinearTopics, logistic_regression
from training.metrics.labels import best_label
from training.pair_features import LEAD_WORDS, PairEncoder, Pairs, read_pairs
from training.sources import load_source

Result = dict[str, Any]

SEED = 13  # as in configs/news.yaml, so that --max-articles draws the same articles
HELD_OUT_SHARE = 0.2  # of a train file's articles, to choose the class weight and C on
STANCE_CHOICES: tuple[tuple[str | None, float], ...] = ((None, 1.0), ("balanced", 1.0), (None, 10.0), ("balanced", 10.0))  # class weight, C

FULL_TRAINING = ("ig", "lg", "ln", "om", "pcm", "rn", "sn", "so", "xh", "yo")
FEW_SHOT = ("am", "en", "fr", "ha", "sw", "ti")
STANCE_SETS = (
    "fnc1_en", "vast_en", "cstance_zh", "rusentne_ru", "unifiedfc_ar", "farexstance_headline_fa",
    "gerntsa_de", "est_immigration_et", "newsmtsc_en", "cic_tweets_ca_es", "ntcir14_ja",
)  # fmt: skip
SUMMARY_SETS = ("orangesum_fr", "vietnews_vi", "indo_newssum_id")
ROUGE = ("rouge1", "rouge2", "rougeL")


# topic


def measure_topic(root: Path, max_articles: int | None, max_characters: int | None) -> Result:
    """Weighted F1 per language of a linear SVM on word and character n-grams, one for all languages and one per language."""
    source = Source(name="masakhanews", path=Path("train/masakhanews.jsonl.xz"), topic_labels=None, max_articles=max_articles)
    train = load_source(source, root, IPTC_TOPICS, SEED).articles
    dev = list(read_articles(root / "dev/masakhanews.jsonl.xz"))
    if max_characters is not None:
        train, dev = ([replace(article, text=article.text[:max_characters]) for article in articles] for articles in (train, dev))
    train_lang, dev_lang = np.array([article.lang for article in train]), np.array([article.lang for article in dev])
    dev_topic = np.array([article.topic for article in dev])

    together = _topics(train, dev)
    apart = np.empty_like(together)
    for lang in sorted(set(dev_lang)):
        there = np.flatnonzero(dev_lang == lang)
        apart[there] = _topics([article for article in train if article.lang == lang], [dev[place] for place in there])

    scores: Result = {}
    for name, predicted in (("all_languages", together), ("one_per_language", apart)):
        by_lang = {lang: float(f1_score(dev_topic[dev_lang == lang], predicted[dev_lang == lang], average="weighted")) for lang in FULL_TRAINING + FEW_SHOT}
        means = {"mean_10_full": _mean(by_lang[lang] for lang in FULL_TRAINING), "mean_6_few_shot": _mean(by_lang[lang] for lang in FEW_SHOT)}
        scores[name] = means | {"weighted_f1": by_lang}
    return {
        "settings": {
            "max_articles": max_articles,
            "max_characters": max_characters,
            "features": "word 1-2, characters of words 2-5, TF-IDF",
            "model": "LinearSVC C=1",
        },
        "n_train": {lang: int((train_lang == lang).sum()) for lang in FULL_TRAINING + FEW_SHOT},
        "n_dev": {lang: int((dev_lang == lang).sum()) for lang in FULL_TRAINING + FEW_SHOT},
        "scores": scores,
    }


def _topics(train: Sequence[Article], articles: Sequence[Article]) -> np.ndarray:
    """The topic of each article by the linear model of `evaluate --baselines`, trained on `train`."""
    return np.array([best_label(scores) for scores in LinearTopics(IPTC_TOPICS).fit(train).scores(articles)])


# stance


def measure_stance(root: Path, name: str) -> Result:
    """Macro F1 on dev of logistic regression over (article, target) pairs; class weight and C are chosen on held-out train articles."""
    start = time.perf_counter()
    train, dev = (list(read_articles(root / f"{split}/{name}.jsonl.xz")) for split in ("train", "dev"))
    (train_pairs, train_gold), (dev_pairs, dev_gold) = _labelled_pairs(train), _labelled_pairs(dev)
    encoder = PairEncoder()
    train_rows = encoder.fit_encode(train_pairs).both
    seen = np.flatnonzero(train_rows.getnnz(axis=0))  # the other columns of the hash space are empty in train
    train_rows, dev_rows = train_rows[:, seen], encoder.encode(dev_pairs).both[:, seen]
    fit, held_out = next(GroupShuffleSplit(1, test_size=HELD_OUT_SHARE, random_state=SEED).split(train_gold, groups=train_pairs.articles))
    labels = [stance for stance in STANCES if stance in set(train_gold)]
    held_out_f1 = []
    for class_weight, strength in STANCE_CHOICES:
        predicted = logistic_regression(class_weight, strength).fit(train_rows[fit], train_gold[fit]).predict(train_rows[held_out])
        held_out_f1.append(float(f1_score(train_gold[held_out], predicted, labels=labels, average="macro", zero_division=0)))
    class_weight, strength = STANCE_CHOICES[int(np.argmax(held_out_f1))]
    predicted = logistic_regression(class_weight, strength).fit(train_rows, train_gold).predict(dev_rows)
    f1 = f1_score(dev_gold, predicted, labels=labels, average=None, zero_division=0)
    return {
        "settings": {"model": "LogisticRegression", "class_weight": class_weight, "C": strength, "article_words": LEAD_WORDS},
        "n": {"train_articles": len(train), "train_pairs": len(train_gold), "dev_articles": len(dev), "dev_pairs": len(dev_gold)},
        "held_out_macro_f1": max(held_out_f1),
        "scores": {"macro_f1": _mean(f1), "f1": dict(zip(labels, map(float, f1), strict=True))},
        "seconds": time.perf_counter() - start,
    }


def _labelled_pairs(articles: Sequence[Article]) -> tuple[Pairs, np.ndarray]:
    """The pairs of the articles that have a stance, and it."""
    pairs = [(place, pair.target, pair.stance) for place, article in enumerate(articles) for pair in article.stances if pair.stance]
    return read_pairs(articles, [(place, target) for place, target, _ in pairs]), np.array([stance for _, _, stance in pairs])


# summary


class _WordTokenizer:
    """The tokenizer that rouge_score asks for: words in any script, not ASCII alone."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def measure_leads(root: Path) -> Result:
    """ROUGE F1 (0-100) of the first 1, 2 and 3 sentences against references, and of the first against MasakhaNEWS headlines."""
    scores: Result = {}
    for name in SUMMARY_SETS:
        rows = [row for _, row in read_json_rows(root / f"dev/{name}.jsonl.xz")]
        cases = [(row["text"], row["lang"], row.get("references") or [row["summary"]]) for row in rows]
        scores[name] = {f"lead_{count}": _lead_rouge(cases, count) for count in (1, 2, 3)}
    headlines = [(a.text, a.lang, [a.title]) for a in read_articles(root / "dev/masakhanews.jsonl.xz") if a.lang in FULL_TRAINING and a.title]
    by_lang = {lang: _lead_rouge([case for case in headlines if case[1] == lang], 1) for lang in FULL_TRAINING}
    mean = {metric: _mean(result[metric] for result in by_lang.values()) for metric in (*ROUGE, "words")}
    scores["masakhanews_headlines"] = {"lead_1": mean | {"n": len(headlines)}, "lead_1_by_language": by_lang}
    return {"settings": {"tokenizer": "inference.words", "sentences": "inference.sentences", "several_references": "best"}, "scores": scores}


def _lead_rouge(cases: Sequence[tuple[str, str, Sequence[str]]], count: int) -> Result:
    scorer = RougeScorer(ROUGE, tokenizer=_WordTokenizer())
    found: dict[str, list[float]] = {metric: [] for metric in (*ROUGE, "words")}
    for text, lang, references in cases:
        lead = " ".join(text[start:end] for start, end in split_sentences(text, lang)[:count])
        best = scorer.score_multi(list(references), lead)
        for metric in ROUGE:
            found[metric].append(100 * best[metric].fmeasure)
        found["words"].append(len(words(lead)))
    return {metric: _mean(values) for metric, values in found.items()} | {"n": len(cases)}


# shared


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    table = Table(title=title)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*(f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row))
    return table


def _topic_table(result: Result) -> Table:
    models = result["scores"].values()
    rows: list[Sequence[object]] = [
        (lang, result["n_train"][lang], result["n_dev"][lang], *(model["weighted_f1"][lang] for model in models)) for lang in result["n_dev"]
    ]
    rows += [(mean, "", "", *(model[mean] for model in models)) for mean in ("mean_10_full", "mean_6_few_shot")]
    return _table("Topic, MasakhaNEWS dev, weighted F1", ("language", "train", "dev", *result["scores"]), rows)


def _stance_table(result: Result) -> Table:
    rows = []
    for name, one in result["sets"].items():
        scores = one["scores"]
        chosen = f"{one['settings']['class_weight']}, {one['settings']['C']:g}"
        rows.append((name, one["n"]["train_pairs"], one["n"]["dev_pairs"], chosen, scores["macro_f1"], *(scores["f1"].get(stance, "-") for stance in STANCES)))
    return _table("Stance, dev, F1", ("set", "train", "dev", "weight, C", "macro", *STANCES), rows)


def _lead_table(result: Result) -> Table:
    columns = ("n", *ROUGE, "words")
    rows = [
        (f"{name} {lead}", *(scores[column] for column in columns))
        for name, leads in result["scores"].items()
        for lead, scores in leads.items()
        if lead in ("lead_1", "lead_2", "lead_3")
    ]
    return _table("Lead sentences, dev, ROUGE F1 (0-100)", ("set", *columns), rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.linear_floors", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data-root", type=Path, required=True, help="folder that holds train/ and dev/")
    parser.add_argument("--parts", nargs="+", choices=("topic", "stance", "summary"), default=("topic", "stance", "summary"), help="default: all")
    parser.add_argument("--max-articles", type=int, help="topic: train on a seeded sample of so many articles")
    parser.add_argument("--max-characters", type=int, help="topic: read only so many characters of each text")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results/linear_floors.json", help="parts that were not measured stay as they are in it"
    )
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)  # STANCE_ITERATIONS is a ceiling on purpose
    console = Console(width=max(Console().width, 110))  # the stance table needs it, and a file has no width
    results: Result = json.loads(arguments.output.read_text(encoding="utf-8")) if arguments.output.exists() else {}
    for part in arguments.parts:
        start = time.perf_counter()
        if part == "topic":
            result = measure_topic(arguments.data_root, arguments.max_articles, arguments.max_characters)
            table = _topic_table(result)
        elif part == "stance":
            result = {"sets": {name: measure_stance(arguments.data_root, name) for name in STANCE_SETS}}
            table = _stance_table(result)
        else:
            result = measure_leads(arguments.data_root)
            table = _lead_table(result)
        result |= {"seconds": time.perf_counter() - start, "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        console.print(table)
        console.print(f"{result['seconds']:.0f} s, peak {result['peak_megabytes']:.0f} MB")
        results[part] = result
        with open_whole(arguments.output) as file:
            file.write(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
