import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor

from inference.article import Article
from inference.batch import BatchItem, collate
from inference.encoding import ArticleTokenizer
from inference.heads import Tokens, TopicHead
from inference.labels import IPTC_TOPICS, STANCES
from inference.losses import IGNORE, TASKS, boilerplate_loss, count_items, salience_loss, stance_loss, topic_loss
from inference.model import MAX_PADDING, SMALL_GROUP_TOKENS, ArticleModel, Outputs, group_by_length
from inference.segments import segment_log_softmax, segment_mean

TARGETS = ["the new bridge", "مجلس البلدية", "市議会の決定", "the mayor"]


def read(model: ArticleModel, encode: ArticleTokenizer, asked: Sequence[tuple[Article, Sequence[str]]], **labels: Tensor) -> Outputs:
    items = []
    for article, targets in asked:
        encoded = encode.encode(article)
        windows, held = encode.windows(encoded.title_ids, encoded.sentence_ids)
        items.append(BatchItem(windows, held, len(encoded.page.sentences), encode.encode_targets(targets)))
    with torch.no_grad():
        outputs: Outputs = model(**collate(items), **labels)
    return outputs


@pytest.fixture
def lively(model: ArticleModel) -> ArticleModel:
    """The tiny model with output layers large enough that differences between answers show."""
    with torch.no_grad():
        for head in (model.topic_head.output, model.stance_reader.output, model.sentence_head.output, model.stance_reader.hidden):
            head.weight.mul_(20)
    return model


def test_a_batch_gives_what_its_articles_give_alone(lively: ArticleModel, encode: ArticleTokenizer, one_a_language: list[Article]) -> None:
    asked = [(article, TARGETS[: number % 4]) for number, article in enumerate(one_a_language)]
    together = read(lively, encode, asked)
    alone = [read(lively, encode, [pair]) for pair in asked]
    for name in ("topic_logits", "stance_logits", "salience_logits", "boilerplate_logits"):
        expected = torch.cat([outputs[name] for outputs in alone])
        assert expected.std() > 0.01, f"{name}: too flat to show a difference"
        torch.testing.assert_close(together[name], expected, atol=1e-5, rtol=0)


