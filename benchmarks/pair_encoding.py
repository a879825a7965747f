"""Stance from one encoding against pair encoding of the same size: macro F1, F1 per class and time, on FNC-1 and VAST.

In: a folder with `train/` and `dev/` of fnc1_en and vast_en. Out: tables and `benchmarks/results/pair_encoding.json`. Does not know: other tasks.

Both read the same articles with the same backbone, first weights, tokenizer, learning rate, schedule, class weights and loss, and are scored alike.
Pair encoding (a cross-encoder) reads target and article as one sequence, once a pair. One encoding is trained twice: on as many pairs, and for as long.

    python -m benchmarks.pair_encoding --data-root DIR [--tokens N] [--quick]
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table
from transformers import PreTrainedTokenizerBase

from benchmarks.common import RESULTS, ROOT, Figure, Goal, Optimization, build_run, describe_model, figure_rows, figure_table, machine, write_result
from benchmarks.pair_model import Pair, PairModel, example_pairs, pair_batches, predict_pairs
from inference.analyzer import Analyzer
from inference.article import Article
from inference.encoding import ArticleTokenizer
from inference.labels import STANCES
from inference.model import ArticleModel
from training.batches import Collator, plan_batches
from training.config import RunConfig, load_config
from training.corpus import Corpus, load_corpus
from training.examples import Example, SourceLabels, make_example, source_labels, token_rarity
from training.metrics.labels import MERGED_NEUTRAL, best_label, merge_neutral, merged_stance, stance_scores

TOKENS = 2_000_000
"""Tokens that pair encoding reads in training: about 7 minutes on 2 cores with the encoder of configs/news.yaml, of some 17 for the whole benchmark."""
QUICK_TOKENS = 4_000

SETS = "[{name: fnc1_en, path: %s/fnc1_en.jsonl.xz}, {name: vast_en, path: %s/vast_en.jsonl.xz, neutral_covers_unrelated: true}]"
OVERRIDES = (
    "data.train=" + SETS % ("train", "train"),
    "data.dev=" + SETS % ("dev", "dev"),
    "data.held_out=[]",
    "model.tokenizer={type: bpe, vocabulary_size: 16000, lowercase: true}",
    "model.max_windows=1",  # both see one window of an article and no more
    "losses={topic: 0.0, salience: 0.0, boilerplate: 0.0}",
    "training.max_windows=1",
    "training.hide_title=0.0",
    "training.inject_boilerplate=0.0",
    "training.mask_tokens=0.0",
    "training.select=[stance_macro_f1]",
)
"""What a config is changed to: stance alone, no augmentation. Architecture, batches and learning rates stay."""
QUICK_OVERRIDES = (
    *(f"data.{split}.{number}.max_articles=12" for split in ("train", "dev") for number in (0, 1)),
    "model.tokenizer.vocabulary_size=1000",
    "model.window_tokens=128",
    "training.batch_tokens=256",
    "model.backbone={architecture: {type: modernbert, layers: 1, width: 32, heads: 2, feed_forward: 32}}",
)

PAIR, SAME_PAIRS, SAME_TIME = "pair encoding", "one encoding, as many pairs", "one encoding, as long"

GOALS = {  # the predictions were written down before the first measurement
    "fnc1_en": Goal("FNC-1 dev macro F1, one encoding as long - pair encoding, points", predicted=15.0, at_least=-2.0),
    "vast_en": Goal("VAST dev macro F1, one encoding as long - pair encoding, points", predicted=3.0, at_least=-2.0),
    "fnc1_en_pairs": Goal("FNC-1 dev macro F1, as many pairs", predicted=5.0),
    "vast_en_pairs": Goal("VAST dev macro F1, as many pairs", predicted=0.0),
    "training_time": Goal("training time of pair encoding / of one encoding, as many pairs", predicted=7.0),
    "inference_time": Goal("inference time of pair encoding / of one encoding, dev, end to end", predicted=6.0),
}

Predict = Callable[[Sequence[Article]], list[list[dict[str, float]]]]
"""Articles -> for each, the stance probabilities of each of its targets."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What all contenders share."""

    config: RunConfig
    corpus: Corpus
    tokenizer: PreTrainedTokenizerBase
    encode: ArticleTokenizer
    examples: list[Example]
    sources: list[SourceLabels]
    console: Console

    def new_model(self) -> ArticleModel:
        """The untrained model; always the same weights."""
        model = build_run(self.config, self.corpus)[0]
        model.token_rarity.copy_(token_rarity(self.examples, len(model.token_rarity), self.tokenizer.all_special_ids))
        return model


