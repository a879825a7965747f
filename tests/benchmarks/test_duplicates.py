from random import Random

from benchmarks.duplicates import cut, edit, measure, seconds, wrap
from inference.article import Article


def test_changes_by_hand() -> None:
    assert cut("abcdefgh", 0.25) == "ab"
    assert sorted(wrap("text", list("abcdef"), Random(1)).split("\n")) == [*"abcdef", "text"]
    assert wrap("text", list("abcdef"), Random(1)).split("\n")[3] == "text"
    text = " ".join(["kept"] * 1000)
    edited = edit(text, ["new words"], Random(1)).split()
    assert 70 < sum(word in ("new", "words") for word in edited) < 130
    assert len(edited) == 1000
    assert set(edit("保" * 1000, ["新"], Random(1))) == {"保", "新"}


def test_recall_and_seconds_come_out(sample: list[Article]) -> None:
    articles = [article for article in sample if article.lang in ("en", "zh")][:20]
    lines = {"en": [f"Line number {number}" for number in range(20)], "zh": [f"第{number}行" for number in range(20)]}
    recall = measure(articles, lines)
    assert len(recall) == 4
    assert recall["signatures and texts"]["cut in half"]["recall"] == 1.0
    assert recall["MinHashLSH, 128 permutations"]["cut to a quarter"]["recall"] == 0.0
    assert {kind["false_alarms"] for kind in recall["signatures and texts"].values()} == {0}
    times = seconds(articles, count=30, permuted=5)
    assert times["bytes an article"] < 130
    assert all(value > 0 for value in times.values())
