"""How salient each sentence of an article is, from where its words stand and how often: small networks that answer beside the encoder.

In: the sentences and the title of a page. Out: a `Reading`, plain numbers; a logit for each sentence. One network says of every word how probable it is
that a summary has it (word importance: Hong and Nenkova 2014, https://aclanthology.org/E14-1075/), a second reads from that, and from what a sentence
looks like, how salient it is. Both learn within minutes from a few thousand articles, in any language. `training.salience_model` fits them and
`training.calibration` how much they count. Does not know: tokens, the encoder, how sentences are picked.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from zlib import crc32

import numpy as np
import regex
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from inference.cleaning import Page
from inference.segments import segment_share
from inference.words import is_unspaced, words

WORD_UNITS, SENTENCE_UNITS = 64, 64
"""Hidden units of the two networks. Half as many, or twice, were as good on dev."""

WORD_FEATURES, SENTENCE_FEATURES = 17, 17
"""Numbers of a word and of a sentence that need no training article to be known."""

OCCURRENCES, SPREAD, SHARE, IN_LEAD, IN_TITLE = 0, 1, 2, 5, 15
"""Where some of a word's numbers stand, which those of sentences are made of."""

WORD_INPUTS, SENTENCE_INPUTS = WORD_FEATURES + 3, SENTENCE_FEATURES + 9
"""With what rarity and the tables of the model add."""

SAID = 8
"""Numbers of how much of what a summary says a sentence has."""

FURTHEST = 5.0
"""Standard deviations from the mean of the training articles; what lies further is as far, since the networks saw little of it."""

REFERENCE_WORDS = 1.3
"""Words of a reference for each distinct word that it shares with its article: some recur, and some are its own."""

MANY_DIGITS, MANY_QUOTES = 8, 4
"""So many or more are alike."""

