"""Sums over items, each beside the same sum in every bootstrap replicate, and what is computed from them.

In: arrays whose first place is the sum over all items and whose other places are the replicates' (`training.bootstrap`; none where
no interval is wanted). Out: arrays of the same shape; NaN where there is nothing to score. Does not know: what is summed.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.float64]  # [1 + R]: the plain sum (or score), then R replicates of it; NaN = undefined

Key = TypeVar("Key")


def ratio(part: Sums, whole: Sums) -> Sums:
    """`part / whole`, undefined where `whole` is 0.

    >>> ratio(np.array([3.0, 0.0]), np.array([4.0, 0.0]))
    array([0.75,  nan])
    """
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0))


def add_up(parts: Iterable[tuple[Key, Sums]]) -> dict[Key, Sums]:
    """The sums by key, added where a key comes more than once; the arrays passed in stay as they are."""
    total: dict[Key, Sums] = {}
    for key, sums in parts:
        total[key] = total[key] + sums if key in total else sums
    return total


def plain(values: Mapping[str, Sums]) -> dict[str, float]:
    """The scores themselves, without replicates; what is undefined is left out.

    >>> plain({"recall": np.array([0.5, 0.25]), "precision": np.array([np.nan, 1.0])})
    {'recall': 0.5}
    """
    return {name: float(value[0]) for name, value in values.items() if not np.isnan(value[0])}
