import unicodedata
from itertools import pairwise
from random import Random

import pytest
from transformers import PreTrainedTokenizerBase

from inference.article import Article
from inference.encoding import MAX_TITLE_TOKENS, NO_SENTENCE, ArticleTokenizer, Window
from inference.errors import DataError

SEEDS = range(150)
OVERHEAD = 2  # the start token and the separator of every window


def random_sentences(random: Random, longest: int) -> list[list[int]]:
    """Sentences of 0 to `longest` tokens, no token twice: what is lost or moved shows."""
    lengths = [random.randint(0 if random.random() < 0.1 else 1, longest) for _ in range(random.randint(1, 25))]
    starts = [1000 + sum(lengths[:i]) for i in range(len(lengths))]
    return [list(range(start, start + length)) for start, length in zip(starts, lengths, strict=True)]


def body(windows: list[Window]) -> list[tuple[int, int]]:
    """(token, sentence) of all windows, without titles and special tokens."""
    return [pair for window in windows for pair in zip(window.ids, window.sentences, strict=True) if pair[1] != NO_SENTENCE]


def packed_greedily(title: list[int], sentences: list[list[int]], room: int, limit: int) -> int:
    """How many sentences fit when every window is filled as far as it goes."""
    used, windows = (len(title) + 1 if title else 0), 1
    for index, ids in enumerate(sentences):
        pieces = [len(ids[start : start + room]) for start in range(0, max(len(ids), 1), room)]
        for piece in pieces:
            if used and used + piece > room:
                windows, used = windows + 1, 0
            if windows > limit:
                return index
            used += piece
    return len(sentences)


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_windows_hold_every_sentence_in_order_until_they_are_full(tokenizer: PreTrainedTokenizerBase, limit: int) -> None:
    for seed in SEEDS:
        random = Random(seed)
        size = random.randint(16, 48)
        encode = ArticleTokenizer(tokenizer, window_tokens=size, max_windows=limit, target_tokens=8)
        title = list(range(1, random.randint(1, 6)))
        sentences = random_sentences(random, longest=70)
        windows, held = encode.windows(title, sentences)
        expected = [(token, index) for index, ids in enumerate(sentences) for token in ids]
        found = body(windows)
        assert 1 <= len(windows) <= limit
        assert all(len(window.ids) == len(window.sentences) <= size for window in windows)
        assert found == expected[: len(found)], seed
        assert held == max((index for _, index in found), default=-1) + 1 or not sentences[held - 1], seed
        if held == len(sentences) and limit == 100:
            assert found == expected, seed
        if limit == 100:
            assert held == len(sentences), seed


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_balancing_never_leaves_out_what_full_windows_would_hold(tokenizer: PreTrainedTokenizerBase, limit: int) -> None:
    for seed in SEEDS:
        random = Random(seed)
        encode = ArticleTokenizer(tokenizer, window_tokens=random.randint(24, 48), max_windows=limit, target_tokens=8)
        title = list(range(1, random.randint(1, 6)))
        sentences = random_sentences(random, longest=20)
        _, held = encode.windows(title, sentences)
        assert held >= packed_greedily(title, sentences, encode.window_tokens - OVERHEAD, limit), seed


def test_windows_end_at_sentence_ends_but_inside_a_sentence_longer_than_a_window(tokenizer: PreTrainedTokenizerBase) -> None:
    for seed in SEEDS:
        random = Random(seed)
        encode = ArticleTokenizer(tokenizer, window_tokens=40, max_windows=100, target_tokens=8)
        sentences = random_sentences(random, longest=60)
        windows, _ = encode.windows([], sentences)
        for before, after in pairwise(windows):
            inside = before.sentences[-2], after.sentences[1]
            assert inside[0] != inside[1] or len(sentences[inside[0]]) > 40 - OVERHEAD, seed


