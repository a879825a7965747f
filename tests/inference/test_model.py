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
from inference.losses import IGNORE, TASKS, boilerplate_loss, count_items, salience_loss, stance_loss, summary_loss, topic_loss
from inference.model import MAX_PADDING, SMALL_GROUP_TOKENS, ArticleModel, Outputs, gather_articles, group_by_length
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


def test_losses_of_bfloat16_logits_are_counted_in_float32() -> None:
    """A sum of hundreds of losses has no digits left in bfloat16."""
    known = torch.zeros(300, dtype=torch.int64)
    logits = torch.zeros(300, 4, dtype=torch.bfloat16)
    losses = [
        topic_loss(logits, known, torch.ones(300, 4, dtype=torch.bool), 0.0),
        stance_loss(logits, known, torch.ones(300), torch.zeros(300, dtype=torch.bool)),
        salience_loss(logits[:, 0], torch.full((300,), 0.25), torch.arange(300) // 4, torch.ones(75)),
    ]
    assert [loss.item() for loss in losses] == pytest.approx([300 * math.log(4), 300 * math.log(4), 75 * math.log(4)], rel=1e-5)
    assert boilerplate_loss(logits[:, 0], known).item() == pytest.approx(300 * math.log(2), rel=1e-5)


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


def test_summary_loss_is_the_cross_entropy_of_known_tokens_by_the_weight_of_their_text() -> None:
    """Probabilities of the two tokens are 1/4 and 3/4 everywhere."""
    logits = torch.tensor([0.0, math.log(3)]).expand(2, 3, 2)
    labels = torch.tensor([[IGNORE, 1, 0], [1, IGNORE, IGNORE]])
    rare, frequent = -math.log(1 / 4), -math.log(3 / 4)
    assert summary_loss(logits, labels, torch.tensor([1.0, 0.5]), 0.0).item() == pytest.approx(frequent + rare + 0.5 * frequent)
    spread = (rare + frequent) / 2
    smoothed = 0.8 * (frequent + rare) + 0.2 * 2 * spread + 0.5 * (0.8 * frequent + 0.2 * spread)
    assert summary_loss(logits, labels, torch.tensor([1.0, 0.5]), 0.2).item() == pytest.approx(smoothed)


def test_label_smoothing_of_summaries_is_that_of_torch() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 5, 11), torch.randint(0, 11, (2, 5))
    labels[0, :2] = labels[1, 3:] = IGNORE
    expected = torch.nn.CrossEntropyLoss(ignore_index=IGNORE, label_smoothing=0.1, reduction="sum")(logits.reshape(-1, 11), labels.reshape(-1))
    assert summary_loss(logits, labels, torch.ones(2), 0.1).item() == pytest.approx(expected.item(), rel=1e-6)


def test_the_states_of_an_article_are_gathered_for_each_of_its_texts() -> None:
    states = torch.arange(5.0)[:, None]
    memory, mask = gather_articles(states, torch.tensor([0, 0, 1, 1, 1]), torch.tensor([1, 0, 1]))
    assert mask.tolist() == [[True, True, True], [True, True, False], [True, True, True]]
    assert memory[mask].flatten().tolist() == [2.0, 3.0, 4.0, 0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("empty", ["no labels", "no pairs"])
def test_losses_without_labels_are_exactly_zero(empty: str) -> None:
    pairs = 0 if empty == "no pairs" else 2
    topics = torch.randn(2, 3, requires_grad=True)
    stances = torch.randn(pairs, 4, requires_grad=True)
    sentences = torch.randn(5, requires_grad=True)
    tokens = torch.randn(pairs, 3, 7, requires_grad=True)
    losses = [
        topic_loss(topics, torch.full((2,), IGNORE), torch.zeros(2, 3, dtype=torch.bool), 0.1),
        stance_loss(stances, torch.full((pairs,), IGNORE), torch.ones(pairs), torch.ones(pairs, dtype=torch.bool)),
        salience_loss(sentences, torch.zeros(5), torch.tensor([0, 0, 1, 1, 1]), torch.ones(2)),
        boilerplate_loss(sentences, torch.full((5,), IGNORE)),
        summary_loss(tokens, torch.full((pairs, 3), IGNORE), torch.ones(pairs), 0.1),
    ]
    assert [loss.item() for loss in losses] == [0.0] * 5
    torch.stack(losses).sum().backward()
    for tensor in (topics, stances, sentences, tokens):
        assert tensor.grad is not None
        assert not tensor.grad.any()


def texts(*written: Sequence[int], start: int = 0, article: int = 0) -> dict[str, Tensor]:
    """Labels for texts to write about one article of a batch, given as token ids."""
    width = max(map(len, written), default=0)
    labels = torch.tensor([[*ids, *[IGNORE] * (width - len(ids))] for ids in written], dtype=torch.int64).reshape(len(written), width)
    inputs = torch.cat([torch.full((len(written), 1), start), labels[:, :-1].clamp(min=0)], 1) if written else labels
    return {
        "summary_article": torch.full((len(written),), article),
        "summary_inputs": inputs,
        "summary_labels": labels,
        "summary_weights": torch.ones(len(written)),
    }


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
        **texts(*([[7, 9, 8]] if "summary" in known else [])),
    }


def moves(model: ArticleModel, loss: Tensor) -> list[str]:
    """Names of the parameters with a gradient that is not 0; all of them must have one that is finite."""
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()] == []
    return [name for name, gradient in gradients.items() if gradient is not None and gradient.any()]