@dataclass(frozen=True, slots=True)
class Outcome:
    """One contender, trained and scored. `scores` are by dev set, `inference_seconds` over both."""

    pairs: int
    steps: int
    tokens: int  # that the encoder read in training, padding left out
    training_seconds: float
    inference_seconds: float
    scores: dict[str, dict[str, float]]


def train_one_encoding(setup: Setup, batches: Sequence[Sequence[int]], name: str) -> tuple[Predict, dict[str, Any]]:
    """Train `ArticleModel` on planned batches of examples."""
    settings = setup.config.training
    model = setup.new_model().train()
    collator = Collator(
        examples=setup.examples,
        sources=setup.sources,
        topics=len(setup.config.data.topics),
        encode=setup.encode,
        max_windows=settings.max_windows,
        max_targets=settings.max_targets,
        hide_title=settings.hide_title,
        mask_tokens=settings.mask_tokens,
        headline_weight=0.0,
        seed=setup.config.seed,
    )
    optimization = Optimization(model, model.get_input_embeddings(), settings, len(batches))
    counts = {"pairs": 0, "tokens": 0}
    start = time.perf_counter()
    for place, batch in enumerate(_track(setup.console, batches, name)):
        tensors = collator([(place, list(batch))])
        counts["pairs"] += len(tensors["pair_article"])
        counts["tokens"] += len(tensors["token_ids"]) + len(tensors["target_ids"])
        optimization.step(model(**tensors).loss)
    seconds = time.perf_counter() - start
    analyzer = Analyzer(model.eval(), setup.tokenizer)

    def predict(articles: Sequence[Article]) -> list[list[dict[str, float]]]:
        return [[stance.scores for stance in analysis.stances] for analysis in analyzer.analyze_many(articles)]

    return predict, {**counts, "steps": len(batches), "training_seconds": seconds}


def train_pair_encoding(setup: Setup, pairs: Sequence[Pair]) -> tuple[Predict, dict[str, Any]]:
    """Train the cross-encoder, once over `pairs`."""
    settings = setup.config.training
    model = PairModel(setup.new_model()).train()
    batches = pair_batches(pairs, settings.batch_tokens, Random(setup.config.seed))
    optimization = Optimization(model, model.embeddings, settings, len(batches))
    start = time.perf_counter()
    for batch in _track(setup.console, batches, PAIR):
        optimization.step(model.loss([pairs[index] for index in batch]))
    seconds = time.perf_counter() - start
    model.eval()

    def predict(articles: Sequence[Article]) -> list[list[dict[str, float]]]:
        return predict_pairs(model, setup.encode, articles, settings.batch_tokens)

    return predict, {"pairs": len(pairs), "tokens": sum(len(pair.ids) for pair in pairs), "steps": len(batches), "training_seconds": seconds}


def score(setup: Setup, predict: Predict, trained: dict[str, Any]) -> Outcome:
    """Macro F1 and F1 per class of every dev set; where neutral covers unrelated, these are one class."""
    scores: dict[str, dict[str, float]] = {}
    seconds = 0.0
    for loaded in setup.corpus.dev:
        start = time.perf_counter()
        found = predict(loaded.articles)
        seconds += time.perf_counter() - start
        merged = loaded.source.neutral_covers_unrelated
        asked = [pair.stance for article in loaded.articles for pair in article.stances]
        labeled = [(stance, answer) for stance, answer in zip(asked, chain.from_iterable(found), strict=True) if stance]
        gold = [merged_stance(stance) if merged else stance for stance, _ in labeled]
        predicted = [best_label(merge_neutral(answer) if merged else answer) for _, answer in labeled]
        scores[loaded.source.name] = stance_scores(gold, predicted) or {}
    return Outcome(inference_seconds=seconds, scores=scores, **trained)