def test_a_sentence_longer_than_a_window_goes_on_in_the_next(tokenizer: PreTrainedTokenizerBase) -> None:
    encode = ArticleTokenizer(tokenizer, window_tokens=12, max_windows=9, target_tokens=8)
    windows, held = encode.windows([], [[1, 2], list(range(100, 125)), [3]])
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert [window.ids for window in windows] == [
        [cls, 1, 2, sep],
        [cls, *range(100, 110), sep],
        [cls, *range(110, 120), sep],
        [cls, *range(120, 125), 3, sep],
    ]
    assert windows[3].sentences == [-1, 1, 1, 1, 1, 1, 2, -1]
    assert held == 3


def test_what_max_windows_leaves_out_is_reported(tokenizer: PreTrainedTokenizerBase) -> None:
    encode = ArticleTokenizer(tokenizer, window_tokens=12, max_windows=3, target_tokens=8)
    sentences = [[i] * 10 for i in range(5)]
    assert encode.windows([], sentences)[1] == 3
    windows, held = encode.windows([], sentences, max_windows=2)
    assert len(windows) == held == 2


def test_a_sentence_cut_by_max_windows_counts_as_held(tokenizer: PreTrainedTokenizerBase) -> None:
    encode = ArticleTokenizer(tokenizer, window_tokens=12, max_windows=2, target_tokens=8)
    windows, held = encode.windows([], [list(range(35)), [99]])
    assert [token for token, _ in body(windows)] == list(range(20))
    assert held == 1


