"""How much page boilerplate the cleaner takes out, and how much article it loses, by language.

In: JSON Lines files whose articles list their boilerplate lines. Out: tables, and for the sample's test part (the default) `benchmarks/results/cleaner.json`.
`score_cleaner` takes any function from an article to the spans it would leave out, so rules alone and rules with a model are scored by the same code.

    python -m benchmarks.cleaner [FILES] [--checkpoint DIR]
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from inference.analyzer import Analyzer
from inference.article import Article, open_whole, read_articles, read_json_rows
from inference.cleaning import read_page

Span = tuple[int, int]
Cleaner = Callable[[Article], Iterable[Span]]
"""The spans of `article.text` that a cleaner leaves out."""

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
RESULTS = Path(__file__).parent / "results" / "cleaner.json"
NOT_SCORED = frozenset({"title", "dateline"})
"""Rightly left out of a summary, and not listed as boilerplate lines."""
MOST_OF_LINE = 0.5
"""A line counts as left out from this share of its characters on."""
DOUBTFUL = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    """Precision and recall of what is left out, over lines and over characters other than white space."""

    articles: int
    boilerplate_lines: int
    line_precision: float
    line_recall: float
    character_precision: float
    character_recall: float
    article_lost: float  # share of the article's own characters that is left out


def by_rules(article: Article) -> list[Span]:
    """What `read_page` removes."""
    page = read_page(article.text, article.title, article.lang)
    return [(part.start, part.end) for part in page.removed if part.kind not in NOT_SCORED]


def by_rules_and_doubt(article: Article) -> list[Span]:
    """What `read_page` removes, and the sentences it keeps but doubts: what a summary by rules alone avoids."""
    page = read_page(article.text, article.title, article.lang)
    return by_rules(article) + [(sentence.start, sentence.end) for sentence in page.sentences if sentence.boilerplate >= DOUBTFUL]


def by_model(analyzer: Analyzer) -> Cleaner:
    """What rules and model together take for boilerplate."""

    def cleaner(article: Article) -> list[Span]:
        (analysis,) = analyzer.analyze_many([article])
        return [(part.start, part.end) for part in analysis.removed if part.kind not in NOT_SCORED]

    return cleaner


def summaries_with_boilerplate(analyzer: Analyzer, articles: Sequence[Article]) -> list[str]:
    """Ids of the articles of whose boilerplate lines any character stands in the summary."""
    found = []
    for article, analysis in zip(articles, analyzer.analyze_many(articles), strict=True):
        gold = [(start, start + len(line)) for line in article.boilerplate or () for start in _places(article.text, line)]
        if any(sentence.start < end and start < sentence.end for start, end in gold for sentence in analysis.summary.sentences):
            found.append(article.id)
    return found


def _places(text: str, line: str) -> Iterator[int]:
    start = text.find(line)
    while line and start >= 0:
        yield start
        start = text.find(line, start + len(line))


def score_cleaner(articles: Iterable[Article], cleaner: Cleaner) -> dict[str, Score]:
    """Scores by language, and over all under "all"; articles whose boilerplate is not annotated are passed over."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for article in articles:
        if article.boilerplate is not None:
            found = _count(article, cleaner)
            counts[article.lang].update(found)
            counts["all"].update(found)
    return {lang: _score(counts[lang]) for lang in sorted(counts, key=lambda lang: (lang == "all", lang))}


def recall_on_unseen_lines(clean: Sequence[Article], rows: Iterable[Mapping[str, str]], cleaner: Cleaner) -> dict[str, tuple[int, int]]:
    """For each kind: how many of the given boilerplate lines are found, and of how many, each put alone at the end of a clean article of its language."""
    hosts = {lang: cycle([article for article in clean if article.lang == lang]) for lang in {article.lang for article in clean}}
    found: defaultdict[str, list[bool]] = defaultdict(list)
    for row in rows:
        host = next(hosts[row["lang"]])
        text = f"{host.text}\n{row['line']}"
        page = Article(text, lang=host.lang, title=host.title, boilerplate=(row["line"],))
        found[row["kind"]].append(_count(page, cleaner)["lines_right"] > 0)
    return {kind: (sum(hits), len(hits)) for kind, hits in sorted(found.items())}


