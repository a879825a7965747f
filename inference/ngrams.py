"""N-grams of articles and targets as numbers, and linear models over them, which answer beside the encoder (the wide part of Wide & Deep, Cheng 2016).

In: a page and targets, or their words. Out: `Bag`s of hashed n-grams; logits. A linear model over character n-grams is hard to beat on topics where
there are few thousand labelled articles and no large pretrained model; the encoder reads order and meaning. `training.ngram_models` fits the models and
`training.calibration` how much they count. Does not know: tokens, the encoder, what the labels mean.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.cleaning import Page
from inference.words import is_unspaced, words

TOPIC_ORDERS, STANCE_ORDERS = (2, 3, 4, 5), (3, 4)
"""Lengths of the character n-grams, the spaces around a word among them. Where each n-gram has weights of its own, 2 to 5 say more of topics than 3 and 4
(weighted F1 on training articles of MasakhaNEWS left out, mean of ten languages: 0.880 and 0.873); in hash buckets, as for stances, they were no better."""

OPENING_CHARACTERS = 2_000
"""The n-grams of an article are those of so many characters, about 300 words: the opening says what it is about."""

PAIR_CHARACTERS = 30_000
"""Characters of an article in which the words of a target are looked for, about as many as the windows of the encoder hold."""

OPENING_WORDS = 40
"""The opening of an article, about its first two sentences."""

STEM = 5
"""Words that share so many first letters are the same word to a target: names are inflected."""

NEAR_WORDS, SIDE_WORDS, NEAR_PLACES = 4, 2, 12
"""Words so far from a place where the target is named are near it; closer ones know their side; so many places are looked at."""

LEVELS = 6
"""Steps in which the share of a target's words that the article has is told."""

LONG_TARGET = 12
"""Words; longer targets are alike in how many of their words an article has."""

SHORTEST = 1e-6
"""Keeps an empty bag at 0."""

ARTICLE, TARGET, NEAR, FOUND = KINDS = range(4)
"""What a bag holds. A model has weights for each kind, since the same letters mean another thing in another kind of bag."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SPACE = ord(" ")


@dataclass(frozen=True, slots=True)
class Bag:
    """The distinct n-grams of a text: their hashes, ascending, and how much each counts, 1 + ln(occurrences)."""

    kind: int
    hashes: NDArray[np.uint32]
    counts: NDArray[np.float32]


def read_bags(page: Page, targets: Sequence[str]) -> tuple[list[Bag], list[list[Bag]]]:
    """What the model of topics reads of a page, and what that of stances reads of it for each target."""
    opening = article_words(page, OPENING_CHARACTERS)
    topical = character_ngrams(opening, ARTICLE, TOPIC_ORDERS)
    article = character_ngrams(opening if targets else [], ARTICLE, STANCE_ORDERS)
    index = index_words(article_words(page, PAIR_CHARACTERS) if targets else [])
    asked = [words(target) for target in targets]
    return [topical], [[article, character_ngrams(target, TARGET, STANCE_ORDERS), *pair_bags(index, target)] for target in asked]


def article_words(page: Page, characters: int) -> list[str]:
    """The words in the first characters of an article, its title first."""
    parts, length = [page.title], len(page.title)
    for sentence in page.sentences:
        if length >= characters:
            break
        parts.append(page.text[sentence.start : sentence.end])
        length += len(parts[-1]) + 1
    return words("\n".join(parts)[:characters])


def character_ngrams(text: Sequence[str], kind: int, orders: Sequence[int]) -> Bag:
    """The character n-grams of each word of a text, the space on either side among them; none spans two words.

    Where a script puts no spaces between words, two neighboring characters are a word as well.

    >>> [len(character_ngrams(text, ARTICLE, (3, 4)).hashes) for text in (["rain"], ["rain", "rain"], [])]  # " ra", "rai", "ain", "in ", " rai", "rain", "ain "
    [7, 7, 0]
    """
    couples = [first + second for first, second in pairwise(text) if is_unspaced(first) and is_unspaced(second)]
    letters = np.frombuffer(f" {' '.join([*text, *couples])} ".encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    spaces = np.concatenate([[0], np.cumsum(letters == _SPACE)])
    hashes = []
    for order in orders:
        places = max(0, len(letters) - order + 1)
        hashed = np.full(places, order, dtype=np.uint64)
        for place in range(order):
            hashed = hashed * _GOLDEN + letters[place : place + places]  # 64-bit arithmetic that wraps around, the same on every machine
        inside = spaces[order - 1 : order - 1 + places] == spaces[1 : 1 + places]
        hashes.append(hashed[inside])
    return _bag(kind, np.concatenate(hashes))


@dataclass(frozen=True, slots=True)
class WordIndex:
    """The words of an article as its targets look at them: put in order once, however many targets there are."""

    words: Sequence[str]
    stems: Sequence[str]
    places: Mapping[str, Sequence[int]]  # of each stem
    opening: frozenset[str]  # stems
    pairs: frozenset[tuple[str, str]]  # stems that follow each other


def index_words(text: Sequence[str]) -> WordIndex:
    """The index of an article's words."""
    stems = [word[:STEM] for word in text]
    places: dict[str, list[int]] = {}
    for place, stem in enumerate(stems):
        places.setdefault(stem, []).append(place)
    return WordIndex(text, stems, places, frozenset(stems[:OPENING_WORDS]), frozenset(pairwise(stems)))


