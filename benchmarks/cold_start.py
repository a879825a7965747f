"""The first summary of a fresh process: how long it takes beside importing torch and transformers, what it needs, and what float16 files change.

In: a checkpoint (default: the released one), and the sample's dev articles. Out: a table and `benchmarks/results/cold_start.json`.
A float32 checkpoint is exported first; then both versions answer the articles. Processes are compared by their processor time: of wall time a busy machine
gives any ratio (in a first measurement beside a training run 0.7, for a process that does all that the other does and more). The first round fills the
system's file cache and is not counted: a machine that was just started also waits for its disk. Does not know: how anything is loaded.

    python -m benchmarks.cold_start [CHECKPOINT]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

from rich.console import Console

from benchmarks.common import RESULTS, ROOT, Figure, Goal, figure_rows, figure_table, interleave, machine, ratio, write_result
from benchmarks.quickstart import RSS_UNIT
from inference.analysis import Analysis
from inference.analyzer import Analyzer
from inference.api import RELEASED
from inference.article import Article, read_articles
from inference.checkpoint import load_checkpoint
from inference.export import export_checkpoint
from training.evaluation import HeldOut, dev_scores, evaluate

DEV = ROOT / "data/sample/dev.jsonl"

GOALS = {  # the predictions were written down after one trial of the parts, before the first measurement
    "first_summary": Goal("wall seconds from the start of a process to its first summary", predicted=5.0),
    "imports": Goal("its processor time / that of importing torch and AutoModel", predicted=2.4),
    "model_classes": Goal("its processor time / that of importing torch, AutoModel and PreTrainedModel", predicted=1.4, at_most=1.5),
    "second_summary": Goal("seconds of the second call", predicted=0.01, at_most=0.1),
    "verify": Goal("seconds of the first call for the SHA-256 of every file", predicted=0.04, at_most=0.2),
    "peak_megabytes": Goal("peak resident memory of the process, MB", predicted=700.0),
    "size": Goal("checkpoint on disk, MB", predicted=31.0, at_most=40.0),
    "scores": Goal("largest difference of a dev score from float32, points of 100", predicted=0.0, at_most=0.1),
    "probabilities": Goal("largest difference of a topic or stance probability from float32", predicted=0.002),
    "labels": Goal("topics and stances that are not those of float32", predicted=0.0),
    "summaries": Goal("summaries that are not those of float32", predicted=0.0),
}

FIRST_CALL = f"""
import resource, sys, time
started, checkpoint, text = float(sys.argv[1]), sys.argv[2], sys.argv[3]
from inference import summarize
imported = time.time()
summarize(text, checkpoint=checkpoint)
summarized = time.time()
summarize(text, checkpoint=checkpoint)
again = time.time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * {RSS_UNIT}
import json
from pathlib import Path
from inference.checkpoint import verify
before = time.time()
verify(Path(checkpoint))
seconds = {{"import": imported - started, "first_call": summarized - imported, "second_call": again - summarized, "verify": time.time() - before}}
print(json.dumps({{"seconds": seconds, "peak_bytes": peak}}))
"""

IMPORTS = "import torch; from transformers import AutoModel"
MODEL_CLASSES = f"{IMPORTS}, PreTrainedModel"
"""What every model of transformers needs, ours included; `AutoModel` alone is a name that loads little until it is called."""


ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Of the processes: with that variable each would compile this package anew, which an installed one is not."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """What a fresh process says of itself: seconds of its parts (the import from the start of the process on), and its peak memory."""

    seconds: Mapping[str, float]
    peak_bytes: int


def first_call(checkpoint: Path, text: str) -> FirstCall:
    """Summarize `text` twice in a fresh process."""
    command = [sys.executable, "-c", FIRST_CALL, str(time.time()), str(checkpoint.resolve()), text]
    return FirstCall(**json.loads(_run(command)))


def _run(command: Sequence[str]) -> str:
    """What a command prints."""
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True).stdout


def cold_start(checkpoint: Path, text: str, repetitions: int) -> list[Figure]:
    """The figures of fresh processes, in turn with processes that only import."""
    calls: list[FirstCall] = []
    contenders: dict[str, Callable[[], object]] = {
        "call": lambda: calls.append(first_call(checkpoint, text)),
        "imports": lambda: _run([sys.executable, "-c", IMPORTS]),
        "model_classes": lambda: _run([sys.executable, "-c", MODEL_CLASSES]),
    }
    processor: dict[str, list[float]] = {name: [] for name in contenders}
    interleave({name: partial(_timed, run, processor[name]) for name, run in contenders.items()}, repetitions)
    calls, processor = calls[1:], {name: seconds[1:] for name, seconds in processor.items()}  # the first round warms up
    parts = {name: [call.seconds[name] for call in calls] for name in calls[0].seconds}
    whole = [call.seconds["import"] + call.seconds["first_call"] for call in calls]
    n = f"{repetitions} processes"
    medians = {f"{name}_seconds": median(parts[name]) for name in ("import", "first_call")} | {"least": min(whole), "greatest": max(whole)}
    load = f"{n}, {os.getloadavg()[0]:.1f} jobs on {os.cpu_count()} cores"
    figures = [Figure("first_summary", GOALS["first_summary"], median(whole), load, medians)]
    for name in ("imports", "model_classes"):
        found, details = ratio(processor["call"], processor[name])
        figures.append(Figure(name, GOALS[name], found, f"{repetitions} of each, in turn", details))
    return [
        *figures,
        Figure("second_summary", GOALS["second_summary"], median(parts["second_call"]), load),
        Figure("verify", GOALS["verify"], median(parts["verify"]), load),
        Figure("peak_megabytes", GOALS["peak_megabytes"], median(call.peak_bytes for call in calls) / 1e6, n),
    ]


def _timed(run: Callable[[], object], seconds: list[float]) -> None:
    """Run a process and note its processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def size_figure(checkpoint: Path) -> Figure:
    sizes = {path.name: path.stat().st_size for path in sorted(checkpoint.iterdir())}
    return Figure("size", GOALS["size"], sum(sizes.values()) / 1e6, f"{len(sizes)} files", {"bytes": sizes})


