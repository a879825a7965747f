import json
import math
import os
import shutil
import signal
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AlbertConfig, AutoTokenizer, ModernBertModel, PreTrainedTokenizerBase

import training.dev as dev
import training.run as module
from inference.analyzer import Analyzer
from inference.article import Article, read_articles
from inference.checkpoint import load_checkpoint
from inference.encoding import ArticleTokenizer
from inference.errors import ConfigError
from inference.model import ArticleModel
from training.build import build_model, build_tokenizer
from training.calibration import calibrate
from training.config import RunConfig
from training.config_file import config_to_yaml
from training.corpus import load_corpus
from training.examples import Written, make_example
from training.run import train
from training.run_description import RunResult
from training.run_folder import last_complete_state
from training.trainer import RunStopped

TinyConfig = Callable[..., RunConfig]


class Killed(Exception):  # noqa: N818
    """Stands for the end of the process: nothing in a run handles it."""


class Finished(NamedTuple):
    config: RunConfig
    result: RunResult
    lines: list[str]
    progress: list[tuple[str, int, int]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_config: TinyConfig) -> Finished:
    """One whole run, to look at and to compare with."""
    config = tiny_config(tmp_path_factory.mktemp("runs") / "run")
    lines: list[str] = []
    progress: list[tuple[str, int, int]] = []
    result = train(config, write=lines.append, progress=lambda *step: progress.append(step))
    return Finished(config, result, lines, progress)


def weights(checkpoint: Path) -> dict[str, Tensor]:
    return load_file(checkpoint / "model.safetensors")


def float_types(tensors: dict[str, Tensor]) -> set[torch.dtype]:
    """Of all but the hashes and the steps of n-grams, which are whole numbers."""
    return {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}