def pair_bags(article: WordIndex, target: Sequence[str]) -> tuple[Bag, Bag]:
    """What stands around the words of a target in an article, and how much of the target the article has.

    >>> near, found = pair_bags(index_words("the mayor praised the old bridge".split()), "the bridge".split())
    >>> len(near.hashes), len(found.hashes)
    (7, 6)
    """
    wanted = [word[:STEM] for word in target]
    return _named(NEAR, _near(article, wanted)), _named(FOUND, _found(article, wanted))


def _near(article: WordIndex, target: Sequence[str]) -> Iterator[str]:
    """The words around the places where most of the target's words stand together, and on which side the nearest stand."""
    wanted = set(target)
    places = sorted(place for stem in wanted for place in article.places.get(stem, ()))
    reach = len(target) + 1
    together = [len(wanted.intersection(article.stems[max(0, place - reach) : place + reach + 1])) for place in places]
    most = max(together, default=0)
    best = [place for place, count in zip(places, together, strict=True) if count == most][:NEAR_PLACES]
    for place in best:
        for distance in range(1, NEAR_WORDS + 1):
            for side, neighbor in (("<", place - distance), (">", place + distance)):
                if 0 <= neighbor < len(article.words) and article.stems[neighbor] not in wanted:
                    yield article.words[neighbor]
                    if distance <= SIDE_WORDS:
                        yield side + article.words[neighbor]


def _found(article: WordIndex, target: Sequence[str]) -> Iterator[str]:
    """Shares of the target's words, and of its pairs of words, that the article or its opening has, as names of steps."""
    words, pairs = set(target), set(pairwise(target))
    found, early = _step(len(words & article.places.keys()), len(words)), _step(len(words & article.opening), len(words))
    together = _step(len(pairs & article.pairs), len(pairs))
    length = min(len(target), LONG_TARGET) // 2
    yield from (f"found {found}", f"early {early}", f"together {together}", f"{found} {early}", f"found {found} of {length}", f"early {early} of {length}")


def _step(part: int, whole: int) -> int:
    return LEVELS * part // max(whole, 1)


def _named(kind: int, names: Iterable[str]) -> Bag:
    return _bag(kind, np.array([crc32(name.encode()) for name in set(names)], dtype=np.uint64))


def _bag(kind: int, hashes: NDArray[np.uint64]) -> Bag:
    hashes = (hashes ^ (hashes >> np.uint64(29))) * _MIX
    distinct, occurrences = np.unique(hashes >> np.uint64(32), return_counts=True)
    return Bag(kind, distinct.astype(np.uint32), (1 + np.log(occurrences)).astype(np.float32))