@pytest.mark.parametrize("task", TASKS[:4])
def test_a_batch_with_one_task_trains_that_task_and_gives_every_parameter_a_finite_gradient(
    model: ArticleModel, encode: ArticleTokenizer, sample: list[Article], task: str
) -> None:
    model.train()
    outputs = model(**labeled(encode, sample[0], **{task: 1}))
    assert outputs.task_losses is not None
    assert outputs.loss is not None
    assert {name for name, loss in outputs.task_losses.items() if loss != 0.0} == {task}
    moved = {name.split(".")[0] for name in moves(model, outputs.loss)}
    head = {"topic": "topic_head", "stance": "stance_reader", "salience": "sentence_head", "boilerplate": "sentence_head"}[task]
    assert {"backbone", head} <= moved
    assert moved.isdisjoint({"stance_reader"} - {head})


@pytest.mark.parametrize("kind", ["t5", "bart"])
@pytest.mark.parametrize("task", TASKS)
def test_every_parameter_of_an_encoder_decoder_has_a_gradient_whatever_a_batch_lacks(
    kind: str, task: str, make_writer: Callable[..., ArticleModel], encode: ArticleTokenizer, sample: list[Article]
) -> None:
    """Ranks of a distributed run must agree on what they exchange; what the task does not reach has a gradient of 0."""
    model = make_writer(kind).train()
    outputs = model(**labeled(encode, sample[0], **{task: 1}))
    assert {name for name, loss in outputs.task_losses.items() if loss != 0.0} == {task}
    moved = moves(model, outputs.loss)
    assert any(name.startswith("backbone.") and "encoder." in name for name in moved)
    assert any(name.startswith("backbone.") and "decoder." in name for name in moved) == (task == "summary")
    if task == "summary":
        assert all(name.startswith("backbone.") for name in moved)


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_the_summary_loss_is_that_of_hugging_face(kind: str, make_writer: Callable[..., ArticleModel], encode: ArticleTokenizer) -> None:
    """Of an article in one window: the stock model reads the same tokens and shifts the labels itself."""
    model = make_writer(kind)
    batch = labeled(encode, Article("The river rose by two metres near the old bridge on Monday.", lang="en"))
    assert len(batch["window_lengths"]) == 1
    ids = torch.tensor([41, 87, 300, 41, model.backbone.config.eos_token_id])
    batch |= texts(ids.tolist(), start=model.backbone.config.decoder_start_token_id)
    with torch.no_grad():
        outputs = model(**batch)
        expected = model.backbone(input_ids=batch["token_ids"][None], labels=ids[None]).loss
    assert expected > 1
    torch.testing.assert_close(outputs.task_losses["summary"] / 5, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(outputs.loss, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_the_decoder_reads_all_windows_of_its_article_and_no_other(
    kind: str, make_writer: Callable[..., ArticleModel], encode: ArticleTokenizer, one_a_language: list[Article]
) -> None:
    """Each window is encoded alone by the stock encoder; the stock decoder reads their states side by side."""
    model = make_writer(kind)
    first, second = (labeled(encode, replace(article, stances=())) for article in one_a_language[2:4])
    assert min(len(batch["window_lengths"]) for batch in (first, second)) >= 3
    written = torch.tensor([[model.backbone.config.decoder_start_token_id, 60, 70, 80]])
    with torch.no_grad():
        expected = []
        for batch in (first, second):
            windows = batch["token_ids"].split(batch["window_lengths"].tolist())
            states = torch.cat([model.backbone.get_encoder()(input_ids=window[None]).last_hidden_state for window in windows], 1)
            expected.append(model.backbone(encoder_outputs=(states,), decoder_input_ids=written).logits)
        ids, lengths = (torch.cat([first[name], second[name]]) for name in ("token_ids", "window_lengths"))
        article, _ = model.read_tokens(ids, lengths, ids[:0], lengths[:0])
        owner = torch.cat([torch.full_like(batch["token_ids"], number) for number, batch in enumerate((first, second))])
        found = model.next_token_logits(article.states, owner, torch.tensor([1, 0]), written.expand(2, 4))
    assert (expected[0] - expected[1]).abs().max() > 1e-3
    torch.testing.assert_close(found, torch.cat(expected[::-1]), atol=1e-4, rtol=1e-4)


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
    model.loss_weights = {"topic": 1.0, "stance": 10.0, "salience": 0.1, "boilerplate": 2.0, "summary": 7.0}
    own = model(**batch)
    assert own.task_losses is not None
    assert count_items(batch).tolist() == [1, 1, 1, held, 0]
    total = {name: loss.item() for name, loss in own.task_losses.items()}
    assert own.loss.item() == pytest.approx(total["topic"] + 10 * total["stance"] + 0.1 * total["salience"] + 2 * total["boilerplate"] / held)
    step = model(**batch, num_items_in_batch=torch.tensor([4, 2, 5, 100, 9]))
    assert step.loss.item() == pytest.approx(total["topic"] / 4 + 10 * total["stance"] / 2 + 0.1 * total["salience"] / 5 + 2 * total["boilerplate"] / 100)


def test_texts_weigh_by_their_tokens_in_the_loss_of_a_step(make_writer: Callable[..., ArticleModel], encode: ArticleTokenizer, sample: list[Article]) -> None:
    model = make_writer("bart")
    model.loss_weights["summary"] = 7.0
    batch = labeled(encode, sample[0], topic=1, summary=1) | texts([5, 6, 7, 8], [9, 5])
    assert count_items(batch).tolist() == [1, 0, 0, 0, 6]
    own, step = model(**batch), model(**batch, num_items_in_batch=torch.tensor([2, 1, 1, 1, 60]))
    topic, summary = own.task_losses["topic"].item(), own.task_losses["summary"].item()
    assert own.loss.item() == pytest.approx(topic + 7 * summary / 6)
    assert step.loss.item() == pytest.approx(topic / 2 + 7 * summary / 60)


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
