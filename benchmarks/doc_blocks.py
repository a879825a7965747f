"""What the results files say, as blocks of Markdown for README.md; one of them stands in model_card.md too.

In: the folder of the results files. Out: a table or a sentence each; `MissingResultError` names the command that makes a missing file.
Does not know: the documents, or how anything is measured.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.linear_floors import FULL_TRAINING
from training.baselines import MAJORITY
from training.corpus import SHARED_WITH_HELD_OUT
from training.results import MODEL

README_SUMMARIES = ("orangesum_fr", "vietnews_vi", "indo_newssum_id")
README_STANCES = {"fnc1_en": "FNC-1, claims unseen in training", "vast_en": "VAST, three ways"}

_EVALUATE = "python -m training evaluate runs/release/checkpoint"
NEWS_SAMPLES = "--set data.dev.0.max_articles=400"
"""MasakhaNEWS is sampled in the whole report and has one of its own: its long articles would take longer than all the others."""

COMMANDS = {
    "release.json": f"{_EVALUATE} configs/release.yaml --data-root path/to/the/data " + NEWS_SAMPLES,
    "release_masakhanews.json": f"{_EVALUATE} path/to/the/data/dev/masakhanews.jsonl.xz --headlines --output runs/release/report-masakhanews",
    "release_test.json": f"{_EVALUATE} configs/release.yaml --split held_out --data-root path/to/the/data --baselines --headlines --allow-overlap "
    "--output runs/release/report-test",
    "linear_floors.json": "python -m benchmarks.linear_floors --data-root path/to/the/data",
    "cleaner.json": "python -m benchmarks.cleaner --checkpoint runs/release/checkpoint",
    "duplicates.json": "python -m benchmarks.duplicates",
    "quickstart.json": "python -m benchmarks.quickstart",
    "streaming.json": "python -m benchmarks.streaming --checkpoint runs/quickstart/checkpoint",
    "cold_start.json": "python -m benchmarks.cold_start runs/release/checkpoint",
    "speed.json": "python -m benchmarks.speed --data-root path/to/the/data",
    "pair_encoding.json": "python -m benchmarks.pair_encoding --data-root path/to/the/data",
    "pretraining.json": "python -m benchmarks.pretraining --data-root path/to/the/data",
    "vocabulary.json": "python -m benchmarks.vocabulary --data-root path/to/the/data",
    "ngrams.json": "python -m benchmarks.ngrams inference/released --data-root path/to/the/data",
    "topics.json": "python -m benchmarks.topics runs/release/checkpoint --data-root path/to/the/data",
    "choices.json": "python -m benchmarks.choices --data-root path/to/the/data",
    "faithfulness.json": "python -m benchmarks.faithfulness --data-root path/to/the/data",
    "side_by_side.json": "python -m benchmarks.side_by_side inference/released --data-root path/to/the/data --articles 12",
    "abstractive.json": "python -m benchmarks.abstractive runs/abstractive/checkpoint --data-root path/to/the/data",
    "seq2seq.json": "python -m benchmarks.seq2seq --data-root path/to/the/data --checkpoint runs/abstractive/checkpoint",
    "example.json": "python -m benchmarks.write_docs --example",
}
"""What makes each results file. The reports of `evaluate` are kept by `write_docs --news FOLDER --masakhanews FOLDER --test FOLDER`."""

Lines = Iterator[Sequence[str]]


class MissingResultError(Exception):
    """A results file that is not there yet; the message is the sentence that stands in for its figures."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The rows of a report.json by (task, group kind, group, system)."""

    rows: dict[tuple[str, str, str, str], dict[str, Any]]

    def groups(self, task: str, kind: str) -> list[str]:
        return list(dict.fromkeys(group for found, group_kind, group, _ in self.rows if (found, group_kind) == (task, kind)))

    def n(self, task: str, kind: str, group: str) -> int:
        return int(self.rows[task, kind, group, MODEL]["n"])

    def score(self, task: str, kind: str, group: str, system: str, metric: str) -> float:
        """0.0 for the F1 of a class that the group does not have."""
        return float(self.rows[task, kind, group, system]["scores"].get(metric, 0.0))

    def interval(self, task: str, kind: str, group: str, metric: str) -> str:
        """The interval of a score of the model, with a space before it; "" in a report that was made without intervals."""
        bounds = self.rows[task, kind, group, MODEL].get("intervals", {}).get(metric)
        number = "{:.1f}–{:.1f}" if metric.startswith("rouge") else "{:.3f}–{:.3f}"
        return " " + number.format(*bounds) if bounds else ""

    def best_lead(self, task: str, group: str) -> str:
        """The lead baseline with the highest ROUGE-1 on a source."""
        leads = [system for found, kind, name, system in self.rows if (found, kind, name) == (task, "source", group) and system.startswith("lead-")]
        return max(leads, key=lambda lead: self.score(task, "source", group, lead, "rouge1"))


