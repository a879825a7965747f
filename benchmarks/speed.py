"""What one encoding saves: the cost of further targets, of three tasks, of padding, and of training on many targets.

In: a run config for the architecture (random weights: speed does not depend on them) or a checkpoint, and a folder with `dev/masakhanews.jsonl.xz`,
`dev/fnc1_en.jsonl.xz` and `train/fnc1_en.jsonl.xz`. Out: a table and `benchmarks/results/speed.json`. Does not know: how good the answers are.

    python -m benchmarks.speed --data-root DIR [--config configs/news.yaml] [--checkpoint FOLDER] [--quick]
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import torch
from rich.console import Console

from benchmarks import common, single_task
from benchmarks.common import Figure, Goal, Optimization, interleave, ratio
from benchmarks.pair_model import PairModel, example_pairs, pair_batches
from inference.analyzer import Analyzer
from inference.article import Article, Stance, read_articles
from inference.batch import BatchItem, collate
from inference.checkpoint import load_checkpoint
from inference.words import words
from training.batches import Collator, plan_batches
from training.config import RunConfig, Source, load_config
from training.corpus import load_corpus
from training.examples import Example, SourceLabels, make_example, source_labels
from training.sources import load_source

GOALS = {  # the predictions were written down before the first measurement
    "phrases_end_to_end": Goal("time for 32 targets / for 1, one article, end to end (phrases)", predicted=1.6, at_most=2.0),
    "claims_end_to_end": Goal("the same with FNC-1's headlines as targets, longer together than the article", predicted=2.0, at_most=2.0),
    "phrases_forward": Goal("time for 32 targets / for 1, forward pass alone (phrases)", predicted=1.8, at_most=2.0),
    "claims_forward": Goal("the same with FNC-1's headlines", predicted=2.4, at_most=2.0),
    "one_encoding": Goal("time of three single-task passes / of one encoding", predicted=2.8, at_least=2.5),
    "padding": Goal("share of padding in the tokens that the backbone reads", predicted=0.02, at_most=0.05),
    "training_pairs": Goal("pairs a second in training, one encoding / pair encoding", predicted=8.0, at_least=5.0),
    "encoder_forward": Goal("encoder forward, tokens a second", predicted=15_000),
    "encoder_training": Goal("encoder forward and backward, tokens a second", predicted=5_000),
}

MANY_TARGETS = 32
MAX_WORDS = 60
GROUP_ARTICLES = 8
"""Articles that the three-pass comparison gives to a model at once: below the tokens of one batch, so that all contenders have the same batches."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    repetitions: int
    target_articles: int  # articles asked about 1 and 32 targets
    groups: int  # groups of GROUP_ARTICLES for one encoding against three passes
    padding_articles: int | None  # None = all
    training_articles: int


FULL = Sizes(repetitions=3, target_articles=6, groups=3, padding_articles=400, training_articles=12)
QUICK = Sizes(repetitions=1, target_articles=2, groups=1, padding_articles=8, training_articles=3)


@dataclass(frozen=True, slots=True)
class Setup:
    """What all measurements share."""

    config: RunConfig
    analyzer: Analyzer
    root: Path
    sizes: Sizes


def measure_targets(setup: Setup) -> list[Figure]:
    """FNC-1 dev articles of typical length, asked about 1 and 32 targets: phrases, as the sample corpus has them, and FNC-1's own claims."""
    articles = list(read_articles(setup.root / "dev/fnc1_en.jsonl.xz"))
    typical = median(len(article.text) for article in articles)
    articles.sort(key=lambda article: (len(article.stances) < MANY_TARGETS, abs(len(article.text) - typical)))
    chosen = articles[: setup.sizes.target_articles]
    sample = read_articles(common.ROOT / "data/sample/train.jsonl")
    phrases = [stance.target for article in sample if article.lang == "en" for stance in article.stances][:MANY_TARGETS]
    claims = [stance.target for article in articles for stance in article.stances]
    asked = {
        "phrases": [phrases for _ in chosen],
        "claims": [[*(stance.target for stance in article.stances), *claims][:MANY_TARGETS] for article in chosen],
    }
    return [figure for kind, targets in asked.items() for figure in _time_targets(setup, kind, [replace(a, stances=()) for a in chosen], targets)]


