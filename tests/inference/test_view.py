"""The terminal view and the JSON row of analyses made by hand."""

import json
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from inference.analysis import Analysis, StanceResult, Summary, SummarySentence, Topic
from inference.cleaning import Removed
from inference.faithfulness import Claim
from inference.view import analysis_to_row, analysis_view, plain

TEXT = "Home | News | Sport\nThe council rejected the ferry plan on Monday.\nSubscribe now\nShare\n© 2024 Porthaven Post"


def analysis(**values: Any) -> Analysis:
    sentence = SummarySentence("The council rejected the ferry plan on Monday.", 20, 66, 0.87654321)
    defaults: dict[str, Any] = {
        "id": "a1",
        "lang": "en",
        "title": "No to the ferry",
        "topic": Topic("politics", 0.61234567, {"sport": 0.05, "politics": 0.61234567, "economy": 0.3, "arts": 0.03765433}),
        "stances": (StanceResult("the ferry plan", "against", 0.75, {"favor": 0.05, "against": 0.75, "neutral": 0.1, "unrelated": 0.1}),),
        "summary": Summary(sentence.text, (sentence,), "extractive"),
        "removed": (
            Removed(0, 19, "navigation", 0.98),
            Removed(67, 80, "subscribe", 0.91),
            Removed(81, 86, "navigation", 0.9),
            Removed(87, 109, "copyright", 1.0),
        ),
        "warnings": ("The language could not be identified.",),
    }
    return Analysis(**{**defaults, **values})


