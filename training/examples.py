"""Articles -> examples: token ids and labels, as training reads them.

In: the corpus and an `ArticleTokenizer`. Out: `Example`s; what a source says about its labels; how rare each token is.
Does not know: batches, the model, the Trainer, files.
"""

from __future__ import annotations  # array[int] is a type to mypy, and to Python from 3.12

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log
from random import Random

import torch
from torch import Tensor

from inference.article import Article
from inference.cleaning import REMOVE_THRESHOLD
from inference.encoding import ArticleTokenizer, EncodedArticle
from inference.generation import SummaryTokenizer
from inference.labels import STANCES
from inference.losses import IGNORE
from training.oracle import salience_targets

KEEP_ALL = 1.1
"""No rule score reaches this: the page keeps its boilerplate, so that the learned head sees it."""

GLUED = 0.3
"""Share of injected lines that run into the next line without a break, as in crawled pages."""

BALANCE = 0.75
"""Power of a stance's inverse frequency in its weight: 0 leaves the source's own shares, 1 makes all stances weigh the same."""


@dataclass(frozen=True, slots=True)
class SourceLabels:
    """What a source says about its labels: topics it uses (indices), weight of each stance, whether neutral covers unrelated."""

    topics: tuple[int, ...]
    stance_weights: tuple[float, ...]
    neutral_covers_unrelated: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A text that the decoder learns to write: the tokens of its prefix, its own with the end token, whether it is the title, whether it is whole."""

    prefix: array[int]
    ids: array[int]  # none where not one sentence fits the limit
    headline: bool
    whole: bool


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
    written: tuple[Written, ...] = ()

    @property
    def tokens(self) -> int:
        return len(self.title) + len(self.ids)


@dataclass(frozen=True, slots=True)
class Writing:
    """Which texts of a source the decoder learns to write, and their tokenizer."""

    summaries: bool
    headlines: bool
    codec: SummaryTokenizer


def make_example(
    article: Article,
    source: int,
    topics: Sequence[str],
    encode: ArticleTokenizer,
    headline: bool,
    injected: tuple[str, ...] = (),
    writing: Writing | None = None,
) -> Example:
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
        written=tuple(_written(article, encoded.page.lang, writing)) if writing else (),
    )


def _written(article: Article, lang: str, writing: Writing) -> Iterator[Written]:
    """The texts of an article that its source gives the decoder to learn."""
    codec = writing.codec
    texts = [(article.summary or "", False)] if writing.summaries else []
    texts += [(article.title, True)] if writing.headlines else []
    for text, headline in texts:
        if text.strip():
            ids = codec.encode_whole_sentences(text, lang, codec.config.summary_tokens)
            whole = len(ids) == len(codec.encode(text))
            yield Written(array("i", codec.prefix(lang, headline=headline)), array("i", ids), headline, whole)


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
