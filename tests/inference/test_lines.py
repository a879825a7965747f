import pytest

from inference.article import Article
from inference.lines import APPEAL_RUN_SCORE, MID_BODY_SCORE, PASSAGE_WORDS, score_lines, score_sentence
from inference.sentences import ends_with_full_stop

BODY = (
    "The council voted on Monday to rebuild the bridge over the river Tarn, which a flood had carried away in the spring of last year, for nine million euros."
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rain fell.", True),
        ("雨が降った。", True),
        ("「雨だ。」", True),
        ("बारिश हुई।", True),
        ("ዝናብ ዘነበ።", True),
        ("هل هطل المطر؟", True),
        ("Անձրև եկավ:", True),
        ("He said: “It rained.”", True),
        ("Read more", False),
        ("Photo:", False),
        ("「雨」", False),
    ],
)
def test_ends_with_full_stop(text: str, expected: bool) -> None:
    assert ends_with_full_stop(text) is expected


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Home | World | Sport", "navigation"),
        ("bar_progress", "navigation"),
        ("Share this story on Facebook", "share"),
        ("Sign up for our free newsletter", "subscribe"),
        ("Photo: A. Bell/Agency", "caption"),
        ("We use cookies to improve your experience.", "cookies"),
        ("© 2025 Tarn Post. All rights reserved.", "copyright"),
        ("Read more: Ferry fares to rise", "related"),
        ("By Anna Bell, Political Correspondent", "byline"),
        ("Spotted a mistake? Email us: desk@example.com", "contact"),
        ("12 comments", "comments"),
        ("Advertisement", "advert"),
    ],
)
def test_kinds(line: str, kind: str) -> None:
    scored = score_lines([BODY, BODY + " It rained.", line], "en")
    assert scored[2].score > 0.8
    assert scored[2].kind == kind
    assert scored[0].score < 0.05


def test_a_menu_in_another_script_is_told_by_its_script() -> None:
    assert score_lines(["무엇이든", BODY], "en")[0].score > score_lines(["Whatever", BODY], "en")[0].score


def test_a_crosshead_inside_the_body_is_only_doubtful() -> None:
    assert score_lines([BODY, "Old stones", BODY + " It rained."], "en")[1].score <= MID_BODY_SCORE


def test_a_paragraph_amid_an_appeal_belongs_to_it() -> None:
    middle = "From the council chamber to the football ground we have told what happens in this valley since 1911, and we mean to go on telling it."
    alone = score_lines([BODY, middle, BODY], "en")[1]
    amid = score_lines(["Your donation keeps us going", middle, "Please support our journalism today.", BODY], "en")[1]
    assert alone.score < 0.5
    assert amid.score >= APPEAL_RUN_SCORE
    assert amid.kind == "donation"


def test_an_article_without_line_breaks_is_never_removed_whole() -> None:
    passage = f"{BODY} Read more: Ferry fares. Share this story. " * 4
    assert len(passage.split()) > PASSAGE_WORDS
    assert [scored.score for scored in score_lines([passage], "en")] == [0.0]


def test_sentences_without_evidence_are_the_articles() -> None:
    assert score_sentence("No.", "en").score == 0
    assert score_sentence("We lost everything, she said.", "en").score == 0
    assert score_sentence("Your support makes all the difference.", "en", near_appeal=True).score > 0.9


def test_what_somebody_says_in_quotation_marks_is_no_appeal() -> None:
    said = 'The editor told the hearing: "Please support our journalism with a donation, subscribe to our newsletter and share this story on Facebook."'
    assert score_lines([BODY, said, BODY], "en")[1].score < 0.5


def test_clean_articles_score_low_in_every_language(sample: list[Article]) -> None:
    clean = [article for article in sample if article.boilerplate == ()]
    scores = [scored.score for article in clean for scored in score_lines([line for line in article.text.split("\n") if line.strip()], article.lang)]
    assert sum(score >= 0.5 for score in scores) / len(scores) < 0.02
