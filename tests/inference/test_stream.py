"""Large files: a job that was killed anywhere ends with the same bytes as one that was not."""

import inspect
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference import stream
from inference.analysis import DEFAULTS, Analysis
from inference.analyzer import Analyzer
from inference.article import Article, write_articles
from inference.errors import DataError
from inference.stream import StreamResult, analyze_file, analyze_rows
from inference.view import analysis_to_row

CHUNK = 4


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "CHUNK_ARTICLES", CHUNK)


@pytest.fixture
def source(tmp_path: Path, one_a_language: list[Article]) -> Path:
    """Ten articles, one a language: three chunks."""
    write_articles(tmp_path / "articles.jsonl", [Article(a.text, id=a.id, title=a.title) for a in one_a_language[:10]])
    return tmp_path / "articles.jsonl"


@pytest.fixture
def spoiled(source: Path) -> Path:
    """The ten articles with four bad rows among them, and a blank line."""
    lines = source.read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])["id"]
    bad = ["{broken", "", json.dumps({"id": "no text"}), json.dumps({"id": first, "text": "A repeated id."}), json.dumps({"id": "w", "text": "…"})]
    source.write_text("\n".join([*lines[:3], *bad, *lines[3:]]) + "\n", encoding="utf-8")
    return source


class Killed(BaseException):
    """Stands for the end of the process."""


