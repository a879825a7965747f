"""Does the memory of an evaluation grow with its articles? One held-out file, and one ten times as long.

In: a checkpoint, and the sample corpus for its words. Out: a table and `benchmarks/results/streaming.json`: peak memory and time of both.
Does not know: how evaluation works; it runs the command.

    python -m benchmarks.streaming --checkpoint runs/quickstart/checkpoint [--articles 2_000]
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from rich.console import Console

from benchmarks.common import RESULTS, ROOT, Figure, Goal, figure_rows, figure_table, machine, write_result
from benchmarks.quickstart import Usage, run_measured
from inference.article import Article, Stance, article_to_row, read_articles, to_json
from inference.labels import IPTC_TOPICS, STANCES

GOALS = {  # the predictions were written down before the first measurement
    "memory": Goal("peak memory with ten times the articles / with the articles", predicted=1.2, at_most=1.5),
    "time": Goal("time with ten times the articles / with the articles", predicted=9.0),
    "rate": Goal("articles a second, the longer file", predicted=150.0),
}

WORDS = 60
"""Of an article: a brief. Longer ones take more time and no more memory."""

SEED = 5


def made_up(count: int, vocabulary: Sequence[str]) -> Iterator[Article]:
    """Articles of words in random order, so that none is like another, with labels at random: scores are chance, work is real."""
    random = Random(SEED)
    for number in range(count):
        text = " ".join(random.choices(vocabulary, k=WORDS)).capitalize() + "."
        stance = Stance(random.choice(vocabulary), random.choice(STANCES))
        yield Article(text, id=f"{number}", lang="en", topic=random.choice(IPTC_TOPICS), stances=(stance,))


def measure(checkpoint: Path, count: int, folder: Path) -> Usage:
    """Evaluate a checkpoint on `count` articles in a process of its own."""
    pages = [page for page in read_articles(ROOT / "data/sample/train.jsonl") if page.lang == "en"]
    vocabulary = sorted({word.strip(".,;:“”\"'()") for page in pages for word in page.text.split()} - {""})
    path = folder / f"held-out-{count}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(to_json(article_to_row(article)) + "\n" for article in made_up(count, vocabulary))
    return run_measured([sys.executable, "-m", "training", "evaluate", str(checkpoint.resolve()), str(path), "--output", str(folder / "report")], ROOT)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint folder to evaluate")
    parser.add_argument("--articles", type=int, default=2_000, help="articles of the shorter file (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS / "streaming.json", help="results file (default: %(default)s)")
    options = parser.parse_args(arguments)
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        short, long = (measure(options.checkpoint, count, Path(folder)) for count in (options.articles, 10 * options.articles))
    n = f"{options.articles:,} and {10 * options.articles:,} articles of {WORDS} words"
    figures = [
        Figure("memory", GOALS["memory"], long.peak_bytes / short.peak_bytes, n),
        Figure("time", GOALS["time"], long.seconds / short.seconds, n),
        Figure("rate", GOALS["rate"], 10 * options.articles / long.seconds, n),
    ]
    console.print(figure_table("Evaluation as a stream", figures))
    usage = {"articles": options.articles, "peak_bytes": [short.peak_bytes, long.peak_bytes], "seconds": [short.seconds, long.seconds]}
    write_result(options.output, {"machine": machine(), "usage": usage, "figures": figure_rows(figures)}, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
