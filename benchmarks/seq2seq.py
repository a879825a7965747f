"""What the joint model costs beside stock seq2seq: training throughput, and the time to write summaries, of the same backbone on the same articles.

In: a config whose backbone has a decoder, optionally its checkpoint, and the OrangeSum files of a data root. Out: ratios of speed beside their
goals. Stock is `AutoModelForSeq2SeqLM` with `DataCollatorForSeq2Seq`, one padded input an article, its loss alone, and plain `generate`.
Ours trains topic, salience and boilerplate with it, and cleans the page and plans every candidate's length before it writes.
"""

import argparse
import copy
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch.nn import functional as F  # noqa: N812
from transformers import DataCollatorForSeq2Seq, GenerationConfig

from benchmarks import common
from benchmarks.common import Figure, Goal, Optimization, interleave, ratio
from inference.analyzer import Analyzer
from inference.article import Article, read_articles
from inference.checkpoint import load_checkpoint
from inference.generation import BEAMS, SummaryTokenizer
from inference.losses import IGNORE
from training.batches import Collator, plan_batches
from training.config import RunConfig, load_config
from training.corpus import load_corpus
from training.examples import Example, Writing, make_example, source_labels

GOALS = {
    "training": Goal("training, article tokens per second: ours / stock", predicted=0.9, at_least=0.95),
    "generation": Goal("writing, articles per second: ours / stock", predicted=1.0, at_least=1.0),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    training_articles: int
    written_articles: int
    repetitions: int


FULL = Sizes(training_articles=160, written_articles=64, repetitions=5)
QUICK = Sizes(training_articles=12, written_articles=4, repetitions=1)


@dataclass(frozen=True, slots=True)
class Setup:
    config: RunConfig
    analyzer: Analyzer
    codec: SummaryTokenizer
    root: Path
    sizes: Sizes


def measure_training(setup: Setup) -> list[Figure]:
    """A pass over OrangeSum training articles, cut to one window: batches laid, forward, backward and optimizer step."""
    model, settings = setup.analyzer.model, setup.config.training
    articles = _first(setup.root / "train/orangesum_fr.jsonl.xz", setup.sizes.training_articles)
    topics = model.config.topics
    articles = [replace(article, title="", topic=article.topic if article.topic in topics else None) for article in articles]
    writing = Writing(summaries=True, headlines=False, codec=setup.codec)
    examples = [make_example(article, 0, topics, setup.analyzer.articles, False, writing=writing) for article in articles]
    examples = [example for example in examples if any(text.ids for text in example.written)]
    window = model.config.window_tokens
    sizes = {"tokens": sum(min(e.tokens, window) for e in examples), "batch_tokens": settings.batch_tokens, "article_tokens": window, "max_targets": 1}
    batches = plan_batches(examples, [1.0], **sizes, seed=setup.config.seed)
    collator = Collator(
        examples=examples,
        sources=[source_labels(articles, topics, topics, neutral_covers_unrelated=False)],
        topics=len(topics),
        encode=setup.analyzer.articles,
        max_windows=1,
        max_targets=1,
        hide_title=0.0,
        mask_tokens=0.0,
        headline_weight=0.0,
        seed=setup.config.seed,
        decoder_start=setup.codec.start,
    )
    seconds = interleave({"ours": _our_pass(setup, collator, batches), "stock": _stock_pass(setup, examples, batches)}, setup.sizes.repetitions)
    model.train(False)
    found, details = ratio(seconds["stock"], seconds["ours"])
    n = f"{len(examples)} OrangeSum training articles, {sizes['tokens']:,} tokens, {setup.sizes.repetitions} rounds"
    return [Figure("training", GOALS["training"], found, n, details)]


def _our_pass(setup: Setup, collator: Collator, batches: Sequence[list[int]]) -> Callable[[], None]:
    model = copy.deepcopy(setup.analyzer.model).train()
    optimization = Optimization(model, model.get_input_embeddings(), setup.config.training, steps=10_000)

    def run() -> None:
        for planned in enumerate(batches):
            optimization.step(model(**collator([planned])).loss)

    return run


def _stock_pass(setup: Setup, examples: Sequence[Example], batches: Sequence[list[int]]) -> Callable[[], None]:
    """The same articles in the same batches: each as one input of the tokens that ours reads of it."""
    backbone = copy.deepcopy(setup.analyzer.model.backbone).train()
    optimization = Optimization(backbone, backbone.get_input_embeddings(), setup.config.training, steps=10_000)
    smoothing = setup.config.losses.summary_label_smoothing
    encode = setup.analyzer.articles
    collate = DataCollatorForSeq2Seq(encode.tokenizer, model=backbone)
    rows = []
    for example in examples:
        lengths = iter(example.sentence_lengths)
        ids = iter(example.ids)
        sentences = [[next(ids) for _ in range(length)] for length in lengths]
        (window,), _ = encode.windows([], sentences, max_windows=1)
        text = next(text for text in example.written if text.ids)
        rows.append({"input_ids": window.ids, "attention_mask": [1] * len(window.ids), "labels": [*text.prefix, *text.ids]})

    def run() -> None:
        for batch in batches:
            tensors = collate([dict(rows[index]) for index in batch])
            logits = backbone(input_ids=tensors["input_ids"], attention_mask=tensors["attention_mask"], labels=tensors["labels"]).logits
            optimization.step(F.cross_entropy(logits.flatten(0, 1), tensors["labels"].flatten(), ignore_index=IGNORE, label_smoothing=smoothing))

    return run


def measure_generation(setup: Setup) -> list[Figure]:
    """OrangeSum dev articles of at most one window, from text to `BEAMS` candidates each, in batches by length."""
    analyzer, backbone = setup.analyzer, setup.analyzer.model.backbone
    window = analyzer.model.config.window_tokens
    read = _first(setup.root / "dev/orangesum_fr.jsonl.xz", 10 * setup.sizes.written_articles)
    short = [article for article in read if analyzer.articles.encode(article).tokens < window - 8][: setup.sizes.written_articles]
    settings = GenerationConfig(
        num_beams=BEAMS,
        num_return_sequences=BEAMS,
        do_sample=False,
        no_repeat_ngram_size=3,
        max_new_tokens=analyzer.model.config.summary_tokens,
        decoder_start_token_id=setup.codec.start,
        eos_token_id=setup.codec.end,
        pad_token_id=setup.codec.padding,
    )
    backbone.generation_config = GenerationConfig()
    tokenizer = analyzer.articles.tokenizer
    together = 8_192 // window

    def ours() -> None:
        list(analyzer.candidates(short, max_words=None, max_sentences=10))

    @torch.inference_mode()
    def stock() -> None:
        texts = sorted((f"{article.title}\n{article.text}" for article in short), key=len, reverse=True)
        for start in range(0, len(texts), together):
            batch = tokenizer(texts[start : start + together], truncation=True, max_length=window, padding=True, return_tensors="pt")
            prefix = torch.tensor([[setup.codec.start, *setup.codec.prefix("fr")]] * len(batch["input_ids"]))
            written = backbone.generate(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], decoder_input_ids=prefix, generation_config=settings
            )
            tokenizer.batch_decode(written, skip_special_tokens=True)

    analyzer.model.train(False)
    seconds = interleave({"ours": ours, "stock": stock}, setup.sizes.repetitions)
    found, details = ratio(seconds["stock"], seconds["ours"])
    n = f"{len(short)} OrangeSum dev articles, {BEAMS} beams, {setup.sizes.repetitions} rounds"
    return [Figure("generation", GOALS["generation"], found, n, details)]


