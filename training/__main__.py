"""Commands: `python -m training check CONFIG`, `train CONFIG`, `pretrain CONFIG`, `evaluate CHECKPOINT HELD_OUT...` and `card REPORT.json...`.

In: command-line arguments. Out: tables and progress on the terminal, by the main process only; files as `training.run` and
`training.report` write them. The only file of the package that prints. Does not know: how anything is computed.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import ceil
from pathlib import Path

import torch
import torch.distributed as dist
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from transformers.utils import logging

from inference.analysis import AUTO, METHODS
from inference.analyzer import Analyzer
from inference.article import Article
from inference.checkpoint import Checkpoint, load_checkpoint
from inference.encoding import ArticleTokenizer
from inference.errors import CheckpointError, ConfigError, DataError
from inference.words import count_words
from training.allocator import keep_freed_memory
from training.build import build_tokenizer
from training.card import update_card
from training.comparison import compare
from training.config import DATA_SUFFIXES, RunConfig, load_config
from training.config_pretrain import load_pretrain_config
from training.corpus import Corpus, describe, load_corpus
from training.corpus_view import corpus_tables
from training.costly_baselines import costly_baselines
from training.dev import check_selected_scores
from training.evaluation import evaluate
from training.floors import check_floors, floors_table, read_floors
from training.gold import check_topics, read_gold
from training.held_out import ARTICLE_SUFFIXES, CONFIG_SUFFIXES, SPLITS, HeldOutSources, read_held_out
from training.pretrain import pretrain
from training.report import report_tables, write_report
from training.results import Answers, Report
from training.run import train
from training.run_description import RunResult
from training.trainer import RunStopped

TOKENS_PER_WORD = 2.0
"""For estimates before there is a tokenizer: with 32,000 pieces, 1.5 (Vietnamese) to 3.3 (Russian) were counted on the news sets."""

FILE_SUFFIXES = (*ARTICLE_SUFFIXES, *CONFIG_SUFFIXES, *DATA_SUFFIXES, ".json", ".txt")
"""A name that ends in one of these is a file that may be missing or of the wrong kind, and no checkpoint of the Hub."""

TRAINED = ("name", "config", "best_step", "run", "sources", "base", "history", "calibration")
"""What a report repeats of a checkpoint's description."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0 done, 1 problems found by `check` or scores below a floor, 2 wrong input, 130 interrupted (Ctrl+C), 143 told to end (SIGTERM).
    """
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
        elif options.command == "pretrain":
            keep_freed_memory()
            _pretrain(options, console)
        elif options.command == "card":
            update_card(options.card, options.reports)
            console.print(f"wrote {options.card}", markup=False, soft_wrap=True)
        else:
            return _evaluate(options, console)
    except (CheckpointError, ConfigError, DataError) as error:
        return _fail(str(error), options, is_main)
    except OSError as error:  # Transformers reports a model that cannot be had this way, in several lines
        return _fail(" ".join(str(error).split()), options, is_main)
    except RunStopped as stopped:
        if is_main:
            print(f"{stopped}. Go on with --resume.", file=sys.stderr)
        _leave_group()
        return 143
    except KeyboardInterrupt:
        resume = " Go on with --resume." if options.command in ("train", "pretrain") else ""
        print(f"interrupted.{resume}", file=sys.stderr)
        return 130
    _leave_group()
    return 0


def _leave_group() -> None:
    """Where processes worked together and are all done: the group's threads may ask for an interpreter that has ended, and abort the process."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train a model from a config file, and score it on held-out articles.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="validate a config and its data, and count what is in it; exit code 1 where there are problems")
    run = commands.add_parser("train", help="train and export the best checkpoint to OUTPUT/checkpoint")
    score = commands.add_parser("evaluate", help="score a checkpoint on held-out articles, and write a report")
    base = commands.add_parser("pretrain", help="train a base from text, for model.backbone.folder of a training run, and write it to OUTPUT/checkpoint")
    card = commands.add_parser("card", help="write the scores, the data and the Hub metadata of a model card from reports")
    for command in (check, run):
        command.add_argument("config", metavar="CONFIG", help="YAML file of the run, e.g. configs/quickstart.yaml")
    base.add_argument("config", metavar="CONFIG", help="YAML file of the run, e.g. configs/pretrain.yaml")
    for command in (run, base):
        command.add_argument("--resume", action="store_true", help="go on with an interrupted run of the same config")
    score.add_argument("checkpoint", metavar="CHECKPOINT", help="checkpoint folder, or a Hub id; a second one after it is compared on the same articles")
    score.add_argument(
        "held_out", metavar="HELD_OUT", nargs="+", help=f"file of articles ({', '.join(ARTICLE_SUFFIXES)}), or a config (.yaml) for its data.dev"
    )
    score.add_argument("--split", choices=SPLITS, default="dev", help="which articles of a config: data.dev (default), or data.held_out at the end of all work")
    score.add_argument("--headlines", action="store_true", help="also score one sentence against the headline where there is no summary")
    score.add_argument("--max-words", type=int, default=60, metavar="N", help="words of a summary, at most (default 60)")
    score.add_argument("--max-sentences", type=int, metavar="N", help="sentences of a summary, at most (default: as many as fit)")
    score.add_argument("--method", choices=METHODS, default=AUTO, help="of summaries: extractive, abstractive, or what the checkpoint prefers (auto, default)")
    score.add_argument("--allow-overlap", action="store_true", help="leave out held-out articles that overlap with training articles, in place of stopping")
    score.add_argument(
        "--baselines", action="store_true", help="also score systems that are trained on the checkpoint's training files (of --data-root), and LexRank"
    )
    score.add_argument("--floors", type=Path, metavar="FILE", help="JSON file of floors, e.g. configs/floors.json: exit code 1 where a score sinks below one")
    score.add_argument(
        "--output", type=Path, metavar="FOLDER", help="folder of the report (default: report, beside a checkpoint folder; ./report for a Hub id)"
    )
    card.add_argument("reports", metavar="REPORT.json", nargs="+", type=Path, help="report.json files of one checkpoint, as evaluate writes them")
    card.add_argument(
        "--card", type=Path, default=Path("model_card.md"), metavar="FILE", help="the card; begun from a template where it is missing (default model_card.md)"
    )
    for command in (check, run, base, score):
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