def read_result(name: str, results: Path) -> Any:
    """The JSON value of a results file; raises `MissingResultError` where it has not been made."""
    path = results / name
    if not path.is_file():
        raise MissingResultError(f"not measured yet: run `{COMMANDS[name]}`.")
    return json.loads(path.read_text(encoding="utf-8"))


def read_report(name: str, results: Path) -> Reported:
    return Reported({(row["task"], row["group_kind"], row["group"], row["system"]): row for row in read_result(name, results)["rows"]})


def scores_block(results: Path) -> str:
    """The main table: one row a figure, ours beside the linear floor and the trivial baseline."""
    news, floors = read_report("release.json", results), read_result("linear_floors.json", results)
    masakhanews = read_report("release_masakhanews.json", results)
    lines = [*_masakhanews_lines(masakhanews, floors), *_stance_lines(news, floors), *_headline_lines(masakhanews), *_summary_lines(news)]
    return table(["task", "dev data", "score", "n", "Broadsheet", "linear model", "trivial"], lines, left=3)


def _masakhanews_lines(report: Reported, floors: Any) -> Lines:
    langs = [lang for lang in FULL_TRAINING if lang in report.groups("topic", "lang")]
    n = sum(report.n("topic", "lang", lang) for lang in langs)
    floor = share(floors["topic"]["scores"]["all_languages"]["mean_10_full"])
    for prefix, topics in (("", "all 17"), ("restricted_", "its own 7")):
        ours, majority = (fmean(report.score("topic", "lang", lang, system, f"{prefix}weighted_f1") for lang in langs) for system in (MODEL, MAJORITY))
        data = f"MasakhaNEWS, {len(langs)} languages, {topics} topics compete"
        yield "topic", data, "weighted F1", f"{n:,}", bold(share(ours)), floor, f"{share(majority)} majority"


def _stance_lines(news: Reported, floors: Any) -> Lines:
    sets = {name: measured["scores"] for name, measured in floors["stance"]["sets"].items() if name in news.groups("stance", "source")}

    def line(names: Sequence[str], data: str, metric: str, label: str, floor: float) -> Sequence[str]:
        ours, majority = (fmean(news.score("stance", "source", name, system, metric) for name in names) for system in (MODEL, MAJORITY))
        n = sum(news.n("stance", "source", name) for name in names)
        bounds = news.interval("stance", "source", names[0], metric) if len(names) == 1 else ""  # a report has none for the mean of sets
        return "stance", data, label, f"{n:,} pairs", bold(share(ours)) + bounds, share(floor), f"{share(majority)} majority"

    for name, data in README_STANCES.items():
        if name in sets:
            yield line([name], data, "macro_f1", "macro F1", sets[name]["macro_f1"])
    if "fnc1_en" in sets:
        yield line(["fnc1_en"], "FNC-1, the articles that disagree", "f1_against", "F1 of against", sets["fnc1_en"]["f1"]["against"])
    if sets:
        yield line([*sets], f"mean of {len(sets)} sets", "macro_f1", "macro F1", fmean(scores["macro_f1"] for scores in sets.values()))


def _headline_lines(report: Reported) -> Lines:
    langs = [lang for lang in FULL_TRAINING if lang in report.groups("headline", "lang")]
    n = f"{sum(report.n('headline', 'lang', lang) for lang in langs):,}"
    for metric, label in (("rouge1", "ROUGE-1"), ("rouge2", "ROUGE-2"), ("rougeL", "ROUGE-L")):
        ours, lead = (fmean(report.score("headline", "lang", lang, system, metric) for lang in langs) for system in (MODEL, "lead-1"))
        data = f"MasakhaNEWS, {len(langs)} languages, one sentence against the headline"
        yield "summary", data, label, n, bold(f"{ours:.1f}"), "", f"{lead:.1f} lead-1"


def _summary_lines(news: Reported) -> Lines:
    for name in README_SUMMARIES:
        if name not in news.groups("summary", "source"):
            continue
        lead = news.best_lead("summary", name)
        (ours, length), (theirs, lead_length) = (
            (news.score("summary", "source", name, system, "rouge1"), news.score("summary", "source", name, system, "words")) for system in (MODEL, lead)
        )
        n = f"{news.n('summary', 'source', name):,}"
        bounds = news.interval("summary", "source", name, "rouge1")
        yield "summary", name, "ROUGE-1", n, f"{bold(f'{ours:.1f}')}{bounds} in {length:.0f} words", "", f"{theirs:.1f} {lead}, {lead_length:.0f} words"


