"""Examples -> the batches of a run, planned ahead, and their tensors.

In: `Example`s. Out: a plan of batches that fills a token budget and mixes sources by temperature; a collator. A plan fixes every batch of the run,
so a resumed run reads exactly the batches that were left. Does not know: articles as text, the model, the Trainer.
"""

from __future__ import annotations  # array[int] is a type to mypy, and to Python from 3.12

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from inference.batch import BatchItem, collate
from inference.encoding import ArticleTokenizer
from inference.losses import IGNORE
from training.examples import Example, SourceLabels, Written

MEGABATCH = 64
"""Batches whose articles are sorted by length together: little padding, and still a random mix."""


def plan_batches(
    examples: Sequence[Example], probabilities: Sequence[float], *, tokens: int, batch_tokens: int, article_tokens: int, max_targets: int, seed: int
) -> list[list[int]]:
    """Batches of example indices for the whole run, in order.

    Sources are visited in proportion to `probabilities` until `tokens` article tokens are read, each in rounds without
    replacement. A batch holds at most `batch_tokens` tokens, of articles cut to `article_tokens`, and of similar length.
    """
    random = Random(seed)
    sizes = [min(example.tokens, article_tokens) for example in examples]
    members: list[list[int]] = [[] for _ in probabilities]
    for index, example in enumerate(examples):
        members[example.source].append(index)
    mean_tokens = [sum(sizes[i] for i in group) / max(len(group), 1) for group in members]
    visits = tokens / max(sum(p * mean for p, mean in zip(probabilities, mean_tokens, strict=True)), 1)
    order: list[tuple[float, int]] = []  # (place in the run, example): every source is spread evenly over the run
    for probability, group in zip(probabilities, members, strict=True):
        count = max(1, round(visits * probability)) if group else 0  # a small budget must not silence a source
        order += [((k + random.random()) / count, index) for k, index in zip(range(count), _rounds(group, random), strict=False)]
    order.sort()
    batches: list[list[int]] = []
    costs = [size + _target_tokens(example, max_targets) + _written_tokens(example) for size, example in zip(sizes, examples, strict=True)]
    for stretch in _stretches([index for _, index in order], costs, MEGABATCH * batch_tokens):
        stretch.sort(key=lambda i: costs[i])
        packed = list(_stretches(stretch, costs, batch_tokens))
        random.shuffle(packed)
        batches += packed
    return batches


@dataclass(frozen=True, slots=True)
class Collator:
    """A batch of the plan -> tensors for `ArticleModel.forward`. What is random depends on the seed and the batch's place alone."""

    examples: Sequence[Example]
    sources: Sequence[SourceLabels]
    topics: int
    encode: ArticleTokenizer
    max_windows: int
    max_targets: int
    hide_title: float
    mask_tokens: float
    headline_weight: float
    seed: int
    decoder_start: int = 0
    decoder_headline_weight: float = 1.0

    def __call__(self, planned: Sequence[tuple[int, list[int]]]) -> dict[str, Tensor]:
        """`planned` holds one (place in the run, example indices), as `PlannedBatches` gives it."""
        ((place, indices),) = planned
        random = Random(f"{self.seed}:{place}")
        items: list[BatchItem] = []
        labels: dict[str, list[object]] = {name: [] for name in ("topic", "stance", "stance_weight", "merged", "salience", "salience_weight", "boilerplate")}
        written: list[tuple[int, Written]] = []  # a shown title is no text to write
        allowed = torch.zeros(len(indices), self.topics, dtype=torch.bool)
        for row, index in enumerate(indices):
            example = self.examples[index]
            source = self.sources[example.source]
            hidden = random.random() < self.hide_title
            windows, held = self.encode.windows([] if hidden else example.title, _sentence_ids(example), max_windows=self.max_windows)
            drawn, weights = _draw_targets([source.stance_weights[stance] for stance in example.stances], self.max_targets, random)
            items.append(BatchItem(windows, held, len(example.sentence_lengths), [list(example.targets[i]) for i in drawn]))
            allowed[row, list(source.topics)] = True
            labels["topic"].append(example.topic)
            labels["stance"] += [example.stances[i] for i in drawn]
            labels["stance_weight"] += weights
            labels["merged"] += [source.neutral_covers_unrelated] * len(drawn)
            labels["salience"] += _held_salience(example, held, hidden)
            labels["salience_weight"].append(self.headline_weight if example.from_headline else 1.0)
            labels["boilerplate"] += list(example.boilerplate[:held])
            written += [(row, text) for text in example.written if text.ids and (hidden or not text.headline)]
        batch = collate(items)
        tokens = batch["token_ids"]
        if self.mask_tokens and self.encode.tokenizer.mask_token_id is not None:
            generator = torch.Generator().manual_seed(random.getrandbits(63))
            masked = torch.rand(len(tokens), generator=generator) < self.mask_tokens
            batch["token_ids"] = tokens.masked_fill(masked & (batch["token_sentence"] >= 0), self.encode.tokenizer.mask_token_id)
        return {
            **batch,  # type: ignore[dict-item]
            "topic_labels": torch.tensor(labels["topic"], dtype=torch.int64),
            "topic_allowed": allowed,
            "stance_labels": torch.tensor(labels["stance"], dtype=torch.int64),
            "stance_weights": torch.tensor(labels["stance_weight"], dtype=torch.float32),
            "stance_merged": torch.tensor(labels["merged"], dtype=torch.bool),
            "salience_targets": torch.tensor(labels["salience"], dtype=torch.float32),
            "salience_weights": torch.tensor(labels["salience_weight"], dtype=torch.float32),
            "boilerplate_labels": torch.tensor(labels["boilerplate"], dtype=torch.int64),
            **self._summaries(written),
        }

    def _summaries(self, written: Sequence[tuple[int, Written]]) -> dict[str, Tensor]:
        """The texts to write, padded to the longest: what the decoder reads, and the token that comes next."""
        width = max((len(text.prefix) + len(text.ids) for _, text in written), default=0)
        inputs = torch.full((len(written), width), self.decoder_start)
        labels = torch.full((len(written), width), IGNORE)
        for row, (_, text) in enumerate(written):
            before, end = len(text.prefix), len(text.prefix) + len(text.ids)
            inputs[row, 1:end] = torch.tensor([*text.prefix, *text.ids[:-1]], dtype=torch.int64)
            labels[row, before:end] = torch.tensor(text.ids, dtype=torch.int64)
        return {
            "summary_article": torch.tensor([row for row, _ in written], dtype=torch.int64),
            "summary_inputs": inputs,
            "summary_labels": labels,
            "summary_weights": torch.tensor([self.decoder_headline_weight if text.headline else 1.0 for _, text in written]),
        }


