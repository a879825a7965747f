"""Commands: `python -m training check CONFIG`, `train CONFIG` and `evaluate CHECKPOINT HELD_OUT...`.

In: command-line arguments. Out: tables and progress on the terminal, by the main process only; files as `training.run` and
`training.report` write them. The only file of the package that prints. Does not know: how anything is computed.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import ceil
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from transformers.utils import logging

from inference.analyzer import Analyzer
from inference.article import Article, read_articles
from inference.checkpoint import Checkpoint, load_checkpoint
from inference.encoding import ArticleTokenizer
from inference.errors import CheckpointError, ConfigError, DataError
from inference.words import count_words
from training.build import build_tokenizer
from training.config import RunConfig, load_config
from training.corpus import Corpus, describe, digest, load_corpus
from training.corpus_view import corpus_tables
from training.evaluation import evaluate, held_out_file
from training.leakage import check_held_out
from training.report import report_tables, write_report
from training.results import HeldOutFile
from training.rows import source_file
from training.run import RunResult, check_selected_scores, train
from training.sources import load_source

CONFIG_SUFFIXES = (".yaml", ".yml")
SPLITS = ("dev", "held_out")
TOKENS_PER_WORD = 2.0
"""For estimates before there is a tokenizer: with 32,000 pieces, 1.5 (Vietnamese) to 3.3 (Russian) were counted on the news sets."""

ARTICLE_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.xz")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 problems found by `check`, 2 wrong input, 130 interrupted."""
    options = _parser().parse_args(arguments)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    is_main = os.environ.get("RANK", "0") == "0"  # set by torchrun and accelerate
    console = Console(highlight=False, quiet=not is_main)
    try:
        if options.command == "check":
            _check(options, console)
        elif options.command == "train":
            _train(options, console)
        else:
            _evaluate(options, console)
    except (CheckpointError, ConfigError, DataError) as error:
        return _fail(str(error), options, is_main)
    except OSError as error:  # Transformers reports a model that cannot be had this way, in several lines
        return _fail(" ".join(str(error).split()), options, is_main)
    except KeyboardInterrupt:
        resume = " Go on with --resume." if options.command == "train" else ""
        print(f"interrupted.{resume}", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train a model from a config file, and score it on held-out articles.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="validate a config and its data, and count what is in it; exit code 1 where there are problems")
    run = commands.add_parser("train", help="train and export the best checkpoint to OUTPUT/checkpoint")
    score = commands.add_parser("evaluate", help="score a checkpoint on held-out articles, and write a report")
    for command in (check, run):
        command.add_argument("config", metavar="CONFIG", help="YAML file of the run, e.g. configs/quickstart.yaml")
    run.add_argument("--resume", action="store_true", help="go on with an interrupted run of the same config")
    score.add_argument("checkpoint", metavar="CHECKPOINT", help="checkpoint folder, or a Hub id")
    score.add_argument(
        "held_out", metavar="HELD_OUT", nargs="+", help=f"file of articles ({', '.join(ARTICLE_SUFFIXES)}), or a config (.yaml) for its data.dev"
    )
    score.add_argument("--split", choices=SPLITS, default="dev", help="which articles of a config: data.dev (default), or data.held_out at the end of all work")
    score.add_argument("--headlines", action="store_true", help="also score one sentence against the headline where there is no summary")
    score.add_argument("--max-words", type=int, default=60, metavar="N", help="words of a summary, at most (default 60)")
    score.add_argument("--max-sentences", type=int, metavar="N", help="sentences of a summary, at most (default: as many as fit)")
    score.add_argument("--allow-overlap", action="store_true", help="leave out held-out articles that overlap with training articles, in place of stopping")
    score.add_argument(
        "--output", type=Path, metavar="FOLDER", help="folder of the report (default: report, beside a checkpoint folder; ./report for a Hub id)"
    )
    for command in (check, run, score):
        command.add_argument("--data-root", type=Path, metavar="FOLDER", help="where relative source paths of the config start; wins over data.root")
        command.add_argument(
            "--set", action="append", default=[], dest="overrides", metavar="A.B=VALUE", help="change a setting of the config; may be repeated"
        )
    return parser


