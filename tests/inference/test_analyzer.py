import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from inference import analyzer as module
from inference.analysis import Analysis, SummarySentence
from inference.analyzer import BOILERPLATE_THRESHOLD, DOUBT_THRESHOLD, Analyzer
from inference.article import Article, Stance, read_articles
from inference.batch import BatchItem, collate
from inference.checkpoint import save_checkpoint
from inference.cleaning import read_page
from inference.errors import CheckpointError, DataError
from inference.labels import IPTC_TOPICS, STANCES
from inference.losses import IGNORE
from inference.model import ArticleModel
from inference.summaries import REFUSED
from inference.words import count_words

LEAD = "The river rose by two metres near the old bridge on Monday, the mayor of the small town said."


def analyze(analyzer: Analyzer, text: str, **options: object) -> Analysis:
    (analysis,) = analyzer.analyze_many([Article(text, lang="en")], **options)  # type: ignore[arg-type]
    return analysis


def check_spans(article: Article, analysis: Analysis) -> None:
    for sentence in analysis.summary.sentences:
        assert article.text[sentence.start : sentence.end] == sentence.text
        assert sentence.text == sentence.text.strip() != ""
    starts = [sentence.start for sentence in analysis.summary.sentences]
    assert starts == sorted(starts)
    for removed in analysis.removed:
        assert 0 <= removed.start < removed.end <= len(article.text)


