"""What is measured of a decoder in a run, on a model with random weights; expected losses are those of the stock model."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from inference.analyzer import Analyzer
from inference.article import Article
from inference.model import ArticleModel
from training.decoder import MethodComparison, compare_methods, decoder_scores
from training.metrics.summaries import rouge

MakeWriter = Callable[..., ArticleModel]

TEXT = "The council rejected the ferry plan on Monday. Engineers had warned that the old pier would not hold."
FIRST = Article(TEXT, "a", "en", summary="The ferry plan was rejected.", source="post")
SECOND = Article(
    "The river rose by two metres near the old bridge on Monday evening.", "b", "en", summary="The river rose. Nobody in the town was hurt.", source="post"
)
UNREADABLE = Article("…", "c", "en", summary="Nothing is said.", source="post")


@pytest.mark.parametrize(
    ("refused", "gain", "better"),
    [(0.2, (0.3, 2.0), "abstractive"), (0.2, (-0.1, 2.0), "extractive"), (0.6, (0.3, 2.0), "extractive")],
)
def test_auto_writes_where_that_is_better_by_more_than_chance(refused: float, gain: tuple[float, float], better: str) -> None:
    assert MethodComparison(100, extractive=20.0, abstractive=21.0, refused=refused, gain=gain).better == better


@pytest.fixture
def writer(make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase) -> Analyzer:
    model = make_writer("bart", summary_tokens=32)
    model.summary_label_smoothing = 0.1
    return Analyzer(model, tokenizer)


def token_losses(writer: Analyzer, article: Article, text: str) -> list[float]:
    """Cross-entropy of each token of `text`, with the end token, by the stock model behind the stock encoder; the article fills one window."""
    assert writer.summaries is not None
    encoded = writer.articles.encode(article)
    (window,), _ = writer.articles.windows(encoded.title_ids, encoded.sentence_ids)
    prompt = [writer.summaries.start, *writer.summaries.prefix("en")]
    ids = writer.summaries.encode(text)
    with torch.no_grad():
        logits = writer.model.backbone(input_ids=torch.tensor([window.ids]), decoder_input_ids=torch.tensor([[*prompt, *ids[:-1]]])).logits[0]
    return (-logits.log_softmax(-1)[len(prompt) - 1 :][torch.arange(len(ids)), ids]).tolist()


def test_the_loss_is_the_mean_over_the_tokens_of_the_references_without_smoothing(writer: Analyzer) -> None:
    first, second = (token_losses(writer, article, article.summary) for article in (FIRST, SECOND))
    assert len(first) != len(second)
    scores = decoder_scores(writer, writer.summaries, [FIRST, UNREADABLE, SECOND])
    assert scores["summary_loss"] == pytest.approx((sum(first) + sum(second)) / (len(first) + len(second)), rel=1e-5)
    assert writer.model.summary_label_smoothing == 0.1  # training goes on with it


def test_other_labels_do_not_count_in_the_loss(writer: Analyzer) -> None:
    labelled = replace(FIRST, topic="sport", boilerplate=())
    assert decoder_scores(writer, writer.summaries, [labelled])["summary_loss"] == decoder_scores(writer, writer.summaries, [FIRST])["summary_loss"]


def test_a_long_reference_counts_up_to_its_last_whole_sentence(writer: Analyzer) -> None:
    long = replace(SECOND, summary=f"The river rose. {'Nobody in the town was hurt ' * 5}.")
    expected = token_losses(writer, SECOND, "The river rose.")
    assert decoder_scores(writer, writer.summaries, [long])["summary_loss"] == pytest.approx(sum(expected) / len(expected), rel=1e-5)


def test_rouge_is_that_of_the_first_candidate_as_a_mean_over_sources(writer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    third = replace(SECOND, id="d", source="courier", summary="The river rose again.")
    said = {"a": "The ferry plan was rejected.", "b": "The river rose by a metre.", "d": "A bridge."}
    found = {id_: [replace(next(writer.candidates([FIRST]))[0], text=text)] for id_, text in said.items()}
    monkeypatch.setattr(writer, "candidates", lambda articles: (found[article.id] for article in articles))
    scores = decoder_scores(writer, writer.summaries, [FIRST, UNREADABLE, SECOND, third])
    of_b = rouge(said["b"], SECOND.summary)
    for name in ("rouge1", "rouge2", "rougeL"):
        assert scores[f"post/generated_{name}"] == pytest.approx((1.0 + of_b[name] / 100) / 2)
        assert scores[f"courier/generated_{name}"] == 0.0
        assert scores[f"generated_{name}"] == pytest.approx(scores[f"post/generated_{name}"] / 2)
    assert 0.3 < of_b["rouge1"] / 100 < 0.6  # "the river rose" of six words and nine
    assert set(scores) == {"summary_loss", *(f"{where}generated_{name}" for where in ("", "post/", "courier/") for name in ("rouge1", "rouge2", "rougeL"))}


def test_without_an_article_that_can_be_read_there_are_no_scores(writer: Analyzer) -> None:
    assert decoder_scores(writer, writer.summaries, []) == {}
    assert decoder_scores(writer, writer.summaries, [UNREADABLE]) == {}


def test_scores_leave_no_trace_in_the_model_and_draw_nothing_at_random(writer: Analyzer) -> None:
    before = {name: tensor.clone() for name, tensor in writer.model.state_dict().items()}
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first, second = (decoder_scores(writer, writer.summaries, [FIRST, SECOND]) for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in writer.model.state_dict().items())
    assert all(parameter.grad is None for parameter in writer.model.parameters())


def test_methods_are_compared_on_what_users_would_get(writer: Analyzer) -> None:
    """A random decoder is refused each time, so that both methods give the same; then nothing speaks for writing."""
    compared = compare_methods(writer, [FIRST, UNREADABLE, SECOND])
    extractive = [analysis.summary.text for analysis in writer.analyze_many([FIRST, SECOND], method="extractive")]
    expected = sum(rouge(text, article.summary)["rouge1"] for text, article in zip(extractive, (FIRST, SECOND), strict=True)) / 2
    assert (compared.articles, compared.refused) == (2, 1.0)
    assert compared.extractive == compared.abstractive == pytest.approx(expected)
    assert compared.better == "extractive"
    assert compare_methods(writer, []).better == "extractive"


def test_a_written_summary_that_passes_counts_as_written(writer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = next(writer.candidates([FIRST]))[0]
    monkeypatch.setattr(writer, "_write", lambda members, outputs, limits: [[replace(candidate, text="The council rejected the ferry plan.")] for _ in members])
    compared = compare_methods(writer, [FIRST])
    assert compared.refused == 0.0
    assert compared.abstractive == pytest.approx(rouge("The council rejected the ferry plan.", FIRST.summary)["rouge1"])
