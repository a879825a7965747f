"""Choices of the pretraining job, measured at small scale: objective, mask rate, optimizer, and what each leaves for labelling topics.

In: configs/pretrain.yaml and its data. Out: benchmarks/results/pretraining.json. Every contender reads the same rows in the same order, from the same
random weights; then its states, averaged over an article and left as they are, feed a logistic regression on the topics of training articles, which is
scored on dev articles. Only contenders that name masked tokens have bits per byte.
A contender that is in the results already is not trained again. Does not know: the production loop beyond its parts.

    python -m benchmarks.pretraining --data-root path/to/the/data
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from torch import Tensor, nn
from transformers import ModernBertForMaskedLM, PreTrainedTokenizerBase, get_linear_schedule_with_warmup, set_seed

from benchmarks.common import RESULTS, machine, write_result
from inference.article import Article, read_articles
from training.config_pretrain import PretrainConfig, load_pretrain_config
from training.packing import MaskingCollator, Plan, Rows, Scored, pack, pack_scored, plan_rows
from training.pretrain import bits_per_byte, build_base, build_optimizer
from training.texts import load_texts
from training.vocabulary import train_tokenizer

RESULT = RESULTS / "pretraining.json"

PROBE_TOKENS = 128
PROBE_ARTICLES = 3000
REPLACED_WEIGHT = 50.0
"""Of the loss of telling replaced tokens (Clark 2020, ELECTRA)."""

Loss = Callable[[dict[str, Tensor], int], Tensor]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to pretrain; `objective` is masked, mixed, replaced, or none: the embeddings as they begin."""

    name: str
    objective: str
    mask_first: float
    mask_last: float
    optimizer: str
    embeddings: str
    embedding_rate: float = 3e-3


CONTENDERS = (
    Contender("counted embeddings alone", "none", 0.3, 0.15, "muon", "counted"),
    Contender("masked 30 to 15%, Muon, counted embeddings", "masked", 0.3, 0.15, "muon", "counted"),
    Contender("masked 30 to 15%, Muon, random embeddings", "masked", 0.3, 0.15, "muon", "random"),
    Contender("masked 30 to 15%, AdamW, counted embeddings", "masked", 0.3, 0.15, "adamw", "counted"),
    Contender("masked 15%, Muon, counted embeddings", "masked", 0.15, 0.15, "muon", "counted"),
    Contender("masked and causal in turn, Muon, counted embeddings", "mixed", 0.3, 0.15, "muon", "counted"),
    Contender("replaced tokens, Muon, counted embeddings", "replaced", 0.15, 0.15, "muon", "counted"),
    Contender("masked 30 to 15%, Muon, counted embeddings, a lower rate of theirs", "masked", 0.3, 0.15, "muon", "counted", 1e-3),
)

PREDICTED = "masked 30 to 15%, Muon, counted embeddings: the best bits per byte and topics; counted embeddings alone: topics nearly as good"
"""Written before the first measurement."""


@dataclass(frozen=True, slots=True)
class Material:
    """What all contenders share."""

    config: PretrainConfig
    tokenizer: PreTrainedTokenizerBase
    rows: Rows
    plan: Plan
    held_out: Mapping[str, Scored]
    train: Sequence[Article]
    dev: Sequence[Article]


