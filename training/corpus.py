"""All sources of a run -> the corpus: what is trained on, what is chosen by, and what is wrong with either.

In: a `RunConfig`. Out: a `Corpus` whose training articles share no text with dev, sampling probabilities, a digest, and
counts for a person to look at. Does not know: tokens, models, or how the counts are shown (`training.corpus_view`).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from inference.article import Article, article_to_row, to_json
from inference.errors import DataError
from inference.words import words
from training.config import RunConfig
from training.sources import LoadedSource, load_source

OPENING_LETTERS = 120
"""Articles that begin with the same 120 letters are taken for versions of one: about 25 English words or 3 Chinese sentences.
Letters, not words, so that it means as much in scripts that count each character as a word; a dateline alone is shorter."""

FEW_EXAMPLES = 10
"""A topic with fewer training articles than this is reported: it will hardly be learned."""

SHARED_WITH_DEV = "text shared with a dev article"
NO_LABEL = "no label to learn from"


@dataclass(frozen=True, slots=True)
class SharedText:
    """Two articles, as source/id, that share their whole text or its opening, letters and digits compared."""

    article: str
    other: str
    part: str  # "text" or "opening"


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a run reads. Training articles found in dev were left out of `train` and stand in `shared_with_dev`."""

    train: tuple[LoadedSource, ...]
    dev: tuple[LoadedSource, ...]
    shared_with_dev: tuple[SharedText, ...]
    repeated_in_train: tuple[SharedText, ...]  # kept: they are counted, not dropped
    probabilities: tuple[float, ...]  # that the next training article is drawn from each source of `train`
    digests: dict[str, str]  # training source -> SHA-256 of its articles


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """What one source holds. Labels are counted per article, stances per target."""

    split: str  # "train" or "dev"
    name: str
    articles: int
    topics: Counter[str]
    stances: Counter[str]
    summaries: int
    headlines: int  # titles that teach salience in place of a summary
    boilerplate: int  # articles whose boilerplate lines are known
    languages: Counter[str]  # "" = not named
    dropped: dict[str, int]
    unused_labels: tuple[str, ...]
    probability: float  # that a training article is drawn from it; 0.0 for dev
    windows: int  # 0 where nobody counted
    windowed: int  # articles read in more than one window


@dataclass(frozen=True, slots=True)
class CorpusReport:
    sources: tuple[SourceCounts, ...]
    unused_topics: tuple[str, ...]  # topics of the config that no training article has
    rare_topics: dict[str, int]  # topics with 1 to FEW_EXAMPLES - 1 training articles
    languages: dict[str, Counter[str]]  # language -> counts of articles, topics, stances, summaries in train
    shared_with_dev: tuple[SharedText, ...]
    repeated_in_train: tuple[SharedText, ...]


def load_corpus(config: RunConfig) -> Corpus:
    """Read every source, and drop training articles that share text with dev or teach nothing; both are counted.

    Raises `DataError` where a source is wrong or nothing of it is left to train on.
    """
    train, dev = _load_sources(config)
    train, shared, repeated = _without_shared_text(train, dev)
    return Corpus(
        train=tuple(train),
        dev=tuple(dev),
        shared_with_dev=tuple(shared),
        repeated_in_train=tuple(repeated),
        probabilities=sampling_probabilities(train, config.data.mixing_exponent),
        digests={loaded.source.name: digest(loaded.articles) for loaded in train},
    )


def _load_sources(config: RunConfig) -> tuple[list[LoadedSource], list[LoadedSource]]:
    """Train and dev sources; what is wrong with any of them stands in one `DataError`, a line each."""
    loaded: list[LoadedSource] = []
    problems: list[str] = []
    for source in (*config.data.train, *config.data.dev):
        try:
            loaded.append(load_source(source, config.data.root, config.data.topics, config.seed))
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError("\n".join(problems))
    return loaded[: len(config.data.train)], loaded[len(config.data.train) :]


def sampling_probabilities(sources: Sequence[LoadedSource], mixing_exponent: float) -> tuple[float, ...]:
    """Probability of each source: size ** mixing_exponent * weight, normalized (Devlin 2018, multilingual BERT; Conneau 2019, XLM).

    With the exponent 0.5, a source with a hundred times the articles of another is read ten times as often.
    """
    shares = [len(loaded.articles) ** mixing_exponent * loaded.source.weight for loaded in sources]
    return tuple(share / sum(shares) for share in shares)


def digest(articles: Iterable[Article]) -> str:
    """SHA-256 over the articles with their labels, in order; a checkpoint stores it to say what it was trained on."""
    total = hashlib.sha256()
    for article in articles:
        total.update(to_json(article_to_row(article)).encode() + b"\n")
    return total.hexdigest()


