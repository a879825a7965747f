"""The three functions that most callers need: `summarize`, `classify`, `analyze`.

In: the text of one article, and a checkpoint by name, by BROADSHEET_CHECKPOINT or the one that ships with the package.
Out: a summary, labels, or everything. Does not know: files of articles (`Analyzer.analyze_many` takes many), the terminal.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from inference.analysis import AUTO, EXTRACTIVE, Analysis, Options, StanceResult, Topic
from inference.analyzer import Analyzer
from inference.article import Article
from inference.checkpoint import MANIFEST
from inference.errors import CheckpointError, DataError

CHECKPOINT_VARIABLE = "BROADSHEET_CHECKPOINT"
RELEASED = Path(__file__).parent / "released"


@dataclass(frozen=True, slots=True)
class Classification:
    """The topic, and one stance per target in the order they were given."""

    topic: Topic
    stances: tuple[StanceResult, ...]


def summarize(
    text: str,
    *,
    title: str = "",
    max_words: int | None = 60,
    max_sentences: int | None = None,
    method: str = AUTO,
    checkpoint: str | Path | None = None,
) -> str:
    """What `text` says, in at most `max_words` words, without what was taken for boilerplate.

    "extractive" gives the sentences of `text` that say most, in their order. "abstractive" gives a text that the checkpoint's decoder wrote, if
    its numbers, names, negations and language stand up to a check against the article; the extractive summary if not (`analyze` says which and
    why). "auto" writes where that was clearly better on the dev articles of the checkpoint's run.
    Two characters of Chinese, Japanese, Thai, Lao, Khmer or Burmese count as a word. None means no limit, for one of the two limits.

    >>> summarize("After days of rain the river rose by two metres. Nobody was hurt.", max_sentences=1)  # doctest: +SKIP
    'After days of rain the river rose by two metres.'

    Raises `DataError` for text without words, or where a text is to be written by a checkpoint that has no decoder; `CheckpointError` where no
    checkpoint is found or it is damaged.
    """
    return analyze(text, title=title, max_words=max_words, max_sentences=max_sentences, method=method, checkpoint=checkpoint).summary.text


def classify(text: str, *, title: str = "", targets: Sequence[str] = (), min_confidence: float = 0.0, checkpoint: str | Path | None = None) -> Classification:
    """The topic of `text` and its stance toward each target, a phrase or a claim in any language.

    `topic.scores` and `stances[i].scores` hold the probability of every label, the runners-up among them. A label that is less probable
    than `min_confidence` is None: no answer rather than a doubtful one.

    >>> result = classify("The minister called the missile test reckless …", targets=["the missile test"])  # doctest: +SKIP
    >>> result.topic.name, result.stances[0].stance  # doctest: +SKIP
    ('conflict', 'against')

    Raises as `summarize` does.
    """
    # a summary that nobody reads need not be written
    analysis = analyze(text, title=title, targets=targets, method=EXTRACTIVE, min_confidence=min_confidence, checkpoint=checkpoint)
    return Classification(analysis.topic, analysis.stances)


def analyze(
    text: str,
    *,
    title: str = "",
    targets: Sequence[str] = (),
    max_words: int | None = 60,
    max_sentences: int | None = None,
    method: str = AUTO,
    min_confidence: float = 0.0,
    checkpoint: str | Path | None = None,
) -> Analysis:
    """Everything read from one article: language, title, topic, stances, summary with its source spans, boilerplate, warnings.

    `summary.method` says how the summary came about; an extractive one has the place of every sentence in `text`, an abstractive one that of
    every number and name that it took from there.

    >>> analysis = analyze(text)  # doctest: +SKIP
    >>> sentence = analysis.summary.sentences[0]  # doctest: +SKIP
    >>> text[sentence.start : sentence.end] == sentence.text  # doctest: +SKIP
    True

    Raises as `summarize` does.
    """
    for name, value in (("text", text), ("title", title)):
        if not isinstance(value, str):
            raise DataError(f"{name} must be a string, found {type(value).__name__}. Read a file with `Path(…).read_text(encoding='utf-8')`.")
    if isinstance(targets, str):
        raise DataError(f"targets must be a list of phrases, found the string {targets!r}. Write targets=[{targets!r}].")
    options = Options(targets=targets, max_words=max_words, max_sentences=max_sentences, method=method, min_confidence=min_confidence)
    (analysis,) = load_analyzer(checkpoint).analyze_many([Article(text, title=title)], **options)
    return analysis


def load_analyzer(checkpoint: str | Path | None = None) -> Analyzer:
    """The analyzer of a checkpoint folder or Hub id; None means BROADSHEET_CHECKPOINT, then the released checkpoint.

    The last two are kept in memory; a folder that was written anew since is loaded again.
    """
    name = checkpoint or os.environ.get(CHECKPOINT_VARIABLE) or (RELEASED if RELEASED.is_dir() else None)
    if name is None:
        raise CheckpointError(
            "no checkpoint was named and none ships with this version. Make one with `python -m training train configs/quickstart.yaml`, "
            f"then pass checkpoint='runs/quickstart/checkpoint' or set {CHECKPOINT_VARIABLE} to that folder."
        )
    manifest = Path(name) / MANIFEST
    if not manifest.is_file():
        return _load(str(name), "")  # a Hub id, or an error that the loader words
    return _load(str(Path(name).resolve()), hashlib.sha256(manifest.read_bytes()).hexdigest())


@lru_cache(maxsize=2)
def _load(name: str, manifest_digest: str) -> Analyzer:
    """`manifest_digest` is part of the key only: the manifest has the digests of all files, so another checkpoint has another."""
    return Analyzer.from_pretrained(name)
