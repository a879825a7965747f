"""All sources of a run -> the corpus: what is trained on, what is chosen by, and what is wrong with either.

In: a `RunConfig`. Out: a `Corpus` whose training articles overlap neither dev nor held-out ones, sampling probabilities, digests and signatures, and
counts for a person to look at. Does not know: tokens, models, or how the counts are shown (`training.corpus_view`).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from inference.article import Article, article_to_row, to_json
from inference.errors import DataError
from training.config import RunConfig
from training.duplicates import Signatures, sign
from training.leakage import Overlap, overlaps_inside, overlaps_with_held_out, shared_targets
from training.sources import LoadedSource, load_source

FEW_EXAMPLES = 10
"""A topic with fewer training articles than this is reported: it will hardly be learned."""

SHARED_WITH_HELD_OUT = "text shared with a dev or held-out article"
NO_LABEL = "no label to learn from"


@dataclass(frozen=True, slots=True)
class Corpus:
    """What a run reads. Training articles that overlap dev or held-out ones were left out of `train` and stand in `shared_with_held_out`."""

    train: tuple[LoadedSource, ...]
    dev: tuple[LoadedSource, ...]
    held_out: tuple[LoadedSource, ...]  # read only to keep `train` clear of them
    shared_with_held_out: tuple[Overlap, ...]
    probabilities: tuple[float, ...]  # that the next training article is drawn from each source of `train`
    digests: dict[str, str]  # training source -> SHA-256 of its articles
    signatures: Signatures = field(compare=False)  # of the articles in `train`, in order; they follow from the rest


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """What one source holds. Labels are counted per article, stances per target."""

    split: str  # "train", "dev" or "held out"
    name: str
    articles: int
    topics: Counter[str]
    stances: Counter[str]
    summaries: int
    headlines: int  # titles that teach salience in place of a summary
    texts: int  # summaries and titles that a decoder learns to write; 0 outside train
    boilerplate: int  # articles whose boilerplate lines are known
    languages: Counter[str]  # "" = not named
    dropped: dict[str, int]
    unused_labels: tuple[str, ...]
    probability: float  # that a training article is drawn from it; 0.0 outside train
    windows: int  # 0 where nobody counted
    windowed: int  # articles read in more than one window


@dataclass(frozen=True, slots=True)
class CorpusReport:
    sources: tuple[SourceCounts, ...]
    unused_topics: tuple[str, ...]  # topics of the config that no training article has
    rare_topics: dict[str, int]  # topics with 1 to FEW_EXAMPLES - 1 training articles
    languages: dict[str, Counter[str]]  # language -> counts of articles, topics, stances, summaries in train
    shared_with_held_out: tuple[Overlap, ...]
    repeated_in_train: tuple[Overlap, ...]  # kept: they are counted, not dropped
    repeated_in_dev: tuple[Overlap, ...]
    repeated_in_held_out: tuple[Overlap, ...]
    shared_targets: dict[str, tuple[int, int]]  # split and name of a source -> stance targets that training has too, of how many


def load_corpus(config: RunConfig) -> Corpus:
    """Read every source, and drop training articles that share text with dev or held-out ones or teach nothing; both are counted.

    Raises `DataError` where a source is wrong or nothing of it is left to train on.
    """
    train, dev, held_out = _load_sources(config)
    train, shared, signatures = _without_shared_text(train, (*dev, *held_out))
    return Corpus(
        train=tuple(train),
        dev=tuple(dev),
        held_out=tuple(held_out),
        shared_with_held_out=tuple(shared),
        probabilities=sampling_probabilities(train, config.data.mixing_exponent),
        digests={loaded.source.name: digest(loaded.articles) for loaded in train},
        signatures=signatures,
    )


def _load_sources(config: RunConfig) -> list[list[LoadedSource]]:
    """Train, dev and held-out sources; what is wrong with any of them stands in one `DataError`, a line each."""
    loaded: list[list[LoadedSource]] = []
    problems: list[str] = []
    for sources in (config.data.train, config.data.dev, config.data.held_out):
        loaded.append([])
        for source in sources:
            try:
                loaded[-1].append(load_source(source, config.data.root, config.data.topics, config.seed))
            except DataError as error:
                problems.append(str(error))
    if problems:
        raise DataError("\n".join(problems))
    return loaded


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
    if config.model.backbone.has_decoder is not False:  # a pretrained backbone may have one
        counts = [replace(count, texts=_texts_to_write(loaded)) for count, loaded in zip(counts, corpus.train, strict=True)]
    topics = sum((count.topics for count in counts), Counter[str]())
    counts += [_count("dev", loaded, 0.0, count_windows) for loaded in corpus.dev]
    counts += [_count("held out", loaded, 0.0, count_windows) for loaded in corpus.held_out]
    return CorpusReport(
        sources=tuple(counts),
        unused_topics=tuple(topic for topic in config.data.topics if not topics[topic]),
        rare_topics={topic: topics[topic] for topic in config.data.topics if 0 < topics[topic] < FEW_EXAMPLES},
        languages=_count_languages(article for _, article in _named_articles(corpus.train)),
        shared_with_held_out=corpus.shared_with_held_out,
        repeated_in_train=overlaps_inside(corpus.signatures, [article.text for _, article in _named_articles(corpus.train)]),
        repeated_in_dev=_repeated(corpus.dev),
        repeated_in_held_out=_repeated(corpus.held_out),
        shared_targets=shared_targets(
            {loaded.source.name: loaded.articles for loaded in corpus.train},
            {f"{split} {loaded.source.name}": loaded.articles for split, part in (("dev", corpus.dev), ("held out", corpus.held_out)) for loaded in part},
        ),
    )


def _repeated(sources: Sequence[LoadedSource]) -> tuple[Overlap, ...]:
    named = [(name, article.text) for name, article in _named_articles(sources)]
    return overlaps_inside(sign(named), [text for _, text in named])


def _without_shared_text(train: Sequence[LoadedSource], held_out: Sequence[LoadedSource]) -> tuple[list[LoadedSource], list[Overlap], Signatures]:
    """The training sources without what overlaps `held_out` or teaches nothing; what overlaps; the signatures of what is kept."""
    named = [(name, article.text) for name, article in _named_articles(train)]
    signatures = sign(named)
    shared = overlaps_with_held_out(signatures, [text for _, text in named], ((name, article.text) for name, article in _named_articles(held_out)))
    row = -1
    kept_rows: list[int] = []
    kept_sources = []
    for loaded in train:
        dropped = Counter(loaded.dropped)
        kept = []
        for article in loaded.articles:
            row += 1
            if row in shared:
                dropped[SHARED_WITH_HELD_OUT] += 1
            elif not _teaches(article, loaded):
                dropped[NO_LABEL] += 1
            else:
                kept.append(article)
                kept_rows.append(row)
        if not kept:
            reasons = "; ".join(f"{count}: {reason}" for reason, count in dropped.items())
            raise DataError(f"data.train: no article of source {loaded.source.name!r} is left to train on ({reasons}). Remove it or correct its labels.")
        kept_sources.append(replace(loaded, articles=kept, dropped=dict(dropped)))
    return kept_sources, list(shared.values()), signatures.take(kept_rows)


def _named_articles(sources: Iterable[LoadedSource]) -> Iterator[tuple[str, Article]]:
    for loaded in sources:
        for article in loaded.articles:
            yield f"{loaded.source.name}/{article.id}", article


def _teaches(article: Article, loaded: LoadedSource) -> bool:
    return bool(
        article.topic
        or article.summary
        or article.boilerplate is not None
        or any(pair.stance for pair in article.stances)
        or ((loaded.source.headline_as_summary or loaded.source.generate in ("headline", "both")) and article.title)
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
        texts=0,
        boilerplate=sum(article.boilerplate is not None for article in articles),
        languages=Counter(article.lang for article in articles),
        dropped=loaded.dropped,
        unused_labels=loaded.unused_labels,
        probability=probability,
        windows=sum(windows),
        windowed=sum(count > 1 for count in windows),
    )


def _texts_to_write(loaded: LoadedSource) -> int:
    generate = loaded.source.generate
    summaries = sum(article.summary is not None for article in loaded.articles) if generate in ("summary", "both") else 0
    return summaries + (sum(bool(article.title) for article in loaded.articles) if generate in ("headline", "both") else 0)


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