def prepare(config: RunConfig, console: Console) -> Setup:
    """Read the data, train the tokenizer, encode the training articles."""
    corpus = load_corpus(config)
    tokenizer = build_run(config, corpus)[1]
    encode = ArticleTokenizer(tokenizer, config.model.window_tokens, config.model.max_windows, config.model.target_tokens)
    topics = config.data.topics
    examples = [make_example(article, number, topics, encode, headline=False) for number, source in enumerate(corpus.train) for article in source.articles]
    sources = [source_labels(s.articles, topics, s.topic_labels, s.source.neutral_covers_unrelated) for s in corpus.train]
    return Setup(config, corpus, tokenizer, encode, examples, sources, console)


def plan(setup: Setup, article_tokens: int) -> list[list[int]]:
    """Batches of articles for one encoding, planned as a run plans them."""
    settings = setup.config.training
    window = settings.max_windows * setup.config.model.window_tokens
    sizes = {"tokens": article_tokens, "batch_tokens": settings.batch_tokens, "article_tokens": window, "max_targets": settings.max_targets}
    return plan_batches(setup.examples, setup.corpus.probabilities, **sizes, seed=setup.config.seed)


def draw_pairs(setup: Setup, batches: Sequence[Sequence[int]]) -> list[Pair]:
    """The pairs of the planned visits: as many targets of each visited article as one encoding draws, from the same articles."""
    random = Random(setup.config.seed)
    window, most = setup.config.model.window_tokens, setup.config.training.max_targets
    pairs: list[Pair] = []
    for index in (index for batch in batches for index in batch):
        example = setup.examples[index]
        drawn = random.sample(range(len(example.targets)), min(most, len(example.targets)))
        pairs += example_pairs(example, setup.sources[example.source], window, drawn)
    return pairs


def measure(config: RunConfig, tokens: int, console: Console) -> tuple[dict[str, Outcome], dict[str, Any]]:
    """Train and score the three contenders; `tokens` is what pair encoding reads."""
    setup = prepare(config, console)
    batches = plan(setup, tokens)  # one encoding reads fewer tokens a pair, so this is more than enough
    costs = [sum(len(pair.ids) for pair in draw_pairs(setup, [batch])) for batch in batches]
    spent = 0
    same_pairs = [batch for batch, cost in zip(batches, costs, strict=True) if (spent := spent + cost) <= tokens] or batches[:1]
    outcomes = {PAIR: score(setup, *train_pair_encoding(setup, draw_pairs(setup, same_pairs)))}
    outcomes[SAME_PAIRS] = score(setup, *train_one_encoding(setup, same_pairs, SAME_PAIRS))
    faster = outcomes[PAIR].training_seconds / outcomes[SAME_PAIRS].training_seconds
    article_tokens = sum(min(setup.examples[index].tokens, config.model.window_tokens) for batch in same_pairs for index in batch)
    as_long = plan(setup, round(faster * article_tokens))
    outcomes[SAME_TIME] = score(setup, *train_one_encoding(setup, as_long, SAME_TIME))
    pairs_read = {loaded.source.name: sum(len(article.stances) for article in loaded.articles) for loaded in setup.corpus.dev}
    settings = {
        "tokens": tokens,
        "model": describe_model(setup.new_model()),
        "pair_model_head_parameters": _head_parameters(PairModel(setup.new_model())),
        "training": {
            name: getattr(config.training, name) for name in ("batch_tokens", "max_targets", "learning_rate", "embedding_learning_rate", "weight_decay")
        },
        "train_articles": {loaded.source.name: len(loaded.articles) for loaded in setup.corpus.train},
        "dev_pairs": pairs_read,
    }
    return outcomes, settings


