"""Near-duplicates planted in five scripts: how many are found, how many false alarms there are, and seconds for 10,000 articles.

In: the sample corpus. Out: a table and `benchmarks/results/duplicates.json`. Every article is signed, then changed in five ways and looked up. Three
searches see the same shingles: the signatures alone (what `evaluate` has), signatures and texts (what `train` and `check` have), and datasketch's MinHashLSH,
with its usual 128 permutations and with the 23 that fit into 92 bytes. Does not know how overlap is found.

    python -m benchmarks.duplicates
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from datasketch import MinHash, MinHashLSH
from rich.console import Console
from rich.table import Table

from benchmarks.common import RESULTS, write_result
from inference.article import Article, read_articles, read_json_rows
from training.duplicates import SIMILAR, Finder, letters, shingles, sign, to_bytes

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
SCRIPTS = {"en": "Latin", "ru": "Cyrillic", "ar": "Arabic", "hi": "Devanagari", "zh": "Han"}
EDITED = 0.1  # share of the words that an edit replaces by words of another article
PAGE_LINES = 6  # lines of boilerplate around a page: about 200 letters
TIMED = 10_000
TIMED_PERMUTATIONS = 500  # articles that datasketch is timed on: it takes minutes for all

Find: TypeAlias = Callable[[str], Sequence[int]]
"""Text -> the numbers of the articles that it is taken to overlap with."""


def edit(text: str, others: Sequence[str], random: Random) -> str:
    """`text` with a tenth of its words replaced by words of other articles; two characters are a word where no spaces are written."""
    separator = " " if len(text.split()) > len(text) / 15 else ""
    words, pool = (part.split() if separator else [part[at : at + 2] for at in range(0, len(part), 2)] for part in (text, random.choice(others)))
    return separator.join(random.choice(pool) if random.random() < EDITED else word for word in words)


def cut(text: str, share: float) -> str:
    """The beginning of `text`."""
    return text[: round(len(text) * share)]


def wrap(text: str, lines: Sequence[str], random: Random) -> str:
    """`text` as the body of a page, with boilerplate lines above and below it."""
    chosen = random.sample(lines, PAGE_LINES)
    return "\n".join([*chosen[: PAGE_LINES // 2], text, *chosen[PAGE_LINES // 2 :]])


def plant(text: str, others: Sequence[str], lines: Sequence[str], random: Random) -> dict[str, tuple[str, str]]:
    """For each kind of change: the text that is signed, and the changed one that is looked up."""
    halves = len(lines) // 2
    return {
        "a tenth of the words replaced": (text, edit(text, others, random)),
        "cut in half": (text, cut(text, 0.5)),
        "cut to a quarter": (text, cut(text, 0.25)),
        "other boilerplate around it": (wrap(text, lines[:halves], random), wrap(text, lines[halves:], random)),
        "half of it, edited, other boilerplate": (wrap(text, lines[:halves], random), wrap(cut(edit(text, others, random), 0.5), lines[halves:], random)),
    }


def searches(texts: Sequence[str]) -> dict[str, Find]:
    """The searches to compare, made from the signed texts."""
    signatures = sign((str(number), text) for number, text in enumerate(texts))
    alone, whole = Finder(signatures), Finder(signatures, texts)
    return {
        "signatures": lambda text: [match.row for match in alone.find(text)],
        "signatures and texts": lambda text: [match.row for match in whole.find(text) if match.certain],
        "MinHashLSH, 128 permutations": _permutations(texts, 128),
        "MinHashLSH, 23 permutations": _permutations(texts, 23),
    }


def measure(articles: Sequence[Article], lines: Mapping[str, Sequence[str]], seed: int = 13) -> dict[str, Any]:
    """Recall by search, kind of change and script, and how many other articles were named."""
    random = Random(seed)
    planted: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for article in articles:
        others = [other.text for other in articles if other.lang == article.lang and other is not article]
        for kind, (signed, changed) in plant(article.text, others, lines[article.lang], random).items():
            planted[kind].append((article.lang, signed, changed))
    result: dict[str, Any] = {}
    for kind, rows in planted.items():
        for name, find in searches([signed for _, signed, _ in rows]).items():
            found: defaultdict[str, list[bool]] = defaultdict(list)
            alarms = 0
            for number, (lang, _, changed) in enumerate(rows):
                named = find(changed)
                found[lang].append(number in named)
                alarms += sum(other != number for other in named)
            hits = sum(map(sum, found.values()))
            by_script = {SCRIPTS[lang]: sum(part) / len(part) for lang, part in found.items()}
            result.setdefault(name, {})[kind] = {"recall": hits / len(rows), "n": len(rows), "by_script": by_script, "false_alarms": alarms}
    return result


def seconds(articles: Sequence[Article], count: int = TIMED, permuted: int = TIMED_PERMUTATIONS, seed: int = 13) -> dict[str, float]:
    """Seconds to sign `count` articles and to look all of them up again, with what memory of the disk they take; words in random order keep them apart."""
    random = Random(seed)
    texts = list(_shuffled(articles, count, random))
    letters("")  # the table of characters is made once a process
    times: dict[str, float] = {"characters": sum(map(len, texts)) / count}
    start = time.perf_counter()
    signatures = sign((f"news-{number}", text) for number, text in enumerate(texts))
    times["sign"] = time.perf_counter() - start
    times["bytes an article"] = len(to_bytes(signatures)) / count
    for name, finder in (("look up, signatures", Finder(signatures)), ("look up, signatures and texts", Finder(signatures, texts))):
        start = time.perf_counter()
        for text in texts:
            finder.find(text)
        times[name] = time.perf_counter() - start
    start = time.perf_counter()
    find = _permutations(texts[:permuted], 128)
    for text in texts[:permuted]:
        find(text)
    times["MinHashLSH, 128 permutations, sign and look up"] = (time.perf_counter() - start) * count / permuted
    return times


def _shuffled(articles: Sequence[Article], count: int, random: Random) -> Iterator[str]:
    for number in range(count):
        text = articles[number % len(articles)].text
        words = text.split() if len(text.split()) > len(text) / 15 else list(text)
        random.shuffle(words)
        yield (" " if len(words) < len(text) / 2 else "").join(words)


def _permutations(texts: Sequence[str], permutations: int) -> Find:
    """The usual search: minima of permutations in bands, candidates kept from the same similarity on, estimated by the share of equal minima."""
    template = MinHash(permutations, hashfunc=int)

    def signature(text: str) -> MinHash:
        found = template.copy()
        found.update_batch(shingles(letters(text)).tolist())
        return found

    signed = [signature(text) for text in texts]
    index = MinHashLSH(SIMILAR, permutations)
    for number, minima in enumerate(signed):
        index.insert(number, minima)

    def find(text: str) -> list[int]:
        minima = signature(text)
        return [number for number in index.query(minima) if minima.jaccard(signed[number]) >= SIMILAR]

    return find


def _table(recall: Mapping[str, Any]) -> Table:
    table = Table(title="found, of all planted near-duplicates; false alarms in brackets", title_justify="left")
    table.add_column("change")
    for name in recall:
        table.add_column(name, justify="right")
    for kind in next(iter(recall.values())):
        table.add_row(kind, *(f"{found[kind]['recall']:.1%} ({found[kind]['false_alarms']})" for found in recall.values()))
    return table


def main() -> None:
    articles = [article for name in ("train", "dev", "test") for article in read_articles(SAMPLE / f"{name}.jsonl")]
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for _, row in read_json_rows(SAMPLE / "boilerplate.jsonl"):
        lines[row["lang"]].append(row["line"])
    console = Console()
    recall = measure([article for article in articles if article.lang in SCRIPTS], lines)
    console.print(_table(recall))
    times = seconds(articles)
    for name, value in times.items():
        console.print(f"{name}: {value:,.1f}" + (f" seconds for {TIMED:,} articles" if "," in name or name == "sign" else ""))
    write_result(RESULTS / "duplicates.json", {"recall": recall, "seconds": {"articles": TIMED, **times}}, console)


if __name__ == "__main__":
    main()