def _count(article: Article, cleaner: Cleaner) -> Counter[str]:
    removed = bytearray(len(article.text))
    for start, end in cleaner(article):
        removed[start:end] = b"\1" * (end - start)
    gold = set(article.boilerplate or ())
    counts = Counter({"articles": 1})
    position = 0
    for line in article.text.split("\n"):
        inside = [removed[position + index] for index, character in enumerate(line) if not character.isspace()]
        position += len(line) + 1
        if not inside:
            continue
        left_out = sum(inside)
        is_out = left_out >= MOST_OF_LINE * len(inside)
        right = line in gold
        counts["lines_gold"] += right
        counts["lines_out"] += is_out
        counts["lines_right"] += is_out and right
        counts["characters_gold"] += len(inside) * right
        counts["characters_out"] += left_out
        counts["characters_right"] += left_out * right
        counts["characters"] += len(inside)
    return counts


def _score(counts: Counter[str]) -> Score:
    own = counts["characters"] - counts["characters_gold"]
    return Score(
        counts["articles"],
        counts["lines_gold"],
        _share(counts["lines_right"], counts["lines_out"]),
        _share(counts["lines_right"], counts["lines_gold"]),
        _share(counts["characters_right"], counts["characters_out"]),
        _share(counts["characters_right"], counts["characters_gold"]),
        _share(counts["characters_out"] - counts["characters_right"], own),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0


def _table(title: str, scores: Mapping[str, Score]) -> Table:
    table = Table(title=title)
    for name in ("language", "articles", "lines", "P lines", "R lines", "P characters", "R characters", "article lost"):
        table.add_column(name, justify="left" if name == "language" else "right")
    for lang, score in scores.items():
        shares = (score.line_precision, score.line_recall, score.character_precision, score.character_recall, score.article_lost)
        table.add_row(lang, str(score.articles), str(score.boilerplate_lines), *(f"{100 * share:.1f}" for share in shares))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cleaner", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("files", nargs="*", type=Path, help="JSON Lines with boilerplate lists; default: the sample's test part")
    parser.add_argument("--checkpoint", help="also score rules and this model together, and look for boilerplate in its summaries")
    arguments = parser.parse_args()
    files = arguments.files or [SAMPLE / "test.jsonl"]
    articles = [article for path in files for article in read_articles(path)]
    clean = [article for article in articles if article.boilerplate == ()]
    unseen = [row for _, row in read_json_rows(SAMPLE / "boilerplate.jsonl") if row["split"] == "test"]
    console = Console()
    report: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    report["files"] = [path.name for path in files]
    cleaners: dict[str, Cleaner] = {"rules": by_rules, "rules and doubt": by_rules_and_doubt}
    if arguments.checkpoint:
        analyzer = Analyzer.from_pretrained(arguments.checkpoint)
        cleaners["rules and model"] = by_model(analyzer)
    for name, cleaner in cleaners.items():
        scores = score_cleaner(articles, cleaner)
        lost = score_cleaner(clean, cleaner)["all"].article_lost if clean else 0.0
        kinds = {} if arguments.files else recall_on_unseen_lines(clean, unseen, cleaner)
        console.print(_table(f"{name}: precision and recall in %", scores))
        console.print(f"clean articles (n={len(clean)}) lose {100 * lost:.2f}% of their characters")
        if kinds:
            hits, lines = (sum(column) for column in zip(*kinds.values(), strict=True))
            console.print(f"unseen lines: {hits} of {lines} found; " + ", ".join(f"{kind} {hit}/{count}" for kind, (hit, count) in kinds.items()))
        report[name] = {"by_language": {lang: asdict(score) for lang, score in scores.items()}, "clean_articles_lost": lost, "unseen_lines": kinds}
    if arguments.checkpoint:
        pages = [article for article in articles if article.boilerplate]
        leaking = summaries_with_boilerplate(analyzer, pages)
        console.print(f"summaries with boilerplate: {len(leaking)} of {len(pages)} pages; {', '.join(leaking) or 'none'}")
        report["summaries"] = {"pages": len(pages), "with_boilerplate": leaking}
    if not arguments.files:
        with open_whole(RESULTS) as file:
            file.write(json.dumps(report, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
