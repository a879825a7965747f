"""Fixtures that several files share: sample articles in 13 languages, a tokenizer trained on them, tiny models, checkpoints and a run config."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # before the first import of a Hugging Face library: no test may reach the network
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pytest
import torch
from transformers import BartConfig, ModernBertConfig, PreTrainedConfig, PreTrainedTokenizerBase, T5Config, set_seed

from inference.analyzer import Analyzer
from inference.article import Article, article_to_row, read_articles
from inference.checkpoint import save_checkpoint
from inference.encoding import ArticleTokenizer
from inference.labels import IPTC_TOPICS
from inference.model import ArticleConfig, ArticleModel
from training.config import RunConfig, load_config
from training.vocabulary import train_tokenizer

ROOT = Path(__file__).parents[1]
TOPICS = ("weather", "sport", "arts")
"""Not in alphabetical order: what sorts labels is found out."""

torch.set_num_threads(1)  # bit for bit the same results on every machine


@pytest.fixture(scope="session")
def sample() -> list[Article]:
    """The training articles of the sample corpus."""
    return list(read_articles(ROOT / "data" / "sample" / "train.jsonl"))


@pytest.fixture(scope="session")
def one_a_language(sample: list[Article]) -> list[Article]:
    """The first sample article of each of the 13 languages."""
    return list({article.lang: article for article in reversed(sample)}.values())[::-1]


@pytest.fixture(scope="session")
def tokenizer(sample: list[Article]) -> PreTrainedTokenizerBase:
    return train_tokenizer([(article.lang, f"{article.title}\n{article.text}") for article in sample], "bpe", 4096, seed=1)


@pytest.fixture(scope="session")
def encode(tokenizer: PreTrainedTokenizerBase) -> ArticleTokenizer:
    """Windows of 64 tokens, so that every sample article needs several."""
    return ArticleTokenizer(tokenizer, window_tokens=64, max_windows=16, target_tokens=16)


@pytest.fixture(scope="session")
def make_model(tokenizer: PreTrainedTokenizerBase) -> Callable[..., ArticleModel]:
    """A function that builds a two-layer model of width 32 with random weights, without dropout, ready to answer."""

    def make(topics: tuple[str, ...] = IPTC_TOPICS, seed: int = 0, **settings: Any) -> ArticleModel:
        set_seed(seed)
        backbone = ModernBertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            global_attn_every_n_layers=2,
            local_attention=16,
            pad_token_id=tokenizer.pad_token_id,
            cls_token_id=tokenizer.cls_token_id,
            sep_token_id=tokenizer.sep_token_id,
            bos_token_id=None,
            eos_token_id=None,
        )
        options = {"window_tokens": 64, "max_windows": 16, "target_tokens": 16, "head_dropout": 0.0, **settings}
        return ArticleModel(ArticleConfig(backbone=backbone.to_dict(), topics=list(topics), **options)).eval()

    return make


@pytest.fixture(scope="session")
def make_writer(tokenizer: PreTrainedTokenizerBase) -> Callable[..., ArticleModel]:
    """A function that builds a tiny encoder-decoder, "t5" or "bart", with random weights, without dropout, ready to write in any of 13 languages."""

    def make(kind: str, seed: int = 0, vocabulary: PreTrainedTokenizerBase = tokenizer, width: int = 32, layers: int = 1, **settings: Any) -> ArticleModel:
        set_seed(seed)
        end = vocabulary.eos_token_id if vocabulary.sep_token_id is None else vocabulary.sep_token_id
        tokens = {"vocab_size": len(vocabulary), "pad_token_id": vocabulary.pad_token_id, "eos_token_id": end}
        backbone: PreTrainedConfig
        if kind == "t5":
            sizes = {"d_model": width, "d_kv": width // 2, "d_ff": 2 * width, "num_heads": 2, "num_layers": layers, "num_decoder_layers": layers}
            start = {"decoder_start_token_id": vocabulary.pad_token_id}
            backbone = T5Config(**tokens, **start, **sizes, dropout_rate=0.0, feed_forward_proj="gated-gelu")
        else:
            halves = {"layers": layers, "attention_heads": 2, "ffn_dim": 2 * width}
            sizes = {f"{half}_{name}": value for half in ("encoder", "decoder") for name, value in halves.items()}
            start = {"decoder_start_token_id": end}
            backbone = BartConfig(**tokens, **start, **sizes, d_model=width, dropout=0.0, init_std=0.2, max_position_embeddings=128, forced_eos_token_id=None)
        prefixes = {"summary_prefix": "{lang} summary:", "headline_prefix": "{lang} headline:"}
        options = {"window_tokens": 64, "max_windows": 16, "target_tokens": 16, "head_dropout": 0.0, "summary_tokens": 32, "topics": list(IPTC_TOPICS)}
        return ArticleModel(ArticleConfig(backbone=backbone.to_dict(), **{**options, **prefixes, **settings})).eval()

    return make


@pytest.fixture
def model(make_model: Callable[..., ArticleModel]) -> ArticleModel:
    return make_model()


@pytest.fixture(scope="session")
def saved_checkpoint(tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase) -> Path:
    """A checkpoint folder to read from; a test that changes it works on a copy. Its model takes no sentence for boilerplate."""
    model = make_model(TOPICS, seed=5)
    with torch.no_grad():
        model.sentence_head.output.bias[1] = -9.0
    return save_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny", model, tokenizer, {"name": "tiny"})


@pytest.fixture(scope="session")
def saved_writer(tmp_path_factory: pytest.TempPathFactory, make_writer: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase) -> Path:
    """A checkpoint that writes, to read from. Its weights are random, so nothing that it writes passes the check."""
    return save_checkpoint(tmp_path_factory.mktemp("checkpoints") / "writer", make_writer("bart", seed=5), tokenizer, {"name": "writer"})


@pytest.fixture(scope="session")
def analyzer(saved_checkpoint: Path) -> Analyzer:
    return Analyzer.from_pretrained(saved_checkpoint)


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory, sample: list[Article]) -> Path:
    """A data root with train.jsonl (every label), topics.jsonl (topics and headlines only) and dev.jsonl, in English, Arabic and Chinese."""
    root = tmp_path_factory.mktemp("data")
    rows = {lang: [article_to_row(article) for article in sample if article.lang == lang] for lang in ("en", "ar", "zh")}
    unlabeled = ("stances", "summary", "boilerplate")
    files = {
        "train": [row for group in rows.values() for row in group[:6]],
        "topics": [{key: value for key, value in row.items() if key not in unlabeled} for group in rows.values() for row in group[6:10]],
        "dev": [row for group in rows.values() for row in group[10:12]],
    }
    for name, lines in files.items():
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    return root


CONFIG = """
name: tiny
seed: 7
output: {output}
data:
  root: {root}
  train:
    - {{name: labeled, path: train.jsonl}}
    - {{name: topics, path: topics.jsonl, headline_as_summary: true}}
  dev:
    - {{name: dev, path: dev.jsonl}}
model:
  backbone:
    architecture: {{type: modernbert, layers: 1, width: 16, heads: 2, feed_forward: 16, dropout: 0.1, local_window_tokens: 16}}
  tokenizer: {{type: bpe, vocabulary_size: 2048}}
  window_tokens: 64
  max_windows: 4
  target_tokens: 12
  reader_layers: 1
  ngram_buckets: 1024
  word_buckets: 1024
training:
  tokens: 6000
  batch_tokens: 512
  learning_rate: 5e-3
  max_windows: 2
  evaluate_every: 0.25
  patience: 9
  precision: float32
"""


@pytest.fixture(scope="session")
def tiny_config(tiny_corpus: Path) -> Callable[..., RunConfig]:
    """A function from the run's folder and `a.b=value` overrides to the config of a run of some 15 steps, about a second.

    The YAML file lies beside the folder, with the suffix .yaml.
    """

    def load(output: Path, *overrides: str) -> RunConfig:
        path = output.with_suffix(".yaml")
        path.write_text(CONFIG.format(output=output, root=tiny_corpus), encoding="utf-8")
        return load_config(path, overrides)

    return load
