"""Texts -> signatures of about 100 bytes, and which texts overlap: copies, edited copies, cut pages, pages with other boilerplate around them.

In: texts in any script, with names. Out: `Signatures`, which a checkpoint carries, and what a `Finder` finds by them. Does not know: articles, labels,
splits, files, or what to do about an overlap (`training.leakage`).

A text is the set of its shingles: every run of 12 letters, digits and marks, normalized and hashed to 32 bits. Its signature is the 20 smallest
hashes, the MinHash sketch of Broder (1997, On the resemblance and containment of documents), with the number of shingles and a digest. The smallest
hashes are a random sample of the set: the share of them that another text has says how much of the signed text stands in the other, and with both
sizes how much of the other stands in the signed one. So a page cut in half is found, whose Jaccard similarity is 0.5 but whose containment is 1, and a
page with an appeal around it, without signing parts of texts. Candidates come from one sorted table of all hashes; each hash is a band of its own, as locality-
sensitive hashing has it. Where the signed texts are at hand, candidates are compared whole.

The usual signature, the minima of 128 permutations with bands over them, sees Jaccard similarity only, takes 128 times the hashing and, in 92
bytes, holds 23 values; `benchmarks/duplicates.py` measures it beside this one.
"""

import hashlib
import json
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np
import regex
from numpy.typing import NDArray
from safetensors.numpy import load, save

Hashes: TypeAlias = NDArray[np.uint32]

SHINGLE_LETTERS = 12
"""Of 8, 12 and 16, measured on 23 dev sets in 17 languages: unrelated texts share 2.5%, 0.5% and 0.4% of their shingles in the worst set (means), and texts
with a tenth of their words replaced keep 0.79, 0.72 and 0.66 (medians). Twelve keeps chance out of a sample of 20, and a longer run gains nothing."""

SAMPLED = 20  # hashes of a signature: 80 of its 92 bytes

SIMILAR = 0.4
"""Two texts overlap where this share of the shorter one's shingles stands in the other. In 2,400 dev articles of nine sets, 9 pairs lay between 0.3 and 0.4
(follow-ups, and forms such as a daily exchange rate), 1 between 0.4 and 0.5 (two reports on one measure), 3 above (copies)."""

MIN_SHARED = 30
"""Shingles that overlapping texts share at least (about 8 English words), unless their letters are the same: titles and formulas are alike by nature."""

MIN_CONTAINED = 100
"""Shingles (about 25 English words) that must be shared where less than `SIMILAR` of the longer text is: a quotation or a standing phrase is no overlap."""

MIN_HITS = 3
MIN_SPREAD = 0.25
"""Where nothing but the sample is known, this many sampled hashes must be shared, and over this part of the text that is looked up: the sample of a long
article may hold several hashes of one standing line. Among 4,100 dev articles of twelve sets, one pair that shares less than a quarter is then named; three
were without the spread."""

CANDIDATE_HITS = 2
CANDIDATE_SHARE = 0.5  # of SIMILAR, by the sample: an estimate from 20 hashes is off by 0.11 (standard deviation)

MOST_COMPARED = 50
"""Candidates of one text that are compared whole, the most similar first; of thousands of forms that differ in a number, the sample decides on the others."""

_CODE_POINTS = 0x40000  # beyond them are no letters
_SYLLABIC = regex.compile(r"[\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}\p{Ethiopic}]")
_FILTER_BITS = 24
_RECIPE = (1, SHINGLE_LETTERS, SAMPLED)  # the first number grows when normalization or hashing changes


@dataclass(frozen=True, slots=True, eq=False)
class Signatures:
    """Signatures of N texts."""

    names: tuple[str, ...]
    hashes: Hashes  # [N, SAMPLED] the smallest, ascending; only the first `sizes` count
    sizes: NDArray[np.uint32]  # [N] different shingles
    digests: NDArray[np.uint64]  # [N] of all letters in order

    def take(self, rows: Sequence[int]) -> "Signatures":
        """The signatures of some rows, in that order."""
        chosen = np.asarray(rows, np.int64)
        return Signatures(tuple(self.names[row] for row in rows), self.hashes[chosen], self.sizes[chosen], self.digests[chosen])


@dataclass(frozen=True, slots=True)
class Match:
    """A signed text that overlaps with another. `similarity` is the share of the shorter one's shingles that stands in the other."""

    row: int
    similarity: float
    certain: bool  # whether the texts or their digests were compared; else the sampled hashes alone say so


