"""README.md and model_card.md say what is true: their code runs, their commands parse, their files exist, their figures are current."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import doc_blocks, write_docs
from inference.__main__ import _parser as inference_parser
from inference.article import article_from_row
from training.__main__ import _parser as training_parser
from training.config import RunConfig, load_config
from training.corpus import SHARED_WITH_HELD_OUT
from training.sources import load_source

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CARD = (ROOT / "model_card.md").read_text(encoding="utf-8")
PARSERS = {"inference": inference_parser(), "training": training_parser()}
LAUNCHERS = re.compile(r"^(python|torchrun --nproc_per_node \d+|accelerate launch --multi_gpu --num_processes \d+) -m ")
PLACEHOLDERS = ("path/to/", "article.txt", "analyses.jsonl", "mine.yaml", "my_data/", "runs/")
INTERNAL = r"/work\b|/tmp\b|/root\b|/home/|\bsessions?\b|\bhelpers?\b|\bissue #?\d|\bshared/|\bTODO\b|\bFIXME\b"


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Shell lines of README.md, those of the inline code and of missing results included, without comments."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    inline = re.findall(r"`((?:python|make|torchrun) [^`]+)`", README + CARD)
    return [line for line in (line.partition(" #")[0].strip() for line in [*lines, *inline]) if line]


def without_blocks(text: str) -> str:
    return re.sub(r"<!-- begin:[\w-]+ -->.*?<!-- end:[\w-]+ -->", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[0])
def test_the_python_runs_and_prints(code: str, saved_checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("BROADSHEET_CHECKPOINT", str(saved_checkpoint))
    code = re.sub(r'"runs/[\w-]+/checkpoint"', repr(str(saved_checkpoint)), code)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_the_example_has_six_lines() -> None:
    (code,) = blocks("python", re.findall(r"<!-- begin:example -->\n(.*?)<!-- end:example -->", README, re.DOTALL)[0])
    assert len([line for line in code.splitlines() if line]) == 6
    assert "checkpoint=" not in code  # the released one


@pytest.mark.parametrize("command", dict.fromkeys(commands()))
def test_every_command_would_be_understood(command: str) -> None:
    module = LAUNCHERS.match(command)
    if module is None:
        name, *rest = shlex.split(command)
        assert name in ("make", "source", "tensorboard"), f"nothing checks this command: {command}"
        if name == "make" and rest:
            assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), command
        return
    package, *arguments = shlex.split(command[module.end() :].partition(" <")[0])
    if package in PARSERS:
        if arguments and not ({"FILE", "CHECKPOINT", "CONFIG"} & set(arguments) or arguments in (["analyze"], ["summarize"], ["train"])):
            PARSERS[package].parse_args(arguments)  # exits where an argument is wrong
    else:
        assert (ROOT / (package.replace(".", "/") + ".py")).is_file(), command
    for word in arguments:
        if "/" in word and "=" not in word and not word.startswith(PLACEHOLDERS):
            assert (ROOT / word).exists(), f"{word} of: {command}"


def example_config(folder: Path, text: str) -> RunConfig:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return load_config(folder / "mine.yaml", data_root=folder)


def test_the_example_of_own_data_loads(tmp_path: Path) -> None:
    (table,), (text, _) = blocks("csv"), blocks("yaml")
    (tmp_path / "train.csv").write_text(table, encoding="utf-8")
    config = example_config(tmp_path, text)
    loaded = load_source(config.data.train[0], config.data.root, config.data.topics, config.seed)
    assert [article.topic for article in loaded.articles] == ["economy", "sport", "arts", None]
    assert [[stance.stance for stance in article.stances] for article in loaded.articles] == [[], ["favor"], ["against"], []]
    assert [bool(article.summary) for article in loaded.articles] == [True, False, False, False]
    assert {article.lang for article in loaded.articles} == {"de"}
    assert list(loaded.dropped.values()) == [1]  # the topic that is mapped to null
    assert loaded.unused_labels == ()


def test_the_other_sources_of_the_example_are_in_the_repository(tmp_path: Path) -> None:
    config = example_config(tmp_path, blocks("yaml")[0])
    for source in (*config.data.train[1:], *config.data.dev[1:]):
        assert source.root is not None
        assert source.path is not None
        assert (ROOT / source.root / source.path).is_file()


def test_the_hub_backbone_goes_into_the_example(tmp_path: Path) -> None:
    own, hub = blocks("yaml")
    head, _, _ = own.partition("model:")
    config = example_config(tmp_path, head + hub)
    assert config.model.backbone.hub == "jhu-clsp/mmBERT-small"
    assert config.model.tokenizer is None


def test_the_json_of_the_data_contract_is_an_article() -> None:
    (text,) = blocks("json")
    row = json.loads(text)
    article = article_from_row(row, "README.md")
    assert set(row) == {"id", "lang", "title", "text", "topic", "stances", "summary", "boilerplate", "source", "date"}
    assert article.boilerplate
    assert all(line in article.text.split("\n") for line in article.boilerplate)


def test_every_file_is_named() -> None:
    for folder in write_docs.FOLDERS:
        for path in {*(ROOT / folder).iterdir(), *(ROOT / folder).rglob("*.py")}:
            if path.is_file():
                assert f"`{path.relative_to(ROOT).as_posix()}`" in README, f"{path} is not in README.md. Run `python -m benchmarks.write_docs`."


def test_every_data_set_of_news_is_described() -> None:
    config = load_config(ROOT / "configs" / "news.yaml")
    described = re.findall(r"^\| `([\w]+)` \|", README.partition("<!-- data -->")[2].partition("<!-- end of data -->")[0], re.MULTILINE)
    assert len(described) == len(set(described))
    assert set(described) == {source.name for source in (*config.data.train, *config.data.dev)}


def test_links_lead_somewhere() -> None:
    for name, text in (("README.md", README), ("model_card.md", CARD)):
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if target.startswith("#"):
                headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in text.splitlines() if line.startswith("#")}
                assert target[1:] in headings, f"{name}: {target}"
            elif not target.startswith("https://"):
                assert (ROOT / target).exists(), f"{name}: {target}"


@pytest.mark.parametrize("name", [*write_docs.DOCUMENTS, "data/sample/README.md"])
def test_nothing_internal_is_said(name: str) -> None:
    text = re.sub(r"https://\S+", "", (ROOT / name).read_text(encoding="utf-8"))
    assert re.findall(INTERNAL, text) == []


def test_the_license_is_the_one_that_the_package_names() -> None:
    assert 'license = "Apache-2.0 AND CC-BY-NC-SA-4.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


# the command that fills the blocks


def test_the_documents_are_current() -> None:
    assert write_docs.main(["--check"]) == 0, "run `python -m benchmarks.write_docs`"


def test_every_block_stands_in_a_document() -> None:
    marked = set(re.findall(r"<!-- begin:([\w-]+) -->", README + CARD))
    assert marked == set(write_docs.BLOCKS)
    assert re.findall(r"<!-- end:([\w-]+) -->", README + CARD) == re.findall(r"<!-- begin:([\w-]+) -->", README + CARD)


def test_check_finds_a_stale_block_and_leaves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stale = README.replace("<!-- begin:files -->\n", "<!-- begin:files -->\nold\n")
    (tmp_path / "README.md").write_text(stale, encoding="utf-8")
    (tmp_path / "model_card.md").write_text(CARD, encoding="utf-8")
    for folder in write_docs.FOLDERS:
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.setattr(write_docs, "ROOT", tmp_path)
    assert write_docs.main(["--check"]) == 1
    assert capsys.readouterr().err == "out of date: README.md. Run `python -m benchmarks.write_docs`.\n"
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == stale
    assert write_docs.main([]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == README


def test_a_missing_result_names_its_command(tmp_path: Path) -> None:
    for name in ("scores", "cleaner", "duplicates", "speed", "pair-encoding", "quickstart", "streaming", "run"):
        text = write_docs.fill(f"<!-- begin:{name} -->\nold\n<!-- end:{name} -->", tmp_path)
        assert re.fullmatch(rf"<!-- begin:{name} -->\nNot measured yet: run `python -m [^`]+`\.\n<!-- end:{name} -->", text)


def row(task: str, kind: str, group: str, system: str, n: int, **scores: float) -> dict[str, Any]:
    return {"task": task, "group_kind": kind, "group": group, "system": system, "n": n, "scores": scores}


def news_rows() -> Iterator[dict[str, Any]]:
    """A report in the form of `training.report.report_json`, with a few rows of every task."""
    for system, value in ((doc_blocks.MODEL, 0.5), (doc_blocks.MAJORITY, 0.25)):
        yield row("topic", "source", "ttc3600_tr", system, 120, accuracy=value, macro_f1=value, weighted_f1=value, restricted_macro_f1=value + 0.1)
        yield row("stance", "source", "fnc1_en", system, 2647, macro_f1=value, f1_favor=0.4, f1_against=value / 2, f1_neutral=0.6, f1_unrelated=0.9)
        yield row("stance", "source", "vast_en", system, 1853, macro_f1=value + 0.1, f1_favor=0.4, f1_against=0.3, f1_neutral_or_unrelated=0.6)
    for system, value, words in ((doc_blocks.MODEL, 28.04, 50.0), ("lead-1", 20.0, 25.0), ("lead-2", 27.0, 55.0), ("oracle", 40.0, 60.0)):
        yield row("summary", "source", "orangesum_fr", system, 200, rouge1=value, rouge2=9.0, rougeL=18.0, words=words)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results of a run, beside the linear floors of the repository."""
    langs = [
        row("topic", "lang", lang, system, 80, weighted_f1=value, restricted_weighted_f1=value + 0.05)
        for lang in doc_blocks.FULL_TRAINING
        for system, value in ((doc_blocks.MODEL, 0.85), (doc_blocks.MAJORITY, 0.1))
    ]
    langs += [
        row("headline", "lang", lang, system, 80, rouge1=value, rouge2=8.0, rougeL=20.0, words=20.0)
        for lang in doc_blocks.FULL_TRAINING
        for system, value in ((doc_blocks.MODEL, 25.0), ("lead-1", 23.0))
    ]
    for name, rows in (("release.json", [*news_rows()]), ("release_masakhanews.json", langs)):
        (tmp_path / name).write_text(json.dumps({"format": 1, "rows": rows}), encoding="utf-8")
    (tmp_path / "linear_floors.json").write_bytes((ROOT / "benchmarks" / "results" / "linear_floors.json").read_bytes())
    return tmp_path


