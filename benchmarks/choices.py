"""What each choice of configs/release.yaml buys: short runs that differ in one thing, scored on dev.

In: configs/release.yaml, its base and its data. Out: benchmarks/results/choices.json, to which each run is added when it ends, so that a stopped
measurement goes on where it was. All runs but kept ones read the same number of tokens. One seed each: differences of a point or two are noise.
Does not know: how a run is trained (`training.run`), or test data.

    python -m benchmarks.choices --data-root path/to/the/data [--tokens 500_000] [NAME …]
    python -m benchmarks.choices --data-root path/to/the/data --keep "whole run, random weights" runs/news/checkpoint
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common import RESULTS, ROOT, machine, write_result
from inference.checkpoint import load_checkpoint
from training.config import load_config
from training.run import train

RESULT = RESULTS / "choices.json"

SHOWN = ("topic_macro_f1", "stance_macro_f1", "rouge1", "cleaning_f1")


@dataclass(frozen=True, slots=True)
class Choice:
    """One run; `predicted` was written before it first ran."""

    name: str
    config: str
    overrides: tuple[str, ...]
    predicted: str


SYNTHETIC = 21
"""The place of the synthetic corpus among the sources of configs/news.yaml."""

CHOICES = (
    Choice("from the base", "release", (), "the best mean"),
    Choice("random weights", "news", (), "3 points of topic F1 and 2 of stance F1 below the run from the base"),  # with their own rate of embeddings
    Choice("higher rate of embeddings", "release", ("training.embedding_learning_rate=1.2e-2",), "a point below: what the base knows is overwritten"),
    Choice("lower rate of embeddings", "release", ("training.embedding_learning_rate=1e-3",), "a point below in so short a run"),
    Choice("no n-grams", "release", ("model.ngram_buckets=0",), "10 points of topic F1 and 5 of stance F1 below"),
    Choice("no boilerplate put in", "release", ("training.inject_boilerplate=0",), "cleaning falls, all else stays"),
    Choice("topic alone", "release", ("losses.stance=0", "losses.salience=0", "losses.boilerplate=0", "training.select=[topic_macro_f1]"), "a point above"),
    Choice("stance alone", "release", ("losses.topic=0", "losses.salience=0", "losses.boilerplate=0", "training.select=[stance_macro_f1]"), "a point above"),
    Choice("one synthetic article", "release", (f"data.train.{SYNTHETIC}.max_articles=1",), "3 points of topic F1 and 2 of stance F1 below"),
    Choice("summary alone", "release", ("losses.topic=0", "losses.stance=0", "training.select=[rouge1]"), "the same"),
)


def run(choice: Choice, tokens: int, data_root: Path, console: Console) -> dict[str, Any]:
    """Train one run in a folder of its own, which is removed afterwards."""
    output = ROOT / "runs" / "choices" / choice.name.replace(" ", "-")
    shutil.rmtree(output, ignore_errors=True)
    overrides = (f"output={output}", f"training.tokens={tokens}", "training.evaluate_every=1", "training.dev_articles=100", *choice.overrides)
    config = load_config(ROOT / "configs" / f"{choice.config}.yaml", overrides, data_root)
    result = train(config, write=lambda line: console.print(line, markup=False, soft_wrap=True))
    shutil.rmtree(output)
    return {
        "config": choice.config,
        "overrides": list(choice.overrides),
        "predicted": choice.predicted,
        "tokens": result.tokens,
        "seconds": round(result.seconds),
        "scores": {name: round(value, 4) for name, value in result.scores.items() if "/" not in name},
    }


def finished_run(checkpoint: Path) -> dict[str, Any]:
    """What the checkpoint of a run that was made elsewhere says about itself, in the form of `run`."""
    info = load_checkpoint(checkpoint).info
    scores = {name: round(value, 4) for name, value in info["dev_scores"].items() if "/" not in name}
    return {"config": info["name"], "overrides": [], "tokens": info["run"]["tokens"], "seconds": round(info["run"]["seconds"]), "scores": scores}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    known = ", ".join(choice.name for choice in CHOICES)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"runs to make, by default all that are not in the results yet: {known}")
    parser.add_argument("--data-root", type=Path, required=True, metavar="FOLDER", help="folder that holds train/, dev/ and test/")
    parser.add_argument("--tokens", type=int, default=500_000, metavar="N", help="tokens that each run reads (default 500,000)")
    parser.add_argument("--keep", nargs=2, metavar=("NAME", "CHECKPOINT"), help="only add the dev scores of a finished run under this name")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - {choice.name for choice in CHOICES})
    if unknown:
        parser.error(f"no such run: {', '.join(unknown)}; there are: {known}")
    console = Console(highlight=False)
    stored: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    if stored and stored["asked_tokens"] != options.tokens:
        parser.error(f"{RESULT} has runs of {stored['asked_tokens']:,} tokens. Remove it, or measure with the same.")
    if options.keep:
        keep(options.keep[0], finished_run(Path(options.keep[1])), options.tokens, console)
        return 0
    for choice in CHOICES:
        if choice.name in options.names or (not options.names and choice.name not in stored.get("runs", {})):
            keep(choice.name, run(choice, options.tokens, options.data_root, console), options.tokens, console)
    console.print(result_table(json.loads(RESULT.read_text(encoding="utf-8"))["runs"]))
    return 0


def keep(name: str, one: dict[str, Any], tokens: int, console: Console) -> None:
    """Add a run to the results as they are now: several measurements may be under way."""
    runs: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))["runs"] if RESULT.is_file() else {}
    write_result(RESULT, {"machine": machine(), "asked_tokens": tokens, "runs": runs | {name: one}}, console)


def result_table(found: dict[str, Any]) -> Table:
    """Each run with its main dev scores."""
    table = Table(title="Choices, dev scores", title_justify="left")
    for name in ("run", "tokens", *SHOWN):
        table.add_column(name, justify="left" if name == "run" else "right")
    for name, one in found.items():
        table.add_row(name, f"{one['tokens']:,}", *(f"{one['scores'][score]:.3f}" if score in one["scores"] else "" for score in SHOWN))
    return table


if __name__ == "__main__":
    sys.exit(main())
