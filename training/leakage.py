"""Which articles overlap: training rows with dev, held-out rows with what a checkpoint was trained on, rows of one list with each other.

In: names and texts, or articles; `Signatures`. Out: `Overlap`s, the rows that are left when they are taken out, and lines for a person to read.
Does not know: how overlap is found (`training.duplicates`), files of articles, models.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.cells import cell_len, set_cell_size
from safetensors.numpy import load, save

from inference.article import Article
from inference.errors import DataError
from inference.words import words
from training.duplicates import Finder, Signatures, from_bytes, repeats, sign

TRAINING_ARTICLES = "training_articles.safetensors"
"""The file of a checkpoint that holds the signatures of its training articles."""

TRAINING_TARGETS = "training_targets.safetensors"
"""The file of a checkpoint that holds a digest of 8 bytes for every stance target that it was trained on."""

PAIRS_SHOWN = 10
OPENING_CELLS = 60  # columns of a terminal
_OPENING_CHARACTERS = 200  # more than fill OPENING_CELLS in any script


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two articles, as source/id, that say the same for a good part."""

    article: str
    other: str
    similarity: float  # share of the shorter one's shingles that stands in the other; 1.0 = all of it
    opening: str  # first words of `article`


@dataclass(frozen=True, slots=True)
class HeldOutCheck:
    """Which held-out articles a checkpoint may not be scored on, which of them are copies of each other, and what the report must say."""

    left_out: frozenset[int]  # places of articles that overlap with training articles
    copies: dict[str, str]  # source/id -> source/id of the first article of those that overlap with each other, for each of them
    overlaps: tuple[Overlap, ...]
    notes: tuple[str, ...]


def overlaps_with_held_out(signatures: Signatures, texts: Sequence[str], held_out: Iterable[tuple[str, str]]) -> dict[int, Overlap]:
    """Row -> the most similar held-out text of each signed training text that overlaps with one; `held_out` are (name, text) pairs.

    A row counts where the texts overlap, and also where its signature alone says so: `evaluate` has nothing else to go by, and must not
    find the dev articles of a run to overlap with what the run kept.
    """
    finder = Finder(signatures, texts)
    found: dict[int, Overlap] = {}
    for name, text in held_out:
        for match in finder.find(text):
            if match.row not in found or match.similarity > found[match.row].similarity:
                found[match.row] = Overlap(signatures.names[match.row], name, match.similarity, opening(texts[match.row]))
    return dict(sorted(found.items()))


def overlaps_inside(signatures: Signatures, texts: Sequence[str]) -> tuple[Overlap, ...]:
    """Every text that overlaps with an earlier one of the same list."""
    names = signatures.names
    return tuple(Overlap(names[row], names[match.row], match.similarity, opening(texts[row])) for row, match in repeats(signatures, texts))


def shared_targets(train: Mapping[str, Iterable[Article]], dev: Mapping[str, Iterable[Article]]) -> dict[str, tuple[int, int]]:
    """Dev source -> how many of its stance targets any training source has too, and of how many; only sources that share some.

    Its articles may be new and the scores still tell little: a model of headline words scores 0.74 on FNC-1 split by article, and 0.54 on the official
    test, whose claims are new.
    """
    trained = {target for articles in train.values() for target in _targets(articles)}
    held_out = {name: _targets(articles) for name, articles in dev.items()}
    return {name: (len(trained & targets), len(targets)) for name, targets in held_out.items() if trained & targets}


def target_digests(articles: Iterable[Article]) -> bytes:
    """The content of TRAINING_TARGETS: digests of the targets with a gold stance, each once, whatever their case and punctuation."""
    return save({"digests": np.array(sorted({_digest(target) for target in _targets(articles)}), np.uint64)})