def compare(original: Analyzer, exported: Analyzer, articles: Sequence[Article]) -> list[Figure]:
    """What the answers and scores of two versions of one checkpoint differ by, on the same articles."""
    before, after = (list(analyzer.analyze_many(articles)) for analyzer in (original, exported))
    left, right = ([answer for analysis in analyses for answer in _labels(analysis)] for analyses in (before, after))
    differences = [abs(a[name] - b[name]) for (_, a), (_, b) in zip(left, right, strict=True) for name in a]
    summaries = sum(a.summary.text != b.summary.text for a, b in zip(before, after, strict=True))
    points = _score_differences(original, exported, articles)
    worst = max(points, key=lambda name: points[name])
    return [
        Figure("scores", GOALS["scores"], points[worst], f"{len(points)} scores on {len(articles)} articles", {"score": worst}),
        Figure("probabilities", GOALS["probabilities"], max(differences), f"{len(differences):,} probabilities"),
        Figure("labels", GOALS["labels"], sum(a[0] != b[0] for a, b in zip(left, right, strict=True)), f"{len(left):,} labels"),
        Figure("summaries", GOALS["summaries"], summaries, f"{len(articles):,} articles"),
    ]


def _labels(analysis: Analysis) -> list[tuple[str | None, Mapping[str, float]]]:
    """Each label of an article with the probabilities that it was taken from: the topic, then the stances."""
    return [(analysis.topic.name, analysis.topic.scores), *((stance.stance, stance.scores) for stance in analysis.stances)]


def _score_differences(original: Analyzer, exported: Analyzer, articles: Sequence[Article]) -> dict[str, float]:
    """How far each dev score of the one is from that of the other, in points of 100."""
    pages = [replace(article, source="dev") for article in articles]  # one group, not one a newspaper
    first, second = (dev_scores(evaluate(analyzer, HeldOut(pages), baselines=False)) for analyzer in (original, exported))
    return {name: 100 * abs(value - second[name]) for name, value in first.items() if "/" not in name}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("checkpoint", nargs="?", type=Path, default=RELEASED, metavar="CHECKPOINT", help="checkpoint folder (default: the released one)")
    parser.add_argument("--repetitions", type=int, default=5, metavar="N", help="fresh processes of each kind, besides the first (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS / "cold_start.json", help="results file (default: %(default)s)")
    options = parser.parse_args(arguments)
    console = Console(width=max(Console().width, 110))
    articles = list(read_articles(DEV))
    text = next(article.text for article in articles if article.lang == "en")
    info = load_checkpoint(options.checkpoint).info
    with tempfile.TemporaryDirectory() as temporary:
        is_export = info.get("weights") == "float16"
        measured = options.checkpoint if is_export else export_checkpoint(options.checkpoint, Path(temporary) / "exported")
        figures = [*cold_start(measured, text, options.repetitions), size_figure(measured)]
        if not is_export:
            figures += compare(Analyzer.from_pretrained(options.checkpoint), Analyzer.from_pretrained(measured), articles)
    console.print(figure_table("Cold start", figures))
    settings = {"checkpoint": info.get("name"), "text_characters": len(text), "articles": DEV.relative_to(ROOT).as_posix()}
    write_result(options.output, {"settings": settings | machine(), "figures": figure_rows(figures)}, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