def differing(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """Names of the tensors that differ in any bit."""
    assert one.keys() == other.keys()
    return [name for name in one if not torch.equal(one[name], other[name])]


def stop_at_evaluation(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The run dies in its evaluation of this number, from 1; the evaluations before are real."""
    real = module.score_dev
    count = 0

    def score(*given: Any) -> dict[str, float]:
        nonlocal count
        count += 1
        if count == number:
            raise Killed
        return real(*given)

    monkeypatch.setattr(module, "score_dev", score)


def script_scores(monkeypatch: pytest.MonkeyPatch, scores: list[float]) -> list[dict[str, Tensor]]:
    """Evaluations give `scores` in turn; returns a list that fills with the weights that each of them saw."""
    seen: list[dict[str, Tensor]] = []

    def score(config: RunConfig, corpus: object, analyzer: Analyzer, codec: object) -> dict[str, float]:
        seen.append({name: tensor.clone() for name, tensor in analyzer.model.state_dict().items()})
        return {"score": scores[len(seen) - 1]}

    monkeypatch.setattr(module, "score_dev", score)
    return seen


def test_a_run_leaves_exactly_these_files(finished: Finished) -> None:
    output = finished.config.output
    states = sorted(path.name for path in output.iterdir() if path.name.startswith("checkpoint-"))
    assert 1 <= len(states) <= 2  # the best and the last, for resuming
    assert {path.name for path in output.iterdir()} == {"checkpoint", "config.yaml", "data.json", "left_out.json", "tensorboard", "tokenizer", *states}
    assert {path.name for path in (output / "checkpoint").iterdir()} == {
        "broadsheet.json",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "training_articles.safetensors",
        "training_targets.safetensors",
    }
    assert (output / "config.yaml").read_text(encoding="utf-8") == config_to_yaml(finished.config)


def test_every_run_writes_its_curves_into_its_own_folder(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    second = tiny_config(tmp_path / "second", "training.tokens=1000")
    train(second)
    for output in (finished.config.output, second.output):
        assert len(list((output / "tensorboard").rglob("events.out.tfevents.*"))) == 1


def test_a_run_prints_nothing_itself(tmp_path: Path, tiny_config: TinyConfig, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> None:
    lines: list[str] = []
    train(tiny_config(tmp_path / "run", "training.tokens=1000"), write=lines.append)
    assert lines
    assert capsys.readouterr().out == ""
    assert [str(warning.message) for warning in recwarn if issubclass(warning.category, UserWarning)] == []


def test_the_result_says_what_was_exported(finished: Finished) -> None:
    config, result, *_ = finished
    assert result.checkpoint == config.output / "checkpoint"
    assert 0 < result.best_step <= result.steps
    assert 5000 < result.tokens <= 6500
    assert result.seconds > 0
    assert result.scores["score"] == pytest.approx(sum(result.scores[name] for name in config.training.select) / 3)
    info = load_checkpoint(result.checkpoint).info
    assert info["name"] == "tiny"
    assert info["best_step"] == result.best_step
    assert info["dev_scores"] == result.scores
    written = config_to_yaml(config)
    assert info["config"] == written.replace(f"root: {config.data.root}\n", "root: .\n", 1)
    assert str(config.data.root) not in info["config"]
    assert set(info["sources"]) == {"labeled", "topics"}
    labeled = info["sources"]["labeled"]
    assert (labeled["articles"], labeled["topics"], labeled["license"]) == (18, 18, None)
    assert info["run"] | {"seconds": 0, "device": ""} == {
        "steps": result.steps,
        "tokens": result.tokens,
        "seconds": 0,
        "parameters": sum(parameter.numel() for parameter in load_checkpoint(result.checkpoint).model.parameters()),
        "processes": 1,
        "device": "",
        "precision": "float32",
    }
    losses = [entry for entry in info["history"] if "loss_topic" in entry]
    logged = [line for line in finished.lines if "  loss " in line and "  topic " in line]
    assert [f"step {entry['step']}/{result.steps}  loss {entry['loss']:.3f}" for entry in losses] == [line[: line.index("  topic")] for line in logged]
    (best,) = (entry for entry in info["history"] if entry["step"] == result.best_step and "eval_score" in entry)
    assert best["eval_score"] == result.scores["score"]
    assert not any("/" in name for entry in info["history"] for name in entry)
    assert len(info["sources"]["labeled"]["sha256"]) == 64
    assert {"python", "torch", "transformers"} <= set(info["versions"])


def test_the_lines_and_the_progress_of_a_run(finished: Finished) -> None:
    training = [line for line in finished.lines if "  loss " in line]
    evaluations = [line for line in finished.lines if "  dev  " in line]
    assert len(training) == finished.result.steps
    assert 4 <= len(evaluations) <= 5
    assert all(part in " ".join(training) for part in ("topic ", "stance ", "salience ", "boilerplate ", "rate ", "gradient "))
    assert ("reading articles", 30, 30) in finished.progress
    assert finished.progress[-1] == ("training", finished.result.steps, finished.result.steps)


def test_the_checkpoint_answers(finished: Finished, tiny_corpus: Path) -> None:
    articles = list(read_articles(tiny_corpus / "dev.jsonl"))
    analyses = list(Analyzer.from_pretrained(finished.result.checkpoint).analyze_many(articles, targets=["the mayor"]))
    assert len(analyses) == 6
    assert all(analysis.summary.text for analysis in analyses)


def test_the_same_config_gives_the_same_bits(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    result = train(tiny_config(tmp_path / "again"))
    assert differing(weights(result.checkpoint), weights(finished.result.checkpoint)) == []
    assert result.scores == finished.result.scores


def test_another_seed_gives_another_model(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    result = train(tiny_config(tmp_path / "other", "seed=8", "training.tokens=1000"))
    assert differing(weights(result.checkpoint), weights(finished.result.checkpoint))


@pytest.mark.parametrize("evaluation", [1, 2, 3])
def test_a_killed_run_resumes_to_the_same_bits(
    tmp_path: Path, tiny_config: TinyConfig, finished: Finished, monkeypatch: pytest.MonkeyPatch, evaluation: int
) -> None:
    config = tiny_config(tmp_path / "killed")
    with monkeypatch.context() as patch:
        stop_at_evaluation(patch, evaluation)
        with pytest.raises(Killed):
            train(config)
    assert not (config.output / "checkpoint").exists()
    result = train(config, resume=True)
    assert differing(weights(result.checkpoint), weights(finished.result.checkpoint)) == []
    assert (result.best_step, result.steps, result.scores) == (finished.result.best_step, finished.result.steps, finished.result.scores)


def test_a_run_told_to_end_saves_its_state_and_resumes_to_the_same_bits(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    config = tiny_config(tmp_path / "ended")
    handler = signal.getsignal(signal.SIGTERM)
    steps = finished.result.steps

    def end(what: str, done: int, total: int) -> None:
        if (what, done) == ("training", 5):  # between two evaluations
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(RunStopped, match=rf"^stopped at step [56] of {steps}; its state is saved$"):
        train(config, progress=end)
    assert signal.getsignal(signal.SIGTERM) is handler
    assert not (config.output / "checkpoint").exists()
    assert last_complete_state(config.output) in [str(config.output / f"checkpoint-{step}") for step in (5, 6)]
    result = train(config, resume=True)
    assert differing(weights(result.checkpoint), weights(finished.result.checkpoint)) == []
    assert result.scores == finished.result.scores


def test_a_run_told_to_end_in_its_last_step_ends_as_ever(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    def end(what: str, done: int, total: int) -> None:
        if what == "training" and done == total:
            os.kill(os.getpid(), signal.SIGTERM)

    result = train(tiny_config(tmp_path / "run"), progress=end)
    assert differing(weights(result.checkpoint), weights(finished.result.checkpoint)) == []


def test_a_run_told_to_end_where_patience_ends_it_is_finished(
    tmp_path: Path, tiny_config: TinyConfig, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = 2 * math.ceil(finished.result.steps / 4)  # the step of the second evaluation

    def end(what: str, done: int, total: int) -> None:
        if (what, done) == ("training", second):
            os.kill(os.getpid(), signal.SIGTERM)

    script_scores(monkeypatch, [0.5, 0.4])
    result = train(tiny_config(tmp_path / "run", "training.patience=1"), progress=end)
    assert (result.steps, result.scores) == (second, {"score": 0.5})


def test_a_run_that_fails_leaves_the_signal_handler_as_it_was(tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    stop_at_evaluation(monkeypatch, 1)
    with pytest.raises(Killed):
        train(tiny_config(tmp_path / "run"))
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_run_killed_while_it_saves_resumes_from_the_state_before(
    tmp_path: Path, tiny_config: TinyConfig, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(tmp_path / "killed")
    with monkeypatch.context() as patch:
        stop_at_evaluation(patch, 3)
        with pytest.raises(Killed):
            train(config)
    states = sorted(config.output.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    assert len(states) == 2
    for name in ("trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (states[-1] / name).unlink()  # the last state was being written: its weights are there, the rest is not
    result = train(config, resume=True)
    assert differing(weights(result.checkpoint), weights(finished.result.checkpoint)) == []


def test_a_finished_run_resumes_to_the_same_checkpoint(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    config = tiny_config(tmp_path / "run")
    shutil.copytree(finished.config.output, config.output)
    (config.output / "config.yaml").write_text(config_to_yaml(config), encoding="utf-8")
    for state in config.output.glob("checkpoint-*/trainer_state.json"):  # it names the best state by its path
        state.write_text(state.read_text().replace(str(finished.config.output), str(config.output)))
    shutil.rmtree(config.output / "checkpoint")
    result = train(config, resume=True)
    assert differing(weights(result.checkpoint), weights(finished.result.checkpoint)) == []
    assert (result.best_step, result.scores) == (finished.result.best_step, finished.result.scores)


def test_a_changed_config_is_not_resumed(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    output = tmp_path / "run"
    shutil.copytree(finished.config.output, output)
    config = tiny_config(output)
    (output / "config.yaml").write_text(config_to_yaml(config), encoding="utf-8")
    changed = tiny_config(output, "training.batch_tokens=1024", "seed=8")
    message = (
        rf"^{output / 'config.yaml'}: the run began with another config; changed now: "
        r"- seed: 7; \+ seed: 8; - batch_tokens: 512; \+ batch_tokens: 1024\. Resume with the old one, and with the version that began the run, or "
    )
    with pytest.raises(ConfigError, match=message):
        train(changed, resume=True)


def test_there_must_be_a_run_to_resume(tmp_path: Path, tiny_config: TinyConfig) -> None:
    config = tiny_config(tmp_path / "none")
    with pytest.raises(ConfigError, match=rf"^output: {tmp_path / 'none'} holds no run to resume\. Leave out --resume to start one\.$"):
        train(config, resume=True)
    assert not config.output.exists()


def test_a_run_is_not_overwritten(finished: Finished) -> None:
    before = weights(finished.result.checkpoint)
    message = rf"^output: {finished.config.output} already holds a run\. Resume it with --resume, remove the folder, or name another"
    with pytest.raises(ConfigError, match=message):
        train(finished.config)
    assert differing(before, weights(finished.result.checkpoint)) == []


def test_an_exported_checkpoint_is_not_overwritten_where_the_states_were_removed(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    config = tiny_config(tmp_path / "kept")
    shutil.copytree(finished.config.output / "checkpoint", config.output / "checkpoint")
    with pytest.raises(ConfigError, match=rf"^output: {config.output} already holds a run\."):
        train(config)


def test_a_run_that_died_before_its_first_save_is_begun_anew_with_its_own_tokenizer(
    tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at_evaluation(patch, 1)
        with pytest.raises(Killed):
            train(tiny_config(tmp_path / "run"))
    config = tiny_config(tmp_path / "run", "model.tokenizer.vocabulary_size=1800", "training.tokens=1000")
    checkpoint = load_checkpoint(train(config).checkpoint)
    assert len(checkpoint.tokenizer) <= 1800
    assert checkpoint.model.backbone.config.vocab_size == len(checkpoint.tokenizer)


def test_the_best_weights_are_exported(tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = script_scores(monkeypatch, [0.1, 0.9, 0.2, 0.3, 0.4])
    result = train(tiny_config(tmp_path / "run"))
    assert len(seen) >= 4
    exported = weights(result.checkpoint)
    assert differing(exported, seen[1]) == []
    assert differing(exported, seen[3]) != []
    assert result.scores == {"score": 0.9}
    assert result.best_step < result.steps


def test_a_run_without_progress_stops_early(tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch, finished: Finished) -> None:
    seen = script_scores(monkeypatch, [0.5, 0.4, 0.5, 0.9])
    result = train(tiny_config(tmp_path / "run", "training.patience=2"))
    assert len(seen) == 3  # the first, then two that are no better
    assert result.steps < finished.result.steps
    assert differing(weights(result.checkpoint), seen[0]) == []


def test_patience_goes_on_counting_after_a_resume(tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config(tmp_path / "run", "training.patience=2")
    with monkeypatch.context() as patch:
        script_scores(patch, [0.5, 0.4])
        with pytest.raises(IndexError):
            train(config)
    seen = script_scores(monkeypatch, [0.3, 0.2, 0.1])
    result = train(config, resume=True)
    assert len(seen) == 1
    assert result.scores == {"score": 0.5}


WRITER = "model.backbone.architecture={type: bart, layers: 1, decoder_layers: 1, width: 16, heads: 2, feed_forward: 16, dropout: 0.1}"


@pytest.fixture(scope="module")
def finished_writer(tmp_path_factory: pytest.TempPathFactory, tiny_config: TinyConfig) -> Finished:
    """One whole run of an encoder-decoder that learns summaries and titles."""
    config = writer_config(tiny_config, tmp_path_factory.mktemp("runs") / "writer")
    lines: list[str] = []
    result = train(config, write=lines.append)
    return Finished(config, result, lines, [])


def writer_config(tiny_config: TinyConfig, output: Path, *overrides: str) -> RunConfig:
    settings = ("model.decoder.tokens=96", "data.train.1.generate=headline", "training.generated_articles=2", "training.select=[generated_rouge1, rouge1]")
    return tiny_config(output, WRITER, *settings, "training.tokens=3000", "training.evaluate_every=0.5", *overrides)


def test_an_encoder_decoder_is_trained_and_scored_by_what_it_writes(finished_writer: Finished, tiny_corpus: Path) -> None:
    _, result, lines, _ = finished_writer
    assert {"generated_rouge1", "generated_rouge2", "generated_rougeL", "summary_loss", "dev/generated_rouge1"} <= result.scores.keys()
    assert result.scores["score"] == pytest.approx((result.scores["generated_rouge1"] + result.scores["rouge1"]) / 2)
    assert 4 < result.scores["summary_loss"] < 12
    assert any("  summary " in line for line in lines if "  loss " in line)
    loaded = load_checkpoint(result.checkpoint)
    assert (loaded.model.config.summary_tokens, loaded.model.config.summary_prefix) == (96, "{lang} summary:")
    compared = loaded.info["summaries"]
    assert compared["articles"] == 2
    assert compared["refused"] == 1.0  # of a decoder that has hardly begun to learn
    assert loaded.model.config.summary_method == "extractive"
    assert 'method "auto" of this checkpoint is extractive: dev ROUGE-1 ' in lines[-1]
    articles = list(read_articles(tiny_corpus / "dev.jsonl"))
    assert all(analysis.summary.text for analysis in Analyzer.from_pretrained(result.checkpoint).analyze_many(articles, method="abstractive"))


@pytest.mark.parametrize("override", ["losses.summary=0", "model.decoder.tokens=8", "data.train.0.generate=none"])
def test_scores_of_summaries_that_are_not_learned_are_refused_before_training(override: str, tiny_config: TinyConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^training\.select: generated_rouge1 cannot be computed, since no summary is learned: "):
        train(writer_config(tiny_config, tmp_path / "run", override))


def test_a_run_says_what_is_too_long_to_be_learned(encode: ArticleTokenizer) -> None:
    made = make_example(Article("The river rose.", lang="en"), 0, ["sport"], encode, False)
    prefix, ids = array("i", [8]), array("i", [9, 3])
    whole, cut, left_out = (Written(prefix, text, headline=False, whole=known) for text, known in ((ids, True), (ids, False), (array("i"), False)))
    lines: list[str] = []
    module.list_cut_summaries([replace(made, written=(whole, cut)), replace(made, written=(left_out,)), replace(made, written=(cut,)), made], 96, lines.append)
    assert lines == [
        "texts to write: 4; longer than model.decoder.tokens, 96: 2 were cut at a sentence end, 1 whose first sentence is longer were left out",
    ]
    module.list_cut_summaries([replace(made, written=(whole,)), made], 96, lines.append)
    assert len(lines) == 1


def test_a_killed_run_with_a_decoder_resumes_to_the_same_bits(
    tmp_path: Path, tiny_config: TinyConfig, finished_writer: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = writer_config(tiny_config, tmp_path / "killed")
    with monkeypatch.context() as patch:
        stop_at_evaluation(patch, 2)
        with pytest.raises(Killed):
            train(config)
    result = train(config, resume=True)
    assert differing(weights(result.checkpoint), weights(finished_writer.result.checkpoint)) == []
    assert (result.best_step, result.scores) == (finished_writer.result.best_step, finished_writer.result.scores)


def test_summaries_of_a_bounded_seeded_sample_are_written_in_an_evaluation(tmp_path: Path, tiny_config: TinyConfig) -> None:
    config = writer_config(tiny_config, tmp_path / "run", "training.generated_articles=3")
    corpus = load_corpus(config)
    drawn = [article.id for article in dev.written_articles(config, corpus)]
    assert len(set(drawn)) == 3
    assert drawn == [article.id for article in dev.written_articles(config, corpus)]
    others = {tuple(article.id for article in dev.written_articles(config.model_copy(update={"seed": seed}), corpus)) for seed in range(6)}
    assert len(others) > 1
    every = dev.written_articles(writer_config(tiny_config, tmp_path / "run", "training.generated_articles=99"), corpus)
    assert len(every) == 6
    without = tiny_config(tmp_path / "run", WRITER, "data.dev.0.path=topics.jsonl", "data.train=[{name: labeled, path: train.jsonl}]")
    assert dev.written_articles(without, load_corpus(without)) == []


def test_one_evaluation_may_be_asked_for(tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 is the whole run, not one step."""
    seen = script_scores(monkeypatch, [0.5] * 20)
    result = train(tiny_config(tmp_path / "run", "training.evaluate_every=1", "training.tokens=3000"))
    assert result.steps > 5
    assert len(seen) == 1


def test_selected_scores_need_labels(tmp_path: Path, tiny_config: TinyConfig, tiny_corpus: Path) -> None:
    config = tiny_config(tmp_path / "run", "data.dev.0.path=topics.jsonl", "data.train=[{name: labeled, path: train.jsonl}]")
    with pytest.raises(
        ConfigError, match=r"^training\.select: stance_macro_f1 cannot be computed, since no dev article has such a label\. Add one, raise training"
    ):
        train(config)


def test_accumulation_reads_the_same_plan_in_fewer_steps(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    result = train(tiny_config(tmp_path / "run", "training.accumulation=2"))
    assert result.steps == -(-finished.result.steps // 2)


def save_backbone(folder: Path, model: ArticleModel, tokenizer: PreTrainedTokenizerBase, dtype: torch.dtype) -> ModernBertModel:
    backbone = model.backbone.to(dtype)
    backbone.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return backbone


def test_a_backbone_from_a_folder_is_trained_in_float32_whatever_it_was_saved_in(
    tmp_path: Path, tiny_config: TinyConfig, make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase
) -> None:
    saved = save_backbone(tmp_path / "base", make_model(), tokenizer, torch.bfloat16)
    config = tiny_config(
        tmp_path / "run", f"model.backbone={{folder: {tmp_path / 'base'}}}", "model.tokenizer=null", "training.tokens=1000", "training.evaluate_every=1"
    )
    corpus = load_corpus(config)
    model = build_model(config, build_tokenizer(config, corpus))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    expected = {name: tensor.float() for name, tensor in saved.state_dict().items()}
    assert differing(dict(model.backbone.state_dict()), expected) == []

    result = train(config)
    checkpoint = load_checkpoint(result.checkpoint)
    assert checkpoint.tokenizer.get_vocab() == tokenizer.get_vocab()
    assert float_types(weights(result.checkpoint)) == {torch.float32}
    assert not (config.output / "tokenizer").exists()


def test_bfloat16_trains_float32_weights(tmp_path: Path, tiny_config: TinyConfig, finished: Finished) -> None:
    result = train(tiny_config(tmp_path / "run", "training.precision=bfloat16"))
    trained, plain = weights(result.checkpoint), weights(finished.result.checkpoint)
    assert float_types(trained) == {torch.float32}
    assert all(bool(tensor.isfinite().all()) for tensor in trained.values())
    assert differing(trained, plain), "rounding to bfloat16 shows somewhere"
    assert max(float((trained[name] - plain[name]).abs().max()) for name in plain) < 0.5


def test_the_checkpoint_carries_the_temperatures_of_dev(tmp_path: Path, tiny_config: TinyConfig, finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    unfitted = {"temperature": 1.0, "weight": 1.0, "n": 6, "loss_before": None, "loss_after": None}
    assert load_checkpoint(finished.result.checkpoint).info["calibration"]["topic"] == unfitted
    monkeypatch.setattr("training.calibration.LEAST_ITEMS", 6)
    loaded = load_checkpoint(train(tiny_config(tmp_path / "run")).checkpoint)
    settings = loaded.model.config
    for task, temperature, weight in (
        ("topic", settings.topic_temperature, settings.topic_ngram_weight),
        ("stance", settings.stance_temperature, settings.stance_ngram_weight),
    ):
        fitted = loaded.info["calibration"][task]
        assert fitted["temperature"] == temperature != 1.0
        assert fitted["weight"] == weight != 1.0
        assert fitted["loss_after"] < fitted["loss_before"]


def test_every_evaluation_weighs_the_n_grams_anew(tiny_config: TinyConfig, finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.calibration.LEAST_ITEMS", 6)
    config = tiny_config(tmp_path / "run")
    loaded = load_checkpoint(finished.result.checkpoint)
    assert loaded.model.config.stance_ngram_weight == 1.0
    dev.score_dev(config, load_corpus(config), Analyzer(loaded.model, loaded.tokenizer), None)
    assert loaded.model.config.stance_ngram_weight != 1.0
    assert loaded.model.config.topic_temperature != 1.0


def test_temperatures_are_those_of_the_float32_weights_that_are_exported(tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.calibration.LEAST_ITEMS", 6)
    config = tiny_config(tmp_path / "run", "training.precision=bfloat16")
    loaded = load_checkpoint(train(config).checkpoint)
    again = calibrate(Analyzer(loaded.model, loaded.tokenizer), dev.scored_articles(config, load_corpus(config)))
    for task, calibration in again.items():
        assert calibration.loss_before == pytest.approx(loaded.info["calibration"][task]["loss_before"], abs=1e-5)


def test_an_encoder_whose_embeddings_have_another_width_is_refused(tmp_path: Path, tiny_config: TinyConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    AlbertConfig(vocab_size=len(tokenizer), embedding_size=8, hidden_size=16, num_attention_heads=2, intermediate_size=16).save_pretrained(tmp_path / "a")
    tokenizer.save_pretrained(tmp_path / "a")
    config = tiny_config(tmp_path / "run", f"model.backbone={{folder: {tmp_path / 'a'}}}", "model.tokenizer=null")
    with pytest.raises(
        ConfigError, match=r"^model\.backbone: albert has word embeddings of width 8 and states of width 16, .* Name a model where they are equal"
    ):
        train(config)


def test_a_backbone_folder_that_is_not_there_is_one_clear_error(tmp_path: Path, tiny_config: TinyConfig) -> None:
    config = tiny_config(tmp_path / "run", f"model.backbone={{folder: {tmp_path / 'nowhere'}}}", "model.tokenizer=null")
    with pytest.raises(ConfigError, match=rf"model\.backbone.*{tmp_path / 'nowhere'}"):
        train(config)


def test_the_tokenizer_of_a_run_is_trained_on_its_training_text_and_kept(finished: Finished) -> None:
    tokenizer = AutoTokenizer.from_pretrained(finished.config.output / "tokenizer")
    assert tokenizer.get_vocab() == load_checkpoint(finished.result.checkpoint).tokenizer.get_vocab()
    assert build_tokenizer(finished.config, load_corpus(finished.config)).get_vocab() == tokenizer.get_vocab()


def test_model_settings_of_the_config_reach_the_model(tmp_path: Path, tiny_config: TinyConfig) -> None:
    config = tiny_config(
        tmp_path / "run",
        "losses.stance=3.0",
        "losses.boilerplate=0.25",
        "losses.label_smoothing=0.1",
        "model.reader_layers=3",
        "model.backbone.architecture.layers=2",
    )
    model = build_model(config, build_tokenizer(config, load_corpus(config)))
    assert model.loss_weights == {"topic": 1.0, "stance": 3.0, "salience": 1.0, "boilerplate": 0.25, "summary": 1.0}
    assert model.label_smoothing == 0.1
    assert len(model.stance_reader.blocks) == 3
    assert len(model.backbone.layers) == 2
    assert (model.config.window_tokens, model.config.max_windows, model.config.target_tokens) == (64, 4, 12)
    assert model.config.topics == list(config.data.topics)


def test_boilerplate_lines_are_put_into_clean_articles_of_their_language(tiny_config: TinyConfig, tmp_path: Path) -> None:
    config = tiny_config(tmp_path / "run", "training.inject_boilerplate=1.0")
    corpus = load_corpus(config)
    pool = module.boilerplate_pool(corpus)
    assert set(pool) <= {"en", "ar", "zh"}
    assert all(lines == sorted(lines) and lines for lines in pool.values())
    known = {line for source in corpus.train for article in source.articles for line in article.boilerplate or ()}
    assert {line for lines in pool.values() for line in lines} == known


def test_short_texts_get_no_boilerplate_lines(tiny_config: TinyConfig, tmp_path: Path, encode: ArticleTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = load_corpus(tiny_config(tmp_path / "run", "training.inject_boilerplate=1.0"))
    injected: list[int] = []
    real = module.inject_lines
    monkeypatch.setattr(module, "inject_lines", lambda article, *rest: injected.append(len(article.text)) or real(article, *rest))
    clean = sorted(len(article.text) for source in corpus.train for article in source.articles if not article.boilerplate)
    shortest = clean[2]
    monkeypatch.setattr(module, "SHORT_TEXT_CHARACTERS", shortest)
    module.build_examples(tiny_config(tmp_path / "run", "training.inject_boilerplate=1.0"), corpus, encode, None, lambda *_: None)
    assert sorted(injected) == [length for length in clean if length > shortest] != []


def test_the_first_losses_stay_what_they_are(finished: Finished) -> None:
    """Nearly the logarithm of the number of labels: a new model knows nothing, and a change of the losses shows here."""
    states = max(finished.config.output.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    history = json.loads((states / "trainer_state.json").read_text())["log_history"]
    first = next(entry for entry in history if "loss_stance" in entry and "loss_topic" in entry)
    assert 2.0 < first["loss_topic"] < 3.5
    assert 0.5 < first["loss_stance"] < 2.5