def _first(path: Path, count: int) -> list[Article]:
    return [article for article, _ in zip(read_articles(path), range(count), strict=False)]


def measure(config_path: Path, root: Path, checkpoint: Path | None, sizes: Sizes) -> tuple[list[Figure], dict[str, Any]]:
    """Both figures, and what they depend on."""
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(config_path, [*common.SAMPLE, f"output={folder}/run"])
        if checkpoint is None:
            model, tokenizer = common.build_run(config, load_corpus(config))
            weights = "random"
        else:
            loaded = load_checkpoint(checkpoint)
            model, tokenizer, weights = loaded.model, loaded.tokenizer, str(loaded.info["name"])
    model.loss_weights |= {task: getattr(config.losses, task) for task in model.loss_weights}
    model.summary_label_smoothing = config.losses.summary_label_smoothing
    analyzer = Analyzer(model.train(False), tokenizer)
    setup = Setup(config, analyzer, SummaryTokenizer(tokenizer, model), root, sizes)
    settings = {"config": config_path.name, "weights": weights, "model": common.describe_model(model)} | common.machine()
    return [*measure_generation(setup), *measure_training(setup)], settings


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seq2seq", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data-root", type=Path, required=True, help="folder that holds train/ and dev/")
    parser.add_argument("--config", type=Path, default=common.ROOT / "configs/abstractive.yaml", help="run whose backbone is measured (default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, help="measure this trained model; default: random weights")
    parser.add_argument("--quick", action="store_true", help="few articles and one round, to see that it runs; nothing is written but to --output")
    parser.add_argument("--output", type=Path, help="result file (default: benchmarks/results/seq2seq.json)")
    options = parser.parse_args(arguments)
    console = Console(width=max(Console().width, 140))
    figures, settings = measure(options.config, options.data_root, options.checkpoint, QUICK if options.quick else FULL)
    console.print(common.figure_table("Beside stock seq2seq", figures))
    output = options.output or (None if options.quick else common.RESULTS / "seq2seq.json")
    if output is not None:
        common.write_result(output, {"settings": settings, "quick": options.quick, "figures": common.figure_rows(figures)}, console)


if __name__ == "__main__":
    main()