def test_scores_stand_beside_their_floors(results: Path) -> None:
    lines = doc_blocks.scores_block(results).splitlines()
    assert lines[2] == "| topic | MasakhaNEWS, 10 languages, all 17 topics compete | weighted F1 | 800 | **0.850** | 0.889 | 0.100 majority |"
    assert lines[4] == "| stance | FNC-1, claims unseen in training | macro F1 | 2,647 pairs | **0.500** | 0.591 | 0.250 majority |"
    assert "| stance | FNC-1, the articles that disagree | F1 of against | 2,647 pairs | **0.250** | 0.026 | 0.125 majority |" in lines
    assert "| stance | mean of 2 sets | macro F1 | 4,500 pairs | **0.550** | 0.563 | 0.300 majority |" in lines
    assert "| summary | MasakhaNEWS, 10 languages, one sentence against the headline | ROUGE-1 | 800 | **25.0** |  | 23.0 lead-1 |" in lines
    assert "| summary | orangesum_fr | ROUGE-1 | 200 | **28.0** in 50 words |  | 27.0 lead-2, 55 words |" in lines


def test_scores_without_the_languages_say_what_is_missing(results: Path) -> None:
    (results / "release_masakhanews.json").unlink()
    with pytest.raises(doc_blocks.MissingResultError, match=r"^not measured yet: run `python -m training evaluate .*masakhanews"):
        doc_blocks.scores_block(results)


