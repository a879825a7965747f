"""`python -m training`: check, train and evaluate on a tiny corpus, and what goes wrong."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch.distributed as dist

from inference.checkpoint import load_checkpoint
from training.__main__ import _Bars, main
from training.config import RunConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture
def write_config(tmp_path: Path, tiny_config: Callable[..., RunConfig]) -> Callable[..., Path]:
    """A function from the name of a run to its config file; the run's folder lies beside it."""

    def write(name: str = "run") -> Path:
        tiny_config(tmp_path / name)
        return tmp_path / f"{name}.yaml"

    return write


@pytest.fixture
def held_out(tmp_path: Path, tiny_corpus: Path) -> Path:
    """Six articles of which four have a topic of `saved_checkpoint`."""
    rows = [json.loads(line) for line in (tiny_corpus / "dev.jsonl").read_text(encoding="utf-8").splitlines()]
    topics = ["weather", "sport", "arts", "sport", "politics", None]
    path = tmp_path / "held-out.jsonl"
    path.write_text("".join(json.dumps({**row, "topic": topic}) + "\n" for row, topic in zip(rows, topics, strict=True)), encoding="utf-8")
    return path


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert err == ""
    return [line.rstrip() for line in out.splitlines()]


def test_check_counts_and_says_how_to_train(write_config: Callable[..., Path], tiny_corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config("my run")
    assert main(["check", str(config), "--data-root", str(tiny_corpus), "--set", "seed=4"]) == 0
    out = lines_of(capsys)
    assert {"Sources", "Labels", "Languages in train"} <= set(out)
    assert out[-1] == f"{config} is valid. Train it with: python -m training train '{config}' --data-root {tiny_corpus} --set seed=4"
    assert out[-2] == "windows are estimated at 2 tokens a word: the tokenizer is trained with the run"
    assert not (config.parent / "my run").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.token=1", "did you mean 'tokens'?"),
        ("data.train.0.path=missing.jsonl", "missing.jsonl: no such file"),
        ("data.train.0.labels.topic.politics=politik", "labels.topic maps 'politics' to 'politik'"),
    ],
)
def test_check_reports_problems_with_exit_code_1(override: str, message: str, write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(write_config()), "--set", override]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err