def test_many_targets_are_read_in_parts_that_change_no_answer(
    lively: ArticleModel, encode: ArticleTokenizer, one_a_language: list[Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(article, TARGETS[: 1 + number % 4]) for number, article in enumerate(one_a_language)]
    whole = read(lively, encode, asked).stance_logits
    monkeypatch.setattr("inference.batch.ROW_TOKENS", 20)
    monkeypatch.setattr("inference.heads.READ_CELLS", 4000)
    rows: list[int] = []
    lively.stance_reader.blocks[0].register_forward_hook(lambda module, given, queries: rows.append(len(queries)))
    torch.testing.assert_close(read(lively, encode, asked).stance_logits, whole, atol=1e-5, rtol=0)
    assert len(rows) > 3
    assert sum(rows) > len(asked)


def test_the_lexical_answer_stands_alone_at_times_in_training_and_never_after(
    lively: ArticleModel, encode: ArticleTokenizer, one_a_language: list[Article]
) -> None:
    asked = [(article, TARGETS) for article in one_a_language]
    final = read(lively, encode, asked).stance_logits
    assert torch.equal(read(lively, encode, asked).stance_logits, final)
    lively.train()
    lively.stance_reader.deep_dropout = 0.3
    torch.manual_seed(0)
    trained = torch.stack([read(lively, encode, asked).stance_logits for _ in range(20)])  # dropout is 0 in this model's backbone and heads
    with torch.no_grad():
        lively.stance_reader.output.weight.zero_()
    alone = read(lively, encode, asked).stance_logits
    left_out = (trained == alone).all(-1).float().mean().item()
    assert left_out == pytest.approx(0.3, abs=0.05)


def test_asking_about_a_target_leaves_every_bit_of_topic_and_salience(lively: ArticleModel, encode: ArticleTokenizer, one_a_language: list[Article]) -> None:
    without = read(lively, encode, [(article, []) for article in one_a_language])
    asked = read(lively, encode, [(article, TARGETS) for article in one_a_language])
    assert without.stance_logits.shape == (0, 4)
    assert asked.stance_logits.shape == (13 * 4, 4)
    for name in ("topic_logits", "salience_logits", "boilerplate_logits"):
        assert torch.equal(without[name], asked[name])


def test_a_stance_depends_on_neither_the_order_nor_the_number_of_targets(lively: ArticleModel, encode: ArticleTokenizer, one_a_language: list[Article]) -> None:
    article = one_a_language[0]
    alone = torch.cat([read(lively, encode, [(article, [target])]).stance_logits for target in TARGETS])
    assert torch.pdist(alone).min() > 1e-3, "the targets must differ for this test to mean anything"
    for seed in range(5):
        order = Random(seed).sample(range(4), 4)
        shuffled = read(lively, encode, [(article, [TARGETS[i] for i in order])]).stance_logits
        torch.testing.assert_close(shuffled, alone[order], atol=1e-5, rtol=0)


def test_a_stance_depends_on_its_article(lively: ArticleModel, encode: ArticleTokenizer, one_a_language: list[Article]) -> None:
    logits = read(lively, encode, [(article, ["the mayor"]) for article in one_a_language[:4]]).stance_logits
    assert torch.pdist(logits).min() > 1e-4


def test_fifty_targets_of_one_article(lively: ArticleModel, encode: ArticleTokenizer, one_a_language: list[Article]) -> None:
    targets = [f"claim number {number}" for number in range(50)]
    logits = read(lively, encode, [(one_a_language[0], targets)]).stance_logits
    assert logits.shape == (50, 4)
    single = read(lively, encode, [(one_a_language[0], targets[49:])]).stance_logits
    torch.testing.assert_close(logits[49:], single, atol=1e-5, rtol=0)


def test_the_topic_reads_every_window(lively: ArticleModel, encode: ArticleTokenizer, sample: list[Article]) -> None:
    first, last, *_ = (article for article in sample if article.lang == "en")
    outputs = read(lively, encode, [(first, []), (replace(first, text=f"{first.text}\n{last.text}"), [])])
    assert not torch.allclose(outputs.topic_logits[0], outputs.topic_logits[1], atol=1e-3)


def test_padding_stays_below_its_share() -> None:
    for seed in range(30):
        random = Random(seed)
        lengths = [random.choice((random.randint(5, 60), random.randint(300, 512))) for _ in range(random.randint(1, 80))]
        groups = list(group_by_length(lengths))
        assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
        for group in groups:
            padded = lengths[group[0]] * len(group)
            assert lengths[group[0]] == max(lengths[i] for i in group)
            assert padded <= SMALL_GROUP_TOKENS or 1 - sum(lengths[i] for i in group) / padded <= MAX_PADDING


def test_segments() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0], [10.0, 20.0]])
    segments = torch.tensor([0, 0, 2])
    assert segment_mean(values, segments, 3).tolist() == [[2.0, 3.0], [0.0, 0.0], [10.0, 20.0]]
    logits = torch.tensor([0.0, math.log(3), 50.0])
    torch.testing.assert_close(segment_log_softmax(logits, segments, 3).exp(), torch.tensor([0.25, 0.75, 1.0]))


def test_topic_loss_is_a_softmax_over_the_labels_of_the_source() -> None:
    logits = torch.tensor([[0.0, math.log(2), 5.0, math.log(5)], [0.0, 0.0, 0.0, 0.0]], requires_grad=True)
    allowed = torch.tensor([[True, True, False, True], [True, True, True, True]])
    loss = topic_loss(logits, torch.tensor([1, 0]), allowed, 0.0)
    assert loss.item() == pytest.approx(math.log(8 / 2) + math.log(4))
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0, 2] == 0.0
    torch.testing.assert_close(logits.grad[0], torch.tensor([1 / 8, 2 / 8 - 1, 0.0, 5 / 8]))