def test_intervals_stand_beside_scores_where_a_report_has_them(results: Path) -> None:
    for name, (low, high) in (("release.json", (0.4, 0.6)), ("release_masakhanews.json", (0.8, 0.9))):
        report = json.loads((results / name).read_text(encoding="utf-8"))
        for row in report["rows"]:
            row["intervals"] = {metric: [25.0, 31.0] if metric == "rouge1" else [low, high] for metric in row["scores"]}
        (results / name).write_text(json.dumps(report), encoding="utf-8")
    scores = doc_blocks.scores_block(results)
    assert "| macro F1 | 2,647 pairs | **0.500** 0.400–0.600 | 0.591 |" in scores
    assert "| mean of 2 sets | macro F1 | 4,500 pairs | **0.550** | 0.563 |" in scores
    assert "| **28.0** 25.0–31.0 in 50 words |" in scores


def test_figures_and_the_run(tmp_path: Path) -> None:
    figure = {"what": "seconds", "measured": 200.0, "goal": "at most 240", "met": True, "predicted": 180.0, "n": "1 run"}
    (tmp_path / "speed.json").write_text(json.dumps({"settings": {}, "figures": {"seconds": figure}}), encoding="utf-8")
    assert doc_blocks.figures_block("speed.json")(tmp_path).endswith("| seconds | 200 | at most 240 | yes | 1 run |\n")
    sources = {"a": {"articles": 50_000, "left_out": {SHARED_WITH_HELD_OUT: 120, "no label": 7}}, "b": {"articles": 1_000, "left_out": {}}}
    run = {"tokens": 9_000_000, "seconds": 5_580.0, "device": "cpu, 2 threads", "parameters": 10_500_000}
    (tmp_path / "release.json").write_text(json.dumps({"trained": {"run": run, "sources": sources}}), encoding="utf-8")
    assert doc_blocks.run_block(tmp_path) == (
        "The run behind the scores read 9,000,000 tokens of 51,000 articles, which are left after the caps, in 93 minutes on cpu, 2 threads; "
        "its model has 10,500,000 parameters. 120 articles were left out because they overlap dev or test articles.\n"
    )


