"""`Analyzer`: articles in, an `Analysis` each out, in input order, batched by length inside.

In: `Article`s and stance targets. Out: topic, stances, a summary (of the article's own sentences, or written and checked), what was taken
for boilerplate. One encoding of an article serves all of them.
Does not know: files, the terminal, training. Evaluation calls this same class.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from transformers import PreTrainedTokenizerBase

from inference.analysis import ABSTRACTIVE, AUTO, METHODS, Analysis, Limits, StanceResult, Topic
from inference.article import Article
from inference.batch import BatchItem, collate
from inference.checkpoint import load_checkpoint
from inference.cleaning import Removed
from inference.encoding import ArticleTokenizer, EncodedArticle, Window
from inference.errors import CheckpointError, DataError
from inference.generation import Candidate, Request, SummaryTokenizer, write
from inference.labels import STANCES
from inference.model import ArticleModel, Outputs
from inference.ngrams import Bag, read_bags
from inference.salience import Reading, read_sentences
from inference.summaries import article_text, checked_summary, extractive_summary
from inference.words import count_words

Answer = TypeVar("Answer")

CHUNK_ARTICLES = 256
"""Articles read ahead and sorted by length: more would pad less and wait longer for the first answer."""

BATCH_TOKENS = 8_192
"""Tokens of one forward pass: beyond this a CPU gains nothing and memory grows."""

BOILERPLATE_THRESHOLD = 0.5
"""A sentence that the rules take for boilerplate with this probability is not article."""

LEARNED_THRESHOLD = 0.98
"""The same for the model, which doubts short sentences: of the 751 clean ones of the sample's dev part it takes 29 for boilerplate from 0.5 on, 1 from here."""

DOUBT_THRESHOLD = 0.12
"""From this rule score on a sentence is kept out of the summary where the article has others.

In the sample's train and dev parts 16 of 4,096 clean sentences have it, and 8 of the 12 boilerplate ones that are left after cleaning.
"""


@dataclass(frozen=True, slots=True)
class _Prepared:
    encoded: EncodedArticle
    windows: list[Window]
    held: int  # sentences that the windows hold
    targets: list[str]
    target_ids: list[list[int]]
    article_bag: list[Bag]  # what the model of n-grams reads of it; none where the checkpoint has no such model
    stance_bags: list[list[Bag]]  # the same of it and each target
    reading: Reading | None  # what the model of words reads of it; None where the checkpoint has none


@dataclass(frozen=True, slots=True)
class Logits:
    """What the encoder says of one article, and what n-grams or words do, before they are weighed: rows 0 and 1. Without such a model row 1 is 0."""

    topic: torch.Tensor  # [2, C]
    stances: torch.Tensor  # [K, 2, 4] of its own targets, then of those asked about
    salience: torch.Tensor  # [2, N]
    sentences: tuple[str, ...]  # [N] that were read