def figures(outcomes: dict[str, Outcome], settings: dict[str, Any]) -> list[Figure]:
    """Differences of macro F1 in points, and ratios of time."""
    pair, pairs, long = (outcomes[name] for name in (PAIR, SAME_PAIRS, SAME_TIME))
    found = []
    for name, other in (("fnc1_en", long), ("vast_en", long), ("fnc1_en_pairs", pairs), ("vast_en_pairs", pairs)):
        of = name.removesuffix("_pairs")
        gain = 100 * (other.scores[of]["macro_f1"] - pair.scores[of]["macro_f1"])
        found.append(Figure(name, GOALS[name], gain, f"{settings['dev_pairs'][of]:,} dev pairs, {other.pairs:,} against {pair.pairs:,} training pairs"))
    n = f"{pair.pairs:,} pairs"
    found.append(Figure("training_time", GOALS["training_time"], pair.training_seconds / pairs.training_seconds, n))
    n = f"{sum(settings['dev_pairs'].values()):,} pairs"
    return [*found, Figure("inference_time", GOALS["inference_time"], pair.inference_seconds / long.inference_seconds, n)]


def score_table(outcomes: dict[str, Outcome]) -> Table:
    """One row per contender and dev set."""
    table = Table(title="Stance, dev, F1", title_justify="left")
    for name in ("contender", "set", "macro", *STANCES, "pairs", "steps", "training s", "inference s"):
        table.add_column(name, justify="left" if name in ("contender", "set") else "right")
    for name, outcome in outcomes.items():
        sizes = (f"{outcome.pairs:,}", f"{outcome.steps:,}", f"{outcome.training_seconds:.0f}", f"{outcome.inference_seconds:.0f}")
        for of, scores in outcome.scores.items():
            classes = {"f1_neutral": scores.get(f"f1_{MERGED_NEUTRAL}"), **scores}
            shown = (classes.get(f"f1_{stance}") for stance in STANCES)
            table.add_row(name, of, f"{scores['macro_f1']:.3f}", *("-" if value is None else f"{value:.3f}" for value in shown), *sizes)
    return table


def _head_parameters(model: PairModel) -> int:
    return sum(parameter.numel() for name, parameter in model.named_parameters() if not name.startswith("backbone."))


def _track(console: Console, batches: Sequence[Any], name: str) -> Iterable[Any]:
    return track(batches, description=f"training: {name}", console=console, transient=True, disable=not console.is_terminal)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pair_encoding", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data-root", type=Path, required=True, help="folder that holds train/ and dev/")
    parser.add_argument(
        "--config", type=Path, default=ROOT / "configs/news.yaml", help="run whose architecture and learning rates are used (default: %(default)s)"
    )
    parser.add_argument("--tokens", type=int, help=f"tokens that pair encoding reads in training (default: {TOKENS:,})")
    parser.add_argument("--quick", action="store_true", help="a tiny model on few articles, to see that it runs; nothing is written but to --output")
    parser.add_argument("--output", type=Path, help="result file (default: benchmarks/results/pair_encoding.json)")
    options = parser.parse_args(arguments)
    console = Console(width=max(Console().width, 140))
    with tempfile.TemporaryDirectory() as folder:
        overrides = [*OVERRIDES, *(QUICK_OVERRIDES if options.quick else ()), f"output={folder}/run"]
        config = load_config(options.config, overrides, options.data_root)
        outcomes, settings = measure(config, options.tokens or (QUICK_TOKENS if options.quick else TOKENS), console)
    found = figures(outcomes, settings)
    console.print(score_table(outcomes), figure_table("One encoding against pair encoding", found))
    output = options.output or (None if options.quick else RESULTS / "pair_encoding.json")
    if output is not None:
        contenders = {name: asdict(outcome) for name, outcome in outcomes.items()}
        write_result(output, {"settings": settings | machine(), "quick": options.quick, "figures": figure_rows(found), "contenders": contenders}, console)


if __name__ == "__main__":
    main()
