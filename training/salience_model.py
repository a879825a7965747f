"""Fits the networks that say from counts of words how salient a sentence is (`inference.salience`), before the encoder is trained.

In: a `SalienceModel`, the training sources. Out: the model's numbers, in place. Does not know: the encoder, batches, dev articles: how much the
networks count beside the encoder is for `training.calibration` to say.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from inference.article import Article
from inference.cleaning import read_page
from inference.errors import DataError
from inference.salience import Reading, SalienceModel, Words, hash_words, read_sentences
from inference.segments import segment_log_softmax, segment_mean
from inference.words import words
from training.evaluation import without_headline
from training.gold import has_headline
from training.oracle import salience_targets
from training.sources import LoadedSource

MOST_ARTICLES = 20_000
"""That are learned from, a seeded sample: three and a half minutes of one CPU."""

MOST_SENTENCES = 60
"""Of each, from its opening, where summaries take nearly all of theirs."""

SOURCE_POWER = -0.5
"""Articles count by this power of their source's number: else the largest speaks for all. On dev 0 was as good in the mean over the sets."""

EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 8, 32, 2e-3, 0.01
"""Of AdamW with one cycle of the rate (Smith 2018). On dev 6 epochs were as good as 12; the others were not tuned."""

WORD_LOSS = 10.0
"""Weight of the words' loss beside that of the sentences, so that both begin about equal. On dev the words' loss made no difference beyond chance, but
with it what the first network says means something."""

PRIOR = 5.0
"""Articles that a word is thought to have stood in before any is read, so that one summary does not decide. Not tuned."""

FEWEST = 50
"""Articles that teach anything; from fewer nothing is learned."""

STANDARD_ARTICLES, SMALLEST_DEVIATION, ALWAYS_ALIKE = 2_000, 1e-3, 1e4
"""Articles that means and deviations are taken from; a number that deviates less is always alike, and is divided by so much that no other value shows."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one article teaches: its sentences' shares of salience, and which of its words the reference has."""

    reading: Reading
    salience: NDArray[np.float32]  # [N]
    said: NDArray[np.bool_]  # [V]
    weight: float


