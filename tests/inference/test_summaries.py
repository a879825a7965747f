"""Which summary of an article is handed on, from candidates made by hand."""

import pytest

from inference.cleaning import read_page
from inference.faithfulness import ArticleText, Claim, check_summary
from inference.generation import Candidate
from inference.summaries import REFUSED, article_text, checked_summary, extractive_summary

TEXT = (
    "The council of Porthaven rejected the ferry plan on Monday by nineteen votes to four. "
    "Engineers had warned that the old pier would not carry the new ships. "
    "Mayor Bell said that a smaller plan for 120 cars would follow in spring."
)
PAGE = read_page(TEXT, "", "en")
SOURCE = ArticleText(TEXT, "", [(sentence.start, sentence.end) for sentence in PAGE.sentences])
FALLBACK = extractive_summary(PAGE, [0, 1, 2], [0.5, 0.3, 0.2], max_words=20, max_sentences=None)

TRUE = "The council of Porthaven rejected the ferry plan."
TRUE_TOO = "Mayor Bell said that a smaller plan for 120 cars would follow."
WRONG_NUMBER = "Mayor Bell said that a smaller plan for 140 cars would follow."
WRONG_NAME = "The council of Westbrook rejected the ferry plan on Monday."
BROKEN_OFF = "The council of Porthaven rejected the ferry"


def chosen(*candidates: tuple[str, float], max_words: int | None = 20) -> tuple[str, str, tuple[str, ...]]:
    summary = checked_summary([Candidate(*candidate) for candidate in candidates], SOURCE, "en", FALLBACK, max_words=max_words)
    return summary.text, summary.method, summary.warnings


def test_the_fallback_is_made_of_the_articles_own_sentences() -> None:
    assert len(PAGE.sentences) == 3
    assert FALLBACK.text == "The council of Porthaven rejected the ferry plan on Monday by nineteen votes to four."
    assert (FALLBACK.method, FALLBACK.claims, FALLBACK.warnings) == ("extractive", (), ())
    (sentence,) = FALLBACK.sentences
    assert (TEXT[sentence.start : sentence.end], sentence.salience) == (FALLBACK.text, 0.5)


def test_a_candidate_that_passes_is_the_summary_with_the_places_of_its_claims() -> None:
    summary = checked_summary([Candidate(TRUE_TOO, -0.5)], SOURCE, "en", FALLBACK, max_words=20)
    assert (summary.text, summary.method, summary.sentences, summary.warnings) == (TRUE_TOO, "abstractive", (), ())
    assert {claim.kind for claim in summary.claims} == {"name", "number"}
    assert Claim("number", "120", "text", 196, 199) in summary.claims
    for claim in summary.claims:
        assert TEXT[claim.start : claim.end] == claim.text
        assert claim.place == "text"


def test_the_next_candidate_is_taken_where_the_first_is_refused() -> None:
    assert chosen((WRONG_NUMBER, -0.1), (TRUE, -2.0)) == (TRUE, "abstractive", ())


def test_of_those_that_pass_the_more_probable_is_taken_and_then_the_better_supported() -> None:
    assert chosen((TRUE, -0.2), (TRUE_TOO, -0.4))[0] == TRUE
    assert chosen((TRUE, -0.4), (TRUE_TOO, -0.2))[0] == TRUE_TOO
    invented = "The council has now rejected what it was asked about."  # one of its nine pairs of words stands in the article
    assert chosen((invented, -0.2), (TRUE, -0.9))[0] == TRUE
    assert chosen((invented, -0.2), (TRUE, -1.3))[0] == invented


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (WRONG_NUMBER, ("It says 140, which the article does not.",)),
        (WRONG_NAME, ("It names Westbrook, which the article does not.",)),
        (BROKEN_OFF, ("It breaks off before the end of a sentence.",)),
        ("", ("It says nothing.",)),
        ("The council rejected the plan, and the council rejected the plan.", ("It repeats “the council rejected”.",)),
        (f"{TRUE} {TRUE_TOO}", ("It is 20 words long, and at most 15 were asked for.",)),
    ],
)
def test_where_none_passes_the_extractive_summary_says_why(text: str, reasons: tuple[str, ...]) -> None:
    max_words = 15 if "20 words" in reasons[0] else 20
    assert chosen((text, -0.5), max_words=max_words) == (FALLBACK.text, "extractive", (REFUSED, *reasons))
    assert REFUSED == "No written summary passed the check, so this one is made of the article's own sentences."


def test_the_reasons_are_those_of_the_most_probable_candidate() -> None:
    assert chosen((WRONG_NAME, -0.9), (WRONG_NUMBER, -0.1), (BROKEN_OFF, -3.0))[2] == (REFUSED, "It says 140, which the article does not.")


def test_the_fallback_keeps_its_sentences() -> None:
    summary = checked_summary([Candidate(WRONG_NAME, -0.1)], SOURCE, "en", FALLBACK, max_words=20)
    assert summary.sentences == FALLBACK.sentences
    assert summary.claims == ()


def test_a_page_that_is_boilerplate_supports_nothing() -> None:
    """What lies outside the sentences that were taken for article is no evidence."""
    text = f"{TEXT}\nWestbrook Gazette, 14 Harbor Street"
    inside = ArticleText(text, "", [(0, len(TEXT))])
    summary = checked_summary([Candidate(WRONG_NAME, -0.1)], inside, "en", FALLBACK, max_words=20)
    assert summary.warnings == (REFUSED, "It names Westbrook, which the article does not.")


def test_an_extractive_summary_opens_the_best_sentence_where_none_fits() -> None:
    summary = extractive_summary(PAGE, [0, 1, 2], [0.2, 0.2, 0.6], max_words=4, max_sentences=None)
    (sentence,) = summary.sentences
    assert summary.text == sentence.text == TEXT[sentence.start : sentence.end] == "Mayor Bell said that"
    assert summary.method == "extractive"


def test_an_extractive_summary_has_readable_sentences_only() -> None:
    summary = extractive_summary(PAGE, [1, 2], [0.6, 0.4], max_words=None, max_sentences=3)
    assert [sentence.text for sentence in summary.sentences] == [
        "Engineers had warned that the old pier would not carry the new ships.",
        "Mayor Bell said that a smaller plan for 120 cars would follow in spring.",
    ]


def test_a_dateline_supports_a_written_summary() -> None:
    page = read_page("OSLO (Reuters) - The council will rebuild the bridge. Engineers had warned of it.", "", "en")
    assert [part.kind for part in page.removed] == ["dateline"]
    verdict = check_summary("The council in Oslo will rebuild the bridge.", article_text(page, range(len(page.sentences))), lang="en", max_words=60)
    assert verdict.problems == ()
    assert [page.text[claim.start : claim.end] for claim in verdict.claims] == ["OSLO"]
