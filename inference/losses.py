"""Losses of a partially labelled batch: each is summed over its labelled items and exactly 0 where there are none.

In and out: tensors, in the letters of `inference.batch`; losses are in float32 whatever comes in. The model divides by the labelled items of the
whole optimizer step.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from inference.labels import STANCES
from inference.segments import segment_log_softmax

IGNORE = -100
"""A label that is not known; it counts in no loss."""

TASKS = ("topic", "stance", "salience", "boilerplate", "summary")
"""The order of the model's `loss_weights` and of `num_items_in_batch`."""


def topic_loss(logits: Tensor, labels: Tensor, allowed: Tensor, smoothing: float) -> Tensor:
    """Summed cross-entropy over the labels that each article's source uses; [B, C], [B], [B, C] -> scalar."""
    known = labels != IGNORE
    if not known.any():
        return logits.float().sum() * 0.0
    allowed = allowed[known]
    log_probabilities = logits[known].float().masked_fill(~allowed, -torch.inf).log_softmax(-1)
    gold = log_probabilities.gather(1, labels[known, None]).squeeze(1)
    spread = log_probabilities.masked_fill(~allowed, 0.0).sum(-1) / allowed.sum(-1)
    return -((1 - smoothing) * gold + smoothing * spread).sum()


def stance_loss(logits: Tensor, labels: Tensor, weights: Tensor, merged: Tensor) -> Tensor:
    """Summed cross-entropy of the labelled pairs; where neutral covers unrelated, -log(p_neutral + p_unrelated) for both."""
    known = labels != IGNORE
    if not known.any():
        return logits.float().sum() * 0.0
    neutral, unrelated = STANCES.index("neutral"), STANCES.index("unrelated")
    labels = labels[known]
    log_probabilities = logits[known].float().log_softmax(-1)
    gold = log_probabilities.gather(1, labels[:, None]).squeeze(1)
    either = torch.logaddexp(log_probabilities[:, neutral], log_probabilities[:, unrelated])
    undecided = merged[known] & ((labels == neutral) | (labels == unrelated))
    return -(torch.where(undecided, either, gold) * weights[known]).sum()


def salience_loss(logits: Tensor, targets: Tensor, sentence_article: Tensor, weights: Tensor) -> Tensor:
    """Summed listwise cross-entropy of each article's sentences against its target distribution (ListNet, Cao et al. 2007)."""
    if not targets.any():
        return logits.float().sum() * 0.0
    log_probabilities = segment_log_softmax(logits, sentence_article, len(weights))
    return -(targets * log_probabilities * weights[sentence_article]).sum()


def boilerplate_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Summed binary cross-entropy of the sentences known to be article (0) or boilerplate (1)."""
    known = labels != IGNORE
    return F.binary_cross_entropy_with_logits(logits[known].float(), labels[known].float(), reduction="sum")


def summary_loss(logits: Tensor, labels: Tensor, weights: Tensor, smoothing: float) -> Tensor:
    """Summed cross-entropy of the next token in the texts that the decoder learns to write; [G, T, V], [G, T], [G] -> scalar."""
    known = labels != IGNORE
    losses = F.cross_entropy(logits[known].float(), labels[known], label_smoothing=smoothing, reduction="none")
    return (losses * weights[:, None].expand_as(labels)[known]).sum()


def count_items(batch: Mapping[str, Tensor]) -> Tensor:
    """Labelled items of a batch in the order of TASKS, [5] int64: articles, pairs, articles, sentences, tokens."""
    with_salience = torch.unique(batch["sentence_article"][batch["salience_targets"] > 0])
    known = [(batch[name] != IGNORE).sum() for name in ("topic_labels", "stance_labels", "boilerplate_labels", "summary_labels")]
    return torch.stack([*known[:2], torch.tensor(len(with_salience), device=known[0].device), *known[2:]])