def fit_salience(
    model: SalienceModel, sources: Sequence[LoadedSource], headline_weight: float, hide_title: float, seed: int, progress: Progress = lambda *_: None
) -> None:
    """Learn from reference summaries, and at `headline_weight` from the headlines of sources that offer them as summaries.

    The title of a share `hide_title` of the articles is not shown. Where fewer than `FEWEST` articles teach anything, the model stays as it is, with
    logits of 0.
    """
    lessons = list(_lessons(_references(sources, headline_weight, seed), hide_title, seed, progress))
    if len(lessons) < FEWEST:
        return
    seen, repeated = _count(model, lessons)
    model.rarity.copy_(torch.from_numpy(1 - np.log1p(seen) / np.log1p(len(lessons))))
    model.repeated.copy_(torch.from_numpy(_log_odds(seen, repeated, repeated.sum() / seen.sum())))
    model.fitted.fill_(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _set_standard(model, lessons)
        learned = [*model.word_network.buffers(), *model.sentence_network.buffers()]
        for tensor in learned:
            if tensor.ndim > 1:  # as torch.nn.Linear begins, its biases at 0
                nn.init.kaiming_uniform_(tensor, a=math.sqrt(5))
            tensor.requires_grad_(True)
        _learn(model, learned, _Batches(model, lessons, seen, repeated), progress)
        for tensor in learned:
            tensor.requires_grad_(False)


def _references(sources: Sequence[LoadedSource], headline_weight: float, seed: int) -> list[tuple[Article, str, float]]:
    """Articles with what sums them up, and how much they count; a headline is taken out of its article."""
    found: list[tuple[Article, str, float]] = []
    for source in sources:
        own = [(article, article.summary, 1.0) for article in source.articles if article.summary]
        if source.source.headline_as_summary and headline_weight:
            own += [(body, headline, headline_weight) for headline, body in map(without_headline, filter(has_headline, source.articles))]
        found += [(article, reference, weight * len(own) ** SOURCE_POWER) for article, reference, weight in own]
    return found if len(found) <= MOST_ARTICLES else [found[place] for place in sorted(Random(seed).sample(range(len(found)), MOST_ARTICLES))]


def _lessons(references: Sequence[tuple[Article, str, float]], hide_title: float, seed: int, progress: Progress) -> Iterator[Lesson]:
    """Those from which something can be learned: of two sentences or more, one of which shares a word with the reference."""
    random = Random(seed)
    for number, (article, reference, weight) in enumerate(references, 1):
        if number % 200 == 0 or number == len(references):
            progress("words of summaries", number, len(references))
        try:
            page = read_page(article.text, "" if random.random() < hide_title else article.title, article.lang)
        except DataError:  # nothing was in it but its headline
            continue
        held = min(len(page.sentences), MOST_SENTENCES)
        salience = salience_targets([page.text[sentence.start : sentence.end] for sentence in page.sentences[:held]], reference)
        if salience is None or held < 2:
            continue
        reading = read_sentences(page, held)
        said = np.isin(reading.hashes, hash_words(words(reference)))
        yield Lesson(reading, np.array(salience, dtype=np.float32), said, weight)


def _count(model: SalienceModel, lessons: Sequence[Lesson]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """In how many articles each bucket has a word, and in how many of them the reference has such a word too."""
    seen, repeated = np.zeros(model.buckets), np.zeros(model.buckets)
    for lesson in lessons:
        buckets = model.buckets_of(lesson.reading)
        seen[np.unique(buckets)] += 1
        repeated[np.unique(buckets[lesson.said])] += 1
    return seen, repeated


def _log_odds(seen: NDArray[np.float64], repeated: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Log-odds that a word is repeated which was seen so often and repeated so often, where it is so in a `share` of all cases."""
    return np.asarray(np.log((repeated + PRIOR * share) / (seen - repeated + PRIOR * (1 - share))))


def _set_standard(model: SalienceModel, lessons: Sequence[Lesson]) -> None:
    """The mean and the standard deviation of every number, from the first articles of a random order; of one that is always alike nothing is learned."""
    sample = [lessons[place] for place in torch.randperm(len(lessons))[:STANDARD_ARTICLES].tolist()]
    found = model.lay_out([lesson.reading for lesson in sample])
    for values, mean, scale in ((found.features, model.word_mean, model.word_scale), (found.sentence_features, model.sentence_mean, model.sentence_scale)):
        mean.copy_(values.mean(0))
        deviation = values.std(0)
        scale.copy_(torch.where(deviation < SMALLEST_DEVIATION, ALWAYS_ALIKE, deviation))


class _Batches:
    """The lessons as tensors, a few at a time."""

    def __init__(self, model: SalienceModel, lessons: Sequence[Lesson], seen: NDArray[np.float64], repeated: NDArray[np.float64]) -> None:
        self.model, self.lessons, self.seen, self.repeated = model, lessons, seen, repeated
        self.share = repeated.sum() / seen.sum()
        self.mean_weight = float(np.mean([lesson.weight for lesson in lessons]))

    def __len__(self) -> int:
        return -(-len(self.lessons) // BATCH)

    def __iter__(self) -> Iterator[tuple[Words, Tensor, Tensor, Tensor]]:
        """Words, shares of salience [N], said words [V] and weights [B], in a new order each time."""
        for places in torch.randperm(len(self.lessons)).split(BATCH):
            batch = [self.lessons[place] for place in places.tolist()]
            odds = torch.from_numpy(np.concatenate([self._without(lesson) for lesson in batch])).float()
            salience, said = (torch.from_numpy(np.concatenate(parts)).float() for parts in ([one.salience for one in batch], [one.said for one in batch]))
            weights = torch.tensor([one.weight / self.mean_weight for one in batch])
            yield self.model.lay_out([one.reading for one in batch], odds), salience, said, weights

    def _without(self, lesson: Lesson) -> NDArray[np.float64]:
        """What the other articles say of its words: its own reference would tell the answer."""
        buckets = self.model.buckets_of(lesson.reading)
        return _log_odds(self.seen[buckets] - 1, self.repeated[buckets] - np.isin(buckets, buckets[lesson.said]), self.share)


def _learn(model: SalienceModel, learned: Sequence[Tensor], batches: _Batches, progress: Progress) -> None:
    steps = EPOCHS * len(batches)
    optimizer = torch.optim.AdamW(learned, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    step = 0
    for _ in range(EPOCHS):
        for found, salience, said, weights in batches:
            word_logits = model.word_logits(found)
            shares = segment_log_softmax(model.sentence_logits(found, word_logits), found.sentence_article, found.articles)
            of_sentences = -(weights[found.sentence_article] * salience * shares).sum() / found.articles
            each = F.binary_cross_entropy_with_logits(word_logits, said, reduction="none")
            of_words = (weights * segment_mean(each[:, None], found.article, found.articles).squeeze(1)).mean()
            optimizer.zero_grad()
            (of_sentences + WORD_LOSS * of_words).backward()
            nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            if step % 20 == 0 or step == steps:
                progress("salience of sentences", step, steps)