def _time_targets(setup: Setup, kind: str, articles: Sequence[Article], asked: Sequence[Sequence[str]]) -> list[Figure]:
    analyzer = setup.analyzer

    def analyze(count: int) -> None:
        for article, targets in zip(articles, asked, strict=True):
            list(analyzer.analyze_many([article], targets=targets[:count]))

    encoded = [analyzer.articles.encode(article) for article in articles]
    batches = {}
    for count in (1, MANY_TARGETS):
        items = []
        for article, targets in zip(encoded, asked, strict=True):
            windows, held = analyzer.articles.windows(article.title_ids, article.sentence_ids)
            items.append(BatchItem(windows, held, len(article.page.sentences), analyzer.articles.encode_targets(targets[:count])))
        batches[count] = [collate([item]) for item in items]

    @torch.inference_mode()
    def forward(count: int) -> None:
        for batch in batches[count]:
            analyzer.model(**batch)

    contenders = {
        "end 1": lambda: analyze(1),
        "end 32": lambda: analyze(MANY_TARGETS),
        "forward 1": lambda: forward(1),
        "forward 32": lambda: forward(MANY_TARGETS),
    }
    seconds = interleave(contenders, setup.sizes.repetitions)
    target_tokens = [sum(len(batch["target_ids"]) for batch in group) / len(group) for group in batches.values()]
    n = f"{len(articles)} FNC-1 dev articles, {setup.sizes.repetitions} rounds"
    sizes = {
        "article_tokens": sum(article.tokens for article in encoded) / len(encoded),
        "target_tokens_1": target_tokens[0],
        "target_tokens_32": target_tokens[1],
    }
    figures = []
    for name, key in ((f"{kind}_end_to_end", "end"), (f"{kind}_forward", "forward")):
        found, details = ratio(seconds[f"{key} {MANY_TARGETS}"], seconds[f"{key} 1"])
        figures.append(Figure(name, GOALS[name], found, n, details | sizes))
    return figures


def measure_one_encoding(setup: Setup) -> list[Figure]:
    """Topic, stance toward one target and summary of MasakhaNEWS dev articles: at once, and by three models that each encode the article."""
    articles = Random(setup.config.seed).sample(_masakhanews(setup), setup.sizes.groups * GROUP_ARTICLES)
    asked = [replace(article, stances=(Stance(other.title),)) for article, other in zip(articles, [*articles[1:], articles[0]], strict=True)]
    groups = [asked[start : start + GROUP_ARTICLES] for start in range(0, len(asked), GROUP_ARTICLES)]
    analyzer = setup.analyzer

    def together() -> None:
        for group in groups:
            list(analyzer.analyze_many(group, max_words=MAX_WORDS))

    def apart() -> None:
        for group in groups:
            single_task.topics(analyzer, group)
            single_task.stances(analyzer, group)
            single_task.summaries(analyzer, group, MAX_WORDS)

    seconds = interleave({"together": together, "apart": apart}, setup.sizes.repetitions)
    found, details = ratio(seconds["apart"], seconds["together"])
    n = f"{len(articles)} MasakhaNEWS dev articles, one target each, {setup.sizes.repetitions} rounds"
    return [Figure("one_encoding", GOALS["one_encoding"], found, n, details)]