def test_answers_come_in_the_order_of_the_articles(analyzer: Analyzer, sample: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [next(analyzer.analyze_many([article])) for article in sample[:40]]
    monkeypatch.setattr(module, "CHUNK_ARTICLES", 16)
    monkeypatch.setattr(module, "BATCH_TOKENS", 700)
    found = list(analyzer.analyze_many(iter(sample[:40])))
    assert [analysis.id for analysis in found] == [article.id for article in sample[:40]]
    for one, other in zip(found, expected, strict=True):
        assert one.topic.name == other.topic.name
        assert one.topic.scores == pytest.approx(other.topic.scores, abs=1e-5)
        assert one.summary.text == other.summary.text


def test_articles_are_read_as_they_are_asked_for(analyzer: Analyzer, sample: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ARTICLES", 4)
    remaining = iter(sample[:12])
    next(analyzer.analyze_many(remaining))
    assert next(remaining).id == sample[4].id


def test_a_call_repeated_gives_the_same_bits(analyzer: Analyzer, one_a_language: list[Article]) -> None:
    first, second = (list(analyzer.analyze_many(one_a_language, targets=["the mayor"])) for _ in range(2))
    assert first == second


def test_every_answer_is_a_distribution_over_all_labels(analyzer: Analyzer, one_a_language: list[Article]) -> None:
    for article, analysis in zip(one_a_language, analyzer.analyze_many(one_a_language, targets=["the mayor"]), strict=True):
        assert list(analysis.topic.scores) == ["weather", "sport", "arts"]
        assert sum(analysis.topic.scores.values()) == pytest.approx(1)
        assert analysis.topic.confidence == max(analysis.topic.scores.values()) == analysis.topic.scores[analysis.topic.name]
        assert [stance.target for stance in analysis.stances] == [*(stance.target for stance in article.stances), "the mayor"]
        for stance in analysis.stances:
            assert tuple(stance.scores) == STANCES
            assert sum(stance.scores.values()) == pytest.approx(1)
            assert stance.confidence == max(stance.scores.values()) == stance.scores[stance.stance]
        assert analysis.lang == article.lang
        assert analysis.title == article.title


def test_without_a_target_there_is_no_stance(analyzer: Analyzer) -> None:
    assert analyze(analyzer, LEAD).stances == ()


def test_summaries_are_exact_spans_within_their_budget(analyzer: Analyzer, sample: list[Article]) -> None:
    for max_words, max_sentences in ((60, None), (15, None), (4, None), (None, 2), (30, 1)):
        some = sample[::6]
        for article, analysis in zip(some, analyzer.analyze_many(some, max_words=max_words, max_sentences=max_sentences), strict=True):
            check_spans(article, analysis)
            summary = analysis.summary
            assert summary.text
            assert summary.method == "extractive"
            assert summary.text.replace(" ", "") == "".join(sentence.text for sentence in summary.sentences).replace(" ", "")
            assert max_words is None or count_words(summary.text) <= max_words
            assert max_sentences is None or len(summary.sentences) <= max_sentences


NO_DECODER = (
    "method='abstractive' needs a checkpoint whose decoder was trained to write, and this one only chooses sentences. "
    "Use 'extractive' or 'auto', or train an encoder-decoder, e.g. configs/abstractive.yaml."
)


def test_an_encoder_only_chooses_sentences(analyzer: Analyzer) -> None:
    assert analyze(analyzer, LEAD, method="auto").summary == analyze(analyzer, LEAD, method="extractive").summary == analyze(analyzer, LEAD).summary
    with pytest.raises(DataError) as error:
        analyzer.analyze_many([Article(LEAD)], method="abstractive")  # at once, before an answer is asked for
    assert str(error.value) == NO_DECODER
    with pytest.raises(DataError) as error:
        analyzer.candidates([Article(LEAD)])
    assert str(error.value) == NO_DECODER


@pytest.mark.parametrize("method", ["abstract", "Extractive", "", None, ["auto"]])
def test_a_method_that_is_none(analyzer: Analyzer, method: object) -> None:
    with pytest.raises(DataError) as error:
        analyze(analyzer, LEAD, method=method)
    assert str(error.value) == f"method must be one of auto, extractive, abstractive, found {method!r}."


def test_auto_is_what_the_checkpoint_says(saved_writer: Path, one_a_language: list[Article]) -> None:
    """A random decoder is refused by the check, so its answer is the extractive one with the reasons, in every language."""
    writer = Analyzer.from_pretrained(saved_writer)
    by_method = {
        method: [analysis.summary for analysis in writer.analyze_many(one_a_language, method=method)] for method in ("auto", "extractive", "abstractive")
    }
    assert by_method["auto"] == by_method["extractive"]
    assert all(summary.warnings == () for summary in by_method["extractive"])
    for chosen, written in zip(by_method["extractive"], by_method["abstractive"], strict=True):
        assert (written.text, written.sentences, written.method, written.claims) == (chosen.text, chosen.sentences, "extractive", ())
        assert written.warnings[0] == REFUSED
        assert len(written.warnings) > 1
    writer.model.config.summary_method = "abstractive"
    assert [analysis.summary for analysis in writer.analyze_many(one_a_language)] == by_method["abstractive"]


def test_writing_leaves_every_bit_of_the_other_answers(saved_writer: Path, one_a_language: list[Article]) -> None:
    writer = Analyzer.from_pretrained(saved_writer)
    chosen, written = (list(writer.analyze_many(one_a_language, targets=["the mayor"], method=method)) for method in ("extractive", "abstractive"))
    assert [replace(analysis, summary=one.summary) for analysis, one in zip(written, chosen, strict=True)] == chosen


def test_candidates_come_in_the_order_of_the_articles(saved_writer: Path, one_a_language: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Analyzer.from_pretrained(saved_writer)
    articles = one_a_language[:6]
    expected = [next(writer.candidates([article]))[0].text for article in articles]
    monkeypatch.setattr(module, "CHUNK_ARTICLES", 4)
    monkeypatch.setattr(module, "BATCH_TOKENS", 700)
    assert [found[0].text for found in writer.candidates(iter(articles))] == expected
    assert len(set(expected)) > 3
    with pytest.raises(DataError, match="the text holds no article"):
        list(writer.candidates([Article(LEAD), Article("…")]))
    with pytest.raises(DataError, match=r"^max_words must be a whole number of at least 1"):
        writer.candidates(articles, max_words=0)


def test_a_title_is_never_a_summary_sentence(analyzer: Analyzer, one_a_language: list[Article]) -> None:
    pages = [replace(article, text=f"{article.title}\n{article.text}") for article in one_a_language]
    for page, analysis in zip(pages, analyzer.analyze_many(pages, max_words=200), strict=True):
        check_spans(page, analysis)
        assert all(sentence.start > len(page.title) for sentence in analysis.summary.sentences), page.id


@pytest.mark.parametrize("text", [LEAD, "Rain fell.", "雨が降った。", "the river rose"])
def test_a_text_of_one_sentence_is_its_own_summary(analyzer: Analyzer, text: str) -> None:
    assert analyze(analyzer, text).summary.text == text


def test_a_budget_beyond_the_article_gives_no_more_than_there_is(analyzer: Analyzer, one_a_language: list[Article]) -> None:
    for article, analysis in zip(one_a_language, analyzer.analyze_many(one_a_language, max_words=10_000, max_sentences=500), strict=True):
        spans = [(sentence.start, sentence.end) for sentence in analysis.summary.sentences]
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))
        assert len(analysis.summary.text) <= len(article.text)


def test_a_sentence_longer_than_the_budget_is_cut_and_its_span_with_it(analyzer: Analyzer) -> None:
    (sentence,) = analyze(analyzer, LEAD, max_words=9).summary.sentences
    assert sentence == SummarySentence("The river rose by two metres near the old", 0, 41, pytest.approx(1.0))


def test_saliences_are_shares(analyzer: Analyzer, sample: list[Article]) -> None:
    analysis = next(analyzer.analyze_many(sample[:1], max_words=100_000))
    assert 0 < sum(sentence.salience for sentence in analysis.summary.sentences) <= 1.0001


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_words": 0}, r"^max_words must be a whole number of at least 1, or None for no limit, found 0\.$"),
        ({"max_sentences": -1}, r"^max_sentences must be a whole number of at least 1, or None for no limit, found -1\.$"),
        ({"max_words": None}, r"^max_words and max_sentences are both None, so the summary would be the article\. Give at least one\.$"),
        ({"targets": ["the mayor", " "]}, r"^a stance target must say something, found ' '\. Name a phrase or a claim, such as 'the missile test'\.$"),
        ({"targets": "the mayor"}, r"^targets must be a list of phrases, found the text 'the mayor'\. Write \['the mayor'\]\.$"),
        ({"targets": None}, r"^targets must be a list of phrases, found None\. Leave it out where you have none\.$"),
    ],
)
def test_options_that_make_no_sense(analyzer: Analyzer, options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        analyzer.analyze_many([Article(LEAD)], **options)  # type: ignore[arg-type]  # at the call, before an answer is asked for


def test_wrong_options_are_refused_even_where_bad_articles_are_left_out(analyzer: Analyzer) -> None:
    left_out: list[Article] = []
    with pytest.raises(DataError, match="a stance target must say something"):
        list(analyzer.analyze_many([Article(LEAD)], targets=[""], on_error=lambda article, error: left_out.append(article)))
    assert left_out == []


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "it is empty"), ("  \n\t ", ""), ("12 + 34 = 46 ... !!!", ""), ("\u200b\u200e\ufeff", ""), ("\x00\x00", ""), ("\ud800\udfff", ""), ("😀 👍", "")],
)
def test_text_without_words_is_an_error_and_never_an_invented_summary(analyzer: Analyzer, text: str, found: str) -> None:
    with pytest.raises(DataError, match=rf"article 'a1': .*{found}"):
        list(analyzer.analyze_many([Article(text, id="a1")]))


