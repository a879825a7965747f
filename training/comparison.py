"""Two checkpoints on the same articles: which differences hold?

In: the reports of both, made from the same held-out articles. Out: a `Difference` for every score that both have, with the interval of the
difference by a paired bootstrap (Efron and Tibshirani 1993; Koehn 2004, Statistical Significance Tests for Machine Translation Evaluation): in
each replicate both are scored on the same draw of articles. Does not know: checkpoints, articles.
"""

import numpy as np

from training.bootstrap import LEVEL
from training.results import MODEL, Difference, Report

COMPARED_KINDS = ("overall", "lang", "source")
NOT_COMPARED = ("words",)
"""Neither more nor less is better as such."""


def compare(first: Report, second: Report) -> tuple[Difference, ...]:
    """Every score of the model in `first` minus that in `second`, overall and by language and source.

    Rows without an interval are left out, and groups in which one of the two refused an article that the other read.
    """
    others = {(row.task, row.group_kind, row.group): row for row in second.rows if row.system == MODEL}
    found = []
    for row in first.rows:
        other = others.get((row.task, row.group_kind, row.group))
        if row.system != MODEL or other is None or row.group_kind not in COMPARED_KINDS:
            continue
        if row.n != other.n:  # one of them refused an article: the draws are no longer the same
            continue
        for metric in row.intervals:
            if metric in other.intervals and metric not in NOT_COMPARED:
                differences = row.replicates[metric] - other.replicates[metric]
                low, high = np.nanquantile(differences, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()
                scores = (row.scores[metric], other.scores[metric])
                found.append(Difference(row.task, row.group_kind, row.group, metric, row.n, *scores, (low, high)))
    return tuple(found)