def describe(corpus: Corpus, config: RunConfig, count_windows: Callable[[Article], int] | None = None) -> CorpusReport:
    """Count everything a person wants to see before a run; `count_windows` says how many windows an article is read in."""
    counts = [_count("train", loaded, probability, count_windows) for loaded, probability in zip(corpus.train, corpus.probabilities, strict=True)]
    topics = sum((count.topics for count in counts), Counter[str]())
    counts += [_count("dev", loaded, 0.0, count_windows) for loaded in corpus.dev]
    return CorpusReport(
        sources=tuple(counts),
        unused_topics=tuple(topic for topic in config.data.topics if not topics[topic]),
        rare_topics={topic: topics[topic] for topic in config.data.topics if 0 < topics[topic] < FEW_EXAMPLES},
        languages=_count_languages(article for _, article in _named_articles(corpus.train)),
        shared_with_dev=corpus.shared_with_dev,
        repeated_in_train=corpus.repeated_in_train,
    )


def _without_shared_text(train: Sequence[LoadedSource], dev: Sequence[LoadedSource]) -> tuple[list[LoadedSource], list[SharedText], list[SharedText]]:
    """The training sources without what stands in dev or teaches nothing; what was shared with dev; what repeats inside train."""
    held_out = {mark: name for name, article in _named_articles(dev) for mark in _marks(article)}
    first_with: dict[tuple[str, bytes], str] = {}
    shared: list[SharedText] = []
    repeated: list[SharedText] = []
    kept_sources = []
    for loaded in train:
        dropped = Counter(loaded.dropped)
        kept = []
        for article in loaded.articles:
            name = f"{loaded.source.name}/{article.id}"
            marks = _marks(article)
            match = next((SharedText(name, held_out[mark], mark[0]) for mark in marks if mark in held_out), None)
            if match is not None:
                shared.append(match)
                dropped[SHARED_WITH_DEV] += 1
            elif not _teaches(article, loaded):
                dropped[NO_LABEL] += 1
            else:
                kept.append(article)
                if marks[0] in first_with:
                    repeated.append(SharedText(name, first_with[marks[0]], marks[0][0]))
                first_with.setdefault(marks[0], name)
        if not kept:
            reasons = "; ".join(f"{count}: {reason}" for reason, count in dropped.items())
            raise DataError(f"data.train: no article of source {loaded.source.name!r} is left to train on ({reasons}). Remove it or correct its labels.")
        kept_sources.append(replace(loaded, articles=kept, dropped=dict(dropped)))
    return kept_sources, shared, repeated


def _named_articles(sources: Iterable[LoadedSource]) -> Iterator[tuple[str, Article]]:
    for loaded in sources:
        for article in loaded.articles:
            yield f"{loaded.source.name}/{article.id}", article


def _marks(article: Article) -> list[tuple[str, bytes]]:
    """What two copies of a text have in common, whatever their case, spacing, punctuation and ends: digests of its letters."""
    letters = "".join(words(article.text))
    marks = [("text", letters)] + ([("opening", letters[:OPENING_LETTERS])] if len(letters) >= OPENING_LETTERS else [])
    return [(part, hashlib.blake2b(value.encode(errors="surrogatepass"), digest_size=16).digest()) for part, value in marks]


def _teaches(article: Article, loaded: LoadedSource) -> bool:
    return bool(
        article.topic
        or article.summary
        or article.boilerplate is not None
        or any(pair.stance for pair in article.stances)
        or (loaded.source.headline_as_summary and article.title)
    )


def _count(split: str, loaded: LoadedSource, probability: float, count_windows: Callable[[Article], int] | None) -> SourceCounts:
    articles = loaded.articles
    windows = [count_windows(article) for article in articles] if count_windows else []
    return SourceCounts(
        split=split,
        name=loaded.source.name,
        articles=len(articles),
        topics=Counter(article.topic for article in articles if article.topic),
        stances=Counter(pair.stance for article in articles for pair in article.stances if pair.stance),
        summaries=sum(article.summary is not None for article in articles),
        headlines=sum(loaded.source.headline_as_summary and not article.summary and bool(article.title) for article in articles),
        boilerplate=sum(article.boilerplate is not None for article in articles),
        languages=Counter(article.lang for article in articles),
        dropped=loaded.dropped,
        unused_labels=loaded.unused_labels,
        probability=probability,
        windows=sum(windows),
        windowed=sum(count > 1 for count in windows),
    )


def _count_languages(articles: Iterable[Article]) -> dict[str, Counter[str]]:
    """Language -> counts, the language with most articles first."""
    languages: dict[str, Counter[str]] = {}
    for article in articles:
        counts = languages.setdefault(article.lang, Counter())
        counts["articles"] += 1
        counts["topics"] += article.topic is not None
        counts["stances"] += sum(pair.stance is not None for pair in article.stances)
        counts["summaries"] += article.summary is not None
    return dict(sorted(languages.items(), key=lambda item: (-item[1]["articles"], item[0])))
