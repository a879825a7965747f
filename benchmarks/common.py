"""What the benchmarks share: a run's model and tokenizer, contenders timed side by side, training steps, and figures beside their goals.

In: a run config. Out: built models, seconds, a table on the terminal and one JSON file per benchmark. Figures of speed are ratios
of medians over repetitions in turn (A B A B …) inside one process, so that a slow minute of the machine hits all contenders alike.
Does not know: what is measured.
"""

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase, get_linear_schedule_with_warmup, set_seed

from inference.article import open_whole
from inference.labels import IPTC_TOPICS
from inference.model import ArticleModel
from training.build import build_model, build_tokenizer
from training.config import RunConfig, TrainingConfig
from training.corpus import Corpus
from training.optimizer import BETAS, parameter_groups

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"

SAMPLE = (
    f"data.root={ROOT}",
    f"data.topics=[{', '.join(IPTC_TOPICS)}]",
    "data.train=[{name: sample, path: data/sample/train.jsonl}]",
    "data.dev=[{name: sample, path: data/sample/dev.jsonl}]",
    "data.held_out=[]",
)
"""Overrides that put the sample corpus in the place of a config's own data: enough to train a tokenizer on where only speed is asked for."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to reach, and what was expected of it before it was first measured. Without a bound it is for information."""

    what: str
    predicted: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def bound(self) -> str:
        """The bound in words.

        >>> Goal("seconds", predicted=200, at_most=240).bound
        'at most 240'
        """
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return "" if self.at_least is None else f"at least {self.at_least:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured goal; `n` says over what, `details` are the numbers behind it."""

    name: str
    goal: Goal
    measured: float
    n: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """None where nothing was asked for."""
        if self.goal.at_most is not None:
            return self.measured <= self.goal.at_most
        return None if self.goal.at_least is None else self.measured >= self.goal.at_least


def build_run(config: RunConfig, corpus: Corpus) -> tuple[ArticleModel, PreTrainedTokenizerBase]:
    """The tokenizer and the untrained model of a config; the same seed gives the same weights."""
    tokenizer = build_tokenizer(config, corpus)
    set_seed(config.seed)
    return build_model(config, tokenizer), tokenizer


def interleave(contenders: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, list[float]]:
    """Seconds of each contender in each of `repetitions` rounds, in which all run once; a first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(repetitions + 1):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> tuple[float, dict[str, float]]:
    """The ratio of the medians, with the medians and the least and greatest ratio of a round."""
    rounds = [above / below for above, below in zip(numerator, denominator, strict=True)]
    found = median(numerator) / median(denominator)
    return found, {"numerator_seconds": median(numerator), "denominator_seconds": median(denominator), "least": min(rounds), "greatest": max(rounds)}


class Optimization:
    """AdamW over a model as `training.trainer` sets it up, with linear warm-up and decay: one `step` per loss."""

    def __init__(self, model: nn.Module, embeddings: nn.Module, settings: TrainingConfig, steps: int) -> None:
        groups = parameter_groups(
            model,
            embeddings,
            learning_rate=settings.learning_rate,
            embedding_learning_rate=settings.embedding_learning_rate,
            weight_decay=settings.weight_decay,
        )
        self.model = model
        self.clip = settings.gradient_clip
        self.optimizer = torch.optim.AdamW(groups, betas=BETAS, fused=True)
        self.schedule = get_linear_schedule_with_warmup(self.optimizer, round(settings.warmup_fraction * steps), steps)

    def step(self, loss: Tensor) -> None:
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()


def machine() -> dict[str, Any]:
    """What the seconds depend on."""
    return {"torch": torch.__version__, "threads": torch.get_num_threads(), "cpus": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def describe_model(model: ArticleModel) -> dict[str, Any]:
    """Sizes of a model, the token embeddings counted apart: they cost memory, not time."""
    backbone = model.backbone.config
    embeddings = sum(parameter.numel() for parameter in model.get_input_embeddings().parameters())
    return {
        "type": backbone.model_type,
        "layers": backbone.num_hidden_layers,
        "width": backbone.hidden_size,
        "vocabulary": backbone.vocab_size,
        "window_tokens": model.config.window_tokens,
        "reader_layers": model.config.reader_layers,
        "embedding_parameters": embeddings,
        "other_parameters": sum(parameter.numel() for parameter in model.parameters()) - embeddings,
    }


def figure_table(title: str, figures: Sequence[Figure]) -> Table:
    """Every figure with its goal, its prediction and whether it was met."""
    table = Table(title=title, title_justify="left")
    for name in ("figure", "measured", "goal", "predicted", "met", "over"):
        table.add_column(name, justify="right" if name in ("measured", "predicted") else "left")
    for figure in figures:
        met = {None: "", True: "yes", False: "NO"}[figure.met]
        table.add_row(figure.goal.what, f"{figure.measured:,.4g}", figure.goal.bound, f"{figure.goal.predicted:,.4g}", met, figure.n)
    return table


def figure_rows(figures: Sequence[Figure]) -> dict[str, Any]:
    """The figures as they stand in the result file."""
    return {
        f.name: {"what": f.goal.what, "measured": f.measured, "goal": f.goal.bound, "met": f.met, "predicted": f.goal.predicted, "n": f.n, **f.details}
        for f in figures
    }


def write_result(path: Path, result: Mapping[str, Any], console: Console) -> None:
    """Write one result file, whole or not at all, and say where it lies."""
    with open_whole(path) as file:
        file.write(json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    console.print(f"written to {path}", markup=False, soft_wrap=True)