def sign(texts: Iterable[tuple[str, str]]) -> Signatures:
    """Sign (name, text) pairs.

    >>> sign([("a", "The river rose.")]).sizes.tolist()
    [1]
    """
    names: list[str] = []
    rows: list[Hashes] = []
    sizes: list[int] = []
    digests: list[int] = []
    for name, text in texts:
        found = letters(text)
        hashes = shingles(found)
        names.append(name)
        rows.append(np.pad(hashes[:SAMPLED], (0, max(0, SAMPLED - len(hashes)))))
        sizes.append(len(hashes))
        digests.append(_digest(found))
    table = np.stack(rows) if rows else np.zeros((0, SAMPLED), np.uint32)
    return Signatures(tuple(names), table, np.array(sizes, np.uint32), np.array(digests, np.uint64))


def to_bytes(signatures: Signatures) -> bytes:
    """The signatures as a safetensors file: 92 bytes a text, and the names, compressed."""
    names = zlib.compress(json.dumps(signatures.names).encode(), 9)
    return save(
        {
            "recipe": np.array(_RECIPE, np.uint32),
            "hashes": signatures.hashes,
            "sizes": signatures.sizes,
            "digests": signatures.digests,
            "names": np.frombuffer(names, np.uint8),
        }
    )


def from_bytes(data: bytes) -> Signatures | None:
    """Signatures as `to_bytes` wrote them; None where another version wrote them, whose hashes cannot be compared."""
    tensors = load(data)
    if tuple(tensors["recipe"].tolist()) != _RECIPE:
        return None
    names = json.loads(zlib.decompress(tensors["names"].tobytes()))
    return Signatures(tuple(names), tensors["hashes"], tensors["sizes"], tensors["digests"])


