"""Fill the marked blocks of README.md and model_card.md from the results files, so that no number in them is typed by hand.

In: `benchmarks/results/*.json`, the docstrings of the modules. Out: both files, each block between `<!-- begin:NAME -->` and
`<!-- end:NAME -->` written anew; a block whose results file is missing says which command makes it. Does not know: how anything is measured.

    python -m benchmarks.write_docs            # write both files
    python -m benchmarks.write_docs --check    # exit code 1 if a block is out of date
    python -m benchmarks.write_docs --example    # run the README's example first, and keep what it printed
    python -m benchmarks.write_docs --release runs/release/report --masakhanews runs/release/report-masakhanews    # keep the scores of two evaluations first
"""

import argparse
import ast
import contextlib
import io
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import doc_blocks, release_blocks
from benchmarks.doc_blocks import MissingResultError, read_result, table
from benchmarks.side_by_side_block import side_by_side_block
from inference.article import open_whole
from training.card import fill_card

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENTS = ("README.md", "model_card.md")
FOLDERS = ("inference", "training", "configs", "benchmarks")

EXAMPLE = """\
from inference import analyze
from inference.article import read_articles

page = next(page for page in read_articles("data/sample/test.jsonl") if page.id == "en-026")
analysis = analyze(page.text, title=page.title, targets=["moving coastal villages to higher ground"])
print(analysis.topic.name, analysis.stances[0].stance, sep=", ")
print(analysis.summary.text)
"""

_BLOCK = re.compile(r"(<!-- begin:([\w-]+) -->\n).*?(<!-- end:\2 -->)", re.DOTALL)


def example_block(results: Path) -> str:
    """The six lines and what they printed."""
    try:
        example = read_result("example.json", results)
    except MissingResultError as missing:
        return f"```python\n{EXAMPLE}```\n\nIts output is {missing}\n"
    return f"```python\n{example['code']}```\n\n```text\n{example['output'].rstrip()}\n```\n"


def files_block(results: Path) -> str:
    """Every file of the packages with the first line of its docstring, or of a config's opening comment."""
    del results
    lines = []
    for folder in FOLDERS:
        data = [path for path in (ROOT / folder).iterdir() if path.suffix in (".yaml", ".json")]
        for path in sorted([*data, *(ROOT / folder).rglob("*.py")]):
            lines.append((f"`{path.relative_to(ROOT).as_posix()}`", _first_line(path)))
    return table(["file", "what it is"], lines, left=2)


def _first_line(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return f"the data of `{path.stem}.py`"
    if path.suffix == ".yaml":
        return text.splitlines()[0].removeprefix("# ")
    lines = (ast.get_docstring(ast.parse(text)) or "makes the folder a package").splitlines()
    return lines[0].replace("|", "\\|")


BLOCKS: dict[str, Callable[[Path], str]] = {
    "example": example_block,
    "scores": doc_blocks.scores_block,
    "cleaner": doc_blocks.cleaner_block,
    "duplicates": doc_blocks.duplicates_block,
    "quickstart": doc_blocks.figures_block("quickstart.json"),
    "streaming": doc_blocks.figures_block("streaming.json"),
    "speed": doc_blocks.figures_block("speed.json"),
    "pair-encoding": doc_blocks.figures_block("pair_encoding.json"),
    "faithfulness": doc_blocks.figures_block("faithfulness.json"),
    "abstractive": doc_blocks.abstractive_block,
    "seq2seq": doc_blocks.figures_block("seq2seq.json"),
    "pretraining": release_blocks.pretraining_block,
    "vocabulary": release_blocks.vocabulary_block,
    "step-time": doc_blocks.figures_block("step_time.json"),
    "choices": release_blocks.choices_block,
    "base": release_blocks.base_block,
    "ngrams": release_blocks.ngrams_block,
    "topics": release_blocks.topics_block,
    "mistakes": release_blocks.mistakes_block,
    "cold-start": doc_blocks.figures_block("cold_start.json"),
    "side-by-side": side_by_side_block,
    "files": files_block,
    "run": doc_blocks.run_block,
}

REPORTS = ("release_test.json", "release.json", "release_masakhanews.json")
"""What model_card.md is written from, by `training.card`."""

KEPT_KINDS = ("overall", "lang", "source")


def fill(text: str, results: Path) -> str:
    """`text` with every block written anew; an unknown name is a `KeyError`."""

    def write(match: re.Match[str]) -> str:
        try:
            content = BLOCKS[match[2]](results)
        except MissingResultError as missing:
            content = f"{str(missing)[0].upper()}{str(missing)[1:]}\n"
        return f"{match[1]}{content}{match[3]}"

    return _BLOCK.sub(write, text)


def run_example(results: Path) -> None:
    """Run the README's example with the released checkpoint, and keep the code and what it printed."""
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(EXAMPLE, "README.md", "exec"), {})
    with open_whole(results / "example.json") as file:
        file.write(json.dumps({"code": EXAMPLE, "output": printed.getvalue()}, ensure_ascii=False, indent=1) + "\n")


def keep_report(folder: Path, name: str, results: Path) -> None:
    """Keep the report.json in `folder` as a results file: scores overall, by language and source, without articles' text or paths of this machine."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    kept = {key: report[key] for key in ("format", "articles", "split", "max_words", "max_sentences", "versions", "reliability")}
    kept["rows"] = [row for row in report["rows"] if row["group_kind"] in KEPT_KINDS]
    kept["trained"] = {key: value for key, value in report["trained"].items() if key != "history"}
    kept["files"] = [{**file, "path": "/".join(Path(file["path"]).parts[-2:])} for file in report["files"]]
    with open_whole(results / name) as file:
        file.write(json.dumps(kept, ensure_ascii=False, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.write_docs", description="Write the figures of README.md and model_card.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a block is out of date")
    parser.add_argument("--example", action="store_true", help="first run the README's example, and keep what it printed")
    parser.add_argument("--release", type=Path, metavar="FOLDER", help="first keep the scores of this report as release.json")
    parser.add_argument("--masakhanews", type=Path, metavar="FOLDER", help="first keep the scores of this report as release_masakhanews.json")
    parser.add_argument("--test", type=Path, metavar="FOLDER", help="first keep the scores of this report as release_test.json")
    options = parser.parse_args(arguments)
    for folder, name in ((options.release, "release.json"), (options.masakhanews, "release_masakhanews.json"), (options.test, "release_test.json")):
        if folder is not None:
            keep_report(folder, name, RESULTS)
    if options.example:
        run_example(RESULTS)
    stale = []
    for name in DOCUMENTS:
        path = ROOT / name
        before = path.read_text(encoding="utf-8")
        after = fill(before, RESULTS)
        if name == "model_card.md":
            after = fill_card(after, [RESULTS / report for report in REPORTS], path)
        if before != after:
            stale.append(name)
            if not options.check:
                with open_whole(path) as file:
                    file.write(after)
    if options.check and stale:
        print(f"out of date: {', '.join(stale)}. Run `python -m benchmarks.write_docs`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
