"""The sums of a group of articles -> its row of scores, one way a task.

In: sums by name, each beside the same sum in every bootstrap replicate (`training.metrics.sums`). Out: `Row`s with intervals and replicates.
Does not know: articles, or who counted.
"""

from collections.abc import Callable, Mapping, Set
from typing import Any, TypeAlias

import numpy as np

from training.bootstrap import interval
from training.groups import Group, sort_key
from training.metrics.confidence import calibration_error
from training.metrics.labels import fnc1_value, label_values, stance_values
from training.metrics.spans import precision_recall
from training.metrics.summaries import ROUGE_TYPES, chrf_value
from training.metrics.sums import Sums, add_up, plain, ratio
from training.results import GROUP_KINDS, Row

NamedSums: TypeAlias = dict[Any, Sums]
"""Sums of a group: an answer counted, by (variant, gold, predicted), or a statistic added up, by its name."""

GroupSums: TypeAlias = dict[Group, NamedSums]

ScoreRow: TypeAlias = Callable[[Group, NamedSums], dict[str, Sums]]
"""The scores of one group by metric, and the number of its items as `n`."""


def rows_of(task: str, systems: Mapping[str, GroupSums], score: ScoreRow) -> list[Row]:
    """Rows of a task, group after group, and in each group the systems in order."""
    groups = {group for sums in systems.values() for group in sums}
    ordered = sorted(groups, key=lambda group: (GROUP_KINDS.index(group.kind), *sort_key(group)))
    return [_row(task, group, system, score(group, sums[group])) for group in ordered for system, sums in systems.items() if group in sums]


def _row(task: str, group: Group, system: str, values: dict[str, Sums]) -> Row:
    items = values.pop("n")
    scores = plain(values)
    found = {name: interval(values[name], items) for name in scores}
    intervals = {name: bounds for name, bounds in found.items() if bounds is not None}
    return Row(task, group.kind, group.name, system, int(items[0]), scores, intervals, {name: values[name][1:] for name in scores})


def confusion_of(sums: Mapping[Any, Sums], variant: str) -> dict[tuple[str, str], Sums]:
    """All answers of a group by gold and predicted label, in one of the variants that they were counted in."""
    return add_up((name[1:], count) for name, count in sums.items() if name[0] == variant)


def _items(confusion: Mapping[tuple[str, str], Sums]) -> Sums:
    return np.asarray(np.sum([*confusion.values()], axis=0))


def _calibration(sums: Mapping[Any, Sums], variant: str) -> dict[str, Sums]:
    return {"ece": calibration_error(sums["confidence", variant])} if ("confidence", variant) in sums else {}


def topic_row(group: Group, sums: NamedSums) -> dict[str, Sums]:
    confusion = confusion_of(sums, "all")
    values = label_values(confusion) | {f"restricted_{name}": value for name, value in label_values(confusion_of(sums, "restricted")).items()}
    if group.kind == "topic":  # of one gold topic there is recall only: nothing else could be taken for it
        values = {name: values[name] for name in ("accuracy", "restricted_accuracy")}
    else:
        values |= _calibration(sums, "all")
    return values | {"n": _items(confusion)}


def stance_row(merged: Set[Group]) -> ScoreRow:
    """The scores of stance; in the groups of `merged`, neutral and unrelated are one class, so that a group has one definition."""

    def values(group: Group, sums: NamedSums) -> dict[str, Sums]:
        variant = "merged" if group in merged else "all"
        confusion = confusion_of(sums, variant)
        found = stance_values(confusion)
        if variant == "all" and any(gold == "unrelated" for gold, _ in confusion):
            found["fnc1"] = fnc1_value(confusion)
        return found | _calibration(sums, variant) | {"n": _items(confusion)}

    return values


def summary_row(group: Group, sums: NamedSums) -> dict[str, Sums]:
    means = {name: ratio(sums[name], sums["n"]) for name in (*ROUGE_TYPES, "words")}
    if "refused" in sums:
        means["refused"] = 100 * ratio(sums["refused"], sums["n"])
    return means | {"chrf": np.where(sums["n"] > 0, chrf_value(sums["chrf"]), np.nan), "n": sums["n"]}


def support_row(group: Group, sums: NamedSums) -> dict[str, Sums]:
    shares = {"copied": ratio(sums["copied"], sums["sentences"]), "novel_bigrams": ratio(sums["novel"], sums["bigrams"])}
    rates = {name: ratio(sums[name], sums["n"]) for name in ("numbers", "names")}
    percent = {name: 100 * value for name, value in {**shares, **rates}.items()}
    return percent | {"words": ratio(sums["words"], sums["n"]), "n": sums["n"]}


def cleaning_row(group: Group, sums: NamedSums) -> dict[str, Sums]:
    found = precision_recall(sums["hits"], sums["removed"], sums["gold"]) | {"n": sums["n"]}
    if "chosen" in sums:  # a count: in a replicate, of as many articles as there are
        found["boilerplate_sentences"] = ratio(sums["chosen"], sums["n"]) * sums["n"][0]
    return found
