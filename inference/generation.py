"""Written summaries: beam search over the backbone's own decoder, which reads the encoded articles.

In: an `ArticleModel` with a decoder, the states of a batch of articles, and a `Request` for each text wanted. Out: for each request its
n-best `Candidate`s, as text with the decoder's score. Does not know: articles, whether what was written is true
(`inference.faithfulness` checks that).

The decoder reads the states of all windows of an article at once (fusion in the decoder, Izacard and Grave 2021,
https://arxiv.org/abs/2007.01282). A prefix on the decoder's side says what to write, and in which language.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil

import regex
import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache, GenerationConfig, LogitsProcessor, LogitsProcessorList, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput

from inference.model import ArticleModel, gather_articles
from inference.selection import join_sentences
from inference.sentences import ends_sentence, split_sentences
from inference.words import count_words

BEAMS = 4
"""Hypotheses kept, and candidates handed on: the usual width of summarization; what one says wrongly another may not."""

BUDGET_SLACK = 1.3
"""Tokens allowed over what `max_words` words of the article itself take: names and numbers, many in summaries, take more than other words."""

LEAST_BUDGET = 8
"""Tokens that a search may always take."""

REPEAT_WORDS = 3
"""Words that may not recur in a row (Paulus et al. 2018 ban trigrams), as tokens by the article's own tokens per word: about three words. What is
repeated in fewer tokens is left to the check."""

SEARCH_CELLS = 2**24
"""Beams times vocabulary in one search: the scores of a step take eight times four bytes of it, half a gigabyte."""

BROKEN_OFF = " –"
"""Behind a text that the budget ended inside its first sentence, so that it does not look whole in scripts without full stops."""

_LANGUAGE_CODE = regex.compile(r"[a-z]{2,3}")
_SENTINEL = regex.compile(r"▁?<extra_id_\d+>")


@dataclass(frozen=True, slots=True)
class Request:
    """A text to write: about which article of the batch, in which language, and how long it may become."""

    article: int
    lang: str
    max_words: int | None
    max_sentences: int | None
    tokens_per_word: float  # of the article itself


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that the decoder proposes; `score` is the mean log-probability a token of what was written, before it was cut: 0 is the surest."""

    text: str
    score: float


class SummaryTokenizer:
    """Texts to write <-> the decoder's tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: ArticleModel) -> None:
        self.tokenizer = tokenizer
        self.config = model.config
        backbone = model.backbone.config
        self.start: int = backbone.decoder_start_token_id
        self.end: int = backbone.eos_token_id
        self.padding: int = backbone.pad_token_id if backbone.pad_token_id is not None else backbone.eos_token_id
        self.vocabulary: int = model.backbone.get_output_embeddings().out_features

    def prefix(self, lang: str, *, headline: bool = False) -> list[int]:
        """What the decoder is given before a text: what to write, and the language as a code such as "fr"."""
        template = self.config.headline_prefix if headline else self.config.summary_prefix
        code = lang.partition("-")[0].lower()
        code = code if _LANGUAGE_CODE.fullmatch(code) else ""  # an article may call its language anything
        ids: list[int] = self.tokenizer(template.replace("{lang}", code), add_special_tokens=False)["input_ids"]
        return ids

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, and the end token."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]
        return [*ids, self.end]

    def encode_whole_sentences(self, text: str, lang: str, limit: int) -> list[int]:
        """Token ids of as many sentences of `text`, from the first, as `limit` tokens hold, and the end token; [] where not one fits."""
        ids = self.encode(text)
        spans = split_sentences(text, lang)
        while len(ids) > limit and len(spans) > 1:
            spans.pop()
            ids = self.encode(text[: spans[-1][1]])
        return ids if len(ids) <= limit else []

    def decode(self, ids: list[int]) -> str:
        text = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return " ".join(str(text).split())

    @cached_property
    def forbidden(self) -> list[int]:
        """Tokens that no text has: special ones, the sentinels of T5's pretraining, and ids of the model that the tokenizer does not know."""
        vocabulary = self.tokenizer.get_vocab()
        sentinels = {index for token, index in vocabulary.items() if _SENTINEL.fullmatch(token)}
        unknown = set(range(self.vocabulary)) - set(vocabulary.values())
        special = {index for index, token in self.tokenizer.added_tokens_decoder.items() if token.special} | set(self.tokenizer.all_special_ids)
        return sorted((sentinels | unknown | special) - {self.end})