def test_label_smoothing_spreads_over_the_allowed_labels_only() -> None:
    logits = torch.tensor([[0.0, math.log(2), 5.0, math.log(5)]], requires_grad=True)
    loss = topic_loss(logits, torch.tensor([1]), torch.tensor([[True, True, False, True]]), 0.3)
    spread = (math.log(8) + math.log(4) + math.log(8 / 5)) / 3
    assert loss.item() == pytest.approx(0.7 * math.log(4) + 0.3 * spread)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0, 2] == 0.0
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(("label", "expected"), [("neutral", 3 / 8), ("unrelated", 3 / 8), ("favor", 4 / 8), ("against", 1 / 8)])
def test_neutral_that_covers_unrelated(label: str, expected: float) -> None:
    logits = torch.tensor([[4.0, 1.0, 2.0, 1.0]]).log()
    labels, weights = torch.tensor([STANCES.index(label)]), torch.ones(1)
    assert stance_loss(logits, labels, weights, torch.tensor([True])).item() == pytest.approx(-math.log(expected))
    unmerged = {"neutral": 2 / 8, "unrelated": 1 / 8}.get(label, expected)
    assert stance_loss(logits, labels, weights, torch.tensor([False])).item() == pytest.approx(-math.log(unmerged))


def test_stance_weights_multiply_each_pair() -> None:
    logits = torch.zeros(3, 4)
    loss = stance_loss(logits, torch.tensor([0, IGNORE, 2]), torch.tensor([2.0, 100.0, 0.5]), torch.zeros(3, dtype=torch.bool))
    assert loss.item() == pytest.approx(2.5 * math.log(4))


def test_salience_loss_is_listwise_within_each_article() -> None:
    logits = torch.tensor([0.0, math.log(3), 7.0, 7.0])
    targets = torch.tensor([0.5, 0.5, 0.0, 0.0])
    loss = salience_loss(logits, targets, torch.tensor([0, 0, 1, 1]), torch.tensor([0.3, 1.0]))
    assert loss.item() == pytest.approx(0.3 * -0.5 * (math.log(1 / 4) + math.log(3 / 4)))


def test_boilerplate_loss_counts_known_sentences() -> None:
    loss = boilerplate_loss(torch.tensor([0.0, math.log(3), 9.0]), torch.tensor([0, 1, IGNORE]))
    assert loss.item() == pytest.approx(math.log(2) - math.log(3 / 4))


@pytest.mark.parametrize("empty", ["no labels", "no pairs"])
def test_losses_without_labels_are_exactly_zero(empty: str) -> None:
    pairs = 0 if empty == "no pairs" else 2
    topics = torch.randn(2, 3, requires_grad=True)
    stances = torch.randn(pairs, 4, requires_grad=True)
    sentences = torch.randn(5, requires_grad=True)
    losses = [
        topic_loss(topics, torch.full((2,), IGNORE), torch.zeros(2, 3, dtype=torch.bool), 0.1),
        stance_loss(stances, torch.full((pairs,), IGNORE), torch.ones(pairs), torch.ones(pairs, dtype=torch.bool)),
        salience_loss(sentences, torch.zeros(5), torch.tensor([0, 0, 1, 1, 1]), torch.ones(2)),
        boilerplate_loss(sentences, torch.full((5,), IGNORE)),
    ]
    assert [loss.item() for loss in losses] == [0.0] * 4
    torch.stack(losses).sum().backward()
    for tensor in (topics, stances, sentences):
        assert tensor.grad is not None
        assert not tensor.grad.any()


def labeled(encode: ArticleTokenizer, article: Article, **known: Any) -> dict[str, Tensor]:
    """A batch of one article asked about one target, with the labels named in `known`."""
    encoded = encode.encode(article)
    windows, held = encode.windows(encoded.title_ids, encoded.sentence_ids)
    salience = torch.zeros(held)
    if "salience" in known:
        salience[known["salience"]] = 1.0
    return {
        **collate([BatchItem(windows, held, len(encoded.page.sentences), encode.encode_targets(["the mayor"]))]),  # type: ignore[dict-item]
        "topic_labels": torch.tensor([known.get("topic", IGNORE)]),
        "topic_allowed": torch.ones(1, len(IPTC_TOPICS), dtype=torch.bool),
        "stance_labels": torch.tensor([known.get("stance", IGNORE)]),
        "stance_weights": torch.ones(1),
        "stance_merged": torch.zeros(1, dtype=torch.bool),
        "salience_targets": salience,
        "salience_weights": torch.ones(1),
        "boilerplate_labels": torch.full((held,), known.get("boilerplate", IGNORE)),
    }


