import pytest

from inference.article import Article
from training.groups import EVERYTHING, LENGTHS, LONGEST, Group, groups_of, length_class, script_of, sort_key


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Rain fell.", "Latin"),
        ("Шёл дождь.", "Cyrillic"),
        ("هطل المطر", "Arabic"),
        ("वर्षा हुई", "Devanagari"),
        ("大雨に見舞われた東京", "Japanese"),
        ("日米首脳が会談へ", "Japanese"),
        ("记者从东京报道，NHK 称の字出现一次，其余全是汉字而已。", "Han"),
        ("비가 왔다", "Hangul"),
        ("ዝናብ ዘነበ", "Ethiopic"),
        ("ฝนตก", "Thai"),
        ("𐓏𐓘 𐓏𐓘", "other"),
        ("2024 – 🔥", "none"),
        ("The word for rain is дождь.", "Latin"),
    ],
)
def test_the_script_is_that_of_most_letters(text: str, script: str) -> None:
    assert script_of(text) == script


@pytest.mark.parametrize(
    ("words", "name"),
    [(1, "up to 100 words"), (100, "up to 100 words"), (101, "101 to 300 words"), (300, "101 to 300 words"), (1000, LENGTHS[2][1]), (1001, LONGEST)],
)
def test_lengths_are_in_words(words: int, name: str) -> None:
    assert length_class("rain " * words) == name
    assert length_class("雨" * 2 * words) == name  # two characters are a word


def test_an_article_without_a_topic_is_in_no_group_of_topics() -> None:
    named = Article("Rain fell.", lang="en", topic="weather", source="daily")
    assert list(groups_of(named, "fr")) == [
        EVERYTHING,
        Group("lang", "en"),
        Group("script", "Latin"),
        Group("source", "daily"),
        Group("length", "up to 100 words"),
        Group("topic", "weather"),
    ]
    assert [group.name for group in groups_of(Article("Rain fell.", source="daily"), "fr")] == ["all", "fr", "Latin", "daily", "up to 100 words"]


def test_lengths_come_in_their_order() -> None:
    names = ["over 1,000 words", "101 to 300 words", "up to 100 words", "301 to 1,000 words"]
    assert [group.name for group in sorted((Group("length", name) for name in names), key=sort_key)] == [names[2], names[1], names[3], names[0]]
    assert sorted([Group("lang", "fr"), Group("lang", "ar")], key=sort_key)[0].name == "ar"
