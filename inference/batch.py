"""Encoded articles and their targets -> the tensors that `ArticleModel` reads.

Letters: B articles, W windows, M article tokens of the batch, N sentences, U distinct targets, Q article-target pairs,
R rows of targets (one an article, more where it has very many), P target tokens of the longest row, D width, C classes.

Nothing here is padded but the packed targets: tokens lie flat, one window after the other, with the index of their article
and sentence beside them, and the model groups windows of like length itself.
Does not know: labels (`training.examples` adds them), the backbone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TypedDict

import torch
from torch import Tensor

from inference.encoding import NO_SENTENCE, Window

NO_PAIR = -1
"""The pair index of padding in the packed targets."""

ROW_TOKENS = 1024
"""Most target tokens in a row: an article asked about hundreds of targets takes several."""

MAX_POSITION = 31
"""Sentences from the 32nd on share one place embedding, from the start as from the end."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One article as the model reads it. `sentences` counts those that its windows hold, `total` all that it has."""

    windows: list[Window]
    sentences: int
    total: int
    targets: list[list[int]]


class Batch(TypedDict):
    """The tensors of a batch, all int64 but for `sentence_place`."""

    token_ids: Tensor  # [M] windows of article 0, of article 1, …, flat
    window_lengths: Tensor  # [W] tokens per window
    token_article: Tensor  # [M]
    token_sentence: Tensor  # [M] index of the sentence in the batch, -1 = title or special token
    sentence_article: Tensor  # [N]
    sentence_place: Tensor  # [N, 2] place from the start and from the end, at most MAX_POSITION
    target_ids: Tensor  # the tokens of the U distinct targets, flat
    target_lengths: Tensor  # [U]
    row_article: Tensor  # [R] the article that each row of targets asks
    row_tokens: Tensor  # [R, P] index into target_ids; 0 where row_pairs is -1
    row_pairs: Tensor  # [R, P] index of the article-target pair, in the order of items and their targets; -1 = padding
    pair_article: Tensor  # [Q]


def collate(items: Sequence[BatchItem]) -> Batch:
    """Lay the articles side by side. Equal targets are encoded once, whoever asks about them."""
    windows = [(number, window) for number, item in enumerate(items) for window in item.windows]
    first_sentence = [0]
    for item in items:
        first_sentence.append(first_sentence[-1] + item.sentences)
    token_article = chain.from_iterable(repeat(number, len(window.ids)) for number, window in windows)
    token_sentence = [NO_SENTENCE if s == NO_SENTENCE else first_sentence[number] + s for number, window in windows for s in window.sentences]
    places = [[min(i, MAX_POSITION), min(item.total - 1 - i, MAX_POSITION)] for item in items for i in range(item.sentences)]
    return Batch(
        token_ids=torch.tensor([token for _, window in windows for token in window.ids], dtype=torch.int64),
        window_lengths=torch.tensor([len(window.ids) for _, window in windows], dtype=torch.int64),
        token_article=torch.tensor(list(token_article), dtype=torch.int64),
        token_sentence=torch.tensor(token_sentence, dtype=torch.int64),
        sentence_article=torch.tensor([number for number, item in enumerate(items) for _ in range(item.sentences)], dtype=torch.int64),
        sentence_place=torch.tensor(places, dtype=torch.int64).reshape(-1, 2),
        **_pack_targets([item.targets for item in items]),
    )


class _PackedTargets(TypedDict):
    target_ids: Tensor
    target_lengths: Tensor
    row_article: Tensor
    row_tokens: Tensor
    row_pairs: Tensor
    pair_article: Tensor


def _pack_targets(targets: Sequence[Sequence[Sequence[int]]]) -> _PackedTargets:
    """Lay the targets of an article side by side as a row of queries, padded only to the fullest row."""
    distinct: dict[tuple[int, ...], int] = {}  # target -> its first token in target_ids
    total = 0
    row_article: list[int] = []
    rows_tokens: list[list[int]] = []
    rows_pairs: list[list[int]] = []
    pair_article: list[int] = []
    for number, article_targets in enumerate(targets):
        for place, target in enumerate(map(tuple, article_targets)):
            if place == 0 or len(rows_tokens[-1]) + len(target) > ROW_TOKENS:
                row_article.append(number)
                rows_tokens.append([])
                rows_pairs.append([])
            if target not in distinct:
                distinct[target] = total
                total += len(target)
            rows_tokens[-1].extend(range(distinct[target], distinct[target] + len(target)))
            rows_pairs[-1].extend([len(pair_article)] * len(target))
            pair_article.append(number)
    width = max(map(len, rows_tokens), default=0)
    return _PackedTargets(
        target_ids=torch.tensor([token for target in distinct for token in target], dtype=torch.int64),
        target_lengths=torch.tensor([len(target) for target in distinct], dtype=torch.int64),
        row_article=torch.tensor(row_article, dtype=torch.int64),
        row_tokens=torch.tensor([row + [0] * (width - len(row)) for row in rows_tokens], dtype=torch.int64).reshape(len(rows_tokens), width),
        row_pairs=torch.tensor([row + [NO_PAIR] * (width - len(row)) for row in rows_pairs], dtype=torch.int64).reshape(len(rows_tokens), width),
        pair_article=torch.tensor(pair_article, dtype=torch.int64),
    )