@pytest.mark.parametrize("total", range(60, 400, 17))
def test_windows_of_a_long_article_are_about_equally_long(tokenizer: PreTrainedTokenizerBase, total: int) -> None:
    encode = ArticleTokenizer(tokenizer, window_tokens=52, max_windows=100, target_tokens=8)
    random = Random(total)
    lengths = [random.randint(1, 6) for _ in range(total)]
    lengths = [length for i, length in enumerate(lengths) if sum(lengths[: i + 1]) <= total]
    windows, _ = encode.windows([], [[7] * length for length in lengths])
    sizes = [len(window.ids) for window in windows]
    assert len(windows) <= -(-sum(lengths) // 50) + 1
    assert min(sizes) >= 0.6 * max(sizes), sizes


def test_the_title_is_a_segment_of_its_own_at_the_start(tokenizer: PreTrainedTokenizerBase, encode: ArticleTokenizer) -> None:
    (window,), _ = encode.windows([5, 6], [[7, 8], [9]])
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert window == Window([cls, 5, 6, sep, 7, 8, 9, sep], [-1, -1, -1, -1, 0, 0, 1, -1])
    (untitled,), _ = encode.windows([], [[7, 8], [9]])
    assert untitled == Window([cls, 7, 8, 9, sep], [-1, 0, 0, 1, -1])


@pytest.mark.parametrize("title_tokens", [10, 20, 29, 30, 64])
@pytest.mark.parametrize("limit", [1, 3])
def test_a_long_title_neither_breaks_the_window_nor_takes_the_place_of_the_article(tokenizer: PreTrainedTokenizerBase, title_tokens: int, limit: int) -> None:
    encode = ArticleTokenizer(tokenizer, window_tokens=32, max_windows=limit, target_tokens=8)
    windows, held = encode.windows([5] * title_tokens, [[7] * 25, [8] * 5])
    assert all(len(window.ids) <= 32 for window in windows)
    assert len(windows) <= limit
    assert held >= 1


def test_sentences_keep_their_text_in_every_script(encode: ArticleTokenizer, one_a_language: list[Article]) -> None:
    assert len(one_a_language) == 13
    for article in one_a_language:
        encoded = encode.encode(article)
        assert len(encoded.sentence_ids) == len(encoded.page.sentences) > 2
        for sentence, ids in zip(encoded.page.sentences, encoded.sentence_ids, strict=True):
            text = "".join(unicodedata.normalize("NFKC", article.text[sentence.start : sentence.end]).split())
            assert "".join(encode.tokenizer.decode(ids).split()) == text, article.id
        assert encoded.title_ids == encode.tokenizer(article.title, add_special_tokens=False)["input_ids"]
        assert encoded.tokens == len(encoded.title_ids) + sum(map(len, encoded.sentence_ids))


def test_every_sample_article_fits_its_windows(encode: ArticleTokenizer, sample: list[Article]) -> None:
    for article in sample[::5]:
        encoded = encode.encode(article)
        windows, held = encode.windows(encoded.title_ids, encoded.sentence_ids, max_windows=200)
        assert held == len(encoded.sentence_ids)
        assert [token for token, _ in body(windows)] == [token for ids in encoded.sentence_ids for token in ids]


def test_a_text_far_beyond_the_windows_is_not_tokenized_whole(encode: ArticleTokenizer) -> None:
    encoded = encode.encode(Article("The river rose by two metres near the old bridge. " * 20_000))
    assert len(encoded.page.sentences) == 20_000
    windows, held = encode.windows(encoded.title_ids, encoded.sentence_ids)
    assert len(windows) == 16
    assert held <= len(encoded.sentence_ids) < 2_000


def test_a_long_title_is_cut(encode: ArticleTokenizer) -> None:
    encoded = encode.encode(Article("The river rose by two metres near the old bridge.", title="storm " * 300))
    assert len(encoded.title_ids) == MAX_TITLE_TOKENS


def test_a_bad_article_is_named_by_its_id(encode: ArticleTokenizer) -> None:
    with pytest.raises(DataError, match=r"^article 'a7': .*it is empty"):
        encode.encode(Article("", id="a7"))
    with pytest.raises(DataError, match=r"it is empty") as caught:
        encode.encode(Article(""))
    assert not str(caught.value).startswith("article ")


def test_targets_have_special_tokens_and_are_cut(tokenizer: PreTrainedTokenizerBase, encode: ArticleTokenizer) -> None:
    short, long = encode.encode_targets(["the bridge", "the bridge " * 50])
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert short == [cls, *tokenizer("the bridge", add_special_tokens=False)["input_ids"], sep]
    assert len(long) == 16
    assert (long[0], long[-1]) == (cls, sep)
    assert encode.encode_targets([]) == []


@pytest.mark.parametrize("target", ["", "  ", "\n"])
def test_an_empty_target_is_an_error(encode: ArticleTokenizer, target: str) -> None:
    with pytest.raises(DataError, match=r"a stance target must say something, found '.*'\. Name a phrase or a claim, such as 'the missile test'\."):
        encode.encode_targets(["the bridge", target])


def test_lone_surrogates_are_read_as_unknown_characters(encode: ArticleTokenizer) -> None:
    text = "The river \ud800 rose by two metres near the old bridge."
    encoded = encode.encode(Article(text))
    assert encoded.page.text == text
    assert "�" in encode.tokenizer.decode(encoded.sentence_ids[0])
    assert encode.encode_targets(["a\udfff"]) == encode.encode_targets(["a�"])


def test_special_tokens_written_in_an_article_are_its_words(encode: ArticleTokenizer) -> None:
    special = {encode.tokenizer.cls_token_id, encode.tokenizer.sep_token_id, encode.tokenizer.mask_token_id}
    encoded = encode.encode(Article("The clerk typed [SEP] and then [MASK] into the form of the city.", title="What [CLS] means"))
    assert not special & {*encoded.title_ids, *encoded.sentence_ids[0]}
    (target,) = encode.encode_targets(["the [MASK] of the city"])
    assert not special & set(target[1:-1])


def test_a_target_that_the_tokenizer_does_not_see_is_refused(encode: ArticleTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ArticleTokenizer, "_tokenize", lambda self, texts: [[] for _ in texts])
    with pytest.raises(DataError, match=r"^the tokenizer of this model sees nothing in the stance target '💥'\. Name a phrase or a claim in letters\.$"):
        encode.encode_targets(["💥"])