_CAPITAL = regex.compile(r"(?<=[^\s.!?:]\s)\p{Lu}[\p{L}\p{M}]*")
_UPPER, _DIGIT, _LETTER = regex.compile(r"\p{Lu}"), regex.compile(r"\p{N}"), regex.compile(r"\p{L}")
_QUOTE, _QUESTION = regex.compile(r'["“”«»„「」『』‘’]'), regex.compile(r"[?？؟]\W*$")
_END = regex.compile(r"[.。!！?？।؟።…][\"”»」』’)]*\s*$")


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of V distinct kinds in the N sentences of an article, and what is to be counted of them. The title is no sentence."""

    hashes: NDArray[np.uint32]  # [V] in the order of their first occurrence
    word_features: NDArray[np.float32]  # [V, WORD_FEATURES]
    sentence_features: NDArray[np.float32]  # [N, SENTENCE_FEATURES]
    words: NDArray[np.int64]  # [T] which of the V each word of the text is
    sentences: NDArray[np.int64]  # [T] the sentence in which it stands, ascending


def read_sentences(page: Page, held: int) -> Reading:
    """What the networks read of the first `held` sentences of a page."""
    sentences = page.sentences[:held]
    texts = [page.text[sentence.start : sentence.end] for sentence in sentences]
    split = [words(text) for text in texts]
    number: dict[str, int] = {}
    words_of = np.array([number.setdefault(word, len(number)) for sentence in split for word in sentence], dtype=np.int64)
    lengths = np.array([len(sentence) for sentence in split], dtype=np.int64)
    sentence_of = np.repeat(np.arange(len(texts)), lengths)
    title = set(words(page.title))
    capitals = Counter(word for text in texts for found in _CAPITAL.findall(text) for word in words(found))
    return Reading(
        hash_words(list(number)),
        _word_features(list(number), words_of, sentence_of, lengths, title, capitals),
        _sentence_features(texts, words_of, sentence_of, lengths, [sentence.boilerplate for sentence in sentences], bool(title)),
        words_of,
        sentence_of,
    )


def hash_words(distinct: Sequence[str]) -> NDArray[np.uint32]:
    """What stands for words that are the same in every article."""
    return np.array([crc32(word.encode()) for word in distinct], dtype=np.uint32)


def _word_features(
    distinct: Sequence[str],
    words_of: NDArray[np.int64],
    sentence_of: NDArray[np.int64],
    lengths: NDArray[np.int64],
    title: set[str],
    capitals: Counter[str],
) -> NDArray[np.float32]:
    """[V, WORD_FEATURES]"""
    count, sentences, total = len(distinct), len(lengths), max(len(words_of), 1)
    occurrences = np.bincount(words_of, minlength=count)
    spread = np.bincount(np.unique(sentence_of * count + words_of) % max(count, 1), minlength=count)  # sentences that have the word
    _, first = np.unique(words_of, return_index=True)
    sentence = sentence_of[first]
    place = (first - (np.cumsum(lengths) - lengths)[sentence]) / np.maximum(lengths[sentence], 1)  # in its first sentence, 0 to 1
    capital = np.minimum([capitals[word] for word in distinct], occurrences)
    every = np.ones(count)
    columns = (
        np.log(occurrences),
        np.log(spread),
        occurrences / total,
        spread / max(sentences, 1),
        np.log1p(sentence),
        sentence == 0,
        place,
        np.log1p(first),
        capital / occurrences,
        capital > 0,
        np.log([len(word) for word in distinct]),
        [word.isdigit() for word in distinct],
        [is_unspaced(word) for word in distinct],
        every * np.log(max(sentences, 1)),
        every * np.log(total),
        [word in title for word in distinct],
        every * bool(title),
    )
    return np.stack(columns, axis=1).astype(np.float32).reshape(count, WORD_FEATURES)


def _sentence_features(
    texts: Sequence[str],
    words_of: NDArray[np.int64],
    sentence_of: NDArray[np.int64],
    lengths: NDArray[np.int64],
    boilerplate: Sequence[float],
    titled: bool,
) -> NDArray[np.float32]:
    """[N, SENTENCE_FEATURES]"""
    count = len(texts)
    inside = sentence_of[1:] == sentence_of[:-1]
    _, kinds, times = np.unique(words_of[:-1] * (words_of.max(initial=0) + 1) + words_of[1:], return_inverse=True, return_counts=True)
    again = np.bincount(sentence_of[1:], weights=inside * (times[kinds] > 1), minlength=count)  # pairs of words that the article has elsewhere too
    places, every = np.arange(count), np.ones(count)
    digits, quotes = (np.array([len(pattern.findall(text)) for text in texts]) for pattern in (_DIGIT, _QUOTE))
    letters = np.maximum([len(_LETTER.findall(text)) for text in texts], 1)
    columns = (
        places == 0,
        places == 1,
        places == 2,
        np.log1p(places),
        places / max(count - 1, 1),
        every * np.log(max(count, 1)),
        np.log1p(lengths),
        lengths / max(float(np.median(lengths)), 1.0) if count else every,
        again / np.maximum(lengths - 1, 1),
        np.minimum(digits, MANY_DIGITS) / MANY_DIGITS,
        [len(_UPPER.findall(text)) for text in texts] / letters,
        np.minimum(quotes, MANY_QUOTES) / MANY_QUOTES,
        [_QUOTE.match(text) is not None for text in texts],
        [_QUESTION.search(text) is not None for text in texts],
        [_END.search(text) is None for text in texts],
        boilerplate,
        every * titled,
    )
    return np.stack(columns, axis=1).astype(np.float32).reshape(count, SENTENCE_FEATURES)


@dataclass(frozen=True, slots=True)
class Words:
    """Readings of B articles side by side, as tensors: the words and sentences of an article are numbered after those of the one before."""

    features: Tensor  # [V, WORD_INPUTS]
    rarity: Tensor  # [V]
    article: Tensor  # [V]
    sentence_features: Tensor  # [N, SENTENCE_INPUTS]
    sentence_article: Tensor  # [N]
    pair_word: Tensor  # [P] each word of each sentence once
    pair_sentence: Tensor  # [P]
    words: Tensor  # [T]
    sentences: Tensor  # [T]
    articles: int


class Network(nn.Module):
    """Two hidden layers and a logit. Its numbers are buffers, saved with the weights: no optimizer of the encoder changes them."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        for layer, (given, made) in enumerate(((inputs, units), (units, units), (units, 1))):
            self.register_buffer(f"weight_{layer}", torch.zeros(made, given))
            self.register_buffer(f"bias_{layer}", torch.zeros(made))

    def forward(self, values: Tensor) -> Tensor:
        """[M, inputs] -> [M]"""
        weight_0, bias_0, weight_1, bias_1, weight_2, bias_2 = self.buffers()
        hidden = F.gelu(F.linear(F.gelu(F.linear(values, weight_0, bias_0)), weight_1, bias_1))
        return F.linear(hidden, weight_2, bias_2).squeeze(-1)


