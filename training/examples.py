"""Articles -> examples with labels -> the batches of a run, planned ahead, and their tensors.

In: the corpus and an `ArticleTokenizer`. Out: `Example`s; a plan of batches that fills a token budget and mixes sources by
temperature; a collator. A plan fixes every batch of the run, so a resumed run reads exactly the batches that were left.
Does not know: the model, the Trainer, files.
"""

from __future__ import annotations  # array[int] is a type to mypy, and to Python from 3.12

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from random import Random

import torch
from torch import Tensor

from inference.article import Article
from inference.batch import BatchItem, collate
from inference.cleaning import REMOVE_THRESHOLD
from inference.encoding import ArticleTokenizer, EncodedArticle
from inference.labels import STANCES
from inference.losses import IGNORE
from training.oracle import salience_targets

KEEP_ALL = 1.1
"""No rule score reaches this: the page keeps its boilerplate, so that the learned head sees it."""

GLUED = 0.3
"""Share of injected lines that run into the next line without a break, as in crawled pages."""

BALANCE = 0.75
"""Power of a stance's inverse frequency in its weight: 0 leaves the source's own shares, 1 makes all stances weigh the same."""

MEGABATCH = 64
"""Batches whose articles are sorted by length together: little padding, and still a random mix."""


@dataclass(frozen=True, slots=True)
class SourceLabels:
    """What a source says about its labels: topics it uses (indices), weight of each stance, whether neutral covers unrelated."""

    topics: tuple[int, ...]
    stance_weights: tuple[float, ...]
    neutral_covers_unrelated: bool


@dataclass(frozen=True, slots=True)
class Example:
    """One training article as token ids and labels; ids lie flat to keep a large corpus small in memory."""

    source: int
    title: array[int]
    ids: array[int]
    sentence_lengths: array[int]
    topic: int
    targets: tuple[array[int], ...]
    stances: tuple[int, ...]
    salience: array[float] | None
    from_headline: bool
    boilerplate: array[int]  # 0, 1 or IGNORE a sentence

    @property
    def tokens(self) -> int:
        return len(self.title) + len(self.ids)


def make_example(article: Article, source: int, topics: Sequence[str], encode: ArticleTokenizer, headline: bool, injected: tuple[str, ...] = ()) -> Example:
    """Encode one article. `headline` allows the title to teach salience; `injected` are boilerplate lines put into its text."""
    encoded = encode.encode(article, remove_at=KEEP_ALL if injected or article.boilerplate else REMOVE_THRESHOLD)
    sentences = [encoded.page.text[s.start : s.end] for s in encoded.page.sentences[: len(encoded.sentence_ids)]]
    reference = article.summary or (article.title if headline else "")
    salience = salience_targets(sentences, reference) if reference else None
    known = [stance for stance in article.stances if stance.stance is not None]
    return Example(
        source=source,
        title=array("i", encoded.title_ids),
        ids=array("i", [token for ids in encoded.sentence_ids for token in ids]),
        sentence_lengths=array("i", map(len, encoded.sentence_ids)),
        topic=topics.index(article.topic) if article.topic else IGNORE,
        targets=tuple(array("i", ids) for ids in encode.encode_targets([stance.target for stance in known])),
        stances=tuple(STANCES.index(str(stance.stance)) for stance in known),
        salience=array("f", salience) if salience else None,
        from_headline=not article.summary,
        boilerplate=_boilerplate_labels(encoded, article, injected),
    )


def inject_lines(article: Article, lines: Sequence[str], random: Random) -> Article:
    """Put `lines` at random places between the lines of a clean article, some glued to what follows; adds them to `boilerplate`."""
    body = article.text.split("\n")
    for line in lines:
        place = random.choice((0, len(body), random.randint(0, len(body))))  # mostly the top and the bottom, as on pages
        if random.random() < GLUED and place < len(body):
            body[place] = line + body[place]
        else:
            body.insert(place, line)
    return replace(article, text="\n".join(body), boilerplate=(*(article.boilerplate or ()), *lines))


def source_labels(articles: Sequence[Article], topics: Sequence[str], used: Sequence[str], neutral_covers_unrelated: bool) -> SourceLabels:
    """Stance weights are powers of the inverse frequencies in the source, with a mean of 1 over its pairs."""
    counts = Counter(stance.stance for article in articles for stance in article.stances if stance.stance)
    raw = [counts[name] ** -BALANCE if counts[name] else 0.0 for name in STANCES]
    mean = sum(weight * counts[name] for name, weight in zip(STANCES, raw, strict=True)) / max(counts.total(), 1)
    return SourceLabels(tuple(topics.index(name) for name in used), tuple(weight / mean if mean else 1.0 for weight in raw), neutral_covers_unrelated)


def token_rarity(examples: Sequence[Example], vocabulary_size: int, special: Sequence[int]) -> Tensor:
    """Inverse document frequency of every token, log(N / n) / log N, in 0 to 1 (Spaerck Jones 1972); [V]. A token in no article has 1.

    `special` tokens have 0: the two that frame a target frame every window too, and would count as its rarest words, all found.
    """
    counts = Counter(token for example in examples for token in {*example.ids, *example.title})
    articles = max(len(examples), 2)
    frequencies = torch.ones(vocabulary_size)
    for token, count in counts.items():
        frequencies[token] = count
    rarity = (articles / frequencies).log() / log(articles)
    rarity[list(special)] = 0.0
    return rarity


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
    costs = [size + _target_tokens(example, max_targets) for size, example in zip(sizes, examples, strict=True)]
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

    def __call__(self, planned: Sequence[tuple[int, list[int]]]) -> dict[str, Tensor]:
        """`planned` holds one (place in the run, example indices), as `PlannedBatches` gives it."""
        ((place, indices),) = planned
        random = Random(f"{self.seed}:{place}")
        items: list[BatchItem] = []
        labels: dict[str, list[object]] = {name: [] for name in ("topic", "stance", "stance_weight", "merged", "salience", "salience_weight", "boilerplate")}
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
        }


class PlannedBatches(torch.utils.data.Dataset[tuple[int, list[int]]]):
    """The plan as a data set of batches: item i is (i, example indices), so that the stock loop shuffles and shards whole batches."""

    def __init__(self, batches: Sequence[list[int]]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, place: int) -> tuple[int, list[int]]:
        return place, self.batches[place]


def _boilerplate_labels(encoded: EncodedArticle, article: Article, injected: Sequence[str]) -> array[int]:
    """1 for sentences inside a known boilerplate line, 0 for the others; what the rules doubt in an article without annotation is IGNORE."""
    known = article.boilerplate or ()
    annotated = article.boilerplate is not None and (not injected or len(known) > len(injected))
    spans = list(_find_lines(article.text, known))
    labels = array("i")
    for sentence in encoded.page.sentences[: len(encoded.sentence_ids)]:
        middle = (sentence.start + sentence.end) // 2
        inside = any(start <= middle < end for start, end in spans)
        labels.append(1 if inside else 0 if annotated or sentence.boilerplate == 0 else IGNORE)
    return labels


def _find_lines(text: str, lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    for line in lines:
        start = text.find(line)
        while line and start >= 0:
            yield start, start + len(line)
            start = text.find(line, start + len(line))


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
