"""A text that says something of its article passes; what an untaught decoder writes does not."""

import pytest

from inference.article import Article
from inference.faithfulness import ArticleText, check_summary
from inference.substance import Substance
from inference.support import Source

ARTICLE = "The council voted on Monday to rebuild the bridge over the river. Engineers had warned that the old one would not hold."


@pytest.mark.parametrize(
    ("summary", "lacking"),
    [
        ("The council will rebuild the bridge.", ""),
        ("Rain.", ""),  # too short to say
        ("A man has said that he is a man and so on.", "It says next to nothing."),
        ('A man has said that he is a "C\'s" after a "s"s",",".', "It is full of punctuation marks."),
        ("Several students finally finished their summer homework yesterday.", "Hardly a word of it stands in the article."),
    ],
)
def test_what_a_summary_lacks(summary: str, lacking: str) -> None:
    assert Substance(Source(ARTICLE)).missing_in(summary) == lacking


@pytest.mark.parametrize(
    ("article", "like", "unlike"),
    [
        ("시의회가 다리를 고치기로 했다. 기술자들이 경고했다.", "시의회는 다리의 수리를 결정했다.", "학생들이 여름 숙제를 마침내 끝냈다."),
        ("市議会は古い橋を直すと決めた。技師が警告していた。", "市議会は橋を直す。", "学生は夏休みの宿題を終えた。"),
        ("Городской совет решил восстановить мост.", "Совет города восстановит мост.", "Школьники наконец закончили летние задания."),
    ],
)
def test_inflected_words_and_scripts_without_spaces(article: str, like: str, unlike: str) -> None:
    source = Substance(Source(article))
    assert source.missing_in(like) == ""
    assert source.missing_in(unlike) == "Hardly a word of it stands in the article."


def test_it_is_a_problem_of_a_summary() -> None:
    source = ArticleText(ARTICLE, "", [(0, len(ARTICLE))])
    (problem,) = check_summary("Several students finally finished their summer homework yesterday.", source, lang="en", max_words=60).problems
    assert (problem.kind, problem.message) == ("substance", "Hardly a word of it stands in the article.")


def test_references_have_substance(sample: list[Article]) -> None:
    lacking = [article.id for article in sample if article.summary and Substance(Source(f"{article.title}\n{article.text}")).missing_in(article.summary)]
    assert len(lacking) <= 1