@pytest.mark.parametrize(
    "noise",
    [
        "\x00",
        "\ud800",
        "\udfff\ud800",
        "\x07\x1b[31m",
        "\u202e\u2066\u2069",
        "\ufeff\u200b\u00ad",
        "\u0301" * 50,
        "\U000e0041\U0010ffff",
        "[MASK] [SEP] [PAD] <0x41>",
    ],
)
@pytest.mark.parametrize("place", ["start", "middle", "end", "glued"])
def test_strange_characters_are_read_over_and_keep_their_place(analyzer: Analyzer, noise: str, place: str) -> None:
    second = "Two bridges were closed and the schools of the town stay shut until Friday, she added."
    text = {
        "start": f"{noise} {LEAD} {second}",
        "middle": f"{LEAD} {noise} {second}",
        "end": f"{LEAD} {second} {noise}",
        "glued": LEAD[:30] + noise + LEAD[30:],
    }[place]
    article = Article(text, lang="en", title=f"Floods {noise}")
    analysis = next(analyzer.analyze_many([article], targets=[f"the bridge {noise}"]))
    check_spans(article, analysis)
    assert "river" in analysis.summary.text
    assert all(score == score for score in analysis.topic.scores.values())


def test_a_line_of_200_000_characters(analyzer: Analyzer) -> None:
    for text in ("rain " * 40_000, "x" * 200_000, "雨" * 200_000, "a." * 100_000, "“" * 200_000 + "rain"):
        started = time.perf_counter()
        article = Article(text, lang="en")
        analysis = next(analyzer.analyze_many([article]))
        check_spans(article, analysis)
        assert count_words(analysis.summary.text) <= 60
        assert time.perf_counter() - started < 10, f"{text[:10]!r} takes too long"