def test_a_kept_report_has_scores_and_no_article(tmp_path: Path) -> None:
    report = {
        "format": 2,
        "rows": [*news_rows()],
        "articles": 9,
        "split": "dev",
        "max_words": 60,
        "max_sentences": None,
        "versions": {},
        "examples": [{"text": "secret"}],
    }
    report["rows"].append({"task": "topic", "group_kind": "topic", "group": "sport", "system": "model", "n": 9, "scores": {}})
    report |= {"mistakes": [{"opening": "secret"}], "reliability": [{"task": "topic", "ece": 0.1}], "trained": {"name": "news", "history": [{"step": 1}]}}
    report |= {"files": [{"path": "/home/me/data/dev/a.jsonl", "articles": 9}], "warnings": [], "checkpoint": "/home/me/checkpoint", "seconds": 1.0}
    (tmp_path / "report.json").write_text(json.dumps(report), encoding="utf-8")
    write_docs.keep_report(tmp_path, "release.json", tmp_path)
    kept = (tmp_path / "release.json").read_text(encoding="utf-8")
    assert "secret" not in kept
    assert "home" not in kept
    assert json.loads(kept)["files"] == [{"path": "dev/a.jsonl", "articles": 9}]
    assert json.loads(kept)["rows"] == [*news_rows()]
    assert json.loads(kept)["trained"] == {"name": "news"}


def test_the_example_is_kept_with_what_it_printed(saved_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADSHEET_CHECKPOINT", str(saved_checkpoint))
    write_docs.run_example(tmp_path)
    example = json.loads((tmp_path / "example.json").read_text(encoding="utf-8"))
    assert example["code"] == write_docs.EXAMPLE
    topic_and_stance, summary = example["output"].splitlines()
    assert re.fullmatch(r"(weather|sport|arts), (favor|against|neutral|unrelated)", topic_and_stance)
    assert f"```text\n{topic_and_stance}\n{summary}\n```\n" in write_docs.example_block(tmp_path)