def shown(found: Analysis, text: str = TEXT, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(analysis_view(found, text))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_the_view_shows_everything_on_one_screen() -> None:
    assert (
        shown(analysis())
        == """\
No to the ferry
a1 · language en

Topic     politics   61%  ━━━━━━━━━━━━
          economy    30%  ━━━━━━
          sport       5%  ━

Stance    against   75%  the ferry plan

Summary  extractive, 1 sentence, 8 words
  The council rejected the ferry plan on Monday.

Left out  4 passages that are not article
  navigation  2  Home | News | Sport
  subscribe   1  Subscribe now
  copyright   1  © 2024 Porthaven Post

Note: The language could not be identified."""
    )


def test_a_written_summary_has_no_sentences_to_count() -> None:
    written = Summary("The ferry plan failed by 19 votes.", (), "abstractive", (Claim("number", "19", "text", 5, 7),))
    assert "\nSummary  abstractive, 7 words\n  The ferry plan failed by 19 votes.\n" in shown(analysis(summary=written))


def test_the_view_says_why_a_written_summary_was_refused() -> None:
    found = analysis()
    refused = Summary(found.summary.text, found.summary.sentences, "extractive", (), ("It says 1,300,\x1b[2J which the article does not.",))
    view = shown(analysis(summary=refused))
    assert view.endswith("\n\nNote: The language could not be identified.\nNote: It says 1,300, which the article does not.")
    assert "Note:" not in shown(analysis(warnings=()))


def test_what_is_empty_is_not_shown() -> None:
    view = shown(analysis(id="", lang="", title="", stances=(), removed=(), warnings=()))
    assert view.startswith("(no title)\nlanguage unknown\n\nTopic ")
    assert not any(heading in view for heading in ("Stance", "Left out", "Note"))


@pytest.mark.parametrize(
    "text",
    [
        "رفض مجلس الميناء خطة العبّارة يوم الاثنين بتسعة عشر صوتا، وقال العمدة إن خطة أصغر ستتبع في الربيع المقبل بعد دراسة جديدة.",
        "बंदरगाह परिषद ने सोमवार को उन्नीस मतों से नौका योजना को खारिज कर दिया और महापौर ने कहा कि वसंत में एक छोटी योजना आएगी।",
        "港湾評議会は月曜日、フェリー計画を十九票で否決した。市長は、春にはより小さな計画が続くだろうと述べ、技術者らは古い桟橋が新しい船に耐えられないと警告していた。",
    ],
    ids=["ar", "hi", "ja"],
)
def test_the_view_fits_80_columns_in_every_script(text: str) -> None:
    sentence = SummarySentence(text, 0, len(text), 1.0)
    target = StanceResult(text, "unrelated", 1.0, {"unrelated": 1.0})
    view = shown(
        analysis(title=text, stances=(target,), summary=Summary(text, (sentence,), "extractive"), removed=(Removed(0, len(text), "caption", 1.0),)), text
    )
    assert max(cell_len(line) for line in view.splitlines()) <= 80
    lines = view.split("Summary", 1)[1].split("Left out")[0].splitlines()[1:]
    assert "".join("".join(lines).split()).strip("\u2068\u2069") == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mRain\x1b[0m fell", "Rain fell"),
        ("\x9b31mRain", "Rain"),
        ("\x1b]0;new title\x07Rain \x1b]8;;http://example.com\x1b\\here\x1b]8;;\x1b\\", "Rain here"),
        ("\x1b]0;never closed, but the text stays", "0;never closed, but the text stays"),
        ("\x1bcRain\x00\x07\x08\r\n\tfell\x7f", "Rain fell"),
        ("Rain\u2028fell\ud800", "Rain fell"),
        ("\u202ellef niaR\u202c", "llef niaR"),
        ("क्‍ष می‌خواهم", "\u2068क्‍ष می‌خواهم\u2069"),
        ("雨が降った", "雨が降った"),
    ],
)
def test_plain_text_cannot_steer_the_terminal(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_a_hostile_article_reaches_the_terminal_as_plain_text() -> None:
    evil = "\x1b[2J\u202eRain [bold]fell[/bold]\x07"
    sentence = SummarySentence(evil, 0, len(evil), 1.0)
    stance = StanceResult(evil, "favor", 1.0, {"favor": 1.0})
    view = shown(
        analysis(id=evil, title=evil, stances=(stance,), summary=Summary(evil, (sentence,), "extractive"), removed=(Removed(0, len(evil), "share", 1.0),)), evil
    )
    assert not set(view) & set("\x1b\x07\u202e")
    assert view.count("Rain [bold]fell[/bold]") == 5  # no markup of ours either


def test_a_row_has_rounded_probabilities_and_exact_offsets() -> None:
    row = analysis_to_row(analysis())
    assert json.loads(json.dumps(row)) == row
    assert list(row) == ["id", "lang", "title", "topic", "stances", "summary", "removed", "warnings"]
    assert row["topic"] == {"name": "politics", "confidence": 0.6123, "scores": {"sport": 0.05, "politics": 0.6123, "economy": 0.3, "arts": 0.0377}}
    assert row["stances"][0]["target"] == "the ferry plan"
    assert row["stances"][0]["stance"] == "against"
    assert row["summary"]["sentences"] == [{"text": "The council rejected the ferry plan on Monday.", "start": 20, "end": 66, "salience": 0.8765}]
    assert list(row["summary"]) == ["text", "method", "sentences", "claims", "warnings"]
    assert (row["summary"]["method"], row["summary"]["claims"], row["summary"]["warnings"]) == ("extractive", [], [])
    assert row["removed"][0] == {"start": 0, "end": 19, "kind": "navigation", "score": 0.98}


def test_a_row_has_the_claims_of_a_written_summary_and_why_one_was_refused() -> None:
    claims = (Claim("number", "19", "text", 5, 7), Claim("name", "Porthaven", "title", 0, 9))
    row = analysis_to_row(analysis(summary=Summary("It failed in Porthaven by 19 votes.", (), "abstractive", claims, ("It is new.",))))
    assert json.loads(json.dumps(row)) == row
    assert row["summary"] == {
        "text": "It failed in Porthaven by 19 votes.",
        "method": "abstractive",
        "sentences": [],
        "claims": [
            {"kind": "number", "text": "19", "place": "text", "start": 5, "end": 7},
            {"kind": "name", "text": "Porthaven", "place": "title", "start": 0, "end": 9},
        ],
        "warnings": ["It is new."],
    }
