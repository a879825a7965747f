"""Pair encoding, what one encoding is measured against: target and article as one sequence through the same backbone (a cross-encoder).

In: training examples or encoded articles with their targets, and a backbone. Out: pairs as token ids, batches of like length, a model with the
loss, class weights and merged neutral of `inference.losses`. Does not know: data files, optimizers, scores.
"""

from __future__ import annotations  # array[int] is a type to mypy, and to Python from 3.12

from array import array
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from inference.article import Article
from inference.encoding import ArticleTokenizer
from inference.labels import STANCES
from inference.losses import IGNORE, stance_loss
from inference.model import ArticleModel
from training.examples import Example, SourceLabels

MEGABATCH = 64
"""Batches whose pairs are sorted by length together, as in `training.examples`."""


@dataclass(frozen=True, slots=True)
class Pair:
    """[CLS] target [SEP] title [SEP] article [SEP], cut to the window, with its label where it is known."""

    ids: array[int]
    label: int = IGNORE
    weight: float = 1.0
    merged: bool = False


def join_pair(target: Sequence[int], title: Sequence[int], body: Sequence[int], window_tokens: int) -> array[int]:
    """One sequence of at most `window_tokens`; `target` comes with its special tokens, and its last one is the separator.

    >>> list(join_pair([1, 7, 2], [], [8, 9, 9, 9, 9], window_tokens=6))
    [1, 7, 2, 8, 9, 2]
    """
    separator = target[-1]
    opening = [*target, *title, separator] if title else [*target]
    return array("i", [*[*opening, *body][: window_tokens - 1], separator])


def example_pairs(example: Example, source: SourceLabels, window_tokens: int, drawn: Sequence[int]) -> Iterator[Pair]:
    """The pairs of an example with the targets at the places `drawn`."""
    for place in drawn:
        stance = example.stances[place]
        ids = join_pair(example.targets[place], example.title, example.ids, window_tokens)
        yield Pair(ids, stance, source.stance_weights[stance], source.neutral_covers_unrelated)


def pair_batches(pairs: Sequence[Pair], batch_tokens: int, random: Random | None = None) -> list[list[int]]:
    """Indices of pairs in batches of at most `batch_tokens` tokens, padding counted, of like length.

    With `random` the pairs are shuffled and sorted in stretches of MEGABATCH batches, then the batches are shuffled; without, all are sorted, longest first.
    """
    order = list(range(len(pairs)))
    if random is None:
        return list(_cut(sorted(order, key=lambda i: -len(pairs[i].ids)), pairs, batch_tokens))
    random.shuffle(order)
    batches: list[list[int]] = []
    for stretch in _cut(order, pairs, MEGABATCH * batch_tokens):
        packed = list(_cut(sorted(stretch, key=lambda i: -len(pairs[i].ids)), pairs, batch_tokens))
        random.shuffle(packed)
        batches += packed
    return batches


def _cut(order: Sequence[int], pairs: Sequence[Pair], batch_tokens: int) -> Iterator[list[int]]:
    batch: list[int] = []
    longest = 0
    for index in order:
        length = max(longest, len(pairs[index].ids))
        if batch and length * (len(batch) + 1) > batch_tokens:
            yield batch
            batch, length = [], len(pairs[index].ids)
        batch.append(index)
        longest = length
    if batch:
        yield batch


class PairModel(nn.Module):
    """The backbone of an `ArticleModel`, with the same weights, and a classifier on its first and its attention-pooled state."""

    def __init__(self, model: ArticleModel) -> None:
        super().__init__()
        self.backbone = deepcopy(model.backbone)
        width = self.backbone.config.hidden_size
        self.padding_id = int(self.backbone.config.pad_token_id or 0)
        self.attention = nn.Linear(width, 1)
        self.norm = nn.LayerNorm(2 * width)
        self.dropout = nn.Dropout(model.config.head_dropout)
        self.hidden = nn.Linear(2 * width, width)
        self.output = nn.Linear(width, len(STANCES))
        for layer in (self.attention, self.hidden, self.output):
            nn.init.trunc_normal_(layer.weight, std=0.02)  # as the heads of ArticleModel
            nn.init.zeros_(layer.bias)

    @property
    def embeddings(self) -> nn.Module:
        embeddings: nn.Module = self.backbone.get_input_embeddings()
        return embeddings

    def forward(self, pairs: Sequence[Pair]) -> Tensor:
        """Q pairs -> [Q, 4] stance logits."""
        lengths = torch.tensor([len(pair.ids) for pair in pairs])
        readable = torch.arange(int(lengths.max())) < lengths[:, None]  # [Q, S]
        token_ids = torch.full(readable.shape, self.padding_id)
        token_ids[readable] = torch.tensor([token for pair in pairs for token in pair.ids])
        states = self.backbone(input_ids=token_ids, attention_mask=readable.long()).last_hidden_state  # [Q, S, D]
        weights = self.attention(states).squeeze(-1).masked_fill(~readable, -torch.inf).softmax(-1)
        pooled = torch.cat([states[:, 0], (weights[:, None] @ states).squeeze(1)], dim=-1)
        logits: Tensor = self.output(self.dropout(F.gelu(self.hidden(self.norm(pooled)))))
        return logits

    def loss(self, pairs: Sequence[Pair]) -> Tensor:
        """Weighted cross-entropy, averaged over the pairs as `ArticleModel` does."""
        labels = torch.tensor([pair.label for pair in pairs])
        weights = torch.tensor([pair.weight for pair in pairs])
        merged = torch.tensor([pair.merged for pair in pairs])
        return stance_loss(self(pairs), labels, weights, merged) / len(pairs)


@torch.inference_mode()
def predict_pairs(model: PairModel, encode: ArticleTokenizer, articles: Sequence[Article], batch_tokens: int) -> list[list[dict[str, float]]]:
    """For each article, the stance probabilities of each of its targets; cleaning and tokenization happen once an article."""
    pairs: list[Pair] = []
    for article in articles:
        encoded = encode.encode(article)
        body = [token for ids in encoded.sentence_ids for token in ids]
        targets = encode.encode_targets([stance.target for stance in article.stances])
        pairs += [Pair(join_pair(target, encoded.title_ids, body, encode.window_tokens)) for target in targets]
    found: list[dict[str, float]] = [{}] * len(pairs)
    for batch in pair_batches(pairs, batch_tokens):
        for index, scores in zip(batch, model([pairs[i] for i in batch]).softmax(-1).tolist(), strict=True):
            found[index] = dict(zip(STANCES, scores, strict=True))
    in_order = iter(found)
    return [[next(in_order) for _ in article.stances] for article in articles]
