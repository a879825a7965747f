import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import TrainerCallback, TrainingArguments

from inference.article import Article
from inference.encoding import ArticleTokenizer
from inference.errors import DataError
from inference.generation import SummaryTokenizer
from inference.labels import IPTC_TOPICS
from inference.losses import TASKS
from inference.model import ArticleModel
from training import trainer as module
from training.batches import Collator, PlannedBatches
from training.examples import Writing, make_example, source_labels
from training.trainer import SCORE, ArticleTrainer, ReadableLog


class Gradients(TrainerCallback):
    """Keeps the gradients of every optimizer step, and what was logged."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Tensor]] = []
        self.logs: list[dict[str, float]] = []

    def on_pre_optimizer_step(self, *args: Any, model: nn.Module, **kwargs: Any) -> None:
        self.steps.append({name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None})

    def on_log(self, *args: Any, logs: dict[str, float], **kwargs: Any) -> None:
        self.logs.append(dict(logs))


def make_collator(encode: ArticleTokenizer, sample: list[Article], codec: SummaryTokenizer | None = None) -> Collator:
    """Four articles with every label, four of another source with a topic only; with `codec`, summaries and titles to write."""
    every, topics = [article for article in sample if article.stances][:4], [Article(a.text, topic=a.topic, lang=a.lang) for a in sample[30:34]]
    writing = Writing(summaries=True, headlines=True, codec=codec) if codec else None
    examples = [make_example(article, source, IPTC_TOPICS, encode, False, writing=writing) for source, group in enumerate((every, topics)) for article in group]
    sources = [source_labels(group, IPTC_TOPICS, IPTC_TOPICS, False) for group in (every, topics)]
    hide_title = 1.0 if codec else 0.0  # a shown title is not written
    settings = {"decoder_start": codec.start, "decoder_headline_weight": 0.5} if codec else {}
    return Collator(examples, sources, len(IPTC_TOPICS), encode, 16, 32, hide_title, mask_tokens=0.0, headline_weight=0.3, seed=1, **settings)


@pytest.fixture
def collator(encode: ArticleTokenizer, sample: list[Article]) -> Collator:
    return make_collator(encode, sample)


def make_trainer(folder: Path, model: ArticleModel, collator: Collator, plan: list[list[int]], watch: TrainerCallback, **settings: Any) -> ArticleTrainer:
    score = settings.pop("score", lambda model: {"score": 0.5})
    own = {name: settings.pop(name) for name in ("embedding_learning_rate",) if name in settings}
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=1,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        label_names=[],
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
        logging_steps=1,
        use_cpu=True,
        **{"max_grad_norm": 1e9, "num_train_epochs": 1, **settings},
    )
    return ArticleTrainer(
        model=model,
        args=arguments,
        train_dataset=PlannedBatches(plan),
        eval_dataset=PlannedBatches(plan),
        data_collator=collator,
        score=score,
        callbacks=[watch],
        **own,
    )


@pytest.mark.parametrize("writes", [False, True], ids=["encoder", "encoder-decoder"])
def test_accumulated_batches_train_as_one(
    tmp_path: Path,
    make_model: Callable[..., ArticleModel],
    make_writer: Callable[..., ArticleModel],
    encode: ArticleTokenizer,
    sample: list[Article],
    writes: bool,
) -> None:
    """Each loss is a mean over the items of the whole step: a batch with few stances, or short texts to write, must not weigh them more."""

    def make() -> ArticleModel:
        return make_writer("bart", summary_tokens=128) if writes else make_model()

    collator = make_collator(encode, sample, SummaryTokenizer(encode.tokenizer, make()) if writes else None)
    whole, parts = Gradients(), Gradients()
    make_trainer(tmp_path, make(), collator, [[0, 4, 1, 5, 2, 6, 3, 7]], whole).train()
    make_trainer(tmp_path, make(), collator, [[0], [4, 1, 5], [2, 6, 3], [7]], parts, gradient_accumulation_steps=4).train()
    assert len(whole.steps) == len(parts.steps) == 1
    assert whole.steps[0].keys() == parts.steps[0].keys()
    assert max(gradient.abs().max().item() for gradient in whole.steps[0].values()) > 0.01
    for name, gradient in whole.steps[0].items():
        torch.testing.assert_close(parts.steps[0][name], gradient, atol=2e-6, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}")
    assert ("loss_summary" in whole.logs[0]) == writes
    for task in ("loss", *(f"loss_{task}" for task in TASKS if writes or task != "summary")):
        assert parts.logs[0][task] == pytest.approx(whole.logs[0][task], abs=2e-4), task


def test_each_task_is_logged_with_its_own_mean_and_left_out_where_it_has_no_item(
    tmp_path: Path, make_model: Callable[..., ArticleModel], collator: Collator
) -> None:
    watch = Gradients()
    make_trainer(tmp_path, make_model(), collator, [[4, 5], [0, 1]], watch, learning_rate=1e-9).train()
    first, second = watch.logs[:2]
    assert {name for name in first if name.startswith("loss")} == {"loss", "loss_topic", "loss_boilerplate"}
    assert {name for name in second if name.startswith("loss")} == {"loss", "loss_topic", "loss_stance", "loss_salience", "loss_boilerplate"}
    assert first["loss"] == pytest.approx(first["loss_topic"] + first["loss_boilerplate"], abs=2e-4)
    assert second["loss"] == pytest.approx(sum(value for name, value in second.items() if name.startswith("loss_")), abs=5e-4)


def test_a_step_changes_only_what_its_labels_reach(tmp_path: Path, make_model: Callable[..., ArticleModel], collator: Collator) -> None:
    watch = Gradients()
    make_trainer(tmp_path, make_model(), collator, [[4, 5]], watch).train()
    assert all(gradient.isfinite().all() for gradient in watch.steps[0].values())
    assert not any(gradient.any() for name, gradient in watch.steps[0].items() if name.startswith("stance_reader"))
    assert watch.steps[0]["topic_head.output.weight"].any()


def test_the_loss_of_what_is_written_is_logged_a_token(
    tmp_path: Path, make_writer: Callable[..., ArticleModel], encode: ArticleTokenizer, sample: list[Article]
) -> None:
    """A batch without texts logs none; a model that knows nothing needs about the logarithm of its vocabulary for a token."""
    model, watch = make_writer("t5", summary_tokens=128), Gradients()
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(0.05)  # T5 begins with logits far apart
    collator = make_collator(encode, sample, SummaryTokenizer(encode.tokenizer, model))
    make_trainer(tmp_path, model, collator, [[4, 5], [0, 1]], watch, learning_rate=1e-9).train()
    first, second = watch.logs[:2]
    assert "loss_summary" not in first
    assert not any(gradient.any() for name, gradient in watch.steps[0].items() if ".decoder." in name)
    headlines = sum(len(text.ids) for index in (0, 1) for text in collator.examples[index].written if text.headline)
    tokens = sum(len(text.ids) for index in (0, 1) for text in collator.examples[index].written)
    assert second["loss_summary"] == pytest.approx(math.log(len(encode.tokenizer)) * (tokens - headlines / 2) / tokens, rel=0.02)
    assert any(gradient.any() for name, gradient in watch.steps[1].items() if ".decoder." in name)


def test_norms_biases_and_embeddings_do_not_decay_and_embeddings_have_their_own_rate(
    tmp_path: Path, make_model: Callable[..., ArticleModel], collator: Collator
) -> None:
    model = make_model()
    trainer = make_trainer(tmp_path, model, collator, [[0]], Gradients(), embedding_learning_rate=3e-2, learning_rate=1e-3, weight_decay=0.1)
    optimizer = trainer.create_optimizer()
    found = {id(parameter): (group["lr"], group["weight_decay"]) for group in optimizer.param_groups for parameter in group["params"]}
    assert len(found) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        word_embedding = parameter is model.get_input_embeddings().weight
        decays = parameter.ndim > 1 and not word_embedding
        assert found[id(parameter)] == (3e-2 if word_embedding else 1e-3, 0.1 if decays else 0.0), name


def test_evaluation_scores_the_model_being_trained_and_goes_on_training_it(tmp_path: Path, make_model: Callable[..., ArticleModel], collator: Collator) -> None:
    seen: list[ArticleModel] = []

    def score(model: ArticleModel) -> dict[str, float]:
        seen.append(model.eval())
        return {"score": 0.25, "topic_macro_f1": 0.5}

    model, watch = make_model(), Gradients()
    trainer = make_trainer(tmp_path, model, collator, [[0], [1]], watch, score=score, eval_strategy="steps", eval_steps=1)
    trainer.train()
    assert seen == [model, model]
    assert model.training
    evaluations = [log for log in watch.logs if SCORE in log]
    assert [(log["eval_score"], log["eval_topic_macro_f1"]) for log in evaluations] == [(0.25, 0.5)] * 2


class Mailbox:
    """Stands for the channel between two processes: what the main one sends is what the other gets."""

    def __init__(self) -> None:
        self.sent: list[Any] | None = None

    def main(self, values: list[Any]) -> None:
        self.sent = list(values)

    def other(self, values: list[Any]) -> None:
        assert self.sent is not None, "the main process said nothing: the others would wait forever"
        values[:] = self.sent


def test_what_goes_wrong_in_an_evaluation_is_raised_by_every_process(
    tmp_path: Path, make_model: Callable[..., ArticleModel], collator: Collator, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = DataError("dev.jsonl:3: no words.")

    def score(model: ArticleModel) -> dict[str, float]:
        raise broken

    trainer, mail = make_trainer(tmp_path, make_model(), collator, [[0]], Gradients(), score=score), Mailbox()
    with pytest.raises(DataError) as alone:
        trainer.evaluate()
    assert alone.value is broken
    monkeypatch.setattr(type(trainer.accelerator), "num_processes", 2)
    monkeypatch.setattr(module, "broadcast_object_list", mail.main)
    with pytest.raises(DataError) as main:
        trainer.evaluate()
    assert main.value is broken
    monkeypatch.setattr(type(trainer.accelerator), "is_main_process", False)
    monkeypatch.setattr(module, "broadcast_object_list", mail.other)
    with pytest.raises(RuntimeError) as other:
        trainer.evaluate()
    assert str(other.value) == "the main process failed, which says more: DataError: dev.jsonl:3: no words."


def test_every_process_gets_the_scores_of_the_main_one(
    tmp_path: Path, make_model: Callable[..., ArticleModel], collator: Collator, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[ArticleModel] = []
    mail = Mailbox()
    trainer = make_trainer(tmp_path, make_model(), collator, [[0]], Gradients(), score=lambda model: calls.append(model) or {"score": 0.25})
    monkeypatch.setattr(type(trainer.accelerator), "num_processes", 2)
    monkeypatch.setattr(module, "broadcast_object_list", mail.main)
    assert trainer.evaluate() == {SCORE: 0.25}
    monkeypatch.setattr(type(trainer.accelerator), "is_main_process", False)
    monkeypatch.setattr(module, "broadcast_object_list", mail.other)
    assert trainer.evaluate() == {SCORE: 0.25}
    assert len(calls) == 1


def test_the_log_is_one_readable_line_an_entry(tmp_path: Path, make_model: Callable[..., ArticleModel], collator: Collator) -> None:
    lines: list[str] = []
    scores = {"score": 0.25, "topic_macro_f1": 0.5, "dev/topic_macro_f1": 0.5}
    steps: list[tuple[str, int, int]] = []
    log = ReadableLog(lines.append, lambda *step: steps.append(step))
    trainer = make_trainer(tmp_path, make_model(), collator, [[4, 5], [0]], log, score=lambda model: scores, eval_strategy="steps", eval_steps=2)
    trainer.train()
    assert steps == [("training", 1, 2), ("training", 2, 2)]
    assert len(lines) == 3
    assert re.fullmatch(r"step 1/2  loss \d\.\d{3}  topic \d\.\d{3}  boilerplate \d\.\d{3}  rate 5\.0e-05  gradient \d+\.\d\d", lines[0])
    assert re.fullmatch(
        r"step 2/2  loss \d\.\d{3}  topic \d\.\d{3}  stance \d\.\d{3}  salience \d\.\d{3}  boilerplate \d\.\d{3}  rate 2\.5e-05  gradient \d+\.\d\d", lines[1]
    )
    assert lines[2] == "step 2/2  dev  score 0.250  topic_macro_f1 0.500"


def test_the_log_shows_what_the_decoder_learns(tmp_path: Path, make_model: Callable[..., ArticleModel], collator: Collator) -> None:
    lines: list[str] = []
    scores = {"score": 0.25, "generated_rouge1": 0.125, "generated_rouge2": 0.5, "summary_loss": 6.75}
    trainer = make_trainer(tmp_path, make_model(), collator, [[4]], ReadableLog(lines.append, lambda *_: None), score=lambda model: scores)
    trainer.evaluate()
    assert lines == ["step 0/0  dev  score 0.250  generated_rouge1 0.125  summary_loss 6.750"]