def prepare(config: PretrainConfig, tokens: int) -> Material:
    """Text, tokenizer, rows, plan and the articles of the probe (MasakhaNEWS)."""
    texts = load_texts(config)
    wanted = config.model.tokenizer
    documents = [(lang, document) for lang, group in texts.train.items() for document in group]
    tokenizer = train_tokenizer(documents, wanted.type, wanted.vocabulary_size, config.seed, wanted.lowercase)
    window = config.model.window_tokens
    packed = {lang: pack(group, tokenizer, window) for lang, group in texts.train.items()}
    batch = config.training.batch_tokens
    plan = plan_rows({lang: len(ids) for lang, ids in packed.items()}, config.data.mixing_exponent, tokens // batch, batch // window, config.seed)
    held_out = {lang: pack_scored(group, tokenizer, window) for lang, group in texts.held_out.items()}
    train, dev = (list(read_articles(config.data.root / split / "masakhanews.jsonl.xz")) for split in ("train", "dev"))
    order = np.random.default_rng(config.seed).permutation(len(train))[:PROBE_ARTICLES]
    return Material(config, tokenizer, np.concatenate([*packed.values()]), plan, held_out, [train[i] for i in order], dev)


def run(contender: Contender, material: Material) -> dict[str, Any]:
    """Train one contender on the whole plan, and measure it."""
    changes = {"optimizer": contender.optimizer, "mask_first": contender.mask_first, "mask_last": contender.mask_last, "embeddings": contender.embeddings}
    changes |= {"embedding_learning_rate": contender.embedding_rate}
    config = material.config.model_copy(update={"training": material.config.training.model_copy(update=changes)})
    set_seed(config.seed)
    model = build_base(config, material.tokenizer, material.rows)
    trained: nn.Module = model
    loss: Loss = _masked(model)
    if contender.objective == "mixed":
        loss = _mixed(model)
    elif contender.objective == "replaced":
        replaced = _Replaced(config, model, material.tokenizer)
        trained, loss = replaced, replaced.loss
    started = time.perf_counter()
    if contender.objective != "none":
        _train(config, trained, model, loss, material)
    seconds = time.perf_counter() - started
    scores = bits_per_byte(model, material.tokenizer, material.held_out) if contender.objective == "masked" else None
    return {
        "seconds": round(seconds, 1),
        "bits_per_byte": round(scores["mean"], 4) if scores else None,
        "topic_macro_f1": round(probe(model, material), 4),
    }


def _train(config: PretrainConfig, trained: nn.Module, model: ModernBertForMaskedLM, loss: Loss, material: Material) -> None:
    """Train on the plan."""
    settings = config.training
    steps = len(material.plan)
    collate = MaskingCollator(material.rows, material.tokenizer, settings.mask_first, settings.mask_last, steps, config.seed)
    optimizer = build_optimizer(config, trained, model.get_input_embeddings())
    schedule = get_linear_schedule_with_warmup(optimizer, round(settings.warmup_fraction * steps), steps)
    trained.train()
    for place, chosen in enumerate(material.plan.tolist()):
        value = loss(collate([(place, chosen)]), place)
        value.backward()
        torch.nn.utils.clip_grad_norm_(trained.parameters(), settings.gradient_clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def _masked(model: ModernBertForMaskedLM) -> Loss:
    return lambda batch, place: model(**batch).loss


def _mixed(model: ModernBertForMaskedLM) -> Loss:
    """Every other batch is read from left to right, and each state names the token after it (Charpentier 2024, GPT or BERT: why not both?).

    As many tokens are named as in a masked batch: to name them all would cost several times as much.
    """

    def loss(batch: dict[str, Tensor], place: int) -> Tensor:
        if place % 2 == 0:
            value: Tensor = model(**batch).loss
            return value
        ids = torch.where(batch["labels"] == -100, batch["input_ids"], batch["labels"])  # as it was before masking
        labels = torch.full_like(ids, -100)
        labels[:, :-1] = batch["labels"][:, 1:]
        size = ids.shape[1]
        causal = torch.ones(size, size, dtype=torch.bool).tril()[None, None]
        value = model(input_ids=ids, labels=labels, attention_mask={"full_attention": causal, "sliding_attention": causal}).loss
        return value  # noqa: RET504

    return loss


class _Replaced(nn.Module):
    """A small masked model fills the masks, and the base tells for every token whether it was replaced (Clark 2020, ELECTRA); embeddings are shared."""

    def __init__(self, config: PretrainConfig, model: ModernBertForMaskedLM, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__()
        architecture = config.model.architecture.model_copy(update={"layers": 1})
        small = {
            "model": config.model.model_copy(update={"architecture": architecture}),
            "training": config.training.model_copy(update={"embeddings": "random"}),
        }
        self.generator = build_base(config.model_copy(update=small), tokenizer, np.zeros((0, 2), np.int32))
        self.generator.set_input_embeddings(model.get_input_embeddings())
        self.generator.tie_weights()
        self.encoder = model.model
        self.output = nn.Linear(config.model.architecture.width, 1)

    def loss(self, batch: dict[str, Tensor], place: int) -> Tensor:
        labels = batch["labels"]
        made = self.generator(**batch)
        masked = labels != -100
        original = torch.where(masked, labels, batch["input_ids"])
        noise = -torch.log(-torch.log(torch.rand_like(made.logits)))
        filled = original.masked_scatter(masked, (made.logits.detach() + noise).argmax(-1))
        states = self.encoder(input_ids=filled).last_hidden_state
        told = nn.functional.binary_cross_entropy_with_logits(self.output(states)[..., 0], (filled != original).float())
        value: Tensor = made.loss + REPLACED_WEIGHT * told
        return value


def probe(model: ModernBertForMaskedLM, material: Material) -> float:
    """Macro F1 of a logistic regression on mean states."""
    features = [_mean_states(model, material.tokenizer, articles) for articles in (material.train, material.dev)]
    center, scale = features[0].mean(0), features[0].std(0) + 1e-6
    x_train, x_dev = ((part - center) / scale for part in features)
    regression = LogisticRegression(C=0.1, max_iter=300).fit(x_train, [article.topic for article in material.train])
    return float(f1_score([article.topic for article in material.dev], regression.predict(x_dev), average="macro"))


@torch.inference_mode()
def _mean_states(model: ModernBertForMaskedLM, tokenizer: PreTrainedTokenizerBase, articles: Sequence[Article]) -> NDArray[np.float32]:
    model.eval()
    means = []
    for start in range(0, len(articles), 32):
        texts = [f"{article.title}\n{article.text}" for article in articles[start : start + 32]]
        batch = tokenizer(texts, truncation=True, max_length=PROBE_TOKENS, padding=True, return_tensors="pt", return_token_type_ids=False)
        states = model.model(**batch).last_hidden_state
        weights = batch["attention_mask"][..., None]
        means.append(((states * weights).sum(1) / weights.sum(1)).numpy())
    return np.concatenate(means)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", default="configs/pretrain.yaml")
    parser.add_argument("--data-root", type=Path, required=True, metavar="FOLDER", help="folder that holds text/, train/ and dev/")
    parser.add_argument("--tokens", type=int, default=400_000, metavar="N", help="tokens that each contender reads (default 400,000)")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    stored: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    found: dict[str, dict[str, Any]] = stored.get("contenders", {})
    material = prepare(load_pretrain_config(options.config, data_root=options.data_root), options.tokens)
    batch = material.config.training.batch_tokens
    settings = {"tokens": options.tokens, "batch_tokens": batch, "probe_articles": len(material.train), "dev": len(material.dev)}
    if stored and stored["settings"] != settings:
        parser.error(f"{RESULT} was measured with other settings, {stored['settings']}. Remove it, or measure with the same.")
    for contender in CONTENDERS:
        if contender.name not in found:
            found[contender.name] = run(contender, material)
            write_result(RESULT, {"machine": machine(), "settings": settings, "predicted": PREDICTED, "contenders": found}, console)
    table = Table(title="Pretraining at small scale", title_justify="left")
    for name in ("contender", "seconds", "bits per byte", "topic macro F1"):
        table.add_column(name, justify="left" if name == "contender" else "right")
    for name, row in found.items():
        table.add_row(name, f"{row['seconds']:.0f}", str(row["bits_per_byte"] or ""), f"{row['topic_macro_f1']:.3f}")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
