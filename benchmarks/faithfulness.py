"""How well the check of written summaries tells true ones from false ones, by kind of falsehood and by language.

In: articles with reference summaries: the sample corpus, and JSON Lines files of a data root. Out: tables, and `benchmarks/results/faithfulness.json`:
numbers only.
A reference is made false in one way at a time (`benchmarks.corruption`); caught is one about which the check says of that kind what it did not say of the
reference. Untouched references that are refused are counted by reason: in sets where references say what their article does not, most are refused rightly.
The first two sentences of the article, made false in the same ways, stand for summaries that copy, as those of small models do.

    python -m benchmarks.faithfulness [--data-root DIR] [--output FILE]
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common import RESULTS, ROOT, Figure, Goal, figure_rows, figure_table, write_result
from benchmarks.corruption import NAMES, add_clause, drop_thousands, names_of, negate, swap_count, swap_name, swap_number, swap_opening_name, times_ten
from inference.article import Article, read_articles
from inference.cleaning import read_page
from inference.faithfulness import check_summary
from inference.summaries import article_text

SETS = ("orangesum_fr", "vietnews_vi", "indo_newssum_id", "xsum_en")
LEAD_SENTENCES = 2
KINDS = {
    "number": "number",
    "number word": "number",
    "thousands dropped": "number",
    "times ten": "number",
    "name": "name",
    "name at the opening": "name",
    "negation": "negation",
    "clause": "",
    "name in lead": "name",
    "name opening a lead": "name",
    "negation in lead": "negation",
}
"""Each way of making a summary false, and the kind of problem that catches it; "" = any."""
BY_CAPITALS = "where capitals tell names"
REASONS = ("number", "name", "negation", "language", "length", "repetition")
GOALS = {
    "numbers": Goal("swapped numbers caught, sample test", 0.92, at_least=0.9),
    "names": Goal("swapped names caught, sample test", 0.81, at_least=0.8),
    "numbers_by_size": Goal("numbers without their thousands, or ten times too large, caught, sample test", 0.95, at_least=0.9),
    "names_by_capitals": Goal("swapped names caught where capitals tell names, sample test", 0.97, at_least=0.8),
    "names_at_openings": Goal("names swapped where they open a sentence, in references and leads, caught, whole sample", 0.63, at_least=0.8),
    "names_in_leads": Goal("names swapped in copied sentences caught, sample test", 0.9, at_least=0.8),
    "refused_numbers": Goal("references refused for a number, sample test", 0.04, at_most=0.05),
    "refused_names": Goal("references refused for a name, sample test", 0.06, at_most=0.05),
}


@dataclass(slots=True)
class Counts:
    """Over the references of one language or set."""

    references: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # untouched ones, by reason; "any" for at least one
    false: Counter[str] = field(default_factory=Counter)  # by way of making them false
    caught: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        self.references += other.references
        for mine, theirs in ((self.refused, other.refused), (self.false, other.false), (self.caught, other.caught)):
            mine.update(theirs)


def measure(articles: Sequence[Article]) -> dict[str, Counts]:
    """Counts by language; the same articles give the same counts."""
    by_language: defaultdict[str, list[Article]] = defaultdict(list)
    for article in articles:
        if article.summary:
            by_language[article.lang].append(article)
    return {lang: _measure_language(lang, members) for lang, members in sorted(by_language.items())}


def _measure_language(lang: str, articles: Sequence[Article]) -> Counts:
    names = [(article.id, (article.summary or "")[start:end]) for article in articles for start, end in names_of(article.summary or "", lang)]
    counts = Counts(len(articles))
    for article in articles:
        reference = article.summary or ""
        page = read_page(article.text, article.title, lang)
        spans = [(sentence.start, sentence.end) for sentence in page.sentences]
        lead = " ".join(article.text[start:end] for start, end in spans[:LEAD_SENTENCES])
        source = article_text(page, range(len(page.sentences)))
        random = Random(article.id)
        donors = [name for owner, name in names if owner != article.id]
        whole = f"{article.title}\n{article.text}"
        others = [other.summary or "" for other in articles if other is not article]
        false = {
            "number": (reference, swap_number(reference, random)),
            "number word": (reference, swap_count(reference, lang, random)),
            "name": (reference, swap_name(reference, whole, lang, donors, random)),
            "negation": (reference, negate(reference, lang, random)),
            "clause": (reference, add_clause(reference, random.choice(others), random) if others else None),
            "name in lead": (lead, swap_name(lead, whole, lang, donors, random)),
            "negation in lead": (lead, negate(lead, lang, random)),
            "thousands dropped": (reference, drop_thousands(reference, random)),
            "times ten": (reference, times_ten(reference, random)),
            "name opening a lead": (lead, swap_opening_name(lead, whole, lang, donors, random)),
            "name at the opening": (reference, swap_opening_name(reference, whole, lang, donors, random)),
        }
        before = {text: check_summary(text, source, lang=lang, max_words=None).problems for text in (reference, lead)}
        refused = {problem.kind for problem in before[reference]}
        counts.refused.update([*refused, *(["any"] if refused else [])])
        for way, (text, changed) in false.items():
            if changed is not None:
                new = {problem.kind for problem in set(check_summary(changed, source, lang=lang, max_words=None).problems) - set(before[text])}
                counts.false[way] += 1
                counts.caught[way] += KINDS[way] in new if KINDS[way] else bool(new)
    return counts


def total(counts: Iterable[Counts]) -> Counts:
    """The sum over several languages or sets."""
    summed = Counts()
    for one in counts:
        summed.add(one)
    return summed


def _by_capitals(by_language: Mapping[str, Counts]) -> Counts:
    return total(counts for lang, counts in by_language.items() if lang not in NAMES)


def row(counts: Counts) -> dict[str, Any]:
    """Counts as they stand in the result file. Precision is that of one false summary beside each untouched reference; leads are copies, so they have none."""
    ways: dict[str, dict[str, Any]] = {}
    for way, kind in KINDS.items():
        caught, false = counts.caught[way], counts.false[way]
        if false:
            ways[way] = {"n": false, "caught": caught, "recall": round(caught / false, 4)}
        if caught and "lead" not in way:
            ways[way]["precision"] = round(caught / (caught + counts.refused[kind or "any"] * false / counts.references), 4)
    refused = {reason: {"n": counts.refused[reason], "share": round(counts.refused[reason] / counts.references, 4)} for reason in (*REASONS, "any")}
    return {"references": counts.references, "ways": ways, "untouched_refused": refused}


def figures(test: Mapping[str, Counts], chosen_on: Mapping[str, Counts]) -> list[Figure]:
    """The goals, on the part of the sample that nothing was chosen on; names that open sentences are too few there and are counted in all of it."""
    everything, capitals = total(test.values()), _by_capitals(test)
    caught = {
        "numbers": (everything, ("number",)),
        "numbers_by_size": (everything, ("thousands dropped", "times ten")),
        "names": (everything, ("name",)),
        "names_by_capitals": (capitals, ("name",)),
        "names_at_openings": (total([everything, *chosen_on.values()]), ("name at the opening", "name opening a lead")),
        "names_in_leads": (everything, ("name in lead",)),
    }
    found = []
    for name, (counts, ways) in caught.items():
        false = sum(counts.false[way] for way in ways)
        found.append(Figure(name, GOALS[name], sum(counts.caught[way] for way in ways) / max(1, false), f"{false} summaries"))
    for name, reason in (("refused_numbers", "number"), ("refused_names", "name")):
        found.append(Figure(name, GOALS[name], everything.refused[reason] / everything.references, f"{everything.references} references"))
    return found


def _table(title: str, rows: Mapping[str, Counts]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("", "n", *KINDS, *(f"{reason}?" for reason in (*REASONS, "any"))):
        table.add_column(name, justify="right" if name else "left")
    for name, counts in rows.items():
        shares = [f"{100 * counts.caught[way] / counts.false[way]:.0f}" if counts.false[way] else "" for way in KINDS]
        refused = (f"{100 * counts.refused[reason] / max(1, counts.references):.1f}" for reason in (*REASONS, "any"))
        table.add_row(name, str(counts.references), *shares, *refused)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faithfulness", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data-root", type=Path, help=f"folder that holds dev/ with {', '.join(SETS)}; left out: the sample only")
    parser.add_argument("--output", type=Path, default=RESULTS / "faithfulness.json")
    options = parser.parse_args(arguments)
    console = Console(width=max(Console().width, 160))
    sample = ROOT / "data" / "sample"
    parts = {"sample train and dev": ("train.jsonl", "dev.jsonl"), "sample test": ("test.jsonl",)}
    result: dict[str, Any] = {}
    measured = [measure([article for file in files for article in read_articles(sample / file)]) for files in parts.values()]
    for part, counts in zip(parts, measured, strict=True):
        rows = counts | {"all": total(counts.values()), BY_CAPITALS: _by_capitals(counts)}
        console.print(_table(f"{part}: % caught, and % of untouched references refused (?)", rows))
        result[part] = {name: row(one) for name, one in rows.items() if one.references}
    met = figures(measured[1], chosen_on=measured[0])
    if options.data_root:
        sets = {name: total(measure(list(read_articles(options.data_root / "dev" / f"{name}.jsonl.xz"))).values()) for name in SETS}
        console.print(_table("abstractive sets, dev", sets))
        result["sets"] = {name: row(one) for name, one in sets.items()}
    console.print(figure_table("Goals", met))
    write_result(options.output, {"figures": figure_rows(met), **result}, console)


if __name__ == "__main__":
    main()
