"""Commands: `python -m inference summarize FILE`, `analyze FILE [-o OUT.jsonl]` and `export CHECKPOINT FOLDER`.

In: command-line arguments, text on standard input. Out: summaries, readable views or JSON on standard output, progress and
errors on standard error. The only file of the package that prints. Does not know: how anything is computed.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers.utils import logging

from inference.analysis import AUTO, METHODS, Analysis, Options
from inference.api import CHECKPOINT_VARIABLE, load_analyzer
from inference.article import Article, to_json
from inference.checkpoint import verify
from inference.errors import CheckpointError, ConfigError, DataError
from inference.export import export_checkpoint
from inference.stream import analyze_file, analyze_rows
from inference.view import analysis_to_row, analysis_view, plain

ARTICLE_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.xz")

INPUT_HELP = f"a file of articles ({', '.join(ARTICLE_SUFFIXES)}), or any other text file: one article as plain text; - is plain text from standard input"

ON_ERROR_HELP = "at a bad row of a file of articles: stop (default), or name it on standard error and go on"

METHOD_HELP = "sentences of the article (extractive), a text by the checkpoint (abstractive), or what was better on its dev articles (auto, default)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 wrong input, 130 interrupted."""
    options = _parser().parse_args(arguments)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        _run(options)
        sys.stdout.flush()
    except (CheckpointError, ConfigError, DataError) as error:
        return _fail(str(error))
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except KeyboardInterrupt:
        resume = " Go on with --resume." if options.command == "analyze" and options.output else ""
        print(f"interrupted.{resume}", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.command == "export":
        _export(options)
        return
    _check(options)
    if options.command == "summarize":
        _summarize(options)
    elif options.output is not None:
        _analyze_to_file(options)
    else:
        _analyze_to_terminal(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m inference", description="Label news articles by topic and stance, and sum them up.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    summarize = commands.add_parser("summarize", help="print a summary of each article")
    analyze = commands.add_parser(
        "analyze",
        help="topic, stances, summary and what was left out as boilerplate: a readable view, or JSON Lines",
        description="Without --output, print a readable view of each article; with it, write one JSON object per article.",
    )
    for command in (summarize, analyze):
        command.add_argument("input", metavar="FILE", help=INPUT_HELP)
        command.add_argument("--title", default="", help="title of a plain text article")
        command.add_argument("--max-words", type=int, default=60, metavar="N", help="words of a summary, at most (default 60)")
        command.add_argument("--max-sentences", type=int, metavar="N", help="sentences of a summary, at most (default: as many as fit)")
        command.add_argument("--method", choices=METHODS, default=AUTO, help=METHOD_HELP)
        command.add_argument("--checkpoint", metavar="FOLDER", help=f"checkpoint folder or Hub id (default: ${CHECKPOINT_VARIABLE}, then the released one)")
        command.add_argument("--json", action="store_true", help="print one JSON object per article")
    summarize.add_argument("--on-error", choices=("stop", "skip"), help=ON_ERROR_HELP)
    analyze.add_argument("--on-error", choices=("stop", "skip"), help=f"{ON_ERROR_HELP}; with --output, list it in OUT.jsonl.errors.jsonl")
    analyze.add_argument("--target", action="append", default=[], metavar="TEXT", help="phrase or claim to find the stance toward; may be repeated")
    analyze.add_argument(
        "--min-confidence", type=float, default=0.0, metavar="P", help="give no topic and no stance that is less probable, 0 to 1 (default 0: always answer)"
    )
    summarize.set_defaults(min_confidence=0.0)
    analyze.add_argument("-o", "--output", type=Path, metavar="OUT.jsonl", help="write JSON Lines to this file, with progress on standard error")
    analyze.add_argument("--resume", action="store_true", help="with --output: go on with an interrupted job")
    export = commands.add_parser(
        "export",
        help="copy a checkpoint for others to use, half as large",
        description="Write a copy of a checkpoint with float16 weights, which are loaded as float32, and a README.md that states their license.",
    )
    export.add_argument("checkpoint", metavar="CHECKPOINT", help="checkpoint folder or Hub id")
    export.add_argument("folder", type=Path, metavar="FOLDER", help="the new folder")
    export.add_argument("--license", metavar="NAME", help="license of the weights, e.g. 'CC BY-NC-SA 4.0' (default: what the checkpoint states, if anything)")
    return parser


def _check(options: argparse.Namespace) -> None:
    """What argparse cannot say: options that go together."""
    of_articles = options.input.endswith(ARTICLE_SUFFIXES)
    if options.title and of_articles:
        raise DataError(f"--title is for a plain text article; {options.input} has its articles' own titles. Leave it out.")
    if options.on_error and not of_articles:
        raise DataError(f"--on-error is for a file of articles ({', '.join(ARTICLE_SUFFIXES)}); {options.input} is one plain text. Leave it out.")
    if options.command == "summarize":
        return
    if options.output is None and options.resume:
        raise DataError("--resume goes with --output. Name a file, e.g. -o analyses.jsonl.")
    if options.output is not None and not of_articles:
        raise DataError(f"{options.input}: --output wants a file of articles ({', '.join(ARTICLE_SUFFIXES)}). Use --json for one text, and leave --output out.")
    if options.output is not None and not options.output.name.endswith(".jsonl"):
        raise DataError(f"{options.output}: the output is JSON Lines. Give it a name that ends in .jsonl.")


def _text_article(options: argparse.Namespace) -> Article:
    """The article of a plain text file or of standard input."""
    name = "standard input" if options.input == "-" else options.input
    content = sys.stdin.buffer.read() if options.input == "-" else Path(options.input).read_bytes()
    if content.startswith((b"\x1f\x8b", b"\xfd7zXZ")):
        raise DataError(f"{name}: compressed plain text is not read. Unpack it, or give JSON Lines (.jsonl.gz, .jsonl.xz).")
    if content.lstrip().startswith((b'{"', b'[{"')):
        raise DataError(f"{name}: this is JSON, and plain text is expected here. Name the file .jsonl, with one JSON object per line.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte 0x{content[error.start]:02x} at {error.start}"
        raise DataError(f"{name}: the text must be UTF-8, found {found}. Convert it, e.g. with `iconv -t UTF-8`.") from error
    return Article(text, id=name, title=options.title)


def _analyses(options: argparse.Namespace, targets: Sequence[str] = ()) -> Iterator[tuple[Article, Analysis]]:
    """Each article with its analysis; a large file is read as it is analyzed, and its skipped rows are named and counted on standard error."""
    analyzer = load_analyzer(options.checkpoint)
    asked = _asked(options, targets)
    if not options.input.endswith(ARTICLE_SUFFIXES):
        article = _text_article(options)
        for analysis in analyzer.analyze_many([article], **asked):
            yield article, analysis
        return
    failed = 0
    for answer in analyze_rows(analyzer, Path(options.input), on_error=options.on_error or "stop", **asked):
        if isinstance(answer, DataError):
            failed += 1
            print(f"left out: {answer}", file=sys.stderr)
        else:
            yield answer
    if failed:
        print(f"{options.input}: bad rows left out: {failed:,}", file=sys.stderr)


def _asked(options: argparse.Namespace, targets: Sequence[str]) -> Options:
    return Options(
        targets=targets,
        max_words=options.max_words,
        max_sentences=options.max_sentences,
        method=options.method,
        min_confidence=options.min_confidence,
    )


def _summarize(options: argparse.Namespace) -> None:
    several = options.input.endswith(ARTICLE_SUFFIXES)
    for article, analysis in _analyses(options):
        if options.json:
            row = analysis_to_row(analysis)
            print(to_json({name: row[name] for name in ("id", "lang", "title", "summary", "warnings")}))
            continue
        summary = plain(analysis.summary.text, isolate=sys.stdout.isatty())
        print(f"{plain(article.id)}: {summary}" if several else summary)
        for warning in (*analysis.warnings, *analysis.summary.warnings):
            print(f"note: {plain(article.id)}: {warning}", file=sys.stderr)


def _analyze_to_terminal(options: argparse.Namespace) -> None:
    console = Console(highlight=False)
    for number, (article, analysis) in enumerate(_analyses(options, options.target)):
        if options.json:
            print(to_json(analysis_to_row(analysis)))
            continue
        if number:
            console.print()
            console.rule(style="dim")
        console.print(analysis_view(analysis, article.text))


def _analyze_to_file(options: argparse.Namespace) -> None:
    analyzer = load_analyzer(options.checkpoint)
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("analyzing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("analyzing", total=None)
        result = analyze_file(
            analyzer,
            Path(options.input),
            options.output,
            on_error=options.on_error or "stop",
            resume=options.resume,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            **_asked(options, options.target),
        )
    earlier = f" ({result.resumed:,} rows by an earlier job)" if result.resumed else ""
    print(f"{options.output}: articles analyzed: {result.done:,}{earlier}", file=sys.stderr)
    if result.failed:
        print(f"{options.output}.errors.jsonl: bad rows left out: {result.failed:,}", file=sys.stderr)


def _export(options: argparse.Namespace) -> None:
    folder: Path = export_checkpoint(options.checkpoint, options.folder, license=options.license)
    stated = verify(folder)["run"].get("license")
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {size / 1e6:.1f} MB; license of the weights: {stated or 'not stated, --license names one'}")
    print(f"use it: python -m inference summarize article.txt --checkpoint {shlex.quote(str(folder))}")


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