def _check(options: argparse.Namespace, console: Console) -> None:
    config = load_config(options.config, options.overrides, options.data_root)
    corpus = load_corpus(config)
    check_selected_scores(config, corpus)
    encode = _article_tokenizer(config, corpus)
    window = config.model.window_tokens
    most = config.training.max_windows

    @cache
    def windows(article: Article) -> int:
        return _count_windows(encode, article) if encode else _estimate_windows(article, window)

    report = describe(corpus, config, windows)
    console.print(corpus_tables(report))
    cut = sum(windows(article) > most for source in corpus.train for article in source.articles)
    if cut:
        note = f"{cut:,} training articles are longer than training.max_windows ({most}): training reads their beginning, inference all"
        console.print(note, markup=False, soft_wrap=True)
    if encode is None:
        note = f"windows are estimated at {TOKENS_PER_WORD:g} tokens a word: the tokenizer is trained with the run"
        console.print(note, markup=False, soft_wrap=True)
    console.print(f"{options.config} is valid. Train it with: {_command('train', options)}", markup=False, soft_wrap=True, style="bold")


def _article_tokenizer(config: RunConfig, corpus: Corpus) -> ArticleTokenizer | None:
    """The run's tokenizer, where it exists without training one."""
    if config.model.tokenizer is not None and not (config.output / "tokenizer").exists():
        return None
    settings = config.model
    return ArticleTokenizer(build_tokenizer(config, corpus), settings.window_tokens, settings.max_windows, settings.target_tokens)


def _estimate_windows(article: Article, window_tokens: int) -> int:
    return max(1, ceil(count_words(article.text) * TOKENS_PER_WORD / window_tokens))


def _count_windows(encode: ArticleTokenizer, article: Article) -> int:
    encoded = encode.encode(article)
    return len(encode.windows(encoded.title_ids, encoded.sentence_ids)[0])


def _train(options: argparse.Namespace, console: Console) -> None:
    config = load_config(options.config, options.overrides, options.data_root)
    with _progress(console) as bars:
        result = train(config, resume=options.resume, write=lambda line: console.print(line, markup=False, soft_wrap=True), progress=_Bars(bars).show)
    console.print(_run_table(config, result))
    for purpose, command in (
        ("score it on held-out articles", f"python -m training evaluate {result.checkpoint} HELD_OUT.jsonl"),
        ("read an article with it", f"python -m inference analyze ARTICLE.txt --checkpoint {result.checkpoint}"),
        ("see the curves of the run", f"tensorboard --logdir {config.output / 'tensorboard'}"),
    ):
        console.print(f"{purpose}:\n  {command}", markup=False, soft_wrap=True)


