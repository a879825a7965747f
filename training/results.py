"""What an evaluation found, as plain data: the rows of scores, what stands behind them, and what is needed to repeat the run.

In: nothing; `training.scoring` and `training.evaluation` fill these in. Out: fields that `training.report`, `training.card` and
`training.floors` read. Does not know: how anything is computed or shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.analysis import EXTRACTIVE
from training.bootstrap import FEW
from training.leakage import Overlap

MODEL = "model"

GROUP_KINDS = ("overall", "lang", "script", "source", "length", "topic")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a system says about one article: probabilities, or scores that are highest for its label, and a summary; None or () where it has no say."""

    topic: Mapping[str, float] | None = None
    stances: tuple[Mapping[str, float], ...] = ()  # one for each of the article's targets, in their order
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """The scores of one system on one group of one task.

    `scores` by metric: accuracy, precision, recall and F1 in 0 to 1; ROUGE and chrF in 0 to 100; `words` = mean words of a summary;
    `refused` = written summaries that did not pass the check, in %;
    `boilerplate_sentences` = summary sentences that hold gold boilerplate, a count. A metric that is undefined on the group is absent.
    """

    task: str  # topic, stance, summary, headline (one sentence against the headline), support or cleaning
    group_kind: str  # one of GROUP_KINDS
    group: str  # "all", a language code, a script, a source name, a length class or a gold topic
    system: str  # "model", a baseline or a probe of the model
    n: int  # articles; for stance, pairs of article and target
    scores: dict[str, float]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By metric, the 95% interval over resampled articles; none where every item is of one group of copies, or none was asked for."""
    replicates: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False, compare=False)
    """By metric, [R] the score in each replicate, NaN = undefined. Replicate by replicate, two rows over the same articles are paired."""


@dataclass(frozen=True, slots=True)
class Example:
    """A summary beside its reference."""

    id: str
    lang: str
    source: str
    reference: str
    summaries: dict[str, str]  # by system


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong label of which the model was sure."""

    task: str  # topic or stance
    id: str
    lang: str
    source: str
    opening: str  # first words of the article, on one line
    target: str  # of a stance; "" for a topic
    gold: str
    predicted: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often each gold label got each label, over all articles; `counts[gold][predicted]`."""

    task: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence falls into one of 15 equally wide bins."""

    n: int
    confidence: float  # mean
    accuracy: float  # share of right answers


@dataclass(frozen=True, slots=True)
class Reliability:
    """Whether confidences of a task can be believed: answers that are right 80% of the time should say 0.8."""

    task: str
    n: int
    temperature: float  # stored in the checkpoint; 1 = none
    ece_before: float  # expected calibration error without the temperature, 0 to 1
    ece: float  # with it, as users see it
    bins: tuple[Bin, ...]  # without empty ones, least confident first
    risk_coverage: tuple[tuple[float, float, float], ...]
    """Share of answers given, share of those that are wrong, confidence from which they are given (`min_confidence`); surest answers first."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the chosen sentences stand: their shares by tenth of the article."""

    system: str
    sentences: int
    shares: tuple[float, ...]  # ten, from the opening to the end


@dataclass(frozen=True, slots=True)
class Difference:
    """A score of the first checkpoint minus that of the second, on the same articles."""

    task: str
    group_kind: str
    group: str
    metric: str
    n: int
    first: float
    second: float
    interval: tuple[float, float]  # 95%, of the difference, paired by replicate

    @property
    def holds(self) -> bool:
        """Whether 0 lies outside the interval; never where items are so few that no interval can be trusted."""
        return self.n >= FEW and (self.interval[0] > 0 or self.interval[1] < 0)


@dataclass(frozen=True, slots=True)
class HeldOutFile:
    """A file that was evaluated, with its digest and its number of articles."""

    path: str
    sha256: str
    articles: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `evaluate` found. A task without gold has no rows, and `warnings` says so."""

    rows: tuple[Row, ...]
    examples: tuple[Example, ...]
    articles: int
    max_words: int
    max_sentences: int | None
    seconds: float
    versions: dict[str, str]
    warnings: tuple[str, ...]
    method: str = EXTRACTIVE  # of the model's summaries; where they are written, refused ones are extractive
    mistakes: tuple[Mistake, ...] = ()
    worst_summaries: tuple[Example, ...] = ()  # those with the lowest ROUGE-1 against a reference, the worst first
    confusions: tuple[Confusion, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    positions: tuple[Positions, ...] = ()
    peak_memory: int = 0  # bytes of the whole process until then, with all that it did before; 0 = unknown
    device: str = ""
    # what follows is known to the caller alone: `dataclasses.replace(report, checkpoint=..., files=...)`
    checkpoint: str = ""
    split: str = ""  # dev or held_out of configs; "" where files were named
    trained: dict[str, Any] = field(default_factory=dict)  # what the checkpoint's broadsheet.json says about its run, sources and curves
    files: tuple[HeldOutFile, ...] = ()
    overlaps: tuple[Overlap, ...] = ()  # held-out articles that were left out, each with the training article that it overlaps
    compared_with: str = ""  # the second checkpoint
    differences: tuple[Difference, ...] = ()
