from collections.abc import Sequence
from pathlib import Path

import pytest
from transformers import ByT5Tokenizer, MT5Config, MT5ForConditionalGeneration, set_seed

from inference.article import read_articles
from inference.encoding import ArticleTokenizer
from inference.generation import SummaryTokenizer
from inference.losses import TASKS
from training.batches import Collator
from training.build import build_model, build_tokenizer
from training.config import RunConfig, load_config
from training.config_pretrain import PretrainConfig, load_pretrain_config
from training.corpus import load_corpus
from training.examples import Writing, make_example, source_labels

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def load(path: Path, overrides: Sequence[str] = ()) -> RunConfig | PretrainConfig:
    return load_pretrain_config(path, overrides) if path.stem == "pretrain" else load_config(path, overrides)


def test_there_are_configs() -> None:
    assert {"quickstart", "news", "mt5-small", "pretrain"} <= {path.stem for path in CONFIGS}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_is_valid_and_says_how_to_run_it(path: Path) -> None:
    config = load(path)
    assert config.name == path.stem
    assert config.output == Path("runs") / path.stem
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    command = "pretrain" if isinstance(config, PretrainConfig) else "train"
    assert f"python -m training {command} configs/{path.name}" in "\n".join(header)
    assert "--set " in "\n".join(header)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_overrides_in_the_headers_work(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#") and "--set" in line]
    assert lines, "the header shows one override"
    for line in lines:
        overrides = [word for before, word in zip(line.split(), line.split()[1:], strict=False) if before == "--set"]
        assert load(path, overrides) != load(path)


def test_every_dev_source_of_news_is_trained_on_too() -> None:
    config = load_config(ROOT / "configs" / "news.yaml")
    train = {source.name: source for source in config.data.train}
    for dev in config.data.dev:
        assert dev.name in train
        assert dev.path != train[dev.name].path
        assert (dev.columns, dev.labels, dev.neutral_covers_unrelated) == (
            train[dev.name].columns,
            train[dev.name].labels,
            train[dev.name].neutral_covers_unrelated,
        )


def test_the_sample_corpus_of_quickstart_loads_without_loss() -> None:
    corpus = load_corpus(load_config(ROOT / "configs" / "quickstart.yaml", data_root=ROOT))
    (train,), (dev,) = corpus.train, corpus.dev
    assert train.dropped == dev.dropped == {}
    assert len(train.articles) > 4 * len(dev.articles) - 20
    assert len(train.topic_labels) == len(dev.topic_labels) == 17
    assert corpus.shared_with_held_out == ()


def test_mt5_small_trains_all_tasks_of_a_model_of_its_class(tmp_path: Path) -> None:
    """Random weights and a byte tokenizer stand for what the Hub holds."""
    set_seed(0)
    sizes = {"d_model": 16, "d_kv": 8, "num_heads": 2, "d_ff": 24, "num_layers": 2}
    MT5ForConditionalGeneration(MT5Config(vocab_size=400, **sizes)).save_pretrained(tmp_path)
    ByT5Tokenizer().save_pretrained(tmp_path)
    config = load_config(ROOT / "configs" / "mt5-small.yaml", ["model.backbone.hub=null", f"model.backbone.folder={tmp_path}"])
    tokenizer = build_tokenizer(config, load_corpus(config.model_copy(update={"data": config.data.model_copy(update={"root": ROOT})})))
    model = build_model(config, tokenizer)
    assert isinstance(model.backbone, MT5ForConditionalGeneration)
    encode = ArticleTokenizer(tokenizer, config.model.window_tokens, config.model.max_windows, config.model.target_tokens)
    articles = list(read_articles(ROOT / "data" / "sample" / "train.jsonl"))[:2]
    writing = Writing(True, True, SummaryTokenizer(tokenizer, model))
    examples = [make_example(article, 0, config.data.topics, encode, False, (), writing) for article in articles]
    collator = Collator(
        examples=examples,
        sources=[source_labels(articles, config.data.topics, config.data.topics, False)],
        topics=len(config.data.topics),
        encode=encode,
        max_windows=config.training.max_windows,
        max_targets=config.training.max_targets,
        hide_title=1.0,
        mask_tokens=0.0,
        headline_weight=config.losses.headline_salience,
        seed=config.seed,
        decoder_start=writing.codec.start,
        decoder_headline_weight=config.losses.headline_generation,
    )
    model.train()
    model.activation_checkpointing_enable()
    outputs = model(**collator([(0, [0, 1])]))
    outputs.loss.backward()
    assert {task: float(value) > 0 for task, value in outputs.task_losses.items()} == dict.fromkeys(TASKS, True)
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