class SalienceModel(nn.Module):
    """Two small networks over the counts of an article: one for its words, one for its sentences. Every logit is 0 until they are fitted."""

    fitted: Tensor
    rarity: Tensor
    repeated: Tensor
    word_mean: Tensor
    word_scale: Tensor
    sentence_mean: Tensor
    sentence_scale: Tensor

    def __init__(self, buckets: int) -> None:
        super().__init__()
        self.buckets = buckets
        self.word_network = Network(WORD_INPUTS, WORD_UNITS)
        self.sentence_network = Network(SENTENCE_INPUTS + 2 * SAID, SENTENCE_UNITS)
        self.register_buffer("fitted", torch.zeros(1))
        self.register_buffer("rarity", torch.ones(buckets))  # inverse document frequency of the words of each bucket, 0 to 1
        self.register_buffer("repeated", torch.zeros(buckets))  # log-odds that a summary has a word which its article has
        for kind, size in (("word", WORD_INPUTS), ("sentence", SENTENCE_INPUTS)):
            self.register_buffer(f"{kind}_mean", torch.zeros(size))
            self.register_buffer(f"{kind}_scale", torch.ones(size))

    def buckets_of(self, reading: Reading) -> NDArray[np.int64]:
        """The bucket of each of its distinct words, [V]; different words may share one."""
        return (reading.hashes % np.uint32(self.buckets)).astype(np.int64)

    def forward(self, readings: Sequence[Reading]) -> Tensor:
        """The logits of the sentences of several articles, flat, [N]."""
        found = self.lay_out(readings)
        return self.fitted * self.sentence_logits(found, self.word_logits(found))

    def lay_out(self, readings: Sequence[Reading], repeated: Tensor | None = None) -> Words:
        """Readings as the networks take them. `repeated` [V] stands in for the model's own numbers where it is fitted."""
        device = self.rarity.device
        buckets = torch.from_numpy(np.concatenate([self.buckets_of(reading) for reading in readings])).to(device)
        rarity = self.rarity[buckets].float()
        repeated = self.repeated[buckets].float() if repeated is None else repeated
        sizes, counts = [len(reading.hashes) for reading in readings], [len(reading.sentence_features) for reading in readings]
        article, sentence_article = (torch.arange(len(readings)).repeat_interleave(torch.tensor(each)).to(device) for each in (sizes, counts))
        words, sentences = (
            torch.from_numpy(np.concatenate([one + start for one, start in zip(parts, _starts(each), strict=True)])).to(device)
            for parts, each in (([reading.words for reading in readings], sizes), ([reading.sentences for reading in readings], counts))
        )
        surface = torch.from_numpy(np.concatenate([reading.word_features for reading in readings])).to(device)
        pair_sentence, pair_word = torch.unique(torch.stack([sentences, words]), dim=1)
        features = torch.cat([surface, torch.stack([rarity, surface[:, SHARE] * rarity, repeated], dim=1)], dim=1)
        plain = torch.from_numpy(np.concatenate([reading.sentence_features for reading in readings])).to(device)
        found = Words(features, rarity, article, plain, sentence_article, pair_word, pair_sentence, words, sentences, len(readings))
        return replace(found, sentence_features=torch.cat([plain, _overlap(found)], dim=1))

    def word_logits(self, found: Words) -> Tensor:
        """Log-odds that a summary has each distinct word, [V]."""
        logits: Tensor = self.word_network(_standard(found.features, self.word_mean, self.word_scale))
        return logits

    def sentence_logits(self, found: Words, word_logits: Tensor) -> Tensor:
        """[N]"""
        inputs = [_standard(found.sentence_features, self.sentence_mean, self.sentence_scale), _said(found, word_logits.sigmoid())]
        logits: Tensor = self.sentence_network(torch.cat(inputs, dim=1))
        return logits