def test_an_article_of_a_megabyte_says_what_was_not_read(analyzer: Analyzer, sample: list[Article]) -> None:
    text = "\n".join(article.text for article in sample if article.lang == "en")
    article = Article((text + "\n") * (1_000_000 // len(text) + 1), lang="en")
    started = time.perf_counter()
    analysis = next(analyzer.analyze_many([article]))
    assert time.perf_counter() - started < 20
    check_spans(article, analysis)
    (warning,) = analysis.warnings
    assert warning.startswith("The article is too long: its last ")
    assert warning.endswith(" sentences were not read.")


def test_fifty_targets(analyzer: Analyzer, sample: list[Article]) -> None:
    targets = [f"claim number {number}" for number in range(50)]
    analysis = next(analyzer.analyze_many([replace(sample[0], stances=(Stance("own"), Stance("other", "favor")))], targets=targets))
    assert [stance.target for stance in analysis.stances] == ["own", "other", *targets]
    plain = next(analyzer.analyze_many([replace(sample[0], stances=())]))
    assert (plain.topic, plain.summary) == (analysis.topic, analysis.summary)
    last = next(analyzer.analyze_many([replace(sample[0], stances=())], targets=targets[49:]))
    assert last.stances[0].scores == pytest.approx(analysis.stances[51].scores, abs=1e-5)


def test_bad_articles_are_handed_over_and_the_others_answered(analyzer: Analyzer, sample: list[Article]) -> None:
    articles = [Article("", id="empty"), sample[0], Article("123", id="wordless"), sample[1], replace(sample[2], id="target", stances=(Stance(" "),))]
    errors: list[tuple[str, str]] = []
    found = list(analyzer.analyze_many(articles, on_error=lambda article, error: errors.append((article.id, str(error)))))
    assert [analysis.id for analysis in found] == [sample[0].id, sample[1].id]
    assert [name for name, _ in errors] == ["empty", "wordless", "target"]
    assert all(name in message for name, message in errors), "each message names its article"


def test_no_article_at_all(analyzer: Analyzer) -> None:
    assert list(analyzer.analyze_many([])) == []


def test_a_page_of_boilerplate_only_still_gets_an_answer_from_its_own_text(analyzer: Analyzer, sample: list[Article]) -> None:
    lines = [line for article in sample if article.lang == "en" for line in article.boilerplate or ()][:8]
    assert len(lines) == 8
    article = Article("\n".join(lines), lang="en", id="menu")
    try:
        analysis = next(analyzer.analyze_many([article]))
    except DataError as error:
        assert "article 'menu'" in str(error)  # noqa: PT017
    else:
        check_spans(article, analysis)


def test_sentences_that_the_model_takes_for_boilerplate_are_removed(make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase) -> None:
    model = make_model()
    second = "Two bridges were closed and the schools of the town stay shut until Friday, she added."
    with torch.no_grad():  # the sign of the last sentence's place embedding alone decides
        head = model.sentence_head
        for layer in (head.sentence, head.article, head.features):
            layer.weight.zero_()
            layer.bias.zero_()
        head.from_start.weight.zero_()
        head.from_end.weight.zero_()
        head.from_end.weight[0, 0] = 5.0
        head.output.weight.zero_()
        head.output.weight[1, 0] = 5.0
        head.output.bias[1] = -4.0
    analysis = analyze(Analyzer(model, tokenizer), f"{LEAD} {second}")
    assert analysis.summary.text == LEAD
    (removed,) = analysis.removed
    assert (removed.start, removed.end, removed.kind) == (len(LEAD) + 1, len(LEAD) + 1 + len(second), "model")
    assert removed.score > 0.5


def test_an_unknown_language_is_said(analyzer: Analyzer) -> None:
    (analysis,) = analyzer.analyze_many([Article("Xq zzv kwpt bbrn. Gghj qwp lkz vvn mmt.")])
    assert analysis.lang == "" or analysis.lang.isalpha()
    assert ("The language could not be identified." in analysis.warnings) == (analysis.lang == "")


def test_overfit_save_load_and_answer(
    tmp_path: Path, make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article]
) -> None:
    """The whole model can learn eight articles by heart, and the public call says what was learned."""
    articles = [article for article in one_a_language if article.stances][:8]
    assert len({article.lang for article in articles}) == 8
    model = make_model(seed=2, window_tokens=128, max_windows=8)
    wanted, batch = _lesson(Analyzer(model, tokenizer), articles)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    for step in range(150):
        outputs = model(**batch)
        optimizer.zero_grad()
        outputs.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 10 == 9 and outputs.loss < 0.1:
            break
    save_checkpoint(tmp_path / "learned", model, tokenizer, {})
    analyses = list(Analyzer.from_pretrained(tmp_path / "learned").analyze_many(articles, max_words=None, max_sentences=1))
    assert [analysis.topic.name for analysis in analyses] == [article.topic for article in articles]
    assert [[s.stance for s in analysis.stances] for analysis in analyses] == [[s.stance for s in article.stances] for article in articles]
    assert [analysis.summary.sentences[0].start for analysis in analyses] == wanted


def _lesson(analyzer: Analyzer, articles: list[Article]) -> tuple[list[int], dict[str, torch.Tensor]]:
    """The start of the sentence to learn in each article (the third, so that no lead passes), and all articles as one labelled batch."""
    items, wanted, salience = [], [], []
    for article in articles:
        encoded = analyzer.articles.encode(article)
        windows, held = analyzer.articles.windows(encoded.title_ids, encoded.sentence_ids)
        items.append(BatchItem(windows, held, len(encoded.page.sentences), analyzer.articles.encode_targets([stance.target for stance in article.stances])))
        wanted.append(encoded.page.sentences[2].start)
        salience += [float(place == 2) for place in range(held)]
    pairs = [STANCES.index(str(stance.stance)) for article in articles for stance in article.stances]
    labels = {
        "topic_labels": torch.tensor([IPTC_TOPICS.index(article.topic) if article.topic else IGNORE for article in articles]),
        "topic_allowed": torch.ones(len(articles), len(IPTC_TOPICS), dtype=torch.bool),
        "stance_labels": torch.tensor(pairs),
        "stance_weights": torch.ones(len(pairs)),
        "stance_merged": torch.zeros(len(pairs), dtype=torch.bool),
        "salience_targets": torch.tensor(salience),
        "salience_weights": torch.ones(len(articles)),
        "boilerplate_labels": torch.zeros(len(salience), dtype=torch.int64),
        "summary_article": torch.zeros(0, dtype=torch.int64),  # nothing to write
        "summary_inputs": torch.zeros(0, 0, dtype=torch.int64),
        "summary_labels": torch.zeros(0, 0, dtype=torch.int64),
        "summary_weights": torch.zeros(0),
    }
    return wanted, {**collate(items), **labels}  # type: ignore[dict-item]


def test_asking_about_targets_leaves_every_bit_of_topic_and_summary(analyzer: Analyzer, sample: list[Article]) -> None:
    plain = list(analyzer.analyze_many(sample[:65]))
    asked = list(analyzer.analyze_many(sample[:65], targets=[f"claim number {number} of the minister" for number in range(20)]))
    assert [(a.topic, a.summary) for a in plain] == [(a.topic, a.summary) for a in asked]


def test_a_sentence_that_the_rules_doubt_stays_out_of_the_summary_where_there_are_others(analyzer: Analyzer) -> None:
    pages = {article.id: article for article in read_articles(Path(__file__).parents[2] / "data" / "sample" / "dev.jsonl")}
    link = "가온시 권역 어린이병원 위치와 진료시간 보기 ▶"
    page = read_page(pages["ko-013"].text, pages["ko-013"].title, "ko")
    (doubted,) = (sentence for sentence in page.sentences if page.text[sentence.start : sentence.end] == link)
    assert DOUBT_THRESHOLD <= doubted.boilerplate < BOILERPLATE_THRESHOLD
    (analysis,) = analyzer.analyze_many([pages["ko-013"]], max_words=None, max_sentences=1000)
    assert len(analysis.summary.sentences) > 5
    assert link not in [sentence.text for sentence in analysis.summary.sentences]
    (alone,) = analyzer.analyze_many([Article(link, lang="ko")])
    assert alone.summary.text


@pytest.mark.parametrize("part", ["topic_head.output", "stance_reader.output", "sentence_head.output"])
def test_broken_weights_are_refused_rather_than_answered_with(make_model: Callable[..., ArticleModel], analyzer: Analyzer, part: str) -> None:
    model = make_model()
    with torch.no_grad():
        bias = model.get_submodule(part).bias
        bias[-1] = torch.nan  # of sentences the last is the boilerplate logit
    article = Article("The council voted to rebuild the bridge over the river on Monday evening.", lang="en", stances=(Stance("the bridge"),))
    with pytest.raises(CheckpointError, match=r"^the model answers with infinite or undefined numbers: its weights are broken\. Load another checkpoint\.$"):
        list(Analyzer(model, analyzer.articles.tokenizer).analyze_many([article]))


def test_below_the_least_confidence_there_is_no_label(analyzer: Analyzer, sample: list[Article]) -> None:
    articles = [replace(article, stances=()) for article in sample[:30]]
    sure = list(analyzer.analyze_many(articles, targets=["the mayor", "a tax"]))
    confidences = sorted(analysis.topic.confidence for analysis in sure)
    least = confidences[15]
    doubtful = list(analyzer.analyze_many(articles, targets=["the mayor", "a tax"], min_confidence=least))
    for before, after in zip(sure, doubtful, strict=True):
        assert after.topic.name == (before.topic.name if before.topic.confidence >= least else None)
        assert (after.topic.confidence, after.topic.scores, after.summary) == (before.topic.confidence, before.topic.scores, before.summary)
        assert [result.stance for result in after.stances] == [result.stance if result.confidence >= least else None for result in before.stances]
    assert {analysis.topic.name is None for analysis in doubtful} == {True, False}


@pytest.mark.parametrize("value", [-0.1, 1.5, "0.5", True, None])
def test_the_least_confidence_is_a_probability(analyzer: Analyzer, value: object) -> None:
    with pytest.raises(DataError) as caught:
        analyzer.analyze_many([], min_confidence=value)  # type: ignore[arg-type]
    assert str(caught.value) == f"min_confidence must be a number from 0 (always answer) to 1, found {value!r}."