def cleaner_block(results: Path) -> str:
    """What the rules take out of the sample's test pages, before any model reads them."""
    result = read_result("cleaner.json", results)
    rules = result["rules"]
    score = rules["by_language"]["all"]
    hits, lines = (sum(column) for column in zip(*rules["unseen_lines"].values(), strict=True))
    return (
        f"On the {score['articles']} test pages of the sample corpus the rules alone take out {score['line_recall']:.1%} of {score['boilerplate_lines']} "
        f"boilerplate lines; {score['line_precision']:.1%} of the lines that they take out are boilerplate, and clean articles lose "
        f"{rules['clean_articles_lost']:.2%} of their characters. Of {lines} boilerplate lines that the lexicon was not made from, "
        f"each put at the end of a clean article, they find {hits}.{_with_model(result)}\n"
    )


def _with_model(result: Any) -> str:
    if "summaries" not in result:
        return ""
    together, summaries = result["rules and model"], result["summaries"]
    score, leaking = together["by_language"]["all"], summaries["with_boilerplate"]
    return (
        f" With the released model it is {score['line_recall']:.1%} of the lines at a precision of {score['line_precision']:.1%}, and clean "
        f"articles lose {together['clean_articles_lost']:.2%}. Of the summaries of the {summaries['pages']} pages with boilerplate, "
        f"{len(leaking) or 'none'} {'holds' if len(leaking) < 2 else 'hold'} any of it{' (' + ', '.join(leaking) + ')' if leaking else ''}."
    )


def duplicates_block(results: Path) -> str:
    """How many planted near-duplicates are found by each search, and how long it takes."""
    result = read_result("duplicates.json", results)
    recall, times = result["recall"], result["seconds"]
    lines = [[kind, *(f"{found[kind]['recall']:.1%}" for found in recall.values())] for kind in next(iter(recall.values()))]
    n = next(iter(next(iter(recall.values())).values()))["n"]
    alarms = [sum(kind["false_alarms"] for kind in found.values()) for found in recall.values()]
    searches = [name[0].upper() + name[1:] for name in recall]
    return (
        f"{table([f'found of {n} planted near-duplicates', *searches], lines)}"
        "\n`evaluate` has the signatures alone, `train` and `check` have the texts too; MinHashLSH is datasketch's. "
        f"False alarms, over all rows: {', '.join(map(str, alarms))}. {times['articles']:,} articles of {times['characters']:,.0f} characters are signed in "
        f"{times['sign']:.1f} seconds on one core, {times['bytes an article']:.0f} bytes each with their ids; looking all of them up takes "
        f"{times['look up, signatures']:.1f} seconds more.\n"
    )


def run_block(results: Path) -> str:
    """What the run behind the scores read, and what it took."""
    trained = read_result("release.json", results)["trained"]
    run, sources = trained["run"], trained["sources"].values()
    articles, overlapping = sum(source["articles"] for source in sources), sum(source["left_out"].get(SHARED_WITH_HELD_OUT, 0) for source in sources)
    return (
        f"The run behind the scores read {run['tokens']:,} tokens of {articles:,} articles, which are left after the caps, "
        f"in {run['seconds'] / 60:,.0f} minutes on {run['device']}; its model has {run['parameters']:,} parameters. {overlapping:,} articles were left out "
        "because they overlap dev or test articles.\n"
    )


def abstractive_block(results: Path) -> str:
    """What the decoder of configs/abstractive.yaml writes: figures, ROUGE-1 beside extraction, and samples as they are."""
    result = read_result("abstractive.json", results)
    scores = result["rouge1"]
    systems = list(next(iter(scores.values())))
    lines = [[system, *(f"{one[system]['rouge1']:.1f} in {one[system]['words']:.0f}" for one in scores.values())] for system in systems]
    samples = "".join(
        f"- {sample['lang']}, {sample['id']}: “{sample['first candidate']}” ({'returned' if sample['method'] == 'abstractive' else 'refused'})\n"
        for sample in result["samples"]
    )
    return (
        f"{figures_block('abstractive.json')(results)}\n"
        f"ROUGE-1 and mean words on dev, {result['settings']['articles']} articles:\n\n{table(['system', *scores], lines)}\n"
        f"What it writes about articles of the sample corpus, as it stands (first candidates):\n\n{samples}"
    )


def figures_block(name: str) -> Callable[[Path], str]:
    """A block with the figures of a benchmark (`benchmarks.common.figure_rows`) beside what was asked for."""

    def block(results: Path) -> str:
        figures = read_result(name, results)["figures"].values()
        met = {None: "", True: "yes", False: "no"}
        lines = [(figure["what"], f"{figure['measured']:,.4g}", figure["goal"], met[figure["met"]], figure["n"]) for figure in figures]
        return table(["figure", "measured", "asked for", "reached", "over"], lines)

    return block


# Markdown


def table(headers: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """A Markdown table; the first `left` columns are text, the others numbers."""
    rules = ["---" if column < left else "--:" for column in range(len(headers))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headers, rules, *lines))


def bold(text: str) -> str:
    return f"**{text}**"


def share(value: float) -> str:
    return f"{value:.3f}"
