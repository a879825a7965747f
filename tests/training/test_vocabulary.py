import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from transformers import AutoTokenizer

from inference.article import Article
from training.vocabulary import SPECIAL, train_tokenizer

Kind = Literal["unigram", "bpe"]
KINDS: tuple[Kind, ...] = ("unigram", "bpe")


def pairs(articles: list[Article]) -> list[tuple[str, str]]:
    return [(article.lang, article.text) for article in articles]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [512, 1000, 4000])
def test_the_vocabulary_holds_at_most_the_pieces_asked_for(sample: list[Article], kind: Kind, size: int) -> None:
    tokenizer = train_tokenizer(pairs(sample), kind, size, seed=1)
    assert 0.9 * size <= len(tokenizer) <= size  # 13 languages have some 2,900 characters: the rare ones are left to the bytes


@pytest.mark.parametrize("kind", KINDS)
def test_text_of_every_script_comes_back_even_where_training_saw_none_of_it(kind: Kind, one_a_language: list[Article]) -> None:
    tokenizer = train_tokenizer([("en", "The river rose by two metres near the old bridge on Monday. " * 20)], kind, 400, seed=1)
    for article in one_a_language:
        ids = tokenizer(article.text[:300], add_special_tokens=False)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert "".join(tokenizer.decode(ids).split()) == "".join(unicodedata.normalize("NFKC", article.text[:300]).split()), article.lang


@pytest.mark.parametrize("kind", KINDS)
def test_a_decoder_writes_the_characters_that_it_read(kind: Kind) -> None:
    written = "水は「1²㎞」，น้ำ…"
    wide = train_tokenizer([("ja", written * 20)], kind, 400, seed=1, form="NFC")
    assert wide.decode(wide(written, add_special_tokens=False)["input_ids"]).strip() == written
    narrow = train_tokenizer([("ja", written * 20)], kind, 400, seed=1)
    assert narrow.decode(narrow(written, add_special_tokens=False)["input_ids"]).strip() == unicodedata.normalize("NFKC", written)


@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_vocabulary_needs_fewer_pieces(sample: list[Article], kind: Kind) -> None:
    english = [pair for pair in pairs(sample) if pair[0] == "en"]
    small, large = (train_tokenizer(english, kind, size, seed=1) for size in (400, 1500))
    text = english[0][1]
    assert len(large(text)["input_ids"]) < 0.8 * len(small(text)["input_ids"])


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_are_where_the_model_looks_for_them(kind: Kind) -> None:
    tokenizer = train_tokenizer([("en", "rain fell on the plain " * 50)], kind, 300, seed=1)
    assert {name: getattr(tokenizer, name) for name in SPECIAL} == SPECIAL
    assert [tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id] == [0, 1, 2, 3, 4]


def test_the_same_seed_gives_the_same_pieces(sample: list[Article]) -> None:
    first, second, other = (train_tokenizer(pairs(sample[:40]), "bpe", 2000, seed=seed) for seed in (1, 1, 2))
    assert first.get_vocab() == second.get_vocab()
    assert len(other) == len(first)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_tokenizer_stays_itself(tmp_path: Path, sample: list[Article], kind: Kind) -> None:
    tokenizer = train_tokenizer(pairs(sample[:40]), kind, 2000, seed=1)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = sample[100].text + " 𓀀 ๑๒๓"
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert loaded.mask_token_id == tokenizer.mask_token_id


def test_a_small_language_keeps_its_pieces_beside_a_large_one(monkeypatch: pytest.MonkeyPatch, sample: list[Article]) -> None:
    monkeypatch.setattr("training.vocabulary.CHARACTERS_PER_LANGUAGE", 10_000)
    english, swahili = ([pair for pair in pairs(sample) if pair[0] == lang] for lang in ("en", "sw"))
    balanced = train_tokenizer(english * 20 + swahili, "bpe", 800, seed=1)
    monkeypatch.setattr("training.vocabulary.CHARACTERS_PER_LANGUAGE", 10_000_000)
    flooded = train_tokenizer(english * 20 + swahili, "bpe", 800, seed=1)
    text = swahili[0][1]
    assert len(balanced(text)["input_ids"]) < len(flooded(text)["input_ids"])
