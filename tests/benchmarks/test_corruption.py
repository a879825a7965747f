from random import Random

import pytest

from benchmarks.corruption import add_clause, drop_thousands, names_of, negate, swap_count, swap_name, swap_number, swap_opening_name, times_ten


def test_a_number_becomes_another_of_as_many_digits() -> None:
    changed = swap_number("١٢ people, no more.", Random(1))
    assert changed is not None
    assert changed != "١٢ people, no more."
    assert changed.endswith(" people, no more.")
    assert len(changed) == len("١٢ people, no more.")
    assert (swap_number("In 1998.", Random(1)) or "").startswith("In 19")
    assert (swap_number("六十三人", Random(1)) or "")[1:2] == "十"
    assert swap_number("No number, 百千.", Random(1)) is None


def test_a_number_loses_its_thousands() -> None:
    assert drop_thousands("In 2024, 1,200 left.", Random(1)) == "In 2024, 1 left."
    assert drop_thousands("Il coûte 12 345 678 euros.", Random(1)) == "Il coûte 12 euros."
    assert drop_thousands("In 2024, 1,20 or 1,2000 left.", Random(1)) is None


def test_a_number_grows_by_a_zero() -> None:
    assert times_ten("He sold 1,200 at 14:30 and kept 25.", Random(1)) == "He sold 1,200 at 14:30 and kept 250."
    assert times_ten("بقي ١٢ رجلا", Random(1)) == "بقي ١٢٠ رجلا"
    assert times_ten("He sold 1.5 and 0.", Random(1)) is None


def test_a_name_that_opens_a_sentence_is_swapped() -> None:
    article = "On Monday the mayor Ann Lee spoke of Orban."
    donors = ["Lee", "Bo Ito", "Putin"]
    assert swap_opening_name("It rained. Orban left.", article, "en", donors, Random(1)) == "It rained. Putin left."
    assert swap_opening_name("Ann Lee left.", article, "en", donors, Random(1)) == "Putin left."
    assert swap_opening_name("The mayor met Orban.", article, "en", donors, Random(1)) is None
    assert swap_opening_name("Orban left.", article, "en", ["Lee", "Bo Ito"], Random(1)) is None


def test_a_number_word_becomes_another() -> None:
    assert swap_count("Six geese swam.", "en", Random(1)) is None  # capitalized
    changed = swap_count("The six geese swam.", "en", Random(1))
    assert changed not in (None, "The six geese swam.")
    assert swap_count("The six geese swam.", "xx", Random(1)) is None


def test_names_are_found_by_capitals_or_by_list() -> None:
    text = "Then the mayor Ann Lee-Park met Orban."
    assert [text[start:end] for start, end in names_of(text, "en")] == ["Ann Lee-Park", "Orban"]
    assert names_of("洛阳修表匠张德宽", "zh") == [(0, 2), (5, 8)]


def test_a_swapped_name_is_strange_to_the_article() -> None:
    assert swap_name("Then he met Orban.", "Orban, Lee", "en", ["Lee", "Ito"], Random(1)) == "Then he met Ito."
    assert swap_name("Then he met Orban.", "Orban, Lee", "en", ["Lee"], Random(1)) is None
    assert swap_name("Nobody came.", "Nobody", "en", ["Ito"], Random(1)) is None


@pytest.mark.parametrize(
    ("lang", "summary", "expected"),
    [
        ("en", "It will rain.", "It will not rain."),
        ("en", "It did not rain.", "It did rain."),
        ("de", "Er hat recht.", "Er hat nicht recht."),
        ("ru", "Потом он сказал ей.", "Потом он не сказал ей."),
        ("sw", "Serikali imekubali.", "Serikali haijakubali."),
        ("ja", "案を可決した。", "案を可決しなかった。"),
        ("ko", "안을 통과했다.", "안을 통과하지 않았다."),
        ("xx", "It will rain.", None),
    ],
)
def test_negation(lang: str, summary: str, expected: str | None) -> None:
    assert negate(summary, lang, Random(1)) == expected


def test_a_clause_of_another_summary_is_added() -> None:
    assert add_clause("Rain fell.", "It was cold, the river froze over.", Random(2)) in ("Rain fell, It was cold.", "Rain fell, the river froze over.")