class Finder:
    """Finds the signed texts that another text overlaps with; with `texts`, those that were signed, candidates are compared whole."""

    def __init__(self, signatures: Signatures, texts: Sequence[str] | None = None) -> None:
        self._signatures = signatures
        self._sizes = signatures.sizes.astype(np.int64)
        self._same: dict[int, list[int]] = {}
        for row, digest in enumerate(signatures.digests.tolist()):
            if self._sizes[row]:
                self._same.setdefault(digest, []).append(row)
        used = np.arange(SAMPLED) < self._sizes[:, None]
        rows = np.nonzero(used)[0]
        hashes = signatures.hashes[used]
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._rows = hashes[order], rows[order]
        self._filter = np.zeros(1 << _FILTER_BITS, np.bool_)  # most shingles of a text are in no signature: one look-up says so
        self._filter[hashes >> (32 - _FILTER_BITS)] = True
        self._shingles = lru_cache(4096)(lambda row: shingles(letters(texts[row]))) if texts is not None else None

    def find(self, text: str, before: int | None = None) -> list[Match]:
        """Every signed text (of the first `before`) that overlaps with `text`, the most similar first."""
        found = letters(text)
        in_order = _hash_runs(found)
        hashes = _distinct(in_order)
        end = len(self._sizes) if before is None else before
        copies = [row for row in self._same.get(_digest(found), []) if row < end] if len(hashes) else []
        rows, hits = self._candidates(hashes)
        wanted = (rows < end) & (hits >= CANDIDATE_HITS)
        if copies:
            wanted &= ~np.isin(rows, copies)
        rows, hits = rows[wanted], hits[wanted]
        sizes = self._sizes[rows]
        shared = hits / np.minimum(sizes, SAMPLED) * sizes
        estimates = np.minimum(1.0, shared / np.minimum(sizes, len(hashes)))
        matches = [Match(row, 1.0, True) for row in copies]
        for place, which in enumerate(np.argsort(-estimates, kind="stable").tolist()):
            row, estimate = int(rows[which]), float(estimates[which])
            if estimate < SIMILAR * CANDIDATE_SHARE:
                break
            alarming = overlaps(float(shared[which]), int(sizes[which]), len(hashes)) and self._are_spread(row, in_order)
            if self._shingles is not None and place < MOST_COMPARED:
                common = np.intersect1d(hashes, self._shingles(row), assume_unique=True).size
                certain = overlaps(common, int(sizes[which]), len(hashes))
                if certain or alarming:
                    matches.append(Match(row, common / min(int(sizes[which]), len(hashes)), certain))
            elif alarming:
                matches.append(Match(row, estimate, False))
        return sorted(matches, key=lambda match: (-match.similarity, match.row))

    def _are_spread(self, row: int, in_order: Hashes) -> bool:
        """Whether enough sampled hashes of a signature stand in a text, and not in one place of it."""
        shared = np.isin(in_order, self._signatures.hashes[row, : self._sizes[row]])
        places = np.nonzero(shared)[0]
        return len(np.unique(in_order[shared])) >= MIN_HITS and int(places[-1] - places[0]) >= MIN_SPREAD * len(in_order)

    def _candidates(self, hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows that share a sampled hash with a text's whole set, and how many they share."""
        hashes = hashes[self._filter[hashes >> (32 - _FILTER_BITS)]]
        starts = np.searchsorted(self._hashes, hashes, "left")
        counts = np.searchsorted(self._hashes, hashes, "right") - starts
        places = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        rows, hits = np.unique(self._rows[places], return_counts=True)
        return rows, hits


def repeats(signatures: Signatures, texts: Iterable[str], *, compare: bool = True) -> Iterator[tuple[int, Match]]:
    """Each text that overlaps with an earlier one of the same list, and the most similar of those.

    With `compare`, candidates are compared whole, and only what certainly overlaps counts; without, `texts` pass by once and none is kept.
    Copies are told by their digest first, and only one of each is looked up: a text that stands there a thousand times costs no more than twice.
    """
    first: dict[int, int] = {}
    for row, digest in enumerate(signatures.digests.tolist()):
        first.setdefault(digest, row)
    once = sorted(first.values())
    kept = [*texts] if compare else None
    finder = Finder(signatures.take(once), None if kept is None else [kept[row] for row in once])
    place = {row: number for number, row in enumerate(once)}
    for row, (digest, text) in enumerate(zip(signatures.digests.tolist(), texts if kept is None else kept, strict=True)):
        if not signatures.sizes[row]:
            continue
        if first[digest] != row:
            yield row, Match(first[digest], 1.0, True)
            continue
        earlier = next((match for match in finder.find(text, before=place[row]) if match.certain or not compare), None)
        if earlier is not None:
            yield row, Match(once[earlier.row], earlier.similarity, earlier.certain)


def overlaps(shared: float, size: int, other: int) -> bool:
    """Whether two texts overlap that have `size` and `other` shingles and `shared` in common.

    >>> overlaps(400, size=400, other=900), overlaps(40, size=40, other=900)
    (True, False)
    """
    if shared < SIMILAR * min(size, other):
        return False
    return shared >= MIN_CONTAINED or (shared >= MIN_SHARED and shared >= SIMILAR * max(size, other))


def letters(text: str) -> NDArray[np.uint32]:
    """The code points of a text's letters, digits and marks, NFKC-normalized and case-folded.

    A character that stands for a syllable or a word (Han, Hangul, Kana, Ethiopic) comes twice: 12 letters are 2 to 3 words in any script.

    >>> bytes(letters("U.N. vote: 3–2").tolist())
    b'unvote32'
    """
    codes = np.frombuffer(unicodedata.normalize("NFKC", text).casefold().encode("utf-32-le", "surrogatepass"), "<u4")
    codes = codes[codes < _CODE_POINTS]
    return np.repeat(codes, _times()[codes]).astype(np.uint32)


def shingles(codes: NDArray[np.uint32]) -> Hashes:
    """The different hashes of all runs of `SHINGLE_LETTERS`, ascending; a text shorter than that is one run."""
    return _distinct(_hash_runs(codes))


def _hash_runs(codes: NDArray[np.uint32]) -> Hashes:
    length = min(len(codes), SHINGLE_LETTERS)
    if not length:
        return np.zeros(0, np.uint32)
    count = len(codes) - length + 1
    wide = codes.astype(np.uint64)
    total = np.zeros(count, np.uint64)
    for place in range(length):  # a polynomial of the code points, modulo 2 ** 64
        total *= np.uint64(0x9E3779B97F4A7C15)
        total += wide[place : place + count]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # the last steps of SplitMix64 (Steele 2014) spread it over all bits
        total ^= total >> np.uint64(shift)
        total *= np.uint64(factor)
    return (total >> np.uint64(32)).astype(np.uint32)


def _distinct(hashes: Hashes) -> Hashes:
    """The different values, ascending; `np.unique` takes three times as long."""
    ordered = np.sort(hashes)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered


def _digest(codes: NDArray[np.uint32]) -> int:
    return int.from_bytes(hashlib.blake2b(codes.astype("<u4").tobytes(), digest_size=8).digest(), "little")


@cache
def _times() -> NDArray[np.uint8]:
    """How often a code point is taken: 0 for what is no letter, digit or mark."""
    characters = "".join(map(chr, range(_CODE_POINTS)))
    times = np.fromiter((unicodedata.category(character)[0] in "LMN" for character in characters), np.uint8, _CODE_POINTS)
    times[[ord(character) for character in _SYLLABIC.findall(characters)]] *= 2
    return times
