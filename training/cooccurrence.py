"""Which tokens stand near each other -> first vectors of the token embeddings, in minutes where a masked language model takes hours.

In: rows of token ids. Out: a vector for each token. Does not know: models, files.

Positive pointwise mutual information, factorized (Levy and Goldberg 2014, Neural word embedding as implicit matrix factorization), with the smoothed contexts
and the square root of the singular values that Levy, Goldberg and Dagan (2015, Improving distributional similarity) found best.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.utils.extmath import randomized_svd

from training.packing import Rows

REACH = 5
"""Tokens to each side that count as near, a token at distance d as 1/d (GloVe, Pennington 2014)."""

SMOOTHING = 0.75
"""Power of the context counts: without it rare contexts look too telling."""

LEAST = 1.0
"""Weighted count that a pair needs: what was met once at a distance says little, and is most of the matrix."""

ROWS_AT_ONCE = 10_000


def cooccurrence_vectors(rows: Rows, vocabulary_size: int, width: int, special: Collection[int], seed: int) -> NDArray[np.float32]:
    """Vectors [V, D] with a mean square of 1; zero for a token that has no pairs. Tokens in `special` are nobody's neighbors.

    Tokens that stand in the same company have vectors that point the same way:

    >>> rows = np.array([[5, 7, 5, 8, 6, 7, 6, 8] * 20, [9, 10, 9, 11, 9, 10, 9, 11] * 20], np.int32)
    >>> vectors = cooccurrence_vectors(rows, 12, 2, special=[], seed=1)
    >>> round(float(vectors[5] @ vectors[6]), 1) > round(float(vectors[5] @ vectors[9]), 1)
    True
    """
    counts = _count(rows, vocabulary_size, special)
    counts.data[counts.data < LEAST] = 0
    counts.eliminate_zeros()
    total = counts.sum()
    tokens = np.asarray(counts.sum(1)).ravel()
    contexts = tokens**SMOOTHING
    contexts *= total / contexts.sum()
    left, right = counts.nonzero()
    counts.data = np.maximum(np.log(counts.data * total / (tokens[left] * contexts[right])), 0).astype(np.float32)
    counts.eliminate_zeros()
    vectors, values, _ = randomized_svd(counts, min(width, vocabulary_size), n_iter=2, random_state=seed)
    vectors = np.pad(vectors * np.sqrt(values), ((0, 0), (0, max(0, width - vocabulary_size))))
    used = tokens > 0
    vectors[~used] = 0  # the factorization leaves a trace of noise
    scaled: NDArray[np.float32] = (vectors / np.sqrt((vectors[used] ** 2).mean())).astype(np.float32)
    return scaled


def _count(rows: Rows, vocabulary_size: int, special: Collection[int]) -> csr_matrix:
    """Weighted pairs, counted both ways."""
    counts = csr_matrix((vocabulary_size, vocabulary_size), dtype=np.float32)
    allowed = np.ones(vocabulary_size, np.bool_)
    allowed[list(special)] = False
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        for distance in range(1, REACH + 1):
            left, right = part[:, :-distance].ravel(), part[:, distance:].ravel()
            kept = allowed[left] & allowed[right]
            weights = np.full(int(kept.sum()), 1 / distance, np.float32)
            counts = counts + csr_matrix((weights, (left[kept], right[kept])), shape=counts.shape)
    return counts + counts.T
