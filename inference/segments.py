"""Means, shares and softmaxes over flat segments: rows of a tensor that belong to the same article, sentence or pair.

In and out: tensors; sums are in float32 whatever comes in, since bfloat16 stops counting at 256. Does not know: what the segments are.
"""

import torch
from torch import Tensor


def segment_mean(values: Tensor, segments: Tensor, count: int) -> Tensor:
    """Mean of the rows of each segment: [M, D] and [M] in 0..count-1 -> [count, D]; an empty segment gives 0."""
    values = values.float()
    sums = values.new_zeros(count, values.shape[1]).index_add(0, segments, values)
    sizes = values.new_zeros(count).index_add(0, segments, values.new_ones(len(segments)))
    return sums / sizes.clamp(min=1)[:, None]


def segment_share(values: Tensor, weights: Tensor, segments: Tensor, count: int) -> Tensor:
    """Mean of the rows of each segment by weight: [M, ...], [M] and [M] -> [count, ...]; a segment without weight gives 0.

    >>> segment_share(torch.tensor([True, False, True]), torch.tensor([3.0, 1.0, 1.0]), torch.tensor([0, 0, 1]), 2)
    tensor([0.7500, 1.0000])
    """
    weights = weights.float()
    column = (-1, *[1] * (values.ndim - 1))
    sums = weights.new_zeros(count, *values.shape[1:]).index_add(0, segments, weights.view(column) * values)
    totals = weights.new_zeros(count).index_add(0, segments, weights)
    return sums / totals.clamp(min=1e-6).view(column)


def segment_log_softmax(logits: Tensor, segments: Tensor, count: int) -> Tensor:
    """Log-softmax within each segment, [M] -> [M]."""
    logits = logits.float()
    highest = logits.new_full((count,), -torch.inf).scatter_reduce(0, segments, logits.detach(), "amax")
    shifted = logits - highest[segments]
    return shifted - logits.new_zeros(count).index_add(0, segments, shifted.exp()).log()[segments]
