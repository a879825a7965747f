"""Documents -> rows of a fixed number of tokens without padding, the plan of a pretraining run, and its masked batches.

In: documents by language, a tokenizer, sizes. Out: rows as arrays of token ids; batches of row numbers in which languages are balanced; tensors.
Does not know: files, models, the Trainer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerBase

Rows = NDArray[np.int32]  # [N, S] token ids
Plan = NDArray[np.int64]  # [batches, rows of a batch] row numbers

DOCUMENTS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows to score a model on, and how many bytes of text each token stands for (0 = special), [N, S] each."""

    ids: Rows
    bytes: Rows


def pack(documents: Sequence[str], tokenizer: PreTrainedTokenizerBase, window_tokens: int) -> Rows:
    """Fill rows `[CLS] document [SEP] document … [SEP]`, cut wherever a row is full (full sentences of RoBERTa, Liu 2019).

    The last row is filled up from the beginning, so nothing is left out and nothing padded. A row mostly holds one document or two, and its
    tokens read all of it.

    >>> from training.vocabulary import train_tokenizer
    >>> tokenizer = train_tokenizer([("en", "rain fell " * 50)], "bpe", 300, seed=1)
    >>> tokenizer.decode(pack(["rain fell", "rain"], tokenizer, 8)[0])
    '[CLS] rain fell[SEP] rain[SEP] rain[SEP]'
    """
    stream: list[int] = []
    for start in range(0, len(documents), DOCUMENTS_AT_ONCE):
        for ids in _tokenize(documents[start : start + DOCUMENTS_AT_ONCE], tokenizer)["input_ids"]:
            stream += [*ids, tokenizer.sep_token_id]
    return _fill(stream, window_tokens, tokenizer.cls_token_id, tokenizer.sep_token_id)


def pack_scored(documents: Sequence[str], tokenizer: PreTrainedTokenizerBase, window_tokens: int) -> Scored:
    """The same rows with the bytes of each token."""
    encoded = _tokenize(documents, tokenizer, return_offsets_mapping=True)
    sizes: list[int] = []
    for text, offsets in zip(documents, encoded["offset_mapping"], strict=True):
        for number, (a, b) in enumerate(offsets):  # pieces of one character, such as its bytes or the dots of "…", have the same offsets
            sizes.append(0 if number and (a, b) == offsets[number - 1] else len(text[a:b].encode("utf-8", "replace")))
        sizes.append(0)
    return Scored(pack(documents, tokenizer, window_tokens), _fill(sizes, window_tokens, 0, 0))


def _tokenize(documents: Sequence[str], tokenizer: PreTrainedTokenizerBase, **options: bool) -> Any:
    """Ids without special tokens. Lone surrogates, which no tokenizer takes, are read as U+FFFD."""
    texts = [document.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for document in documents]
    return tokenizer(texts, add_special_tokens=False, split_special_tokens=True, return_attention_mask=False, verbose=False, **options)


def _fill(stream: Sequence[int], window_tokens: int, first: int, last: int) -> Rows:
    room = window_tokens - 2
    rows = np.resize(np.array(stream, np.int32), (max(1, -(-len(stream) // room)), room))
    return np.pad(rows, ((0, 0), (1, 1)), constant_values=((0, 0), (first, last)))


def plan_rows(rows: Mapping[str, int], mixing_exponent: float, batches: int, batch_rows: int, seed: int) -> Plan:
    """Row numbers, counted over all languages in order, of every batch of the run, in order.

    A language of `rows[lang]` rows is read in proportion to rows ** mixing_exponent (Conneau 2020, XLM-R), in shuffled rounds without
    replacement, spread evenly over the run.
    """
    random = np.random.default_rng(seed)
    shares = np.array([count**mixing_exponent for count in rows.values()])
    total = batches * batch_rows
    ends = np.rint(np.cumsum(shares / shares.sum()) * total).astype(np.int64)  # whole numbers that sum to the total
    places, chosen, first = [], [], 0
    for size, visits in zip(rows.values(), np.diff(ends, prepend=0), strict=True):
        rounds = -(-int(visits) // size)
        order = np.concatenate([random.permutation(size) for _ in range(rounds)] or [np.zeros(0, np.int64)])
        chosen.append(order[:visits] + first)
        places.append((np.arange(visits) + random.random(visits)) / max(visits, 1))
        first += size
    return np.concatenate(chosen)[np.argsort(np.concatenate(places), kind="stable")].reshape(batches, batch_rows)


@dataclass(frozen=True, slots=True)
class MaskingCollator:
    """A batch of the plan -> token ids with some masked, and labels, [B, S] int64 each. What is masked depends on the seed and the batch's place alone.

    The share of masked tokens changes evenly from `mask_first` to `mask_last` over `batches` (Ankner 2023, dynamic masking rate schedules); of
    those, 80% are [MASK], 10% another token, 10% stay (Devlin 2018, BERT).
    """

    rows: Rows
    tokenizer: PreTrainedTokenizerBase
    mask_first: float
    mask_last: float
    batches: int
    seed: int

    def __call__(self, planned: Sequence[tuple[int, Sequence[int]]]) -> dict[str, Tensor]:
        """`planned` holds one (place in the run, row numbers), as `PlannedBatches` gives it."""
        ((place, chosen),) = planned
        rate = self.mask_first + (self.mask_last - self.mask_first) * place / max(self.batches - 1, 1)
        return mask(self.rows[np.asarray(chosen)], self.tokenizer, rate, seed=(self.seed << 32) + place)


def mask(rows: Rows, tokenizer: PreTrainedTokenizerBase, rate: float, seed: int, only_masks: bool = False) -> dict[str, Tensor]:
    """Mask a share `rate` of the tokens that are not special; with `only_masks`, by nothing but [MASK]. Labels are -100 elsewhere."""
    replaced, random = (1.0, 0.0) if only_masks else (0.8, 0.1)
    stock = DataCollatorForLanguageModeling(tokenizer, mlm_probability=rate, mask_replace_prob=replaced, random_replace_prob=random)
    stock.generator = torch.Generator().manual_seed(seed % 2**63)
    special = torch.from_numpy(np.isin(rows, tokenizer.all_special_ids))
    ids, labels = stock.torch_mask_tokens(torch.from_numpy(rows.astype(np.int64)), special_tokens_mask=special)
    return {"input_ids": ids, "labels": labels}
