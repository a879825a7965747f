"""The quickstart run as a user starts it: wall time, peak memory, and what its checkpoint scores.

In: `configs/quickstart.yaml` and the sample corpus, nothing else. Out: a table and `benchmarks/results/quickstart.json`.
Does not know: how training works; it runs the command and reads the checkpoint.

    python -m benchmarks.quickstart [--set A.B=VALUE …]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.common import RESULTS, ROOT, Figure, Goal, figure_rows, figure_table, machine, write_result
from inference.analyzer import Analyzer
from inference.article import read_articles
from inference.checkpoint import load_checkpoint
from training.evaluation import HeldOut, dev_scores, evaluate

CONFIG = "configs/quickstart.yaml"
TEST = ROOT / "data/sample/test.jsonl"

GOALS = {  # the predictions were written down before the first measurement
    "seconds": Goal("wall time of the training command, seconds", predicted=200.0, at_most=240.0),
    "peak_gigabytes": Goal("peak resident memory of the training command, GB", predicted=1.8, at_most=3.0),
}

SHOWN = ("topic_accuracy", "topic_macro_f1", "stance_macro_f1", "rouge1", "rouge2", "rougeL", "chrf", "cleaning_f1")
"""Scores in the table; the result file has all."""

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of `ru_maxrss`."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command took. On Linux the memory of this process when it started the command is a floor of `peak_bytes`."""

    seconds: float
    peak_bytes: int


def run_measured(command: Sequence[str], folder: Path) -> Usage:
    """Run a command in `folder` to its end and measure it with what it started. Raises `CalledProcessError` where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder)
    _, status, usage = os.wait4(process.pid, 0)  # the usage of this child alone, where getrusage gives the largest of all children
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Usage(seconds, usage.ru_maxrss * RSS_UNIT)


def scores_of(checkpoint: Path, test: Path) -> dict[str, dict[str, float]]:
    """Dev scores as the run wrote them down, and the same scores on the test articles."""
    loaded = load_checkpoint(checkpoint)
    articles = [replace(article, source="sample") for article in read_articles(test)]  # not by newspaper, as in training
    report = evaluate(Analyzer(loaded.model, loaded.tokenizer), HeldOut(articles), baselines=False)
    return {"dev": _overall(loaded.info.get("dev_scores", {})), "test": _overall(dev_scores(report))}


def figures(usage: Usage) -> list[Figure]:
    n = "one run"
    return [
        Figure("seconds", GOALS["seconds"], usage.seconds, n),
        Figure("peak_gigabytes", GOALS["peak_gigabytes"], usage.peak_bytes / 1e9, n),
    ]


def score_table(scores: dict[str, dict[str, float]]) -> Table:
    table = Table(title="Scores of the quickstart checkpoint, 0 to 1", title_justify="left")
    table.add_column("score")
    for split in scores:
        table.add_column(split, justify="right")
    for name in SHOWN:
        table.add_row(name, *(f"{of[name]:.3f}" if name in of else "-" for of in scores.values()))
    return table


def _overall(scores: dict[str, float]) -> dict[str, float]:
    """Without the scores of single sources: there is one."""
    return {name: value for name, value in scores.items() if "/" not in name}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quickstart", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="A.B=VALUE", help="change a setting of the run; may be repeated")
    parser.add_argument("--output", type=Path, help="result file (default: benchmarks/results/quickstart.json; none with --set)")
    options = parser.parse_args(arguments)
    console = Console(width=max(Console().width, 110))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "quickstart"
        changes = [part for override in (*options.overrides, f"output={output}") for part in ("--set", override)]
        usage = run_measured([sys.executable, "-m", "training", "train", CONFIG, *changes], ROOT)
        scores = scores_of(output / "checkpoint", TEST)
    found = figures(usage)
    console.print(figure_table("Quickstart", found), score_table(scores))
    result = options.output or (None if options.overrides else RESULTS / "quickstart.json")
    if result is not None:
        settings = {"config": CONFIG, "overrides": options.overrides} | machine()
        write_result(result, {"settings": settings, "figures": figure_rows(found), "scores": scores}, console)


if __name__ == "__main__":
    main()
