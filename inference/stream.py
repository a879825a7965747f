"""Analyze a large JSON Lines file to a JSON Lines file; a killed job goes on where it was and ends with the same bytes.

In: an analyzer, a file of articles, options. Out: one row per article in `output`, and the rows that failed, with their line,
in `output`.errors.jsonl; or, from `analyze_rows`, the answers one by one. Does not know: the terminal, how an article is analyzed.

Until the end everything stands in `output`.partial: the options of the job on its first line, then one line for every input
row, whether it was analyzed or failed. So the number of lines says what was done. Rows are done in chunks of CHUNK_ARTICLES,
and a job resumes at a chunk's end, because rounding depends on which articles share a batch.
"""

import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Unpack

import torch

from inference.analysis import DEFAULTS, Analysis, Options
from inference.analyzer import CHUNK_ARTICLES, Analyzer
from inference.article import Article, article_from_row, article_to_row, open_whole, read_json_rows, to_json
from inference.errors import DataError
from inference.model import ArticleModel
from inference.view import analysis_to_row

_FAILED = "error"
"""The key that tells a failed row from an analysis."""

Row = tuple[int, Article | DataError]
"""The line of an input row from 1, and its article or what is wrong with it."""

Answer = tuple[Article, Analysis] | DataError
"""An article and its analysis, or what is wrong with its row, which opens with file:line."""


@dataclass(frozen=True, slots=True)
class StreamResult:
    """`done` and `failed` rows make up the whole file; `resumed` of them were done by an earlier, interrupted job."""

    done: int
    failed: int
    resumed: int


def analyze_rows(
    analyzer: Analyzer,
    source: Path,
    *,
    on_error: Literal["stop", "skip"] = "stop",
    **options: Unpack[Options],
) -> Iterator[Answer]:
    """Yield the answer to every row of `source`, in order; the file is read in chunks, as the answers are asked for.

    With "stop" the first bad row raises `DataError`, with "skip" its error is its answer. A file without any row raises `DataError`.
    """
    analyze = functools.partial(analyzer.analyze_many, **options)
    rows = _read_rows(source, on_error)
    chunk = list(islice(rows, CHUNK_ARTICLES))
    if not chunk:
        raise _no_article(source)
    while chunk:
        yield from _analyze_chunk(analyze, chunk, source, on_error)
        chunk = list(islice(rows, CHUNK_ARTICLES))


def analyze_file(
    analyzer: Analyzer,
    source: Path,
    output: Path,
    *,
    on_error: Literal["stop", "skip"] = "stop",
    resume: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    **options: Unpack[Options],
) -> StreamResult:
    """Analyze every article of `source`; `output` appears when all are done. `progress(rows done, of how many)` is called per chunk.

    With "stop" the first bad row raises `DataError`; what was done stays in the partial file. With "skip" bad rows are written to
    `output`.errors.jsonl as {"line", "error"}. A partial file of an earlier job raises `DataError` unless `resume` is given.
    """
    partial, errors = (output.with_name(output.name + ending) for ending in (".partial", ".errors.jsonl"))
    if source.resolve() in {path.resolve() for path in (output, partial, errors)}:
        raise DataError(f"{output}: the job would overwrite its input, {source}. Name another output.")
    asked = DEFAULTS | options  # a job that is resumed with a default written out is the same job
    job = {**asked, "targets": list(asked["targets"]), "model": _digest(analyzer.model)}
    total = sum(1 for _ in _read_rows(source, on_error))  # and with "stop", nothing is begun before all rows are well-formed
    if not total:
        raise _no_article(source)
    analyze = functools.partial(analyzer.analyze_many, **asked)
    resumed = _begin(partial, job, resume)
    rows = _read_rows(source, on_error)
    _pass_over(rows, partial, resumed, source)
    progress(resumed, total)
    with partial.open("ab") as file:
        done = resumed
        while chunk := list(islice(rows, CHUNK_ARTICLES)):
            answers = _analyze_chunk(analyze, chunk, source, on_error)
            lines = [f"{_key(row)} {to_json(_answer_to_row(answer, source))}\n" for row, answer in zip(chunk, answers, strict=True)]
            file.write("".join(lines).encode())
            file.flush()
            os.fsync(file.fileno())
            done += len(chunk)
            progress(done, total)
    failed = _finish(partial, output, errors)
    return StreamResult(done - failed, failed, resumed)


def _no_article(source: Path) -> DataError:
    return DataError(f"{source}: the file has no article. Give one with a JSON object per line.")


