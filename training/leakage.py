"""Which articles overlap: training rows with dev, held-out rows with what a checkpoint was trained on, rows of one list with each other.

In: names and texts, or articles; `Signatures`. Out: `Overlap`s, the rows that are left when they are taken out, and lines for a person to read.
Does not know: how overlap is found (`training.duplicates`), files of articles, models.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from inference.article import Article
from inference.errors import DataError
from inference.words import words
from training.duplicates import Finder, Signatures, from_bytes, repeats, sign

TRAINING_ARTICLES = "training_articles.safetensors"
"""The file of a checkpoint that holds the signatures of its training articles."""

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
    """The held-out articles that a checkpoint may be scored on, those that it may not, and what the report must say."""

    kept: list[Article]
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


def check_held_out(articles: Sequence[Article], folder: Path, *, allow_overlap: bool) -> HeldOutCheck:
    """Compare held-out articles with the training articles of the checkpoint in `folder`.

    Raises `DataError` with the pairs where any overlap, unless `allow_overlap` leaves those articles out.
    """
    named = [(f"{article.source}/{article.id}", article.text) for article in articles]
    inside = len(overlaps_inside(sign(named), [text for _, text in named]))
    notes = [f"{inside:,} of {len(articles):,} held-out articles overlap with another held-out article; such pairs are not left out."] if inside else []
    path = folder / TRAINING_ARTICLES
    signatures = from_bytes(path.read_bytes()) if path.is_file() else None
    if signatures is None:
        why = "has signatures of another version" if path.is_file() else "carries no signatures of its training articles"
        return HeldOutCheck(list(articles), (), (*notes, f"the checkpoint {why}: whether held-out articles stand among them could not be checked."))
    finder = Finder(signatures)
    found: dict[int, Overlap] = {}
    for row, (name, text) in enumerate(named):
        for match in finder.find(text)[:1]:
            found[row] = Overlap(name, signatures.names[match.row], match.similarity, opening(text))
    if not found:
        return HeldOutCheck(list(articles), (), tuple(notes))
    overlaps = tuple(found.values())
    number = f"{len(overlaps):,} of {len(articles):,} held-out articles"
    lines = "\n".join(overlap_lines(overlaps, "held out", "trained on"))
    if not allow_overlap or len(overlaps) == len(articles):
        remedy = "Name articles that it was not trained on" + (", or leave these out with --allow-overlap." if len(overlaps) < len(articles) else ".")
        raise DataError(f"{number} overlap with training articles of the checkpoint, so that scores would show what it remembers:\n{lines}\n{remedy}")
    notes.append(f"left out {number} that overlap with training articles of the checkpoint.")
    return HeldOutCheck([article for row, article in enumerate(articles) if row not in found], overlaps, tuple(notes))


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