@torch.inference_mode()
def write(model: ArticleModel, codec: SummaryTokenizer, states: Tensor, token_article: Tensor, requests: Sequence[Request]) -> list[list[Candidate]]:
    """The `BEAMS` best texts for each request, the most probable first.

    `states` [M, D] are the encoder's, `token_article` [M] says whose. A text has at most `max_words` words and `max_sentences` sentences,
    whole ones as far as one fits: the search stops at a budget of tokens, and the text is cut at its last sentence end within the limits.
    A request's answer does not depend on the others of the batch.
    """
    found: dict[int, list[Candidate]] = {}
    prefixes = [codec.prefix(request.lang) for request in requests]
    for length in sorted({len(prefix) for prefix in prefixes}):
        alike = [place for place, prefix in enumerate(prefixes) if len(prefix) == length]
        together = max(1, SEARCH_CELLS // (BEAMS * codec.vocabulary))
        for start in range(0, len(alike), together):
            members = alike[start : start + together]
            texts = _search(model, codec, states, token_article, [requests[place] for place in members], [prefixes[place] for place in members])
            found.update(zip(members, texts, strict=True))
    return [found[place] for place in range(len(requests))]


def _search(
    model: ArticleModel, codec: SummaryTokenizer, states: Tensor, token_article: Tensor, requests: Sequence[Request], prefixes: Sequence[list[int]]
) -> list[list[Candidate]]:
    """`write` for requests whose prefixes are of one length."""
    device = states.device
    memory, mask = gather_articles(states, token_article, torch.tensor([request.article for request in requests], device=device))
    start = torch.tensor([[codec.start, *prefix] for prefix in prefixes], device=device)
    budgets = [_budget(request, model.config.summary_tokens) for request in requests]
    limits = _Limits(
        start.shape[1],
        codec.end,
        torch.tensor(budgets, device=device).repeat_interleave(BEAMS),
        torch.tensor([ceil(REPEAT_WORDS * request.tokens_per_word) for request in requests], device=device).repeat_interleave(BEAMS),
    )
    settings = GenerationConfig(
        num_beams=BEAMS,
        num_return_sequences=BEAMS,
        do_sample=False,
        early_stopping=False,  # else four short texts end the search while a better one is still being written
        max_new_tokens=max(budgets),
        suppress_tokens=codec.forbidden,
        decoder_start_token_id=codec.start,
        eos_token_id=codec.end,
        pad_token_id=codec.padding,
    )
    model.backbone.generation_config = GenerationConfig()  # that of a pretrained model sets lengths and penalties of its own task
    decoder = model.backbone.config.get_text_config(decoder=True)
    sequences = model.backbone.generate(
        encoder_outputs=BaseModelOutput(memory),
        attention_mask=mask.long(),
        decoder_input_ids=start,
        generation_config=settings,
        past_key_values=EncoderDecoderCache(DynamicCache(config=decoder), _MemoryCache()),
        logits_processor=LogitsProcessorList([limits]),
    )
    found: list[list[Candidate]] = []
    for request, budget, beams in zip(requests, budgets, sequences.split(BEAMS), strict=True):
        texts = [_text(ids, codec.end) for ids in beams[:, start.shape[1] :].tolist()]
        cut = [_cut(codec.decode(ids), request, finished=len(ids) < budget) for ids in texts]
        scores = _mean_log_probabilities(model, states, token_article, request.article, beams, [start.shape[1] + len(ids) for ids in texts], start.shape[1])
        found.append(sorted(map(Candidate, cut, scores), key=lambda candidate: -candidate.score))
    return found


class _MemoryCache(DynamicCache):
    """Keys and values of the article: all beams of an article have the same, so that nothing moves where beams change places.

    The stock search copies them at every step, which takes more time than the decoder itself.
    """

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Leave everything in its place; `beam_idx` never crosses articles."""


class _Limits(LogitsProcessor):
    """Ends each text at its own budget and bans n-grams of its own length: requests of one batch do not depend on each other."""

    def __init__(self, prompt: int, end: int, budgets: Tensor, ngrams: Tensor) -> None:
        self.prompt = prompt  # tokens before the text
        self.end = end
        self.budgets = budgets  # [rows] tokens, the end token among them
        self.rows_of = {size: (ngrams == size).nonzero()[:, 0] for size in ngrams.unique().tolist()}  # by length of the n-grams that may not recur

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        texts = input_ids[:, self.prompt :]
        written = texts.shape[1]
        scores = scores.clone()
        if written == 0:
            scores[:, self.end] = -torch.inf  # an empty text says nothing
        for size, rows in self.rows_of.items():
            if written < size:
                continue
            grams = texts[rows].unfold(1, size, 1)  # [rows, places, size]
            last = texts[rows, written - size + 1 :]  # [rows, size - 1] what the next token would make an n-gram of
            repeated = (grams[:, :, :-1] == last[:, None]).all(-1)
            row, place = repeated.nonzero(as_tuple=True)
            scores[rows[row], grams[row, place, -1]] = -torch.inf
        spent = written + 1 >= self.budgets
        scores[spent] = -torch.inf
        scores[spent, self.end] = 0.0
        return scores


def _budget(request: Request, most: int) -> int:
    """Tokens that a text may have, the end token among them."""
    if request.max_words is None:
        return most
    return min(most, max(LEAST_BUDGET, ceil(request.max_words * request.tokens_per_word * BUDGET_SLACK) + 1))


def _text(ids: list[int], end: int) -> list[int]:
    """The tokens up to the end token, that one among them."""
    return ids[: ids.index(end) + 1] if end in ids else ids


def _mean_log_probabilities(
    model: ArticleModel, states: Tensor, token_article: Tensor, article: int, beams: Tensor, lengths: Sequence[int], prompt: int
) -> list[float]:
    """Of the tokens behind the prompt, for each of an article's texts. The search knows them, but hands them on only with the scores of the whole
    vocabulary at every step, gigabytes for a large one."""
    articles = torch.full((len(beams),), article, device=beams.device)
    logits = model.next_token_logits(states, token_article, articles, beams[:, :-1])
    chosen = logits.float().log_softmax(-1).gather(2, beams[:, 1:, None]).squeeze(2)  # [beams, T - 1]
    return [float(row[prompt - 1 : length - 1].mean()) for row, length in zip(chosen, lengths, strict=True)]


def _cut(text: str, request: Request, *, finished: bool) -> str:
    """The whole sentences of `text`, from the first, that fit the limits; where not one does, the first as it is, which the check refuses.

    Where the budget ended the search (not `finished`) the last sentence is not whole, even if its script writes no full stops.
    """
    sentences = [text[start:end] for start, end in split_sentences(text, request.lang)]
    whole = sentences if finished else sentences[:-1]
    kept: list[str] = []
    for sentence in whole[: request.max_sentences]:
        fits = request.max_words is None or count_words(join_sentences([*kept, sentence])) <= request.max_words
        if not (fits and ends_sentence(sentence)):
            break
        kept.append(sentence)
    if kept or not sentences:
        return join_sentences(kept)
    return sentences[0] if whole else sentences[0].rstrip() + BROKEN_OFF