def _read_rows(source: Path, on_error: str) -> Iterator[Row]:
    """Every row with its line; a row that is wrong comes as its error, or is raised where the job is to stop."""
    first_line: dict[str, int] = {}
    bad: list[DataError] = []
    for number, values in read_json_rows(source, bad.append if on_error == "skip" else None):
        yield from ((_line(error, source), error) for error in bad)
        bad.clear()
        try:
            article = article_from_row(values, f"{source}:{number}")
            article = article if article.id else replace(article, id=f"line-{number}")
            if article.id in first_line:
                raise DataError(f"{source}:{number}: id {article.id!r} was used on line {first_line[article.id]}. Give every article its own id.")
        except DataError as error:
            if on_error == "stop":
                raise
            yield number, error
            continue
        first_line[article.id] = number
        yield number, article
    yield from ((_line(error, source), error) for error in bad)


def _key(row: Row) -> str:
    """Digest of what was asked: the same job on other rows is another job."""
    number, article = row
    content = to_json(article_to_row(article)) if isinstance(article, Article) else f"{number}"
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def _line(error: DataError, source: Path) -> int:
    """The line in an error that opens with file:line, as all errors of a row do."""
    return int(str(error).removeprefix(f"{source}:").partition(":")[0])


def _digest(model: ArticleModel) -> str:
    """BLAKE2b of config and weights: another checkpoint may lie at the same path when the job resumes."""
    total = hashlib.blake2b(model.config.to_json_string().encode(), digest_size=16)
    for weight in model.state_dict().values():
        total.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return total.hexdigest()


def _begin(partial: Path, options: dict[str, Any], resume: bool) -> int:
    """Start the partial file, or cut it to its last whole chunk; returns the rows in it."""
    if not partial.exists():
        with open_whole(partial) as file:
            file.write(to_json(options) + "\n")
        return 0
    if not resume:
        raise DataError(f"{partial}: an earlier job for this output was interrupted. Go on with --resume (resume=True), or remove this file to start anew.")
    with partial.open("rb") as job:
        before = job.readline()
        if before != (to_json(options) + "\n").encode():
            found = before[:300].decode(errors="replace").strip()
            raise DataError(f"{partial}: the job began with other options, {found}. Resume with the same ones, or remove this file to start anew.")
        rows, end, whole = 0, job.tell(), job.tell()
        for line in job:
            if not line.endswith(b"\n"):
                break  # torn when the job was killed
            rows, end = rows + 1, end + len(line)
            whole = end if rows % CHUNK_ARTICLES == 0 else whole
    os.truncate(partial, whole)
    return rows - rows % CHUNK_ARTICLES


def _pass_over(rows: Iterator[Row], partial: Path, count: int, source: Path) -> None:
    """Read past the rows that are done, and make sure that they are the same rows as then."""
    with partial.open("rb") as file:
        file.readline()
        for _ in range(count):
            key, _, line = file.readline().decode().partition(" ")
            row = next(rows, None)
            if row is None or _key(row) != key:
                before = json.loads(line)
                found = f"line {row[0]}" if row else "the end of the file"
                wanted = f"the bad row of line {before['line']}" if _FAILED in before else f"id {before['id']!r}, as it was,"
                raise DataError(f"{source}: the input changed since the job began: {wanted} is expected at {found}. Remove {partial} to start anew.")


def _analyze_chunk(analyze: Callable[..., Iterator[Analysis]], chunk: Sequence[Row], source: Path, on_error: str) -> Iterator[Answer]:
    """The answer to each row of the chunk, in order."""
    refused: dict[int, DataError] = {}

    def refuse(article: Article, error: DataError) -> None:
        refused[id(article)] = error

    articles = [article for _, article in chunk if isinstance(article, Article)]
    analyses = iter(list(analyze(articles, on_error=refuse)))  # all of them: only then is it known which were refused
    for number, article in chunk:
        if isinstance(article, DataError):
            yield article
        elif (error := refused.get(id(article))) is None:
            yield article, next(analyses)
        else:
            placed = DataError(f"{source}:{number}: {error}")
            if on_error == "stop":
                raise placed from error
            yield placed


def _answer_to_row(answer: Answer, source: Path) -> dict[str, Any]:
    """The JSON object of an answer in the partial file."""
    return {"line": _line(answer, source), _FAILED: str(answer)} if isinstance(answer, DataError) else analysis_to_row(answer[1])


def _finish(partial: Path, output: Path, errors: Path) -> int:
    """Part the analyses from the failed rows, remove the partial file, and return the number of failed rows."""
    failed = 0
    with partial.open(encoding="utf-8", newline="\n") as file, ExitStack() as whole:
        next(file)
        done = whole.enter_context(open_whole(output))
        bad = None
        for keyed in file:
            line = keyed.partition(" ")[2]
            if _FAILED not in json.loads(line):
                done.write(line)
                continue
            bad = bad or whole.enter_context(open_whole(errors))
            bad.write(line)
            failed += 1
    if not failed:
        errors.unlink(missing_ok=True)  # of an earlier job
    partial.unlink()
    return failed
