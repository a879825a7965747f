"""A subword tokenizer trained on the run's own training text: Unigram (Kudo 2018) or BPE (Sennrich 2016), with byte fallback.

In: texts with their language, a kind and a size. Out: a fast tokenizer whose pieces cover every script: what no piece
covers is spelled in bytes, so nothing is unknown. Does not know: the corpus, the model.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from random import Random
from typing import Literal

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}

CHARACTERS_PER_LANGUAGE = 1_200_000
"""Text read of one language: keeps a large language from taking the pieces of the small ones, and Unigram training under a minute or two."""

PIECE_CHARACTERS = 16
"""Longest piece; scripts without spaces would otherwise give whole phrases."""


def train_tokenizer(
    texts: Iterable[tuple[str, str]],
    kind: Literal["unigram", "bpe"],
    vocabulary_size: int,
    seed: int,
    lowercase: bool = False,
    form: Literal["NFC", "NFKC"] = "NFKC",
) -> PreTrainedTokenizerFast:
    """Train on (language, text) pairs; the result has at most `vocabulary_size` pieces, the 256 bytes and 5 special tokens among them.

    `form` is the Unicode normalization of all that it reads, and so of all that a decoder writes with it: NFKC knows fewer forms of a word, and
    turns a full-width comma into an ASCII one, ² into 2 and a Thai ำ into two characters, which nobody wants to read.

    >>> tokenizer = train_tokenizer([("en", "rain fell on the plain " * 50)], "bpe", 300, seed=1)
    >>> tokenizer.decode(tokenizer("plain rain 雨", add_special_tokens=False)["input_ids"])
    'plain rain 雨'
    """
    byte_pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    learned = vocabulary_size - len(byte_pieces)
    specials = list(SPECIAL.values())
    sample = _without_rare_characters(list(_balanced(texts, seed)), learned // 2, form)
    tokenizer = _untrained(models.Unigram() if kind == "unigram" else models.BPE(unk_token=SPECIAL["unk_token"]), lowercase, form)
    trainer: trainers.Trainer
    if kind == "unigram":
        trainer = trainers.UnigramTrainer(
            vocab_size=learned, special_tokens=specials, unk_token=SPECIAL["unk_token"], max_piece_length=PIECE_CHARACTERS, show_progress=False
        )
    else:
        trainer = trainers.BpeTrainer(vocab_size=learned, special_tokens=specials, max_token_length=PIECE_CHARACTERS, show_progress=False)
    tokenizer.train_from_iterator(sample, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=_with_bytes(tokenizer, kind, byte_pieces, lowercase, form), clean_up_tokenization_spaces=False, **SPECIAL)


def _untrained(model: models.Model, lowercase: bool, form: str) -> Tokenizer:
    tokenizer = Tokenizer(model)
    unicode_form = normalizers.NFC() if form == "NFC" else normalizers.NFKC()
    tokenizer.normalizer = normalizers.Sequence([unicode_form, normalizers.Lowercase()]) if lowercase else unicode_form
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")])
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return tokenizer


def _with_bytes(trained: Tokenizer, kind: str, byte_pieces: list[str], lowercase: bool, form: str) -> Tokenizer:
    """The same tokenizer with the 256 byte pieces behind its own: the trainers of `tokenizers` do not add them."""
    vocabulary = sorted(trained.get_vocab().items(), key=lambda item: item[1])
    if kind == "unigram":
        pieces = [tuple(entry) for entry in json.loads(trained.to_str())["model"]["vocab"]]
        lowest = min(score for _, score in pieces) - 10.0  # never chosen where a piece fits
        model: models.Model = models.Unigram([*pieces, *((piece, lowest) for piece in byte_pieces)], trained.token_to_id(SPECIAL["unk_token"]), True)
    else:
        merges = [tuple(merge) for merge in json.loads(trained.to_str())["model"]["merges"]]
        ids = dict(vocabulary) | {piece: len(vocabulary) + i for i, piece in enumerate(byte_pieces)}
        model = models.BPE(ids, merges, unk_token=SPECIAL["unk_token"], byte_fallback=True)
    tokenizer = _untrained(model, lowercase, form)
    tokenizer.add_special_tokens(list(SPECIAL.values()))
    return tokenizer


def _without_rare_characters(lines: Sequence[str], most: int, form: Literal["NFC", "NFKC"]) -> Iterator[str]:
    """The lines with all but the `most` most frequent characters as spaces: those are left to the bytes, or they would fill the vocabulary."""
    normalized = [unicodedata.normalize(form, line.encode("utf-16", "surrogatepass").decode("utf-16", "replace")) for line in lines]
    counts = Counter(chain.from_iterable(normalized))
    rare = dict.fromkeys((ord(character) for character, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[most:]), " ")
    return (line.translate(rare) for line in normalized)


def _balanced(texts: Iterable[tuple[str, str]], seed: int) -> Iterator[str]:
    """Texts in random order until each language has given CHARACTERS_PER_LANGUAGE."""
    shuffled = list(texts)
    Random(seed).shuffle(shuffled)
    given: dict[str, int] = {}
    for lang, text in shuffled:
        room = CHARACTERS_PER_LANGUAGE - given.get(lang, 0)
        if room > 0:
            given[lang] = given.get(lang, 0) + len(text)
            yield from text[:room].splitlines()