def _pretrain(options: argparse.Namespace, console: Console) -> None:
    config = load_pretrain_config(options.config, options.overrides, options.data_root)
    with _progress(console) as bars:
        result = pretrain(config, resume=options.resume, write=lambda line: console.print(line, markup=False, soft_wrap=True), progress=_Bars(bars).show)
    table = Table(title=f"Base {config.name}", title_justify="left", title_style="bold", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("base", Text(str(result.base)))
    table.add_row("parameters", f"{result.parameters:,}, {result.encoder_parameters:,} of them beside the token embeddings")
    table.add_row("read", f"{result.tokens:,} tokens in {result.seconds:,.0f} seconds, {result.tokens / result.seconds:,.0f} a second")
    table.add_row("held-out bits per byte", f"{result.bits_per_byte['mean']:.3f}, mean of {len(result.bits_per_byte) - 1} languages")
    console.print(table)
    console.print(f"train from it: model.backbone: {{folder: {result.base}}}, and no model.tokenizer", markup=False, soft_wrap=True)


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


def _evaluate(options: argparse.Namespace, console: Console) -> int:
    names, paths = _checkpoints_and_paths(options)
    checkpoints = [load_checkpoint(name) for name in names]
    of_config = any(path.endswith(CONFIG_SUFFIXES) for path in paths)
    data_root = options.data_root if of_config or not options.baselines else None  # the baselines' training files stand there too
    held_out = read_held_out(paths, checkpoints, split=options.split, overrides=options.overrides, data_root=data_root, allow_overlap=options.allow_overlap)
    if len(checkpoints) > 1:  # the second must not be found wanting after the first took its time
        gold = read_gold(held_out.articles.articles)
        for checkpoint in checkpoints:
            check_topics(gold, checkpoint.model.config.topics)
    for checkpoint in checkpoints:  # nor this
        Analyzer(checkpoint.model, checkpoint.tokenizer).method(options.method)
    floors = read_floors(options.floors, held_out.files) if options.floors else None  # before hours of work: the file may be wrong
    output = options.output or _report_folder(options.checkpoint)
    with _progress(console) as bars:
        bar = _Bars(bars)
        answers = _costly_answers(checkpoints[0], held_out, output, options, bar) if options.baselines else {}
        reports = [_report(checkpoint, name, held_out, answers, options, bar) for name, checkpoint in zip(names, checkpoints, strict=True)]
    report = reports[0]
    if len(reports) > 1:
        others = [f"{names[1]}: {warning}" for warning in reports[1].warnings if warning not in report.warnings]
        report = replace(report, compared_with=names[1], differences=compare(*reports), warnings=(*report.warnings, *others))
    page = write_report(report, output)
    console.print(report_tables(report))
    console.print(f"{report.articles:,} articles in {report.seconds:,.0f} seconds. The report, with examples: {page}", markup=False, soft_wrap=True)
    if floors is None:
        return 0
    checked = check_floors(report, floors)
    if not all(floor.holds for floor in checked):
        console.print(floors_table(checked))
        return 1
    console.print(f"all {len(checked)} floors of {options.floors} hold", markup=False, soft_wrap=True)
    return 0


def _checkpoints_and_paths(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """One checkpoint, or two where the first of the held-out names is a folder or a Hub id; and the files and configs."""
    second = Path(options.held_out[0])
    if len(options.held_out) > 1 and (second.is_dir() or not (second.exists() or second.name.endswith(FILE_SUFFIXES))):
        return [options.checkpoint, options.held_out[0]], options.held_out[1:]
    return [options.checkpoint], options.held_out


def _costly_answers(
    checkpoint: Checkpoint, held_out: HeldOutSources, folder: Path, options: argparse.Namespace, bars: "_Bars"
) -> Mapping[str, Iterable[Answers]]:
    return costly_baselines(
        checkpoint.info,
        options.data_root,
        held_out.articles.articles,
        folder,
        topics=checkpoint.model.config.topics,
        max_words=options.max_words,
        max_sentences=options.max_sentences,
        progress=bars.show,
    )


def _report(
    checkpoint: Checkpoint, name: str, held_out: HeldOutSources, answers: Mapping[str, Iterable[Answers]], options: argparse.Namespace, bars: "_Bars"
) -> Report:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    report = evaluate(
        Analyzer(checkpoint.model.to(device), checkpoint.tokenizer),  # type: ignore[arg-type]
        held_out.articles,
        headlines=options.headlines,
        max_words=options.max_words,
        max_sentences=options.max_sentences,
        method=options.method,
        answers=answers,
        progress=lambda done, total: bars.show(f"evaluating {name}", done, total),
    )
    return replace(
        report,
        device=torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads",
        checkpoint=name,
        trained={part: checkpoint.info[part] for part in TRAINED if part in checkpoint.info},
        split=held_out.split,
        files=held_out.files,
        overlaps=held_out.overlaps,
        warnings=(*report.warnings, *held_out.notes),
    )


def _report_folder(checkpoint: str) -> Path:
    """Beside a checkpoint folder; a Hub id's lies in the cache, where nobody would look for a report."""
    if not Path(checkpoint).exists():
        return Path("report")
    return Path(os.path.normpath(Path(checkpoint) / ".." / "report"))  # not `parent`: that of "." is ".", the checkpoint itself


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
