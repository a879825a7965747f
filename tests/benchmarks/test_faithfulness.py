import json
from pathlib import Path

import pytest

from benchmarks.faithfulness import GOALS, Counts, figures, main, measure, row, total
from inference.article import Article

TEXT = "On Monday the mayor Ann Lee will open 12 parks in the town of Ware. The council has spent 1,200 euros on it, said a speaker, and more is to come."


def test_caught_and_refused_are_counted() -> None:
    articles = [
        Article(TEXT, id="a", lang="en", summary="The mayor Ann Lee will open 12 parks for 1,200 euros."),
        Article(TEXT.replace("Ann Lee", "Bo Ito"), id="b", lang="en", summary="The mayor Zed will open 13 parks."),
        Article(TEXT, id="c", lang="en"),
    ]
    counts = measure(articles)["en"]
    assert counts.references == 2
    assert counts.refused == {"number": 1, "name": 1, "any": 1}
    assert counts.false["number"] == counts.false["name"] == counts.false["clause"] == 2
    assert counts.caught["name"] == 2
    assert counts.caught["thousands dropped"] == counts.false["thousands dropped"] == 1
    assert counts.caught["times ten"] == counts.false["times ten"] == 2
    assert counts.caught["negation in lead"] == counts.false["negation in lead"] == 2


def test_names_at_openings_are_counted_where_capitals_tell_names() -> None:
    articles = [
        Article(TEXT, id="a", lang="en", summary="Ann Lee will open parks."),
        Article(TEXT, id="b", lang="en", summary="The mayor met Macron."),
    ]
    counts = measure(articles)["en"]
    assert counts.caught["name at the opening"] == counts.false["name at the opening"] == 1
    assert counts.false["name opening a lead"] == 0


def test_shares_by_hand() -> None:
    counts = Counts(10)
    counts.refused.update({"name": 1, "any": 1})
    counts.false.update({"name": 5, "name in lead": 4})
    counts.caught.update({"name": 4, "name in lead": 4})
    found = row(counts)
    assert found["ways"]["name"] == {"n": 5, "caught": 4, "recall": 0.8, "precision": 0.8889}  # half of 1 wrong
    assert found["ways"]["name in lead"] == {"n": 4, "caught": 4, "recall": 1.0}
    assert found["untouched_refused"]["name"] == {"n": 1, "share": 0.1}
    assert total([counts, counts]).caught["name"] == 8
    openings = Counts(10)
    openings.false.update({"name at the opening": 3, "name opening a lead": 2})
    openings.caught.update({"name at the opening": 3, "name opening a lead": 1})
    met = {figure.name: figure.met for figure in figures({"en": counts}, chosen_on={"en": counts, "fr": openings})}
    assert met.keys() == GOALS.keys()
    assert (met["names"], met["refused_names"], met["names_at_openings"], met["numbers_by_size"]) == (True, False, True, False)


def test_the_result_holds_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sample = tmp_path / "data" / "sample"
    sample.mkdir(parents=True)
    line = json.dumps({"id": "a", "lang": "en", "text": TEXT, "summary": "The mayor Ann Lee will open 12 parks."}) + "\n"
    for part in ("train", "dev", "test"):
        (sample / f"{part}.jsonl").write_text(line, encoding="utf-8")
    monkeypatch.setattr("benchmarks.faithfulness.ROOT", tmp_path)
    main(["--output", str(tmp_path / "result.json")])
    written = (tmp_path / "result.json").read_text(encoding="utf-8")
    assert "mayor" not in written
    assert json.loads(written)["sample test"]["all"]["references"] == 1
    assert "references refused for a name" in capsys.readouterr().out