def check_held_out(articles: Iterable[Article], folder: Path, *, allow_overlap: bool) -> HeldOutCheck:
    """Compare held-out articles with each other, and with the training articles and targets of the checkpoint in `folder`. They are never kept.

    Raises `DataError` with the pairs where any overlaps with a training article, unless `allow_overlap` leaves those articles out.
    """
    held_out = sign((_name(article), article.text) for article in articles)
    total = len(held_out.names)
    copies: dict[str, str] = {}
    repeated = 0
    for row, match in repeats(held_out, (article.text for article in articles), compare=False):
        first = held_out.names[match.row]
        copies[held_out.names[row]] = copies.setdefault(first, first)
        repeated += 1
    notes = [f"{repeated:,} of {total:,} held-out articles overlap with another held-out article; intervals draw such articles together."] if repeated else []
    notes += _target_notes(articles, folder / TRAINING_TARGETS)
    path = folder / TRAINING_ARTICLES
    signatures = from_bytes(path.read_bytes()) if path.is_file() else None
    if signatures is None:
        why = "has signatures of another version" if path.is_file() else "carries no signatures of its training articles"
        notes.append(f"the checkpoint {why}: whether held-out articles stand among them could not be checked.")
        return HeldOutCheck(frozenset(), copies, (), tuple(notes))
    finder = Finder(signatures)
    found: dict[int, Overlap] = {}
    for row, article in enumerate(articles):
        for match in finder.find(article.text)[:1]:
            found[row] = Overlap(_name(article), signatures.names[match.row], match.similarity, opening(article.text))
    overlaps = tuple(found.values())
    if overlaps:
        number = f"{len(overlaps):,} of {total:,} held-out articles"
        if not allow_overlap or len(overlaps) == total:
            lines = "\n".join(overlap_lines(overlaps, "held out", "trained on"))
            remedy = "Name articles that it was not trained on" + (", or leave these out with --allow-overlap." if len(overlaps) < total else ".")
            raise DataError(f"{number} overlap with training articles of the checkpoint, so that scores would show what it remembers:\n{lines}\n{remedy}")
        notes.append(f"left out {number} that overlap with training articles of the checkpoint.")
    return HeldOutCheck(frozenset(found), copies, overlaps, tuple(notes))


def _target_notes(articles: Iterable[Article], path: Path) -> list[str]:
    """How many of each source's stance targets were trained on; nothing where the checkpoint does not say which those are."""
    if not path.is_file():
        return []
    trained = set(load(path.read_bytes())["digests"].tolist())
    asked: dict[str, set[int]] = {}
    for article in articles:
        asked.setdefault(article.source, set()).update(map(_digest, _targets([article])))
    shared = {source: len(targets & trained) for source, targets in asked.items()}
    return [
        f"source {source!r}: {count:,} of {len(asked[source]):,} stance targets were trained on too; the scores say less about targets that are new."
        for source, count in shared.items()
        if count
    ]


def _digest(target: Sequence[str]) -> int:
    return int.from_bytes(hashlib.blake2b(" ".join(target).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _name(article: Article) -> str:
    return f"{article.source}/{article.id}"


def overlap_lines(overlaps: Sequence[Overlap], article: str, other: str, most: int = PAIRS_SHOWN) -> list[str]:
    """A table in plain lines: the two names under the headings `article` and `other`, the similarity, first words; the most similar come first."""
    ranked = sorted(overlaps, key=lambda overlap: -overlap.similarity)[:most]
    cells = [(article, other, "similar", "first words"), *((o.article, o.other, f"{o.similarity:.0%}", o.opening) for o in ranked)]
    widths = [max(cell_len(row[column]) for row in cells) for column in range(3)]
    lines = []
    for row in cells:
        names = "  ".join(set_cell_size(row[column], widths[column]) for column in range(2))
        lines.append(f"  {names}  {row[2]:>{widths[2]}}  {_cut(row[3])}".rstrip())
    return lines + ([f"  and {len(overlaps) - most:,} more"] if len(overlaps) > most else [])


def opening(text: str) -> str:
    """The first words of a text, on one line."""
    return " ".join(text[:_OPENING_CHARACTERS].split())


def _cut(text: str) -> str:
    return text if cell_len(text) <= OPENING_CELLS else set_cell_size(text, OPENING_CELLS - 1).rstrip() + "…"


def _targets(articles: Iterable[Article]) -> set[tuple[str, ...]]:
    asked = (pair.target for article in articles for pair in article.stances if pair.stance)
    return {tuple(words(target)) or (target,) for target in asked}  # a target may be an emoji, without a word
