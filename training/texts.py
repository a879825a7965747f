"""Plain text and training articles -> documents by language, and the held-out text on which a base is scored.

In: a `PretrainConfig`. Out: `Texts`; no document shares much with a dev or held-out article of the run that `data.articles` names.
Does not know: tokens, models. Raises `DataError` naming the file and the remedy.
"""

import gzip
import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.errors import DataError
from training.config import RunConfig, load_config
from training.config_pretrain import PretrainConfig
from training.duplicates import MIN_SHARED, SIMILAR, letters, shingles
from training.sources import load_source

LEAST_SHINGLES = 10
"""A held-out text with fewer shingles, some five words, is found by chance."""

DOCUMENT_CHARACTERS = 2000
"""Lines that follow each other make a document of about this size: some five hundred tokens, a row."""

_OPEN: dict[str, Callable[..., object]] = {".gz": gzip.open, ".xz": lzma.open}


@dataclass(frozen=True, slots=True)
class Texts:
    """Documents by language. `held_out` holds the end of each plain text file; articles are only trained on."""

    train: dict[str, list[str]]
    held_out: dict[str, list[str]]
    left_out: dict[str, int]  # language -> documents that overlap a dev or held-out article
    digests: dict[str, str]  # language -> SHA-256 of its documents

    @property
    def characters(self) -> int:
        return sum(len(document) for documents in self.train.values() for document in documents)


def load_texts(config: PretrainConfig) -> Texts:
    """Read all text of a pretraining run: the plain text, and the title and text of every training article, whatever its labels and the caps of its run."""
    settings = config.data
    run = load_config(settings.articles, data_root=settings.root) if settings.articles else None
    train: dict[str, list[str]] = {}
    held_out: dict[str, list[str]] = {}
    problems: list[str] = []
    for lang, path in settings.text.items():
        try:
            train[lang], held_out[lang] = _split(settings.root / path, settings.held_out_characters)
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError("\n".join(problems))
    left_out: dict[str, int] = {}
    if run is not None:
        for lang, document in _articles(run):
            train.setdefault(lang, []).append(document)
        sources = [load_source(source, run.data.root, run.data.topics, run.seed) for source in (*run.data.dev, *run.data.held_out)]
        kept_clear = [article.text for source in sources for article in source.articles]
        train, left_out = _without_overlap(train, kept_clear)
    held_out = {lang: documents for lang, documents in held_out.items() if lang in train}
    parts = {lang: "\n\n".join([*documents, "", *held_out.get(lang, [])]) for lang, documents in train.items()}
    digests = {lang: hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for lang, text in parts.items()}
    return Texts(train, held_out, left_out, digests)


def _articles(run: RunConfig) -> Iterator[tuple[str, str]]:
    """Language, and title with text, of all training articles of a run."""
    for source in run.data.train:
        for article in load_source(source.model_copy(update={"max_articles": None}), run.data.root, run.data.topics, run.seed).articles:
            yield article.lang or "und", f"{article.title}\n{article.text}".strip()


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file that are not empty."""
    try:
        with _OPEN.get(path.suffix, open)(path, "rt", encoding="utf-8-sig") as file:
            lines = [line.strip() for line in file]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: text must be UTF-8 ({error.reason} at byte {error.start}). Convert it, e.g. with `iconv -t UTF-8`.") from error
    except (OSError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}). Correct data.text, or --data-root.") from error
    return [line for line in lines if line]


def _split(path: Path, held_out_characters: int) -> tuple[list[str], list[str]]:
    """Documents to train on, and those of the end of the file, which hold `held_out_characters`."""
    lines = read_lines(path)
    cut = _end(lines, held_out_characters)
    if not cut:
        raise DataError(
            f"{path}: of {sum(map(len, lines)):,} characters, data.held_out_characters = {held_out_characters:,} "
            "are held out, which leaves none to train on. Give more text, or remove the file."
        )
    return [*_documents(lines[:cut])], [*_documents(lines[cut:])]


def _end(lines: list[str], characters: int) -> int:
    """Where the last lines begin that hold `characters` together; 0 where all of them do not hold more."""
    size = 0
    for place in range(len(lines) - 1, -1, -1):
        size += len(lines[place])
        if size >= characters:
            return place
    return 0


def _documents(lines: list[str]) -> Iterator[str]:
    """Runs of lines of about DOCUMENT_CHARACTERS."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= DOCUMENT_CHARACTERS:
            yield "\n".join(held)
            held, size = [], 0
    if held:
        yield "\n".join(held)


def _without_overlap(train: dict[str, list[str]], kept_clear: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The documents that overlap none of the texts `kept_clear`, and how many of each language do; a language of which none is left is left out."""
    places = [(lang, number) for lang, documents in train.items() for number in range(len(documents))]
    shared = {places[index] for index in overlapping([train[lang][number] for lang, number in places], kept_clear)}
    kept = {lang: [text for number, text in enumerate(documents) if (lang, number) not in shared] for lang, documents in train.items()}
    left_out = {lang: len(train[lang]) - len(documents) for lang, documents in kept.items() if len(documents) < len(train[lang])}
    return {lang: documents for lang, documents in kept.items() if documents}, left_out


def overlapping(documents: Sequence[str], texts: Sequence[str]) -> list[int]:
    """Which documents share text with any of `texts`: 40% of the shingles (`training.duplicates`) of the shorter of the two, and 30 of them or all.

    All shingles are compared, where the signatures of articles hold a sample of 20: a sentence in a document of two thousand characters must be found.

    >>> overlapping(["All day it rained. The river rose by two metres and nobody was hurt.", "It snowed."], ["The river rose by two metres."])
    [0]
    """
    sets = [shingles(letters(text)) for text in texts]
    sets = [one for one in sets if len(one) >= LEAST_SHINGLES]
    if not sets:
        return []
    sizes = np.array([len(one) for one in sets])
    hashes = np.concatenate(sets)
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], np.repeat(np.arange(len(sets)), sizes)[order]
    found = []
    for index, document in enumerate(documents):
        own = shingles(letters(document))
        starts, ends = np.searchsorted(hashes, own, "left"), np.searchsorted(hashes, own, "right")
        counts = ends - starts
        rows = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        shared_with, shared = np.unique(owners[rows], return_counts=True)
        size = sizes[shared_with]
        if (shared >= np.maximum(SIMILAR * np.minimum(size, len(own)), np.minimum(MIN_SHARED, size))).any():
            found.append(index)
    return found