def test_train_then_check_evaluate_and_resume(write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config()
    checkpoint = config.parent / "run" / "checkpoint"
    assert main(["train", str(config)]) == 0
    out = lines_of(capsys)
    assert any(line.startswith("step ") and "topic " in line for line in out)
    assert any("best step" in line and " of " in line for line in out)
    assert any("dev topic_macro_f1" in line and "selects the best step" in line for line in out)
    assert f"  python -m training evaluate {checkpoint} HELD_OUT.jsonl" in out
    assert f"  tensorboard --logdir {config.parent / 'run' / 'tensorboard'}" in out
    assert list((config.parent / "run" / "tensorboard").iterdir())
    assert load_checkpoint(checkpoint).info["name"] == "tiny"

    assert main(["train", str(config)]) == 2  # nothing is overwritten
    assert "already holds a run" in capsys.readouterr().err
    assert main(["train", str(config), "--resume"]) == 0
    capsys.readouterr()

    assert main(["check", str(config)]) == 0
    assert not any(line.startswith("windows are estimated") for line in lines_of(capsys))  # the tokenizer exists now

    assert main(["evaluate", str(checkpoint), str(config)]) == 0
    report = json.loads((config.parent / "run" / "report" / "report.json").read_text(encoding="utf-8"))
    assert {row["group"] for row in report["rows"] if row["group_kind"] == "source"} == {"dev"}
    assert [Path(file["path"]).name for file in report["files"]] == ["dev.jsonl"]


def test_a_run_told_to_end_says_how_to_go_on(write_config: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_config()
    with monkeypatch.context() as patch:
        patch.setattr(_Bars, "show", lambda bars, what, done, total: os.kill(os.getpid(), signal.SIGTERM) if (what, done) == ("training", 2) else None)
        assert main(["train", str(config)]) == 143
    assert re.fullmatch(r"stopped at step [23] of \d+; its state is saved\. Go on with --resume\.\n", capsys.readouterr().err)
    assert main(["train", str(config), "--resume"]) == 0


def test_pretraining_keeps_freed_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[bool] = []
    monkeypatch.setattr("training.__main__.keep_freed_memory", lambda: asked.append(True))
    assert main(["pretrain", str(tmp_path / "missing.yaml")]) == 2
    assert asked == [True]
    assert "missing.yaml" in capsys.readouterr().err


def test_evaluate_files(saved_checkpoint: Path, held_out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = tmp_path / "other" / "held-out.jsonl"
    second.parent.mkdir()
    shutil.copy(held_out, second)
    assert main(["evaluate", str(saved_checkpoint), str(held_out), str(second), "--output", str(tmp_path / "scores"), "--max-sentences", "1"]) == 0
    out = lines_of(capsys)
    assert out[-1].startswith("12 articles in ")
    assert out[-1].endswith(f"The report, with examples: {tmp_path}/scores/report.html")
    assert any("topic 'politics' (n = 1) is unknown to the" in line for line in out)
    assert "carries no signatures of its training articles" in " ".join(out)
    assert "6 of 12 held-out articles overlap with another held-out article" in " ".join(out)
    report = json.loads((tmp_path / "scores" / "report.json").read_text(encoding="utf-8"))
    assert {row["group"] for row in report["rows"] if row["group_kind"] == "source"} == {"held-out", str(tmp_path / "other" / "held-out")}
    assert report["checkpoint"] == str(saved_checkpoint)
    assert [file["articles"] for file in report["files"]] == [6, 6]
    assert report["max_sentences"] == 1


def test_a_run_leaves_out_what_overlaps_dev_and_its_checkpoint_refuses_what_it_saw(
    write_config: Callable[..., Path], tiny_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shutil.copytree(tiny_corpus, tmp_path / "data")
    files = {name: [json.loads(line) for line in (data / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()] for name in ("train", "dev")}
    copy = {**files["dev"][1], "id": "copied", "text": files["dev"][1]["text"].upper()}
    with (data / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(copy) + "\n")
    config = write_config()
    assert main(["check", str(config), "--data-root", str(data)]) == 0
    out = lines_of(capsys)
    place = out.index("1 training articles left out for text shared with dev or held-out articles:")
    assert out[place + 1].split() == ["train", "held", "out", "similar", "first", "words"]
    assert out[place + 2].startswith(f"  labeled/copied  dev/{files['dev'][1]['id']}")

    assert main(["train", str(config), "--data-root", str(data), "--set", "training.tokens=1000"]) == 0
    listed = tmp_path / "run" / "left_out.json"
    assert f"left out 1 training articles that overlap a dev or held-out article (labeled 1); {listed} lists them" in lines_of(capsys)
    left_out = json.loads(listed.read_text(encoding="utf-8"))
    assert left_out["articles"] == {"labeled": 1}
    assert [(row["article"], row["similarity"]) for row in left_out["overlaps"]] == [("labeled/copied", 1.0)]

    checkpoint = tmp_path / "run" / "checkpoint"
    seen = {**files["train"][2], "id": "seen", "text": files["train"][2]["text"] + "\nRead more on our page"}
    held_out = tmp_path / "test.jsonl"
    held_out.write_text("".join(json.dumps(row) + "\n" for row in [*files["dev"], seen]), encoding="utf-8")
    assert main(["evaluate", str(checkpoint), str(held_out)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: 1 of 7 held-out articles overlap with training articles of the checkpoint, so that scores would show what it remembers:\n")
    assert f"\n  test/seen  labeled/{files['train'][2]['id']}     100%  " in err
    assert err.endswith("\nName articles that it was not trained on, or leave these out with --allow-overlap.\n")
    assert not (tmp_path / "run" / "report").exists()

    assert main(["evaluate", str(checkpoint), str(held_out), "--allow-overlap"]) == 0
    assert "Note: left out 1 of 7 held-out articles that overlap with training articles of the checkpoint." in " ".join(lines_of(capsys))
    report = json.loads((tmp_path / "run" / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["articles"] == 6
    assert [(row["article"], row["other"]) for row in report["overlaps"]] == [("test/seen", f"labeled/{files['train'][2]['id']}")]


def test_evaluate_reads_dev_or_held_out_sources_of_a_config(
    write_config: Callable[..., Path], saved_checkpoint: Path, held_out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, output = write_config(), tmp_path / "report"
    command = ["evaluate", str(saved_checkpoint), str(config), "--output", str(output)]
    assert main([*command, "--split", "held_out"]) == 2
    assert capsys.readouterr().err == "error: data.held_out names no source. Add some, or leave out --split.\n"
    for split in ("dev", "held_out"):
        assert main([*command, "--split", split, "--set", f"data.{split}=[{{name: {split}, path: {held_out}}}]"]) == 0
        report = json.loads((output / "report.json").read_text(encoding="utf-8"))
        assert {row["group"] for row in report["rows"] if row["group_kind"] == "source"} == {split}


def test_the_report_lies_beside_the_checkpoint(saved_checkpoint: Path, held_out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = shutil.copytree(saved_checkpoint, tmp_path / "run" / "checkpoint")
    assert main(["evaluate", str(checkpoint), str(held_out), "--headlines"]) == 0
    assert (tmp_path / "run" / "report" / "report.html").is_file()
    assert "with examples" in capsys.readouterr().out


def test_the_report_never_lies_in_the_checkpoint(saved_checkpoint: Path, held_out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = shutil.copytree(saved_checkpoint, tmp_path / "run" / "checkpoint")
    monkeypatch.chdir(checkpoint)
    assert main(["evaluate", ".", str(held_out)]) == 0
    assert (tmp_path / "run" / "report" / "report.html").is_file()
    load_checkpoint(checkpoint)


def test_the_report_of_a_hub_id_lies_in_the_working_directory(
    saved_checkpoint: Path, held_out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cached = shutil.copytree(saved_checkpoint, tmp_path / "cache" / "snapshots" / "abc")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("inference.checkpoint.snapshot_download", lambda name, **_: str(cached))
    assert main(["evaluate", "owner/name", str(held_out)]) == 0
    assert lines_of(capsys)[-1].endswith(" The report, with examples: report/report.html")
    assert json.loads(Path("report/report.json").read_text(encoding="utf-8"))["checkpoint"] == "owner/name"
    assert [path.name for path in cached.parent.iterdir()] == ["abc"]


def test_help_says_where_the_report_lies(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    assert "folder of the report (default: report, beside a checkpoint folder; ./report for a Hub id)" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "missing.yaml"], "missing.yaml: cannot be read (No such file or directory). Give the path of a YAML config, e.g. configs/quickstart.yaml."),
        (["evaluate", "CHECKPOINT", "a.csv"], "a.csv: a held-out file must end in one of .jsonl, .jsonl.gz, .jsonl.xz, .yaml, .yml."),
        (
            ["evaluate", "CHECKPOINT", "a.jsonl", "--data-root", "."],
            "--set, --data-root and --split are about a config, and none is evaluated. Name one, e.g. configs/news.yaml, or leave them out.",
        ),
        (["evaluate", "nowhere", "a.jsonl"], "nowhere: there is no such folder. Name a checkpoint folder, or a Hub id such as 'owner/name'."),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, saved_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(saved_checkpoint) if word == "CHECKPOINT" else word for word in arguments]) == 2
    assert capsys.readouterr() == ("", f"error: {message}\n")


def test_a_backbone_that_cannot_be_had_is_one_line(write_config: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["--set", f"model.backbone={{folder: {tmp_path}/none}}", "--set", "model.tokenizer=null"]
    assert main(["check", str(write_config()), *overrides]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_only_the_main_process_prints(write_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RANK", "1")
    assert main(["check", str(write_config())]) == 0
    assert main(["check", "missing.yaml"]) == 1
    assert capsys.readouterr() == ("", "")


def test_no_process_group_outlives_a_command(write_config: Callable[..., Path], tmp_path: Path) -> None:
    """Its threads would meet an interpreter that is gone, and at times abort a process that had done all its work."""
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    assert main(["check", str(write_config())]) == 0
    assert not dist.is_initialized()


def test_as_a_process(write_config: Callable[..., Path]) -> None:
    command = [sys.executable, "-m", "training", "check", str(write_config())]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, env=dict(os.environ), timeout=120, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert "is valid" in run.stdout.decode()


def test_two_checkpoints_baselines_floors_and_a_card(
    write_config: Callable[..., Path], tiny_corpus: Path, saved_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, checkpoint, output = write_config(), tmp_path / "run" / "checkpoint", tmp_path / "report"
    for name, seed in (("run", 7), ("other", 8)):
        assert main(["train", str(config), "--set", f"output={tmp_path / name}", "--set", f"seed={seed}", "--set", "training.tokens=1000"]) == 0
    evaluate = ["evaluate", str(checkpoint), str(tmp_path / "other" / "checkpoint"), str(tiny_corpus / "dev.jsonl"), "--output", str(output)]
    floors = tmp_path / "floors.json"
    digest = hashlib.sha256((tiny_corpus / "dev.jsonl").read_bytes()).hexdigest()
    floors.write_text(json.dumps({digest: {"path": "dev.jsonl", "floors": {"summary.rouge1": 1.0, "summary.chrf": 1.0}}}), encoding="utf-8")
    capsys.readouterr()
    assert main([*evaluate[:2], str(saved_checkpoint), *evaluate[3:]]) == 2
    assert "the checkpoint knows none of its topics" in capsys.readouterr().err  # of the second, before the first was evaluated
    assert not output.exists()
    assert main([*evaluate, "--baselines", "--data-root", str(tiny_corpus), "--floors", str(floors)]) == 0
    shown = capsys.readouterr().out
    assert f"all 2 floors of {floors} hold" in shown
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    assert report["compared_with"] == str(tmp_path / "other" / "checkpoint")
    assert {row["metric"] for row in report["differences"]} >= {"rouge1", "chrf"}
    systems = {task: {row["system"] for row in report["rows"] if row["task"] == task} for task in ("topic", "stance", "summary")}
    assert systems["topic"] == {"model", "majority (of gold)", "TF-IDF linear"}
    assert systems["stance"] >= {"model", "majority (of gold)", "TF-IDF linear", "target only", "shared words", "model, other targets", "model, no article"}
    assert "LexRank" in systems["summary"]
    assert report["trained"]["run"]["tokens"] > 0

    card = tmp_path / "card.md"
    assert main(["card", str(output / "report.json"), "--card", str(card)]) == 0
    first = card.read_bytes()
    assert b"model-index" in first
    assert b"TF-IDF linear" in first
    assert main(["card", str(output / "report.json"), "--card", str(card)]) == 0
    assert card.read_bytes() == first

    floors.write_text(json.dumps({digest: {"path": "dev.jsonl", "floors": {"summary.rouge1": 99.9}}}), encoding="utf-8")
    assert main([*evaluate, "--floors", str(floors)]) == 1
    assert "99.9" in capsys.readouterr().out