class Analyzer:
    """Runs a checkpoint on articles.

    >>> analyzer = Analyzer.from_pretrained("runs/quickstart/checkpoint")  # doctest: +SKIP
    >>> next(analyzer.analyze_many([Article("Rain fell for three days …")])).topic.name  # doctest: +SKIP
    'weather'
    """

    def __init__(self, model: ArticleModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model
        config = model.config
        self.articles = ArticleTokenizer(tokenizer, config.window_tokens, config.max_windows, config.target_tokens)
        self.summaries = SummaryTokenizer(tokenizer, model) if config.summary_prefix else None  # None = it does not write

    @classmethod
    def from_pretrained(cls, name: str | Path) -> "Analyzer":
        """Load a checkpoint folder or Hub id onto the GPU where there is one. Raises `CheckpointError`."""
        checkpoint = load_checkpoint(name)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        checkpoint.model.to(device)  # type: ignore[arg-type]
        return cls(checkpoint.model, checkpoint.tokenizer)

    @property
    def temperatures(self) -> dict[str, float]:
        """What the logits of each task are divided by, as fitted on dev; 1 = none."""
        config = self.model.config
        return {"topic": config.topic_temperature, "stance": config.stance_temperature, "salience": config.salience_temperature}

    def analyze_many(
        self,
        articles: Iterable[Article],
        *,
        targets: Sequence[str] = (),
        max_words: int | None = 60,
        max_sentences: int | None = None,
        method: str = AUTO,
        min_confidence: float = 0.0,
        on_error: Callable[[Article, DataError], None] | None = None,
    ) -> Iterator[Analysis]:
        """Yield one `Analysis` per article, in order; `articles` may be any iterable and is read in chunks.

        Each article is asked about the targets in its own `stances`, then about `targets`. A topic or stance that is less probable than
        `min_confidence` is None: the report of `python -m training evaluate` says how many answers a checkpoint gives, and how many of
        them are wrong, at each confidence.
        A summary is made of the article's own sentences ("extractive") or written by the checkpoint's decoder ("abstractive"); "auto" writes where
        that was clearly better on the dev articles of the checkpoint's run (`training.decoder.MethodComparison`). A written summary that does
        not pass the check (`inference.faithfulness`) is replaced by the extractive one, and `Summary.warnings` say why.
        A wrong option raises `DataError` at once, before the first answer is asked for.
        A bad article raises `DataError` when its turn comes, or is handed to `on_error` and left out where one is given.
        """
        limits = Limits(max_words, max_sentences, min_confidence, self.method(method))
        if isinstance(targets, str):
            raise DataError(f"targets must be a list of phrases, found the text {targets!r}. Write [{targets!r}].")
        if not isinstance(targets, Sequence):
            raise DataError(f"targets must be a list of phrases, found {targets!r}. Leave it out where you have none.")
        asked = self.articles.encode_targets(targets)
        return self._in_order(articles, lambda article: self._prepare(article, targets, asked), lambda members: self._analyze(members, limits), on_error)

    def candidates(self, articles: Iterable[Article], *, max_words: int | None = 60, max_sentences: int | None = None) -> Iterator[list[Candidate]]:
        """What the decoder proposes for each article, in order, the most probable first and before any check: for those who judge the model.

        Raises as `analyze_many` does, and `DataError` for a checkpoint that does not write.
        """
        limits = Limits(max_words, max_sentences, method=self.method(ABSTRACTIVE))
        return self._in_order(
            articles, lambda article: self._prepare(article, (), []), lambda members: self._write(members, self._forward(members), limits), None
        )

    def logits(self, articles: Iterable[Article], *, on_error: Callable[[Article, DataError], None] | None = None) -> Iterator[Logits]:
        """The logits behind the answers to each article and the targets in its own `stances`, in order: for those who weigh them.

        Raises as `analyze_many` does.
        """
        return self._in_order(articles, lambda article: self._prepare(article, (), []), lambda members: self._logits(members, self._forward(members)), on_error)

    def method(self, asked: str) -> str:
        """ "extractive" or "abstractive": what is `asked` for, or what "auto" means for this checkpoint. Raises `DataError` where it cannot be had."""
        if asked not in METHODS:
            raise DataError(f"method must be one of {', '.join(METHODS)}, found {asked!r}.")
        meant = str(self.model.config.summary_method) if asked == AUTO else asked
        if meant == ABSTRACTIVE and self.summaries is None:
            raise DataError(
                "method='abstractive' needs a checkpoint whose decoder was trained to write, and this one only chooses sentences. "
                "Use 'extractive' or 'auto', or train an encoder-decoder, e.g. configs/abstractive.yaml."
            )
        return meant

    def _in_order(
        self,
        articles: Iterable[Article],
        prepare: Callable[[Article], _Prepared],
        answer: Callable[[Sequence[_Prepared]], Iterable[Answer]],
        on_error: Callable[[Article, DataError], None] | None,
    ) -> Iterator[Answer]:
        """The answer to each article, in order; inside, chunks of them go through the model by length."""
        remaining = iter(articles)
        while chunk := list(islice(remaining, CHUNK_ARTICLES)):
            prepared: list[_Prepared] = []
            for article in chunk:
                try:
                    prepared.append(prepare(article))
                except DataError as error:
                    if on_error is None:
                        raise
                    on_error(article, error)
            answers: dict[int, Answer] = {}
            for group in _batches_by_length([sum(len(w.ids) for w in p.windows) for p in prepared]):
                answers.update(zip(group, answer([prepared[i] for i in group]), strict=True))
            yield from (answers[place] for place in range(len(prepared)))

    def _prepare(self, article: Article, targets: Sequence[str], target_ids: list[list[int]]) -> _Prepared:
        encoded = self.articles.encode(article)
        windows, held = self.articles.windows(encoded.title_ids, encoded.sentence_ids)
        own = [stance.target for stance in article.stances]
        asked = [*own, *targets]
        article_bag, stance_bags = ([], []) if self.model.topic_ngrams is None else read_bags(encoded.page, asked)
        reading = None if self.model.word_salience is None else read_sentences(encoded.page, held)
        return _Prepared(encoded, windows, held, asked, [*self.articles.encode_targets(own), *target_ids], article_bag, stance_bags, reading)

    @torch.inference_mode()
    def _forward(self, members: Sequence[_Prepared]) -> Outputs:
        """One pass of the encoder and its heads over `members`."""
        self.model.train(False)
        batch = collate([BatchItem(p.windows, p.held, len(p.encoded.page.sentences), p.target_ids) for p in members])
        outputs: Outputs = self.model(**{name: tensor.to(self.model.device) for name, tensor in batch.items()})  # type: ignore[attr-defined]
        answers = (outputs.topic_logits, outputs.stance_logits, outputs.salience_logits, outputs.boilerplate_logits)
        _check_finite(*answers)
        return outputs

    @torch.inference_mode()
    def _logits(self, members: Sequence[_Prepared], outputs: Outputs) -> Iterator[Logits]:
        """What the encoder, the n-grams and the words say of `members`."""
        assert outputs.topic_logits is not None
        assert outputs.stance_logits is not None
        assert outputs.salience_logits is not None
        topics, stances, salience = outputs.topic_logits.float(), outputs.stance_logits.float(), outputs.salience_logits.float()
        of_topics, of_stances, of_salience = torch.zeros_like(topics), torch.zeros_like(stances), torch.zeros_like(salience)
        if self.model.topic_ngrams is not None and self.model.stance_ngrams is not None:
            of_topics = self.model.topic_ngrams([member.article_bag for member in members])
            of_stances = self.model.stance_ngrams([bags for member in members for bags in member.stance_bags])
        if self.model.word_salience is not None:
            of_salience = self.model.word_salience([member.reading for member in members if member.reading is not None])
        _check_finite(of_topics, of_stances, of_salience)
        return map(
            Logits,
            torch.stack([topics, of_topics], dim=1).cpu(),
            torch.stack([stances, of_stances], dim=1).cpu().split([len(member.targets) for member in members]),
            torch.stack([salience, of_salience]).cpu().split([member.held for member in members], dim=1),
            (tuple(page.text[s.start : s.end] for s in page.sentences[: member.held]) for member in members for page in [member.encoded.page]),
        )

    def _weighed(self, task: str, logits: torch.Tensor) -> torch.Tensor:
        """[..., 2, labels] -> [..., labels], of which the softmax is taken"""
        config = self.model.config
        weight = {"topic": config.topic_ngram_weight, "stance": config.stance_ngram_weight, "salience": config.salience_word_weight}[task]
        encoder, beside = logits.unbind(-2)
        both: torch.Tensor = (encoder + weight * beside) / self.temperatures[task]
        return both

    def _analyze(self, members: Sequence[_Prepared], limits: Limits) -> Iterator[Analysis]:
        """The analyses of `members`, which are read at once."""
        outputs = self._forward(members)
        assert outputs.boilerplate_logits is not None
        boilerplate = outputs.boilerplate_logits.float().sigmoid().cpu().split([p.held for p in members])
        written = self._write(members, outputs, limits) if limits.method == ABSTRACTIVE else [[] for _ in members]
        for number, (member, logits) in enumerate(zip(members, self._logits(members, outputs), strict=True)):
            stances = self._weighed("stance", logits.stances).softmax(-1).tolist()
            found = tuple(_stance(target, scores, limits.min_confidence) for target, scores in zip(member.targets, stances, strict=True))
            topics = self._weighed("topic", logits.topic).softmax(-1).tolist()
            salience = self._weighed("salience", logits.salience)
            yield self._analysis(member, topics, found, salience, boilerplate[number].tolist(), written[number], limits)

    def _write(self, members: Sequence[_Prepared], outputs: Outputs, limits: Limits) -> list[list[Candidate]]:
        """What the decoder proposes for each of `members`, from the states that are there already."""
        assert self.summaries is not None
        assert outputs.token_states is not None
        lengths = torch.tensor([sum(len(w.ids) for w in p.windows) for p in members], device=self.model.device)
        token_article = torch.arange(len(members), device=self.model.device).repeat_interleave(lengths)
        requests = [
            Request(number, member.encoded.page.lang, limits.max_words, limits.max_sentences, _tokens_per_word(member.encoded))
            for number, member in enumerate(members)
        ]
        return write(self.model, self.summaries, outputs.token_states, token_article, requests)

    def _analysis(
        self,
        member: _Prepared,
        topic_scores: list[float],
        stances: tuple[StanceResult, ...],
        salience_logits: torch.Tensor,
        boilerplate: list[float],
        written: list[Candidate],
        limits: Limits,
    ) -> Analysis:
        page = member.encoded.page
        scores = dict(zip(self.model.config.topics, topic_scores, strict=True))
        best, confidence = _sure(scores, limits.min_confidence)
        likely = [p >= LEARNED_THRESHOLD or page.sentences[i].boilerplate >= BOILERPLATE_THRESHOLD for i, p in enumerate(boilerplate)]
        readable = [i for i in range(member.held) if not likely[i]] or list(range(member.held))
        refused = [
            Removed(page.sentences[i].start, page.sentences[i].end, "model", max(boilerplate[i], page.sentences[i].boilerplate))
            for i in sorted({*range(member.held)} - {*readable})
        ]
        warnings = []
        if all(likely):
            warnings.append("The page looks like boilerplate only: its answers may not be about an article.")
        left_out = len(page.sentences) - member.held
        if left_out:
            warnings.append(f"The article is too long: its last {left_out} of {len(page.sentences)} sentences were not read.")
        sure = [i for i in readable if page.sentences[i].boilerplate < DOUBT_THRESHOLD] or readable
        salience = salience_logits[sure].softmax(-1).tolist()
        summary = extractive_summary(page, sure, salience, max_words=limits.max_words, max_sentences=limits.max_sentences)
        if written:
            summary = checked_summary(written, article_text(page, readable), page.lang, summary, max_words=limits.max_words)
        for target, ids in zip(member.targets, member.target_ids, strict=True):
            if len(ids) >= self.articles.target_tokens:
                warnings.append(f"The target {target[:40]!r}… is long: only its first {self.articles.target_tokens} tokens were read.")
        if not page.lang:
            warnings.append("The language could not be identified.")
        return Analysis(
            id=member.encoded.article.id,
            lang=page.lang,
            title=page.title,
            topic=Topic(best, confidence, scores),
            stances=stances,
            summary=summary,
            removed=tuple(sorted((*page.removed, *refused), key=lambda r: r.start)),
            warnings=tuple(warnings),
        )


def _check_finite(*answers: torch.Tensor | None) -> None:
    if not all(logits is not None and bool(logits.isfinite().all()) for logits in answers):
        raise CheckpointError("the model answers with infinite or undefined numbers: its weights are broken. Load another checkpoint.")


def _tokens_per_word(encoded: EncodedArticle) -> float:
    """Of an article's sentences, in the words of `max_words`."""
    page = encoded.page
    read = page.sentences[: len(encoded.sentence_ids)]
    counted = sum(count_words(page.text[sentence.start : sentence.end]) for sentence in read)
    return max(1.0, sum(map(len, encoded.sentence_ids)) / max(counted, 1))


def _stance(target: str, scores: list[float], min_confidence: float) -> StanceResult:
    by_name = dict(zip(STANCES, scores, strict=True))
    return StanceResult(target, *_sure(by_name, min_confidence), by_name)


def _sure(scores: dict[str, float], min_confidence: float) -> tuple[str | None, float]:
    """The most probable label, or None where it is not probable enough, and its probability."""
    best = max(scores, key=scores.__getitem__)
    return (best if scores[best] >= min_confidence else None), scores[best]


def _batches_by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices in batches of at most BATCH_TOKENS tokens, longest first; an article is never divided."""
    batch: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and tokens + lengths[index] > BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += lengths[index]
    if batch:
        yield batch
