"""A `CorpusReport` as tables for the terminal.

In: the report. Out: something that `rich` prints. Does not know how anything was counted.
"""

from collections import Counter
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from inference.labels import STANCES
from training.corpus import FEW_EXAMPLES, CorpusReport, SourceCounts
from training.leakage import Overlap, overlap_lines


def corpus_tables(report: CorpusReport) -> RenderableType:
    """Sources, labels, languages, and below them what was left out and what deserves a look."""
    return Group(_source_table(report.sources), _label_table(report.sources), _language_table(report.languages), *_notes(report))


def _table(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _row(table: Table, names: Sequence[str], numbers: Sequence[int]) -> None:
    table.add_row(*map(Text, names), *(f"{number:,}" if number else "-" for number in numbers))


def _source_table(sources: Sequence[SourceCounts]) -> Table:
    counted = any(counts.windows for counts in sources)
    writes = any(counts.texts for counts in sources)
    numbers = ["arti\ncles", "topics", "stances", "summ\naries", "head\nlines", "boiler\nplate"]
    table = _table("Sources", ["split", "source", "lang", "drawn"], numbers + ["to\nwrite"] * writes + ["windowed"] * counted)

    def numbers_of(part: Sequence[SourceCounts]) -> list[int]:
        rows = [
            [c.articles, c.topics.total(), c.stances.total(), c.summaries, c.headlines, c.boilerplate, *[c.texts] * writes, *[c.windowed] * counted]
            for c in part
        ]
        return [sum(column) for column in zip(*rows, strict=True)]

    for counts in sources:
        languages = [lang or "not named" for lang, _ in counts.languages.most_common()]
        shown = " ".join(languages) if len(languages) <= 2 else str(len(languages))
        drawn = f"{counts.probability:.1%}" if counts.split == "train" else ""
        _row(table, [counts.split, counts.name, shown, drawn], numbers_of([counts]))
    for split in dict.fromkeys(counts.split for counts in sources):
        _row(table, [split, "all", "", ""], numbers_of([counts for counts in sources if counts.split == split]))
    return table


def _label_table(sources: Sequence[SourceCounts]) -> Table:
    splits = list(dict.fromkeys(counts.split for counts in sources))
    table = _table("Labels", ["task", "label"], splits)
    for task, order in (("topic", None), ("stance", STANCES)):
        found = [sum((c.topics if task == "topic" else c.stances for c in sources if c.split == split), Counter[str]()) for split in splits]
        for label in order or [label for label, _ in sum(found, Counter[str]()).most_common()]:
            _row(table, [task, label], [counts[label] for counts in found])
    return table


def _language_table(languages: dict[str, Counter[str]]) -> Table:
    kinds = ("articles", "topics", "stances", "summaries")
    table = _table("Languages in train", ["language"], kinds)
    for lang, counts in languages.items():
        _row(table, [lang or "not named"], [counts[kind] for kind in kinds])
    return table


def _notes(report: CorpusReport) -> list[Text]:
    lines = [f"{counts.split} {counts.name}: left out {number:,}: {reason}" for counts in report.sources for reason, number in counts.dropped.items()]
    lines += [
        f"{counts.split} {counts.name}: no row has these labels of its map: {', '.join(counts.unused_labels)}"
        for counts in report.sources
        if counts.unused_labels
    ]
    if report.unused_topics:
        lines.append(f"no training article has the topic: {', '.join(report.unused_topics)}")
    if report.rare_topics:
        rare = ", ".join(f"{topic} {number}" for topic, number in report.rare_topics.items())
        lines.append(f"fewer than {FEW_EXAMPLES} training articles: {rare}")
    lines += [
        f"{name}: {shared:,} of {of:,} stance targets also stand in train; the scores say less about targets that it has not seen"
        for name, (shared, of) in report.shared_targets.items()
    ]
    lines += _overlaps("training articles left out for text shared with dev or held-out articles", report.shared_with_held_out, "train", "held out")
    lines += _overlaps("training articles overlap with another (kept)", report.repeated_in_train, "train", "earlier in train")
    lines += _overlaps("dev articles overlap with another (kept)", report.repeated_in_dev, "dev", "earlier in dev")
    lines += _overlaps("held-out articles overlap with another (kept)", report.repeated_in_held_out, "held out", "earlier held out")
    return [Text(line) for line in lines]


def _overlaps(what: str, found: Sequence[Overlap], article: str, other: str) -> list[str]:
    return [f"{len(found):,} {what}:", *overlap_lines(found, article, other)] if found else []