@pytest.mark.parametrize("task", TASKS)
def test_a_batch_with_one_task_trains_that_task_and_gives_every_parameter_a_finite_gradient(
    model: ArticleModel, encode: ArticleTokenizer, sample: list[Article], task: str
) -> None:
    model.train()
    outputs = model(**labeled(encode, sample[0], **{task: 1}))
    assert outputs.task_losses is not None
    assert outputs.loss is not None
    assert {name for name, loss in outputs.task_losses.items() if loss != 0.0} == {task}
    outputs.loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()] == []
    moved = {name.split(".")[0] for name, gradient in gradients.items() if gradient is not None and gradient.any()}
    head = {"topic": "topic_head", "stance": "stance_reader", "salience": "sentence_head", "boilerplate": "sentence_head"}[task]
    assert {"backbone", head} <= moved
    assert moved.isdisjoint({"stance_reader"} - {head})


def test_a_batch_without_any_label_has_no_loss(model: ArticleModel, encode: ArticleTokenizer, sample: list[Article]) -> None:
    model.train()
    outputs = model(**labeled(encode, sample[0]))
    assert outputs.loss is not None
    assert outputs.loss.item() == 0.0
    outputs.loss.backward()
    assert not any(parameter.grad.any() for parameter in model.parameters() if parameter.grad is not None)


def test_the_loss_is_the_weighted_sum_of_means_over_the_items_of_the_step(model: ArticleModel, encode: ArticleTokenizer, sample: list[Article]) -> None:
    batch = labeled(encode, sample[0], topic=1, stance=2, salience=0, boilerplate=0)
    held = len(batch["sentence_article"])
    model.loss_weights = {"topic": 1.0, "stance": 10.0, "salience": 0.1, "boilerplate": 2.0}
    own = model(**batch)
    assert own.task_losses is not None
    names = ("topic_labels", "stance_labels", "salience_targets", "sentence_article", "boilerplate_labels")
    assert count_items(*(batch[name] for name in names)).tolist() == [1, 1, 1, held]
    total = {name: loss.item() for name, loss in own.task_losses.items()}
    assert own.loss.item() == pytest.approx(total["topic"] + 10 * total["stance"] + 0.1 * total["salience"] + 2 * total["boilerplate"] / held)
    step = model(**batch, num_items_in_batch=torch.tensor([4, 2, 5, 100]))
    assert step.loss.item() == pytest.approx(total["topic"] / 4 + 10 * total["stance"] / 2 + 0.1 * total["salience"] / 5 + 2 * total["boilerplate"] / 100)


def test_without_labels_there_is_no_loss_and_nothing_random(model: ArticleModel, encode: ArticleTokenizer, sample: list[Article]) -> None:
    first, second = (read(model, encode, [(sample[0], ["the mayor"])]) for _ in range(2))
    assert first.loss is None
    assert torch.equal(first.stance_logits, second.stance_logits)


def test_the_same_seed_builds_the_same_model(make_model: Callable[..., ArticleModel]) -> None:
    first, second, other = make_model(seed=3), make_model(seed=3), make_model(seed=4)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.topic_head.output.weight, other.topic_head.output.weight)


def test_new_weights_have_the_scale_that_their_classes_ask_for(make_model: Callable[..., ArticleModel]) -> None:
    model = make_model()
    for weight in (model.get_input_embeddings().weight, model.topic_head.output.weight, model.stance_reader.output.weight):
        assert 0.015 < weight.std().item() < 0.025


def test_the_topic_head_reads_its_words_by_rarity() -> None:
    head = TopicHead(8, 3, 0.0)
    words, rarity = torch.randn(3, 8), torch.tensor([0.0, 1.0, 0.0])  # of one article, whose second word alone is rare
    tokens = Tokens(torch.arange(3), rarity, words, torch.randn(3, 8))
    vectors = head.pool(tokens, torch.zeros(3, dtype=torch.int64), 1)
    torch.testing.assert_close(vectors[:, 8:], head.word_norm(words[1:2]))
