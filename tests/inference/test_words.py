import time

import pytest

from inference.words import count_words, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Ｔokyo’s U.N. vote: 3–2", ["the", "tokyo", "s", "u", "n", "vote", "3", "2"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("हिन्दी समाचार", ["हिन्दी", "समाचार"]),
        ("ภาษาไทย", ["ภ", "า", "ษ", "า", "ไ", "ท", "ย"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("한국 뉴스", ["한국", "뉴스"]),
        ("ሰላም ለዓለም።", ["ሰላም", "ለዓለም"]),
        ("می\u200cخواهم co\u00adoperate", ["میخواهم", "cooperate"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("", []),
        ("… – 😀", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The U.N. voted 3–2.", 4),
        ("a - b", 2),
        ("東京で会談した。", 4),  # 7 characters
        ("東京", 1),
        ("東京でNHKが", 3),  # 4 characters and a word
        ("ที่นี่", 1),  # marks are no characters of their own
        ("한국 뉴스가 나왔다", 3),
        ("", 0),
        ("— … 。", 0),
    ],
)
def test_count_words(text: str, expected: int) -> None:
    assert count_words(text) == expected


def test_a_long_text_takes_linear_time() -> None:
    assert count_words("word " * 200_000) == 200_000
    assert len(words("語" * 200_000)) == 200_000


def test_a_long_run_of_marks_takes_linear_time() -> None:
    start = time.perf_counter()
    assert count_words("a " + "-" * 200_000) == 1
    assert time.perf_counter() - start < 1