def _run_table(config: RunConfig, result: RunResult) -> Table:
    table = Table(title=f"Run {config.name}", title_justify="left", title_style="bold", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("checkpoint", Text(str(result.checkpoint)))
    table.add_row("best step", f"{result.best_step:,} of {result.steps:,}")
    for name, value in result.scores.items():
        if not any(part in name for part in ("/", "restricted", "stance_f1")):  # details of sources and classes stand in broadsheet.json
            chosen = "  selects the best step" if name in config.training.select else ""
            table.add_row(f"dev {name}", f"{value:.3f}{chosen}")
    table.add_row("read", f"{result.tokens:,} article tokens in {result.seconds:,.0f} seconds")
    return table


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """What is evaluated: articles whose `source` tells them apart, and what is known about the sources."""

    articles: list[Article] = field(default_factory=list)
    files: list[HeldOutFile] = field(default_factory=list)
    topic_labels: dict[str, Sequence[str]] = field(default_factory=dict)
    neutral_covers_unrelated: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _evaluate(options: argparse.Namespace, console: Console) -> None:
    checkpoint = load_checkpoint(options.checkpoint)
    held_out = _read_held_out(options, checkpoint)
    check = check_held_out(held_out.articles, checkpoint.folder, allow_overlap=options.allow_overlap)
    analyzer = Analyzer(checkpoint.model.to("cuda" if torch.cuda.is_available() else "cpu"), checkpoint.tokenizer)  # type: ignore[arg-type]
    with _progress(console) as bars:
        show = _Bars(bars).show
        report = evaluate(
            analyzer,
            check.kept,
            topic_labels=held_out.topic_labels,
            neutral_covers_unrelated=held_out.neutral_covers_unrelated,
            headlines=options.headlines,
            max_words=options.max_words,
            max_sentences=options.max_sentences,
            progress=lambda done, total: show("evaluating", done, total),
        )
    warnings = (*report.warnings, *held_out.notes, *check.notes)
    report = replace(report, checkpoint=str(options.checkpoint), files=tuple(held_out.files), warnings=warnings, overlaps=check.overlaps)
    page = write_report(report, options.output or _report_folder(options.checkpoint))
    console.print(report_tables(report))
    console.print(f"{report.articles:,} articles in {report.seconds:,.0f} seconds. The report, with examples: {page}", markup=False, soft_wrap=True)


def _report_folder(checkpoint: str) -> Path:
    """Beside a checkpoint folder; a Hub id's lies in the cache, where nobody would look for a report."""
    if not Path(checkpoint).exists():
        return Path("report")
    return Path(os.path.normpath(Path(checkpoint) / ".." / "report"))  # not `parent`: that of "." is ".", the checkpoint itself


def _read_held_out(options: argparse.Namespace, checkpoint: Checkpoint) -> _HeldOut:
    held_out = _HeldOut()
    configs = [path for path in options.held_out if path.endswith(CONFIG_SUFFIXES)]
    if not configs and (options.overrides or options.data_root or options.split != "dev"):
        raise ConfigError("--set, --data-root and --split are about a config, and none is evaluated. Name one, e.g. configs/news.yaml, or leave them out.")
    for path in options.held_out:
        if path in configs:
            _read_sources(load_config(path, options.overrides, options.data_root), options.split, held_out)
        elif path.endswith(ARTICLE_SUFFIXES):
            _read_file(Path(path), checkpoint, held_out)
        else:
            raise DataError(f"{path}: a held-out file must end in one of {', '.join((*ARTICLE_SUFFIXES, *CONFIG_SUFFIXES))}.")
    return held_out


def _read_file(path: Path, checkpoint: Checkpoint, held_out: _HeldOut) -> None:
    name = path.name.partition(".jsonl")[0]
    if name in {article.source for article in held_out.articles}:
        name = str(path).partition(".jsonl")[0]  # dev.jsonl of two folders
    articles = [replace(article, source=name) for article in read_articles(path)]
    held_out.articles.extend(articles)
    held_out.files.append(held_out_file(path, len(articles)))
    trained_on = checkpoint.info.get("sources", {})
    if name in trained_on:
        held_out.topic_labels[name] = trained_on[name]["topic_labels"]
        if trained_on[name]["neutral_covers_unrelated"]:
            held_out.neutral_covers_unrelated.append(name)


def _read_sources(config: RunConfig, split: str, held_out: _HeldOut) -> None:
    sources = config.data.dev if split == "dev" else config.data.held_out
    if not sources:
        raise ConfigError("data.held_out names no source. Add some, or leave out --split.")
    for source in sources:
        loaded = load_source(source, config.data.root, config.data.topics, config.seed)
        held_out.articles.extend(loaded.articles)
        held_out.topic_labels[source.name] = loaded.topic_labels
        held_out.notes.extend(f"source {source.name!r}: left out {count:,}: {reason}." for reason, count in loaded.dropped.items())
        if source.neutral_covers_unrelated:
            held_out.neutral_covers_unrelated.append(source.name)
        if source.path is not None:
            held_out.files.append(held_out_file(source_file(source, config.data.root), len(loaded.articles)))
        elif source.hub is not None:  # not one file: the digest is that of its articles
            held_out.files.append(HeldOutFile(f"{source.hub.id}[{source.hub.split}]", digest(loaded.articles), len(loaded.articles)))


@dataclass(frozen=True, slots=True)
class _Bars:
    """One progress bar for everything that is being done, made when it is first heard of."""

    progress: Progress
    tasks: dict[str, TaskID] = field(default_factory=dict)

    def show(self, what: str, done: int, total: int) -> None:
        if what not in self.tasks:
            self.tasks[what] = self.progress.add_task(what, total=total)
        self.progress.update(self.tasks[what], completed=done, total=total)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=console.quiet or not console.is_terminal)


def _command(name: str, options: argparse.Namespace) -> str:
    """The command line of another command with the same config."""
    words = ["python", "-m", "training", name, options.config]
    words += ["--data-root", str(options.data_root)] if options.data_root else []
    return shlex.join([*words, *(word for override in options.overrides for word in ("--set", override))])


def _fail(message: str, options: argparse.Namespace, is_main: bool) -> int:
    if is_main:  # every process meets the same error
        print(f"error: {message}", file=sys.stderr)
    return 1 if options.command == "check" else 2


if __name__ == "__main__":
    sys.exit(main())