def _overlap(found: Words) -> Tensor:
    """What a sentence shares with the article, its opening and its title, by rarity, [N, SENTENCE_INPUTS - SENTENCE_FEATURES]."""
    count = len(found.sentence_features)
    word, sentence = found.pair_word, found.pair_sentence
    rarity = found.rarity[word]
    spread, in_lead, in_title = (found.features[:, column] for column in (SPREAD, IN_LEAD, IN_TITLE))
    shares = segment_share(torch.stack([spread > 0, spread, in_lead, in_title], dim=-1)[word], rarity, sentence, count)
    content, size = (rarity.new_zeros(count).index_add(0, sentence, values) for values in (rarity, torch.ones_like(rarity)))
    covered = []
    for marked in (in_lead, in_title):  # how much of the opening, and of the title, it has
        whole = rarity.new_zeros(found.articles).index_add(0, found.article, marked * found.rarity)[found.sentence_article]
        covered.append(rarity.new_zeros(count).index_add(0, sentence, marked[word] * rarity) / whole.clamp(min=0.1))
    weight = found.features[:, OCCURRENCES].exp() * found.rarity  # of a word in the article: TF-IDF
    length = rarity.new_zeros(found.articles).index_add(0, found.article, weight**2).sqrt()[found.sentence_article]
    own = rarity.new_zeros(count).index_add(0, sentence, rarity**2).sqrt()
    cosine = rarity.new_zeros(count).index_add(0, sentence, weight[word] * rarity) / (length * own).clamp(min=1e-3)
    first = torch.full_like(found.article, count).scatter_reduce(0, word, sentence, "amin")  # the sentence that says a word first
    new = segment_share((first[word] == sentence)[:, None], rarity, sentence, count)
    return torch.cat([shares, torch.stack([*covered, cosine, content / size.clamp(min=1)], dim=1), new], dim=1)


def _said(found: Words, probability: Tensor) -> Tensor:
    """How much of what a summary probably says each sentence has, and how far it is behind the article's best, [N, 2 * SAID]."""
    count = len(found.sentence_features)
    zeros = probability.new_zeros(count)
    said = probability[found.pair_word]
    shared = zeros.index_add(0, found.pair_sentence, said)
    expected = probability.new_zeros(found.articles).index_add(0, found.article, probability)[found.sentence_article]
    length = zeros.index_add(0, found.sentences, torch.ones_like(found.sentences, dtype=zeros.dtype)).clamp(min=1)
    following = found.sentences[1:] == found.sentences[:-1]
    couples = (probability[found.words[1:]] * probability[found.words[:-1]])[following]
    pairs = zeros.index_add(0, found.sentences[1:][following], couples)
    most = zeros.scatter_reduce(0, found.pair_sentence, said, "amax")
    reference = REFERENCE_WORDS * expected + 1
    columns = (  # scaled to about 1; the third and the seventh are the expected ROUGE-1 and ROUGE-2 of the sentence alone
        shared / 4,
        4 * shared / length,
        8 * shared / (length + reference),
        8 * shared / (length + torch.maximum(shared, expected)),
        3 * shared / expected.clamp(min=1e-6),
        pairs,
        20 * pairs / (length + reference),
        most,
    )
    own = torch.stack(columns, dim=1)
    article = found.sentence_article[:, None].expand(-1, SAID)
    best = own.new_full((found.articles, SAID), -torch.inf).scatter_reduce(0, article, own, "amax")
    return torch.cat([own, own - best[found.sentence_article]], dim=1)


def _standard(values: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    return ((values - mean) / scale).clamp(-FURTHEST, FURTHEST)


def _starts(sizes: Sequence[int]) -> list[int]:
    return list(accumulate(sizes, initial=0))[:-1]