def measure_padding(setup: Setup) -> list[Figure]:
    """Padding in what the `Analyzer` gives to the backbone, counted by a hook on it."""
    articles = _masakhanews(setup)[: setup.sizes.padding_articles]
    counts = {"calls": 0, "tokens": 0, "real": 0}

    def count(_module: torch.nn.Module, _arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        counts["calls"] += 1
        counts["tokens"] += named["attention_mask"].numel()
        counts["real"] += int(named["attention_mask"].sum())

    hook = setup.analyzer.model.backbone.register_forward_pre_hook(count, with_kwargs=True)
    try:
        for _ in setup.analyzer.analyze_many(articles):
            pass
    finally:
        hook.remove()
    found = 1 - counts["real"] / counts["tokens"]
    return [Figure("padding", GOALS["padding"], found, f"{len(articles):,} MasakhaNEWS dev articles, {counts['tokens']:,} tokens", counts)]


def measure_training(setup: Setup) -> list[Figure]:
    """A pass over FNC-1 training articles with up to 32 claims each: batches laid, forward, backward and optimizer step."""
    settings, analyzer = setup.config.training, setup.analyzer
    source = Source(name="fnc1_en", path=Path("train/fnc1_en.jsonl.xz"), topic_labels=None)
    loaded = load_source(source, setup.root, setup.config.data.topics, setup.config.seed)
    topics = analyzer.model.config.topics
    labels = source_labels(loaded.articles, topics, (), neutral_covers_unrelated=False)
    examples = []
    for article in Random(setup.config.seed).sample(loaded.articles, min(setup.sizes.training_articles, len(loaded.articles))):
        kept = replace(article, topic=None, stances=article.stances[:MANY_TARGETS])
        examples.append(make_example(kept, 0, topics, analyzer.articles, headline=False))
    pairs = sum(len(example.targets) for example in examples)
    one = _one_encoding_pass(setup, examples, labels)
    each = _pair_encoding_pass(setup, examples, labels)
    analyzer.model.train()
    seconds = interleave({"one": one, "pair": each}, max(1, setup.sizes.repetitions // 2))
    analyzer.model.train(False)
    found, details = ratio(seconds["pair"], seconds["one"])
    rates = {"pairs_per_second_one_encoding": pairs / median(seconds["one"]), "pairs_per_second_pair_encoding": pairs / median(seconds["pair"])}
    n = f"{len(examples)} FNC-1 training articles, {pairs} pairs, batches of {settings.batch_tokens:,} tokens, {len(seconds['one'])} rounds"
    return [Figure("training_pairs", GOALS["training_pairs"], found, n, details | rates)]


def _one_encoding_pass(setup: Setup, examples: Sequence[Example], labels: SourceLabels) -> Callable[[], None]:
    settings, analyzer = setup.config.training, setup.analyzer
    most = settings.max_windows * analyzer.articles.window_tokens
    once = sum(min(example.tokens, most) for example in examples)
    sizes = {"tokens": once, "batch_tokens": settings.batch_tokens, "article_tokens": most, "max_targets": MANY_TARGETS}
    batches = plan_batches(examples, [1.0], **sizes, seed=setup.config.seed)
    collator = Collator(
        examples=examples,
        sources=[labels],
        topics=len(analyzer.model.config.topics),
        encode=analyzer.articles,
        max_windows=settings.max_windows,
        max_targets=MANY_TARGETS,
        hide_title=0.0,
        mask_tokens=0.0,
        headline_weight=0.0,
        seed=setup.config.seed,
    )
    optimization = Optimization(analyzer.model, analyzer.model.get_input_embeddings(), settings, steps=10_000)

    def run() -> None:
        for planned in enumerate(batches):
            optimization.step(analyzer.model(**collator([planned])).loss)

    return run


def _pair_encoding_pass(setup: Setup, examples: Sequence[Example], labels: SourceLabels) -> Callable[[], None]:
    settings = setup.config.training
    model = PairModel(setup.analyzer.model).train()
    window = setup.analyzer.articles.window_tokens
    pairs = list(chain.from_iterable(example_pairs(example, labels, window, range(len(example.targets))) for example in examples))
    batches = pair_batches(pairs, settings.batch_tokens, Random(setup.config.seed))
    optimization = Optimization(model, model.embeddings, settings, steps=10_000)

    def run() -> None:
        for batch in batches:
            optimization.step(model.loss([pairs[index] for index in batch]))

    return run


def measure_encoder(setup: Setup) -> list[Figure]:
    """The backbone alone on full windows."""
    backbone, window = setup.analyzer.model.backbone, setup.analyzer.articles.window_tokens
    rows = max(1, setup.config.training.batch_tokens // window)
    token_ids = torch.randint(5, backbone.config.vocab_size, (rows, window), generator=torch.Generator().manual_seed(setup.config.seed))
    mask = torch.ones_like(token_ids)

    @torch.inference_mode()
    def forward() -> None:
        backbone(input_ids=token_ids, attention_mask=mask)

    def train() -> None:
        backbone(input_ids=token_ids, attention_mask=mask).last_hidden_state.square().mean().backward()

    seconds = interleave({"encoder_forward": forward, "encoder_training": train}, setup.sizes.repetitions)
    backbone.zero_grad()
    n = f"{rows} windows of {window} tokens, {setup.sizes.repetitions} rounds"
    return [Figure(name, GOALS[name], token_ids.numel() / median(values), n) for name, values in seconds.items()]


def measure(config_path: Path, root: Path, checkpoint: Path | None, sizes: Sizes) -> tuple[list[Figure], dict[str, Any]]:
    """All figures, and what they depend on. The measurement that trains comes last."""
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(config_path, [*common.SAMPLE, f"output={folder}/run"])
        if checkpoint is None:
            model, tokenizer = common.build_run(config, load_corpus(config))
            weights = "random"
        else:
            loaded = load_checkpoint(checkpoint)
            model, tokenizer, weights = loaded.model, loaded.tokenizer, str(loaded.info["name"])
    model.train(False)
    setup = Setup(config, Analyzer(model, tokenizer), root, sizes)
    settings = {"config": config_path.name, "weights": weights, "model": common.describe_model(model)} | common.machine()
    parts = (measure_encoder, measure_targets, measure_one_encoding, measure_padding, measure_training)
    return [figure for part in parts for figure in part(setup)], settings


def _masakhanews(setup: Setup) -> list[Article]:
    return [article for article in read_articles(setup.root / "dev/masakhanews.jsonl.xz") if words(article.text)]  # one text is a full stop


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data-root", type=Path, required=True, help="folder that holds train/ and dev/")
    parser.add_argument(
        "--config", type=Path, default=common.ROOT / "configs/news.yaml", help="run whose architecture and batches are measured (default: %(default)s)"
    )
    parser.add_argument("--checkpoint", type=Path, help="measure this trained model; default: random weights")
    parser.add_argument("--quick", action="store_true", help="few articles and one round, to see that it runs; nothing is written but to --output")
    parser.add_argument("--output", type=Path, help="result file (default: benchmarks/results/speed.json)")
    options = parser.parse_args(arguments)
    console = Console(width=max(Console().width, 140))
    figures, settings = measure(options.config, options.data_root, options.checkpoint, QUICK if options.quick else FULL)
    console.print(common.figure_table("Speed", figures))
    output = options.output or (None if options.quick else common.RESULTS / "speed.json")
    if output is not None:
        common.write_result(output, {"settings": settings, "quick": options.quick, "figures": common.figure_rows(figures)}, console)


if __name__ == "__main__":
    main()