class NgramModel(nn.Module):
    """A linear model whose inputs are bags, each weighted by rarity (TF-IDF) and brought to length 1."""

    rarity: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, kinds: int, buckets: int, labels: int) -> None:
        """Weights for the first `kinds` kinds of bags, `buckets` of each."""
        super().__init__()
        self.buckets = buckets
        # buffers: the Trainer leaves them alone, and they are saved with the weights
        self.register_buffer("rarity", torch.ones(kinds * buckets))  # [F] inverse document frequency of the n-grams of each bucket
        self.register_buffer("weights", torch.zeros(kinds * buckets, labels))  # [F, C]
        self.register_buffer("bias", torch.zeros(labels))

    def places(self, bag: Bag) -> NDArray[np.int64]:
        """The rows of `rarity` and `weights` that belong to the n-grams of a bag; different ones may share a row."""
        return bag.kind * self.buckets + (bag.hashes % np.uint32(self.buckets)).astype(np.int64)

    def forward(self, items: Sequence[Sequence[Bag]]) -> Tensor:
        """The logits of items of one or more bags, [items, C]: the sum of what the bags say. A bag that several items share is read once."""
        return self._said(items) + self.bias.float()

    def _said(self, items: Sequence[Sequence[Bag]]) -> Tensor:
        device = self.rarity.device
        bags = list({id(bag): bag for item in items for bag in item}.values())
        number = {id(bag): place for place, bag in enumerate(bags)}
        shares = [(place, number[id(bag)]) for place, item in enumerate(items) for bag in item]
        item_of, bag_of = torch.tensor(shares, dtype=torch.int64, device=device).reshape(-1, 2).unbind(1)
        row = torch.arange(len(bags)).repeat_interleave(torch.tensor([len(bag.hashes) for bag in bags], dtype=torch.int64)).to(device)
        places = torch.from_numpy(np.concatenate([np.zeros(0, np.int64), *map(self.places, bags)])).to(device)
        counts = torch.from_numpy(np.concatenate([np.zeros(0, np.float32), *(bag.counts for bag in bags)])).to(device)
        values = counts * self.rarity[places].float()
        lengths = values.new_zeros(len(bags)).index_add(0, row, values**2).sqrt().clamp(min=SHORTEST)
        said = values.new_zeros(len(bags), len(self.bias)).index_add(0, row, values[:, None] * self.weights[places].float()) / lengths[:, None]
        return values.new_zeros(len(items), len(self.bias)).index_add(0, item_of, said[bag_of])


FREE = np.uint32(2**32 - 1)
"""In the place of a hash: no n-gram stands in this row. The one n-gram in four billion that has this hash is never known."""


class ChosenNgrams(NgramModel):
    """A linear model of chosen n-grams of one kind of bag, each with weights of its own and no others seen: buckets mix what has nothing in common.

    A row takes 23 bytes with 17 labels: a weight for each in steps of 1/127 of the label's largest, a rarity and a hash. On dev such steps left the
    weighted F1 of MasakhaNEWS as it was, and changed the macro F1 of the other sources by less than 0.003.
    """

    hashes: Tensor
    steps: Tensor

    def __init__(self, ngrams: int, labels: int) -> None:
        """Room for so many n-grams; none is known yet."""
        super().__init__(1, ngrams, labels)
        self.register_buffer("hashes", torch.full((ngrams,), -1, dtype=torch.int32))  # [F] bits of the unsigned hashes, ascending; free rows last
        self.register_buffer("weights", torch.zeros(ngrams, labels, dtype=torch.int8))  # [F, C] in `steps`
        self.register_buffer("steps", torch.ones(labels))

    def choose(self, hashes: NDArray[np.uint32]) -> None:
        """Know the n-grams of these hashes, ascending and not more than there is room for; the one that marks free rows cannot be known."""
        self.hashes.fill_(-1)
        self.hashes[: len(hashes)] = torch.from_numpy(hashes.view(np.int32))

    def numbered(self, bags: Iterable[Bag]) -> Iterator[Bag]:
        """The n-grams of each bag that the model knows, with their rows in place of their hashes."""
        known = self.hashes.cpu().numpy().view(np.uint32)  # once for all: on a GPU it is a copy
        for bag in bags:
            rows = np.searchsorted(known, bag.hashes)
            found = (known[np.minimum(rows, len(known) - 1)] == bag.hashes) & (bag.hashes != FREE)
            yield Bag(bag.kind, rows[found].astype(np.uint32), bag.counts[found])

    def learn(self, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
        """Take over what was fitted, weights [F, C] and bias [C]."""
        steps = np.maximum(np.abs(weights).max(axis=0) / 127, SHORTEST)
        self.steps.copy_(torch.from_numpy(steps))
        self.weights.copy_(torch.from_numpy(np.round(weights / steps)))
        self.bias.copy_(torch.from_numpy(bias))

    def forward(self, items: Sequence[Sequence[Bag]]) -> Tensor:
        """As `NgramModel.forward`."""
        numbered = self.numbered(bag for item in items for bag in item)
        return self._said([list(islice(numbered, len(item))) for item in items]) * self.steps.float() + self.bias.float()
