"""What side_by_side.json says, as a block of Markdown: Broadsheet beside other systems, and in what each of them is ahead of it.

In: the folder of the results files. Out: two tables and sentences. Does not know: the documents, or how anything is measured.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contenders import BROADSHEET
from benchmarks.doc_blocks import read_result, table

Rows = Mapping[str, Mapping[str, Any]]  # by system


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of every system: its key in a row, its name, and how it is written."""

    key: str
    name: str
    form: str
    more_is_better: bool = True

    def text(self, row: Mapping[str, Any]) -> str:
        return "" if row.get(self.key) is None else self.form.format(row[self.key])

    def ahead(self, rows: Rows) -> str:
        """The systems whose figure is better than Broadsheet's, the best first; "" for none."""
        ours = rows[BROADSHEET].get(self.key)
        sign = 1 if self.more_is_better else -1
        known = {system: row[self.key] for system, row in rows.items() if row.get(self.key) is not None}
        if ours is None:
            return ""
        better = sorted((system for system in known if sign * known[system] > sign * ours), key=lambda system: -sign * known[system])
        return ", ".join(f"{system} ({self.text(rows[system])} against {self.text(rows[BROADSHEET])})" for system in better)


SPEED = Column("articles_per_second", "articles a second", "{:,.0f}")
MEMORY = Column("peak_megabytes", "memory, MB", "{:,.0f}", more_is_better=False)
TOPIC = (
    Column("weighted_f1", "weighted F1, MasakhaNEWS", "{:.3f}"),
    Column("macro_f1", "macro F1, other sources", "{:.3f}"),
    SPEED,
    MEMORY,
    Column("model_megabytes", "model on disk, MB", "{:,.1f}", more_is_better=False),
    Column("training_seconds", "training, seconds", "{:,.0f}", more_is_better=False),
)
ROUGE = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L"}


def side_by_side_block(results: Path) -> str:
    """Both tables, what they are over, and where another system is ahead of Broadsheet."""
    result = read_result("side_by_side.json", results)
    topic, summary, settings = result["topic"], result["summary"], result["settings"]
    classifiers: Rows = topic["systems"]
    summaries: Rows = {system: _flat(row) for system, row in summary["systems"].items()}
    sources = list(summaries[BROADSHEET]["by_source"])
    rouge = [Column(f"{source} {key}", f"{name} on {source}", "{:.1f}") for source in sources for key, name in ROUGE.items()]
    missing = "".join(f" {system} was not measured: {reason}." for system, reason in result["not_measured"].items())
    return (
        f"Topic, {topic['articles']:,} dev articles, after {topic['training_articles']:,} training articles (checkpoint: {settings['checkpoint']}):\n\n"
        f"{table(['system', *(column.name for column in TOPIC)], [[system, *(c.text(row) for c in TOPIC)] for system, row in classifiers.items()])}"
        f"\nSummaries of at most {settings['max_words']} words, {summary['articles']:,} dev articles; ROUGE-1/2/L in so many words:\n\n"
        f"{table(['system', *sources, SPEED.name, MEMORY.name], [_summary_line(system, row, sources) for system, row in summaries.items()])}"
        "\nOne thread; articles a second of processor time, loading not counted; peak memory of a process of its own; packages are not counted on disk. "
        f"Broadsheet's seconds answer for topic, summary and boilerplate at once, and it was trained for all tasks, on {settings['run']['device']}.{missing}\n"
        f"\nWhere others are ahead, topic: {_ahead(TOPIC, classifiers)}. {' '.join(_ahead_by_source(classifiers))}\n"
        f"\nWhere others are ahead, summaries: {_ahead([*rouge, SPEED, MEMORY], summaries)}.\n"
    )


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the summaries with the scores of every source in columns of their own."""
    return {**row, **{f"{source} {key}": scores[key] for source, scores in row["by_source"].items() for key in ROUGE}}


def _summary_line(system: str, row: Mapping[str, Any], sources: Sequence[str]) -> list[str]:
    scores = [row["by_source"][source] for source in sources]
    cells = [f"{'/'.join(f'{one[key]:.1f}' for key in ROUGE)} in {one['words']:.0f}" for one in scores]
    return [system, *cells, SPEED.text(row), MEMORY.text(row)]


def _ahead(columns: Sequence[Column], rows: Rows) -> str:
    found = {column.name: column.ahead(rows) for column in columns}
    lines = [f"{name}: {systems}" for name, systems in found.items() if systems]
    nowhere = [name for name, systems in found.items() if not systems]
    return "; ".join([*lines, *([f"nobody in {', '.join(nowhere)}"] if nowhere else [])])


def _ahead_by_source(rows: Rows) -> Iterator[str]:
    """On which of the single sources another system has the higher macro F1."""
    ours = rows[BROADSHEET]["by_source"]
    for system, row in rows.items():
        better = [source for source, score in row["by_source"].items() if score > ours[source]]
        if better:
            yield f"{system} has the higher macro F1 on {len(better)} of the {len(ours)} other sources: {', '.join(better)}."
