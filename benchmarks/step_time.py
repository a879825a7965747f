"""What number format and memory do to the time of a training step on CPUs: rows of one length in pretraining, batches of articles in training.

In: the models of configs/pretrain.yaml and configs/news.yaml, and the articles that come with the package. Out: a table and
`benchmarks/results/step_time.json`. How a process keeps memory is set for good, so every measurement is a process of
its own; kinds take turns. Does not know: what is learned.

    python -m benchmarks.step_time
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor
from transformers import set_seed

from benchmarks.common import RESULTS, ROOT, SAMPLE, Figure, Goal, Optimization, build_run, figure_rows, figure_table, machine, ratio, write_result
from inference.article import read_articles
from inference.encoding import ArticleTokenizer
from training.allocator import keep_freed_memory
from training.batches import Collator, plan_batches
from training.config import load_config
from training.config_pretrain import load_pretrain_config
from training.corpus import load_corpus
from training.examples import source_labels
from training.packing import MaskingCollator, pack
from training.pretrain import build_base, build_optimizer
from training.run import build_examples
from training.vocabulary import train_tokenizer

WARM_UP, STEPS = 4, 12

GOALS = {  # predicted after trials of the parts, before this file first ran
    "pretraining, bfloat16": Goal("pretraining: time of a step in bfloat16 / in float32", predicted=0.7, at_most=0.9),
    "pretraining, memory": Goal("pretraining in bfloat16: time of a step where freed memory is kept / where it is not", predicted=0.8, at_most=0.95),
    "articles, bfloat16": Goal("articles: time of a step in bfloat16 / in float32", predicted=1.15),
    "articles, memory": Goal("articles in float32: time of a step where freed memory is kept / where it is not", predicted=1.0),
}

KINDS = {
    "pretraining, float32": ("pretraining", "float32", True),
    "pretraining, bfloat16": ("pretraining", "bfloat16", True),
    "pretraining, bfloat16, freed": ("pretraining", "bfloat16", False),
    "articles, float32": ("articles", "float32", True),
    "articles, bfloat16": ("articles", "bfloat16", True),
    "articles, float32, freed": ("articles", "float32", False),
}

RATIOS = {  # figure: numerator, denominator
    "pretraining, bfloat16": ("pretraining, bfloat16", "pretraining, float32"),
    "pretraining, memory": ("pretraining, bfloat16", "pretraining, bfloat16, freed"),
    "articles, bfloat16": ("articles, bfloat16", "articles, float32"),
    "articles, memory": ("articles, float32", "articles, float32, freed"),
}


def seconds_a_step(job: str, precision: str, keep_memory: bool) -> float:
    """The mean of STEPS steps of a job, in this process."""
    if keep_memory and not keep_freed_memory():
        raise OSError("the C library is not glibc")
    step = (_pretraining_step if job == "pretraining" else _articles_step)()
    context = partial(torch.autocast, "cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext
    started = 0.0
    for number in range(WARM_UP + STEPS):
        if number == WARM_UP:
            started = time.perf_counter()
        step(number, context)
    return (time.perf_counter() - started) / STEPS


def _pretraining_step() -> Callable[[int, Callable[[], Any]], None]:
    config = load_pretrain_config(ROOT / "configs" / "pretrain.yaml", ("training.embeddings=random",))
    set_seed(config.seed)
    articles = list(read_articles(ROOT / "data" / "synthetic" / "train.jsonl"))
    wanted = config.model.tokenizer
    tokenizer = train_tokenizer([(article.lang, article.text) for article in articles], wanted.type, wanted.vocabulary_size, config.seed, wanted.lowercase)
    window = config.model.window_tokens
    rows = pack([article.text for article in articles], tokenizer, window)
    collate = MaskingCollator(rows, tokenizer, config.training.mask_first, config.training.mask_last, WARM_UP + STEPS, config.seed)
    model = build_base(config, tokenizer, None).train()
    optimizer = build_optimizer(config, model, model.get_input_embeddings())
    size = config.training.batch_tokens // window

    def step(number: int, context: Callable[[], Any]) -> None:
        chosen = [(number * size + row) % len(rows) for row in range(size)]
        with context():
            loss: Tensor = model(**collate([(number, chosen)])).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _articles_step() -> Callable[[int, Callable[[], Any]], None]:
    """Steps on articles of the sample corpus; making a batch is not counted, since it needs no model."""
    with tempfile.TemporaryDirectory() as folder:  # of the tokenizer
        config = load_config(ROOT / "configs" / "news.yaml", (*SAMPLE, "data.held_out=[]", "model.tokenizer.vocabulary_size=8000", f"output={folder}"))
        corpus = load_corpus(config)
        model, tokenizer = build_run(config, corpus)
    encode = ArticleTokenizer(tokenizer, config.model.window_tokens, config.model.max_windows, config.model.target_tokens)
    examples = build_examples(config, corpus, encode, None, lambda *_: None)
    (source,) = corpus.train
    settings = config.training
    labels = [source_labels(source.articles, config.data.topics, source.topic_labels, False)]
    sizes = {"batch_tokens": settings.batch_tokens, "article_tokens": config.model.window_tokens, "max_targets": settings.max_targets}
    plan = plan_batches(examples, [1.0], tokens=(WARM_UP + STEPS + 2) * settings.batch_tokens, seed=config.seed, **sizes)
    collate = Collator(examples, labels, len(config.data.topics), encode, 1, settings.max_targets, settings.hide_title, settings.mask_tokens, 1.0, config.seed)
    batches = [collate([(place, plan[place])]) for place in range(WARM_UP + STEPS)]
    optimization = Optimization(model.train(), model.get_input_embeddings(), settings, WARM_UP + STEPS)

    def step(number: int, context: Callable[[], Any]) -> None:
        with context():
            loss: Tensor = model(**batches[number]).loss
        optimization.step(loss)

    return step


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step_time", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="processes of each kind (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS / "step_time.json", help="results file (default: %(default)s)")
    options = parser.parse_args(arguments)
    console = Console(width=max(Console().width, 110))
    seconds: dict[str, list[float]] = {name: [] for name in KINDS}
    for _ in range(options.repetitions):
        for name, kind in KINDS.items():
            script = f"from benchmarks.step_time import seconds_a_step; print(seconds_a_step{kind!r})"
            done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
            seconds[name].append(json.loads(done.stdout))
            console.print(f"{name}: {seconds[name][-1]:.3f} s a step", highlight=False)
    figures = []
    for name, (above, below) in RATIOS.items():
        found, details = ratio(seconds[above], seconds[below])
        figures.append(Figure(name, GOALS[name], found, f"{options.repetitions} processes of each, {STEPS} steps in each", details))
    console.print(figure_table("A training step on CPUs", figures))
    capabilities = {name: bool(torch.cpu.get_capabilities().get(name)) for name in ("amx_bf16", "avx512_bf16")}
    write_result(options.output, {"settings": {"steps": STEPS} | capabilities | machine(), "figures": figure_rows(figures)}, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
