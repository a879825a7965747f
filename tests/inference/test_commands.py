"""`python -m inference` on a tiny checkpoint: what is printed where, and the exit codes."""

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference import __main__ as commands
from inference import api, stream
from inference.__main__ import main
from inference.article import Article, write_articles

ROOT = Path(__file__).parents[2]
TEXT = "Home | News | Sport\nThe harbor council rejected the ferry plan on Monday. Engineers had warned that the pier would not hold.\n© 2024 Porthaven Post\n"


@pytest.fixture(autouse=True)
def _default_checkpoint(monkeypatch: pytest.MonkeyPatch, saved_checkpoint: Path) -> None:
    monkeypatch.setenv(api.CHECKPOINT_VARIABLE, str(saved_checkpoint))


@pytest.fixture
def page(tmp_path: Path) -> str:
    (tmp_path / "page.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "page.txt")


@pytest.fixture
def articles(tmp_path: Path, one_a_language: list[Article]) -> str:
    path = tmp_path / "articles.jsonl.gz"
    write_articles(tmp_path / "articles.jsonl", one_a_language[:3])
    path.write_bytes(gzip.compress((tmp_path / "articles.jsonl").read_bytes()))
    return str(path)


def test_summarize_prints_the_summary_and_nothing_else(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", page, "--max-sentences", "1"]) == 0
    out, err = capsys.readouterr()
    assert out in ("The harbor council rejected the ferry plan on Monday.\n", "Engineers had warned that the pier would not hold.\n")
    assert err == ""


def test_summarize_json(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", page, "--json", "--title", "No to the ferry", "--max-words", "10"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert list(row) == ["id", "lang", "title", "summary", "warnings"]
    assert (row["id"], row["title"]) == (page, "No to the ferry")
    (sentence,) = row["summary"]["sentences"]
    assert TEXT[sentence["start"] : sentence["end"]] == sentence["text"] == row["summary"]["text"]


def test_the_method_of_a_summary(page: str, saved_writer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A random decoder is refused: the summary stands alone on standard output, the reasons on standard error."""
    assert main(["summarize", page, "--checkpoint", str(saved_writer)]) == 0
    chosen, err = capsys.readouterr()
    assert err == ""
    arguments = [page, "--checkpoint", str(saved_writer), "--method", "abstractive"]
    assert main(["summarize", *arguments]) == 0
    out, err = capsys.readouterr()
    assert out == chosen
    refused = "No written summary passed the check, so this one is made of the article's own sentences."
    assert refused in err.splitlines()[0]
    assert main(["summarize", *arguments, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)["summary"]
    assert (summary["method"], summary["claims"], summary["warnings"][0]) == ("extractive", [], refused)
    assert main(["analyze", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["summary"] == summary
    assert main(["analyze", *arguments]) == 0
    assert f"Note: {refused}" in " ".join(capsys.readouterr().out.split())


def test_a_wrong_method_ends_with_exit_code_2(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["summarize", page, "--method", "abstract"])
    assert exit_.value.code == 2
    assert "invalid choice: 'abstract' (choose from" in capsys.readouterr().err


def test_summarize_of_articles_prints_a_line_each(articles: str, one_a_language: list[Article], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summarize", articles]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [article.id for article in one_a_language[:3]]


@pytest.mark.parametrize("start", ["", "\ufeff", "{not JSON} "])
def test_standard_input_is_plain_text(start: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((start + TEXT).encode())))
    assert main(["summarize", "-"]) == 0
    assert "ferry plan" in capsys.readouterr().out


def test_analyze_prints_a_view(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", page, "--target", "the ferry plan", "--target", "the mayor"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for part in ("Topic", "Stance", "the ferry plan", "the mayor", "Summary  extractive", "Left out", "© 2024 Porthaven Post"):
        assert part in out


def test_analyze_of_articles_prints_a_view_or_a_json_line_each(articles: str, one_a_language: list[Article], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", articles]) == 0
    assert capsys.readouterr().out.count("Topic") == 3
    assert main(["analyze", articles, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["id"] for row in rows] == [article.id for article in one_a_language[:3]]
    assert [len(row["stances"]) for row in rows] == [len(article.stances) for article in one_a_language[:3]]


def test_analyze_to_a_file(articles: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out.jsonl"
    assert main(["analyze", articles, "-o", str(output), "--target", "rain"]) == 0
    assert len(output.read_text(encoding="utf-8").splitlines()) == 3
    assert capsys.readouterr() == ("", f"{output}: articles analyzed: 3\n")


def test_bad_rows_are_counted_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": TEXT}) + "\n[]\n", encoding="utf-8")
    arguments = ["analyze", str(tmp_path / "a.jsonl"), "-o", str(tmp_path / "out.jsonl")]
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}/a.jsonl:2: the line must be a JSON object, found list. Write one JSON object per line.\n"
    assert main([*arguments, "--on-error", "skip"]) == 0
    output = tmp_path / "out.jsonl"
    assert capsys.readouterr() == ("", f"{output}: articles analyzed: 1\n{output}.errors.jsonl: bad rows left out: 1\n")


@pytest.mark.parametrize("command", ["summarize", "analyze"])
def test_bad_rows_are_named_and_counted_without_an_output_file(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same choice as with --output: rows that are no article, that the analyzer refuses, and all that stand between them."""
    source = tmp_path / "a.jsonl"
    good = [json.dumps({"id": name, "text": TEXT}) for name in ("first", "last")]
    source.write_text("\n".join([good[0], "[]", json.dumps({"id": "w", "text": "…"}), good[1], "[]"]) + "\n", encoding="utf-8")
    no_object = "the line must be a JSON object, found list. Write one JSON object per line."
    no_words = "article 'w': the text holds no article: it has no letters, only '…'. Pass the words of an article."
    for stop in ([], ["--on-error", "stop"]):
        assert main([command, str(source), "--json", *stop]) == 2
        assert capsys.readouterr() == ("", f"error: {source}:2: {no_object}\n")
    assert main([command, str(source), "--json", "--on-error", "skip"]) == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["first", "last"]
    assert err == f"left out: {source}:2: {no_object}\nleft out: {source}:3: {no_words}\nleft out: {source}:5: {no_object}\n{source}: bad rows left out: 3\n"
    source.write_text(json.dumps({"id": "w", "text": "…"}), encoding="utf-8")
    assert main([command, str(source)]) == 2
    assert capsys.readouterr() == ("", f"error: {source}:1: {no_words}\n")


def test_an_interrupted_job_says_how_to_go_on(articles: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    arguments = ["analyze", articles, "-o", str(tmp_path / "out.jsonl")]
    with monkeypatch.context() as patch:
        patch.setattr(stream, "_analyze_chunk", interrupted)
        assert main(arguments) == 130
    assert capsys.readouterr().err.endswith("interrupted. Go on with --resume.\n")
    assert main(arguments) == 2
    assert "an earlier job for this output was interrupted" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["summarize", "missing.txt"], "missing.txt: No such file or directory"),
        (
            ["analyze", "missing.jsonl"],
            "missing.jsonl: cannot be read (No such file or directory). Give a readable JSON Lines file (.jsonl, .jsonl.gz or .jsonl.xz).",
        ),
        (["summarize", "empty.jsonl"], "empty.jsonl: the file has no article. Give one with a JSON object per line."),
        (["summarize", "latin.txt"], "latin.txt: the text must be UTF-8, found byte 0xe9 at 3. Convert it, e.g. with `iconv -t UTF-8`."),
        (["summarize", "page.txt", "--max-words", "0"], "max_words must be a whole number of at least 1, or None for no limit, found 0."),
        (
            ["analyze", "page.txt", "--method", "abstractive"],
            "method='abstractive' needs a checkpoint whose decoder was trained to write, and this one only chooses sentences. "
            "Use 'extractive' or 'auto', or train an encoder-decoder, e.g. configs/abstractive.yaml.",
        ),
        (["summarize", "page.txt", "--checkpoint", "nowhere"], "nowhere: there is no such folder. Name a checkpoint folder, or a Hub id such as 'owner/name'."),
        (["analyze", "page.txt", "--target", " "], "a stance target must say something, found ' '. Name a phrase or a claim, such as 'the missile test'."),
        (["analyze", "a.jsonl", "--title", "x"], "--title is for a plain text article; a.jsonl has its articles' own titles. Leave it out."),
        (["analyze", "page.txt", "--resume"], "--resume goes with --output. Name a file, e.g. -o analyses.jsonl."),
        (
            ["summarize", "page.txt", "--on-error", "skip"],
            "--on-error is for a file of articles (.jsonl, .jsonl.gz, .jsonl.xz); page.txt is one plain text. Leave it out.",
        ),
        (["analyze", "a.jsonl", "-o", "out.csv"], "out.csv: the output is JSON Lines. Give it a name that ends in .jsonl."),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.jsonl").touch()
    Path("latin.txt").write_bytes("café".encode("latin-1"))
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", f"error: {message}\n")


def test_text_without_words_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("blank.txt").write_text(" \n", encoding="utf-8")
    assert main(["summarize", "blank.txt"]) == 2
    assert capsys.readouterr().err.startswith("error: article 'blank.txt': ")


def test_a_plain_text_cannot_be_streamed(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", page, "-o", str(tmp_path / "out.jsonl")]) == 2
    assert "--output wants a file of articles (.jsonl, .jsonl.gz, .jsonl.xz)" in capsys.readouterr().err


def test_unknown_options_end_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["summarise", "page.txt"])
    assert exit_.value.code == 2
    assert "invalid choice: 'summarise'" in capsys.readouterr().err


def test_hostile_text_is_printed_plain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.txt").write_text("\x1b[2JThe council \x07rejected the ferry plan on Monday evening.", encoding="utf-8")
    assert main(["summarize", str(tmp_path / "page.txt")]) == 0
    assert capsys.readouterr().out == "The council rejected the ferry plan on Monday evening.\n"


def test_as_a_process(page: str, saved_checkpoint: Path) -> None:
    command = [sys.executable, "-m", "inference", "summarize", page, "--max-sentences", "1"]
    environment = {**os.environ, api.CHECKPOINT_VARIABLE: str(saved_checkpoint)}
    run = subprocess.run(command, cwd=ROOT, capture_output=True, env=environment, timeout=120, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.decode().strip() in TEXT


def test_help_names_what_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["analyze", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert commands.INPUT_HELP in out


def test_without_confidence_there_is_no_label(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", page, "--target", "the ferry", "--min-confidence", "1"]
    assert main([*command, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["topic"]["name"] is None
    assert [stance["stance"] for stance in row["stances"]] == [None]
    assert max(row["topic"]["scores"].values()) == row["topic"]["confidence"] < 1
    assert main(command) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["Topic", "unsure"] in lines
    assert [line[:2] for line in lines if line[-2:] == ["the", "ferry"]] == [["Stance", "unsure"]]


def test_export_prints_the_folder_its_size_and_the_next_command(saved_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my model"
    assert main(["export", str(saved_checkpoint), str(folder), "--license", "CC BY-NC-SA 4.0"]) == 0
    size = sum(path.stat().st_size for path in folder.iterdir())
    first, second = f"{folder}: {size / 1e6:.1f} MB; license of the weights: CC BY-NC-SA 4.0\n", "use it: python -m inference summarize article.txt"
    assert capsys.readouterr() == (f"{first}{second} --checkpoint '{folder}'\n", "")
    assert main(["export", str(saved_checkpoint), str(folder)]) == 2
    assert capsys.readouterr() == ("", f"error: {folder}: there is something here already, and an export replaces nothing. Name a new folder.\n")


def test_export_says_where_no_license_is_stated(saved_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(saved_checkpoint), str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(" MB; license of the weights: not stated, --license names one")