def killed_after(chunks: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= chunks * CHUNK:
            raise Killed

    return progress


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_one_row_an_article_in_order(analyzer: Analyzer, source: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    output = tmp_path / "new folder" / "out.jsonl"
    result = analyze_file(analyzer, source, output, targets=["rain"], max_sentences=1, progress=lambda done, total: calls.append((done, total)))
    assert result == StreamResult(done=10, failed=0, resumed=0)
    assert calls == [(0, 10), (4, 10), (8, 10), (10, 10)]
    assert [row["id"] for row in rows(output)] == [row["id"] for row in rows(source)]
    for row, article in zip(rows(output), rows(source), strict=True):
        assert [stance["target"] for stance in row["stances"]] == ["rain"]
        (sentence,) = row["summary"]["sentences"]
        assert article["text"][sentence["start"] : sentence["end"]] == sentence["text"]
    assert [path.name for path in output.parent.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("chunks", [0, 1, 2])
@pytest.mark.parametrize("torn", ["", '{"id": "torn', '{"id": "whole", "but": "of a chunk that was not"}\n{"id": "to'])
def test_a_killed_job_resumes_to_the_same_bytes(analyzer: Analyzer, source: Path, tmp_path: Path, chunks: int, torn: str) -> None:
    whole, output = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    analyze_file(analyzer, source, whole, targets=["rain"])
    with pytest.raises(Killed):
        analyze_file(analyzer, source, output, targets=["rain"], progress=killed_after(chunks))
    assert not output.exists()
    partial = tmp_path / "out.jsonl.partial"
    with partial.open("a", encoding="utf-8") as file:
        file.write(torn)
    result = analyze_file(analyzer, source, output, targets=["rain"], resume=True)
    assert result == StreamResult(10, 0, resumed=chunks * CHUNK)
    assert output.read_bytes() == whole.read_bytes()
    assert not partial.exists()


def test_a_job_that_writes_is_resumed_by_the_same_method_only(saved_writer: Path, source: Path, tmp_path: Path) -> None:
    writer, whole, output = Analyzer.from_pretrained(saved_writer), tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    analyze_file(writer, source, whole, method="abstractive", max_words=20)
    assert all(row["summary"]["warnings"] for row in rows(whole))  # of a random decoder
    with pytest.raises(Killed):
        analyze_file(writer, source, output, method="abstractive", max_words=20, progress=killed_after(1))
    with pytest.raises(DataError, match=r"the job began with other options, .*\"method\":\s?\"abstractive\""):
        analyze_file(writer, source, output, method="extractive", max_words=20, resume=True)
    assert analyze_file(writer, source, output, method="abstractive", max_words=20, resume=True) == StreamResult(10, 0, resumed=CHUNK)
    assert output.read_bytes() == whole.read_bytes()


def test_the_defaults_are_those_of_the_analyzer_and_may_be_written_out(analyzer: Analyzer, source: Path, tmp_path: Path) -> None:
    parameters = inspect.signature(Analyzer.analyze_many).parameters
    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS
    with pytest.raises(Killed):
        analyze_file(analyzer, source, tmp_path / "out.jsonl", progress=killed_after(1))
    assert analyze_file(analyzer, source, tmp_path / "out.jsonl", max_words=60, resume=True).resumed == CHUNK


def test_resuming_reads_only_what_is_left(analyzer: Analyzer, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(Killed):
        analyze_file(analyzer, source, output, progress=killed_after(2))
    seen: list[str] = []
    original = Analyzer.analyze_many

    def watched(self: Analyzer, articles: Iterable[Article], **options: Any) -> Iterator[Analysis]:
        for analysis in original(self, articles, **options):
            seen.append(analysis.id)
            yield analysis

    monkeypatch.setattr(Analyzer, "analyze_many", watched)
    analyze_file(analyzer, source, output, resume=True)
    assert seen == [row["id"] for row in rows(source)][8:]


def test_bad_rows_are_left_out_and_listed_with_their_line(analyzer: Analyzer, spoiled: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    assert analyze_file(analyzer, spoiled, output, on_error="skip") == StreamResult(done=10, failed=4, resumed=0)
    assert len(rows(output)) == 10
    failed = rows(tmp_path / "out.jsonl.errors.jsonl")
    assert [row["line"] for row in failed] == [4, 6, 7, 8]
    for row, part in zip(failed, ("is not JSON", "'text' must be a string", "was used on line 1", "article 'w': "), strict=True):
        assert row["error"].startswith(f"{spoiled}:{row['line']}: ")
        assert part in row["error"]


def test_rows_are_answered_in_order_as_they_are_asked_for(analyzer: Analyzer, spoiled: Path, tmp_path: Path) -> None:
    analyze_file(analyzer, spoiled, tmp_path / "out.jsonl", targets=["rain"], on_error="skip")
    answers = list(analyze_rows(analyzer, spoiled, targets=["rain"], on_error="skip"))
    assert [number for number, answer in enumerate(answers) if isinstance(answer, DataError)] == [3, 4, 5, 6]
    assert [str(answer) for answer in answers if isinstance(answer, DataError)] == [row["error"] for row in rows(tmp_path / "out.jsonl.errors.jsonl")]
    good = [answer for answer in answers if not isinstance(answer, DataError)]
    assert [article.id for article, _ in good] == [analysis.id for _, analysis in good]
    assert [json.loads(json.dumps(analysis_to_row(analysis))) for _, analysis in good] == rows(tmp_path / "out.jsonl")
    stopping = analyze_rows(analyzer, spoiled)
    with pytest.raises(DataError, match=r"articles\.jsonl:4: the line is not JSON"):
        next(stopping)


def test_rows_are_read_in_chunks(analyzer: Analyzer, source: Path) -> None:
    with source.open("a", encoding="utf-8") as file:
        file.write("[]\n")
    answers = analyze_rows(analyzer, source)
    for _ in range(2 * CHUNK):
        next(answers)  # the bad row stands in the third chunk
    with pytest.raises(DataError, match=r"articles\.jsonl:11: the line must be a JSON object, found list\. Write one JSON object per line\.$"):
        next(answers)


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_bad_rows_keep_a_resumed_job_in_step(analyzer: Analyzer, spoiled: Path, tmp_path: Path, chunks: int) -> None:
    whole, output = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    analyze_file(analyzer, spoiled, whole, on_error="skip")
    with pytest.raises(Killed):
        analyze_file(analyzer, spoiled, output, on_error="skip", progress=killed_after(chunks))
    assert analyze_file(analyzer, spoiled, output, on_error="skip", resume=True) == StreamResult(10, 4, resumed=chunks * CHUNK)
    for ending in ("", ".errors.jsonl"):
        assert Path(f"{output}{ending}").read_bytes() == Path(f"{whole}{ending}").read_bytes()


def test_stop_refuses_a_malformed_file_before_anything_is_analyzed(analyzer: Analyzer, spoiled: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"articles\.jsonl:4: the line is not JSON"):
        analyze_file(analyzer, spoiled, tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["articles.jsonl"]


def test_a_job_that_stopped_goes_on_when_the_row_is_corrected(analyzer: Analyzer, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    good = source.read_text(encoding="utf-8").splitlines()
    last = json.loads(good[-1])
    source.write_text("\n".join([*good[:-1], json.dumps({**last, "text": "…"})]), encoding="utf-8")
    with pytest.raises(DataError, match=r"articles\.jsonl:10: article "):
        analyze_file(analyzer, source, output)
    source.write_text("\n".join(good), encoding="utf-8")
    assert analyze_file(analyzer, source, output, resume=True) == StreamResult(10, 0, resumed=8)


def test_a_partial_file_is_not_overwritten_unasked(analyzer: Analyzer, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(Killed):
        analyze_file(analyzer, source, output, progress=killed_after(1))
    with pytest.raises(DataError) as error:
        analyze_file(analyzer, source, output)
    assert str(error.value) == (
        f"{output}.partial: an earlier job for this output was interrupted. Go on with --resume (resume=True), or remove this file to start anew."
    )


def test_other_options_another_checkpoint_and_another_input_are_refused(
    analyzer: Analyzer, source: Path, tmp_path: Path, make_model: Callable[..., Any]
) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(Killed):
        analyze_file(analyzer, source, output, targets=["rain"], progress=killed_after(1))
    with pytest.raises(DataError, match=r'the job began with other options, \{"targets": \["rain"\]'):
        analyze_file(analyzer, source, output, targets=["snow"], resume=True)
    analyzer.model.config.stance_temperature = 2.0
    with pytest.raises(DataError, match="the job began with other options"):
        analyze_file(analyzer, source, output, targets=["rain"], resume=True)
    analyzer.model.config.stance_temperature = 1.0
    other = Analyzer(make_model(("weather", "sport", "arts"), seed=6), analyzer.articles.tokenizer)
    with pytest.raises(DataError, match="the job began with other options"):
        analyze_file(other, source, output, targets=["rain"], resume=True)
    lines = source.read_text(encoding="utf-8").splitlines()
    source.write_text("\n".join(lines[1:]), encoding="utf-8")
    with pytest.raises(DataError, match=r"the input changed since the job began: id '\S+', as it was, is expected at line 1\. Remove"):
        analyze_file(analyzer, source, output, targets=["rain"], resume=True)


def test_resume_without_an_earlier_job_starts_one(analyzer: Analyzer, source: Path, tmp_path: Path) -> None:
    assert analyze_file(analyzer, source, tmp_path / "out.jsonl", resume=True) == StreamResult(10, 0, 0)


def test_the_input_is_not_overwritten(analyzer: Analyzer, source: Path) -> None:
    with pytest.raises(DataError, match=r"the job would overwrite its input, .+\. Name another output\."):
        analyze_file(analyzer, source, source)


def test_a_changed_text_under_the_same_id_is_refused(analyzer: Analyzer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.stream.CHUNK_ARTICLES", 2)
    source, output = tmp_path / "articles.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "The river rose by two meters."}\n' * 4, encoding="utf-8")  # rows without ids: "line-1", …

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze_file(analyzer, source, output, progress=stop)
    source.write_text('{"text": "The team won in the rain."}\n' * 4, encoding="utf-8")
    with pytest.raises(DataError, match="the input changed since the job began"):
        analyze_file(analyzer, source, output, resume=True)


def test_an_input_that_has_the_name_of_the_errors_file_is_kept(analyzer: Analyzer, tmp_path: Path) -> None:
    source = tmp_path / "out.jsonl.errors.jsonl"
    source.write_text('{"text": "The river rose by two meters."}\n', encoding="utf-8")
    with pytest.raises(DataError, match="would overwrite its input"):
        analyze_file(analyzer, source, tmp_path / "out.jsonl")
    assert source.exists()