class PlannedBatches(torch.utils.data.Dataset[tuple[int, list[int]]]):
    """The plan as a data set of batches: item i is (i, example indices), so that the stock loop shuffles and shards whole batches."""

    def __init__(self, batches: Sequence[list[int]]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> tuple[int, list[int]]:
        return place, self.batches[place]


def _draw_targets(weights: Sequence[float], most: int, random: Random) -> tuple[list[int], list[float]]:
    """At most `most` of an article's targets, in order, and the weight of each in the loss.

    Where not all are read, a heavy one is drawn more often instead of weighing more: nearly the same mean loss, from more telling pairs.
    """
    if len(weights) <= most:
        return list(range(len(weights))), list(weights)
    # Efraimidis and Spirakis 2006: the largest u^(1/w) are a draw without replacement in proportion to w
    keys = [random.random() ** (1 / weight) for weight in weights]
    drawn = sorted(sorted(range(len(weights)), key=lambda i: -keys[i])[:most])
    return drawn, [sum(weights) / len(weights)] * most


def _held_salience(example: Example, held: int, hidden: bool) -> list[float]:
    """Salience targets of the sentences that were read, summing to 1; zeros where there are none or the shown title gives them away."""
    if example.salience is None or (example.from_headline and not hidden):
        return [0.0] * held
    total = sum(example.salience[:held])
    return [value / total for value in example.salience[:held]] if total > 0 else [0.0] * held


def _sentence_ids(example: Example) -> list[array[int]]:
    sentences, start = [], 0
    for length in example.sentence_lengths:
        sentences.append(example.ids[start : start + length])
        start += length
    return sentences


def _rounds(group: Sequence[int], random: Random) -> Iterator[int]:
    while True:
        yield from random.sample(group, len(group))


def _target_tokens(example: Example, max_targets: int) -> int:
    total = sum(map(len, example.targets))
    return total if len(example.targets) <= max_targets else total * max_targets // len(example.targets)


def _written_tokens(example: Example) -> int:
    return sum(len(text.prefix) + len(text.ids) for text in example.written)


def _stretches(indices: Sequence[int], costs: Sequence[int] | Mapping[int, int], budget: int) -> Iterator[list[int]]:
    """Cut `indices`, in order, into lists whose costs sum to at most `budget`; an item above it stands alone."""
    stretch: list[int] = []
    total = 0
    for index in indices:
        if stretch and total + costs[index] > budget:
            yield stretch
            stretch, total = [], 0
        stretch.append(index)
        total += costs[index]
    if stretch:
        yield stretch
