from random import Random

import pytest

from inference.article import Article
from inference.selection import LEAST_SALIENCE, cut_to_words, join_sentences, select_sentences
from inference.words import count_words

STORY = [
    "The river rose by two metres on Monday.",
    "Two bridges were closed, the mayor said.",
    "On Monday the river rose by two metres.",
    "Schools open again next week.",
    "",
]


def test_the_most_salient_sentences_in_the_order_of_the_article() -> None:
    assert select_sentences(STORY[:4], [0.2, 0.4, 0.1, 0.3], max_words=None, max_sentences=2) == [1, 3]
    assert select_sentences(STORY[:4], [0.3, 0.4, 0.1, 0.2], max_words=None, max_sentences=1) == [1]


def test_equal_salience_takes_the_first() -> None:
    assert select_sentences(["Rain fell.", "Snow came.", "Wind rose."], [1 / 3] * 3, max_words=None, max_sentences=1) == [0]


def test_a_repetition_is_passed_over() -> None:
    assert select_sentences(STORY[:4], [0.3, 0.2, 0.3, 0.2], max_words=None, max_sentences=3) == [0, 1, 3]


def test_a_sentence_that_would_pass_the_budget_is_passed_over_for_one_that_fits() -> None:
    assert [count_words(sentence) for sentence in STORY] == [8, 7, 8, 5, 0]
    assert select_sentences(STORY[:4], [0.3, 0.25, 0.2, 0.25], max_words=13, max_sentences=None) == [0, 3]
    assert select_sentences(STORY[:4], [0.3, 0.25, 0.2, 0.25], max_words=15, max_sentences=None) == [0, 1]
    assert select_sentences(STORY[:4], [0.3, 0.25, 0.2, 0.25], max_words=15, max_sentences=1) == [0]


def test_nothing_fits() -> None:
    assert select_sentences(STORY[:4], [0.25] * 4, max_words=4, max_sentences=None) == []
    assert select_sentences([], [], max_words=4, max_sentences=None) == []


def test_a_full_budget_is_no_reason_to_add_what_says_nothing() -> None:
    room = sum(map(count_words, STORY[:4])) - 1
    assert select_sentences(STORY[:4], [0.9, 0.08, 0.01, 0.01], max_words=room, max_sentences=None) == [0]


def test_a_short_article_is_its_own_summary() -> None:
    room = sum(map(count_words, STORY[:4]))
    assert select_sentences(STORY[:4], [0.9, 0.08, 0.01, 0.01], max_words=room, max_sentences=None) == [0, 1, 3]  # the third repeats the second


def test_sentences_without_words_are_never_chosen() -> None:
    assert select_sentences(["", "***", "Rain fell."], [0.5, 0.4, 0.1], max_words=60, max_sentences=None) == [2]


def test_budgets_hold_whatever_the_salience() -> None:
    for seed in range(100):
        random = Random(seed)
        sentences = [" ".join(f"w{random.randint(0, 60)}" for _ in range(random.randint(1, 15))) for _ in range(random.randint(1, 12))]
        raw = [random.random() for _ in sentences]
        limit, most = random.randint(1, 30), random.randint(1, 4)
        salience = [value / sum(raw) for value in raw]
        chosen = select_sentences(sentences, salience, max_words=limit, max_sentences=most)
        assert chosen == sorted(set(chosen))
        assert len(chosen) <= most
        assert sum(count_words(sentences[i]) for i in chosen) <= limit
        worth_saying = [sentence for sentence, share in zip(sentences, salience, strict=True) if share * len(sentences) >= LEAST_SALIENCE]
        assert chosen or all(count_words(sentence) > limit for sentence in worth_saying)


@pytest.mark.parametrize(
    ("sentence", "max_words", "expected"),
    [
        ("After days of rain, the river rose by two metres.", 20, "After days of rain, the river rose by two metres."),
        ("After days of rain, the river rose by two metres.", 7, "After days of rain"),
        ("Rain, the first in two long dry years, came.", 6, "Rain, the first in two long"),
        ("After days of rain, the river rose.", 1, "After"),
        ("市長は月曜日、橋を閉鎖すると発表した。", 3, "市長は月曜日"),
        ("市長は月曜日、橋を閉鎖すると発表した。", 4, "市長は月曜日"),
        ("市長は月曜日、橋を閉鎖すると発表した。", 7, "市長は月曜日、橋を閉鎖すると発"),
        ("วันจันทร์ที่ผ่านมา", 3, "วันจันทร์"),
        ("Supercalifragilistic", 1, "Supercalifragilistic"),
    ],
)
def test_a_cut_ends_at_a_clause_or_a_word(sentence: str, max_words: int, expected: str) -> None:
    assert cut_to_words(sentence, max_words) == expected


def test_a_cut_is_an_opening_within_its_words_in_every_script(sample: list[Article]) -> None:
    for article in sample:
        sentence = article.text.split("\n")[0]
        for limit in (1, 4, 11, 30):
            cut = cut_to_words(sentence, limit)
            assert cut
            assert sentence.startswith(cut)
            assert count_words(cut) <= limit
            assert count_words(cut) * 2 >= min(limit, count_words(sentence)) - 1, (article.id, limit)


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        ([], ""),
        (["Rain fell."], "Rain fell."),
        (["Rain fell.", "It stopped."], "Rain fell. It stopped."),
        (["雨が降った。", "止んだ。"], "雨が降った。止んだ。"),
        (["비가 왔다.", "그쳤다."], "비가 왔다. 그쳤다."),
        (["他说：“下雨了。”", "雨停了。"], "他说：“下雨了。”雨停了。"),
    ],
)
def test_sentences_are_joined_as_their_script_writes(sentences: list[str], expected: str) -> None:
    assert join_sentences(sentences) == expected


@pytest.mark.parametrize(
    ("sentence", "max_words", "expected"),
    [
        ("Damage came to 1,000,000 dollars in all", 4, "Damage came to 1,000,000"),
        ("Norway won 3–2 against the visitors", 3, "Norway won 3–2"),
        ("The train left at 10:30 in the morning", 5, "The train left at 10:30"),
        ("Le coût atteint 1 500 000 euros", 5, "Le coût atteint"),
    ],
)
def test_a_number_is_never_cut(sentence: str, max_words: int, expected: str) -> None:
    assert cut_to_words(sentence, max_words) == expected


def test_a_sentence_that_fits_is_taken_however_weak_before_any_is_cut() -> None:
    sentences = ["The council met on Monday evening and decided after hours of talk to build a bridge.", "It will be built in May.", "Nobody objected at all."]
    assert select_sentences(sentences, [0.9, 0.06, 0.04], max_words=8, max_sentences=None) == [1]
    even = 29 * [1 / 29 - 1e-9]
    assert select_sentences([f"Number {word} is here." for word in range(29)], even, max_words=4, max_sentences=None) == [0]


def test_a_further_sentence_needs_most_of_the_even_share() -> None:
    sentences = ["Rain fell on Monday.", "A river rose fast.", "Roads were closed there.", "The mayor spoke later that same day to all."]
    assert select_sentences(sentences, [0.54, 0.26, 0.16, 0.04], max_words=12, max_sentences=None) == [0, 1]
    assert select_sentences(sentences, [0.45, 0.25, 0.25, 0.05], max_words=12, max_sentences=None) == [0, 1, 2]
