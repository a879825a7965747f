"""Article -> token windows and the sentence of every token; the only place that decides what is cut.

In: an `Article` and a tokenizer. Out: `EncodedArticle` (token ids of the title and of every sentence) and `Window`s that
end at sentence ends. Sentences are tokenized one by one, because a Unigram piece may otherwise cross a sentence end.
Does not know: tensors, models, labels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from inference.article import Article
from inference.cleaning import REMOVE_THRESHOLD, Page, read_page
from inference.errors import DataError

NO_SENTENCE = -1
"""The sentence index of title tokens and of special tokens."""

MAX_TITLE_TOKENS = 64
"""A headline has 10 to 40 tokens in all our languages; longer "titles" are leads, and the body says the rest."""

SENTENCES_AT_ONCE = 512
"""Sentences tokenized in one call: most articles whole, while a 10 MB text stops soon after its windows are full."""


@dataclass(frozen=True, slots=True)
class Window:
    """What the backbone reads at once: token ids and, for each, the index of its sentence in the article (or -1)."""

    ids: list[int]
    sentences: list[int]


@dataclass(frozen=True, slots=True)
class EncodedArticle:
    """An article as token ids. `sentence_ids[i]` belongs to `page.sentences[i]`; what no window could hold is not tokenized."""

    article: Article
    page: Page
    title_ids: list[int]
    sentence_ids: list[list[int]]

    @property
    def tokens(self) -> int:
        return len(self.title_ids) + sum(map(len, self.sentence_ids))


class ArticleTokenizer:
    """Reads, cleans and tokenizes articles, and packs their sentences into windows of at most `window_tokens`."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, window_tokens: int, max_windows: int, target_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.window_tokens = window_tokens
        self.max_windows = max_windows
        self.target_tokens = target_tokens
        separator = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
        self._start = [] if tokenizer.cls_token_id is None else [tokenizer.cls_token_id]
        self._separator = [] if separator is None else [separator]

    def encode(self, article: Article, remove_at: float = REMOVE_THRESHOLD) -> EncodedArticle:
        """Tokenize one article; lines that are boilerplate with a score of `remove_at` or more are left out.

        Raises `DataError` for text without words.
        """
        for name, value in (("text", article.text), ("title", article.title), ("lang", article.lang)):
            if not isinstance(value, str):
                raise DataError(f"article {article.id!r}: {name} must be a string, found {type(value).__name__}.")
        try:
            page = read_page(article.text, article.title, article.lang, remove_at=remove_at)
        except DataError as error:
            raise DataError(f"article {article.id!r}: {error}" if article.id else str(error)) from error
        (title_ids,) = self._tokenize([page.title])
        sentence_ids: list[list[int]] = []
        tokens = 0
        while len(sentence_ids) < len(page.sentences) and tokens < self.window_tokens * self.max_windows:
            slice_ = page.sentences[len(sentence_ids) : len(sentence_ids) + SENTENCES_AT_ONCE]
            sentence_ids += self._tokenize([page.text[s.start : s.end] for s in slice_])
            tokens += sum(map(len, sentence_ids[-len(slice_) :]))
        return EncodedArticle(article, page, title_ids[:MAX_TITLE_TOKENS], sentence_ids)

    def encode_targets(self, targets: Sequence[str]) -> list[list[int]]:
        """Token ids of stance targets, with special tokens, cut to `target_tokens`."""
        for target in targets:
            if not isinstance(target, str) or not target.strip():
                raise DataError(f"a stance target must say something, found {target!r}. Name a phrase or a claim, such as 'the missile test'.")
        room = self.target_tokens - len(self._start) - len(self._separator)
        tokenized = self._tokenize(targets)
        for target, ids in zip(targets, tokenized, strict=True):
            if not ids:
                raise DataError(f"the tokenizer of this model sees nothing in the stance target {target!r}. Name a phrase or a claim in letters.")
        return [[*self._start, *ids[:room], *self._separator] for ids in tokenized]

    def windows(self, title_ids: Sequence[int], sentence_ids: Sequence[Sequence[int]], *, max_windows: int | None = None) -> tuple[list[Window], int]:
        """Pack the sentences, in order, into windows that end at sentence ends; the title opens the first one.

        Returns the windows and how many sentences, from the first, they hold: the others found `max_windows` full. Windows of
        a long article are made about equally long, so that little is padded. A sentence longer than a window goes on in the next.
        """
        limit = self.max_windows if max_windows is None else max_windows
        room = self.window_tokens - len(self._start) - len(self._separator)
        title = [*title_ids[: room // 2 - 1], *self._separator] if title_ids else []
        lengths = [len(ids) for ids in sentence_ids]
        packed = [Window(list(title), [NO_SENTENCE] * len(title))]
        held = 0
        for window, index, start, stop in _lay_out(lengths, len(title), room, _balanced_fill(lengths, len(title), room, limit)):
            if window == limit:
                break
            if window == len(packed):
                packed.append(Window([], []))
            packed[-1].ids.extend(sentence_ids[index][start:stop])
            packed[-1].sentences.extend([index] * (stop - start))
            held = index + 1
        return [self._close(window) for window in packed], held

    def _close(self, window: Window) -> Window:
        before, after = [NO_SENTENCE] * len(self._start), [NO_SENTENCE] * len(self._separator)
        return Window([*self._start, *window.ids, *self._separator], [*before, *window.sentences, *after])

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids without special tokens. Lone surrogates, which no tokenizer takes, are read as U+FFFD; offsets stay."""
        if not texts:
            return []
        clean = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
        encoded = self.tokenizer(
            clean, add_special_tokens=False, split_special_tokens=True, return_attention_mask=False, return_token_type_ids=False, verbose=False
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids


def _balanced_fill(lengths: Sequence[int], title: int, room: int, limit: int) -> int:
    """The smallest fill that needs no more windows than full ones do; full ones where `limit` leaves something out."""

    def windows(fill: int) -> int:
        return max((window for window, *_ in _lay_out(lengths, title, room, fill)), default=0) + 1

    fewest = windows(room)
    low, high = (title + sum(lengths)) // fewest, room
    while fewest <= limit and low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if windows(middle) == fewest else (middle + 1, high)
    return high


def _lay_out(lengths: Sequence[int], title: int, room: int, fill: int) -> Iterator[tuple[int, int, int, int]]:
    """(window, sentence, start, stop) of every piece: a sentence is in pieces where no window, or not the rest beside the title, holds it."""
    window, used = 0, title
    for index, length in enumerate(lengths):
        start = 0
        while True:
            fresh = used == (title if window == 0 else 0)
            if not fresh and used + length - start > fill:
                window, used, fresh = window + 1, 0, True
            stop = min(length, start + room - used)
            yield window, index, start, stop
            used += stop - start
            start = stop
            if start == length:
                break
