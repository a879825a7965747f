"""Held-out scores from analyses made by hand: every number can be worked out on paper."""

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from inference.analysis import Analysis, StanceResult, Summary, SummarySentence, Topic
from inference.article import Article, Stance
from inference.cleaning import Removed
from inference.errors import DataError
from inference.labels import STANCES
from inference.words import words
from training.bootstrap import weights
from training.evaluation import HeldOut, dev_scores, evaluate
from training.held_out import held_out_file
from training.metrics.labels import label_scores
from training.metrics.summaries import chrf, rouge
from training.results import Answers, Report, Row
from training.scoring import Tally

TOPICS = ("sport", "arts", "health")
TEXT = "The council met in Porthaven on Monday evening. It rejected the ferry plan by 19 votes."


@dataclass
class ScriptedAnalyzer:
    """Answers each article from `topics` and `stances` by id, sums it up with its text's sentence `sentence`, and notes what it was given."""

    topics: Mapping[str, Sequence[float]] = field(default_factory=dict)
    stances: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    removed: Mapping[str, Sequence[Removed]] = field(default_factory=dict)
    summary: tuple[int, int] = (0, 47)
    temperatures: Mapping[str, float] = field(default_factory=dict)
    seen: list[Article] = field(default_factory=list)
    limits: set[tuple[int | None, int | None]] = field(default_factory=set)
    written: Mapping[str, str] | None = None  # by article, where it can write; another article's text is refused by the check

    def method(self, method: str) -> str:
        return "abstractive" if method != "extractive" and self.written is not None else "extractive"

    def analyze_many(
        self,
        articles: Iterable[Article],
        *,
        max_words: int | None,
        max_sentences: int | None,
        on_error: Callable[[Article, DataError], Any],
        method: str = "extractive",
    ) -> Iterator[Analysis]:
        for article in articles:
            if not words(article.text):
                on_error(article, DataError("no words."))
                continue
            self.seen.append(article)
            self.limits.add((max_words, max_sentences))
            scores = dict(zip(TOPICS, self.topics.get(article.id, (1.0, 0.0, 0.0)), strict=True))
            best = max(scores, key=scores.__getitem__)
            stances = self.stances.get(article.id, [(1.0, 0.0, 0.0, 0.0)] * len(article.stances))
            start, end = self.summary
            sentence = SummarySentence(article.text[start:end], start, min(end, len(article.text)), 1.0)
            yield Analysis(
                id=article.id,
                lang="en",
                title=article.title,
                topic=Topic(best, scores[best], scores),
                stances=tuple(
                    StanceResult(stance.target, "favor", max(values), dict(zip(STANCES, values, strict=True)))
                    for stance, values in zip(article.stances, stances, strict=True)
                ),
                summary=self._summary(article, sentence, method),
                removed=tuple(self.removed.get(article.id, ())),
                warnings=(),
            )

    def _summary(self, article: Article, sentence: SummarySentence, method: str) -> Summary:
        if self.method(method) == "extractive" or self.written is None:
            return Summary(sentence.text, (sentence,), "extractive")
        if article.id in self.written:
            return Summary(self.written[article.id], (), "abstractive")
        return Summary(sentence.text, (sentence,), "extractive", warnings=("It is not true.",))


def run(analyzer: ScriptedAnalyzer, articles: Sequence[Article], **options: Any) -> Report:
    known = {name: options.pop(name) for name in ("topic_labels", "neutral_covers_unrelated", "copies") if name in options}
    return evaluate(analyzer, HeldOut(articles, **known), **options)  # type: ignore[arg-type]


def scores(report: Report, task: str, group: str = "all", system: str = "model") -> dict[str, float]:
    (found,) = [row.scores for row in report.rows if (row.task, row.group, row.system) == (task, group, system)]
    return found


def topic_article(name: str, topic: str, source: str = "daily", lang: str = "en") -> Article:
    return Article(TEXT, id=name, topic=topic, source=source, lang=lang)


def test_topic_scores_over_all_labels_and_over_those_of_the_source() -> None:
    analyzer = ScriptedAnalyzer(topics={"1": (0.1, 0.8, 0.1), "2": (0.6, 0.1, 0.3), "3": (0.2, 0.1, 0.7)})
    report = run(analyzer, [topic_article("1", "arts"), topic_article("2", "health"), topic_article("3", "health")])
    found = scores(report, "topic")
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["weighted_f1"] == pytest.approx((1 + 2 * 2 / 3) / 3)
    assert found["restricted_accuracy"] == 1.0  # the source has no sport, so 0.3 for health wins
    assert found["restricted_macro_f1"] == 1.0


def test_declared_labels_compete_as_well() -> None:
    analyzer = ScriptedAnalyzer(topics={"1": (0.6, 0.1, 0.3)})
    report = run(analyzer, [topic_article("1", "health")], topic_labels={"daily": ["sport", "health"]})
    assert scores(report, "topic")["restricted_accuracy"] == 0.0


def test_groups_and_the_majority_of_all_gold() -> None:
    articles = [topic_article("1", "sport"), topic_article("2", "sport"), topic_article("1", "arts", source="weekly", lang="fr")]
    report = run(ScriptedAnalyzer(topics={"1": (0.0, 1.0, 0.0)}), articles)
    rows = {(row.group_kind, row.group, row.system): (row.n, row.scores["accuracy"]) for row in report.rows if row.task == "topic"}
    others = {row.group_kind: row.group for row in report.rows if row.group_kind in ("script", "length") and row.n == 3}
    assert others == {"script": "Latin", "length": "up to 100 words"}
    assert {group: n for (kind, group, system), (n, _) in rows.items() if kind == "topic" and system == "model"} == {"sport": 2, "arts": 1}
    assert {key: value for key, value in rows.items() if key[0] not in ("script", "length", "topic")} == {
        ("overall", "all", "model"): (3, pytest.approx(2 / 3)),
        ("overall", "all", "majority (of gold)"): (3, pytest.approx(2 / 3)),
        ("lang", "en", "model"): (2, 0.5),
        ("lang", "en", "majority (of gold)"): (2, 1.0),
        ("lang", "fr", "model"): (1, 1.0),
        ("lang", "fr", "majority (of gold)"): (1, 0.0),
        ("source", "daily", "model"): (2, 0.5),
        ("source", "daily", "majority (of gold)"): (2, 1.0),
        ("source", "weekly", "model"): (1, 1.0),
        ("source", "weekly", "majority (of gold)"): (1, 0.0),
    }


def test_gold_outside_the_checkpoint_counts_as_wrong_and_is_named() -> None:
    report = run(ScriptedAnalyzer(), [topic_article("1", "sport"), topic_article("2", "weather")])
    assert scores(report, "topic")["accuracy"] == 0.5
    assert scores(report, "topic")["macro_f1"] == pytest.approx(1 / 3)
    assert "source 'daily': topic 'weather' (n = 1) is unknown to the checkpoint and counts as wrong." in report.warnings


def test_a_source_with_only_unknown_topics_is_an_error() -> None:
    with pytest.raises(DataError) as error:
        run(ScriptedAnalyzer(), [topic_article("1", "sport"), topic_article("2", "Politik", source="zeitung")])
    assert str(error.value) == (
        "source 'zeitung': the checkpoint knows none of its topics (Politik). Known: sport, arts, health. Map the source's names with `labels: {topic: {…}}`."
    )


def stance_article(name: str, source: str, *gold: str | None) -> Article:
    return Article(TEXT, id=name, source=source, lang="en", stances=tuple(Stance(f"target {i}", stance) for i, stance in enumerate(gold)))


def test_stances_are_matched_in_order_and_unlabelled_ones_left_out() -> None:
    analyzer = ScriptedAnalyzer(stances={"1": [(0.7, 0.1, 0.1, 0.1), (1.0, 0.0, 0.0, 0.0), (0.1, 0.2, 0.1, 0.6)]})
    report = run(analyzer, [stance_article("1", "claims", "favor", None, "against")])
    assert scores(report, "stance") == {"macro_f1": 0.5, "f1_favor": 1.0, "f1_against": 0.0, "ece": pytest.approx((0.3 + 0.6) / 2)}
    assert {row.n for row in report.rows if row.task == "stance"} == {2}


def test_a_source_whose_neutral_covers_unrelated_is_scored_three_ways() -> None:
    answers = [(0.4, 0.1, 0.25, 0.25), (0.4, 0.1, 0.3, 0.2), (0.6, 0.1, 0.2, 0.1)]
    analyzer = ScriptedAnalyzer(stances={"1": answers, "2": answers})
    gold = ("neutral", "unrelated", "favor")
    report = run(analyzer, [stance_article("1", "merged", *gold), stance_article("2", "four", *gold)], neutral_covers_unrelated=["merged"])
    ece = {"ece": pytest.approx((0.5 + 0.5 + 0.4) / 3)}
    assert scores(report, "stance", "merged") == {"macro_f1": 1.0, "f1_favor": 1.0, "f1_neutral_or_unrelated": 1.0, **ece}
    four = {"macro_f1": pytest.approx(1 / 6), "f1_favor": 0.5, "f1_neutral": 0.0, "f1_unrelated": 0.0}
    ece = {"ece": pytest.approx((2 * 0.4 + 0.4) / 3)}  # 0.4 twice and never right, 0.6 once and right
    assert scores(report, "stance", "four") == {**four, "fnc1": pytest.approx(1.25 / 2.25), **ece}
    merged = scores(report, "stance", "all")
    assert merged.pop("ece") > 0
    assert merged == {"macro_f1": 1.0, "f1_favor": 1.0, "f1_neutral_or_unrelated": 1.0}
    assert scores(report, "stance", "all", "majority (of gold)") == {"macro_f1": 0.4, "f1_favor": 0.0, "f1_neutral_or_unrelated": 0.8}


def test_summaries_are_scored_beside_leads_and_the_oracle() -> None:
    article = Article(TEXT, id="1", lang="en", source="daily", summary="It rejected the ferry plan by 19 votes.")
    report = run(ScriptedAnalyzer(), [article], max_sentences=1)
    assert [row.system for row in report.rows if (row.group_kind, row.task) == ("overall", "summary")] == ["model", "lead-1", "oracle"]
    assert scores(report, "summary") == scores(report, "summary", system="lead-1")
    assert scores(report, "summary")["rouge2"] == 0.0
    assert scores(report, "summary")["words"] == 8.0
    assert scores(report, "summary", system="oracle") == {"rouge1": 100.0, "rouge2": 100.0, "rougeL": 100.0, "chrf": pytest.approx(100.0), "words": 8.0}
    assert report.examples[0].summaries["model"] == "The council met in Porthaven on Monday evening."


def test_what_summaries_say_and_the_article_does_not_is_counted() -> None:
    reference = "The council rejected the plan by 20 votes. Mayor Anna Lindqvist was absent."
    articles = [
        Article(TEXT, id="1", lang="en", source="daily", summary=reference),
        Article(TEXT + " Item 2.", id="2", lang="en", source="daily", summary="It rejected the ferry plan\u00a0by 19 votes. Rain fell."),
    ]
    report = run(ScriptedAnalyzer(), articles, answers={"other": [Answers(summary="The council met 19 times."), Answers(summary="Boats.")]})
    assert scores(report, "support") == {"copied": 100.0, "novel_bigrams": 0.0, "numbers": 0.0, "names": 0.0, "words": 8.0}
    people = scores(report, "support", system="reference")
    assert (people["copied"], people["numbers"], people["names"]) == (25.0, 50.0, 50.0)
    other = scores(report, "support", system="other")
    assert (other["copied"], other["numbers"], other["novel_bigrams"]) == (0.0, 0.0, 50.0)  # "met 19", "19 times"; one word has no pair


@pytest.mark.parametrize("text", ["Ferry plan fails!\n" + TEXT, TEXT + "\nFERRY PLAN FAILS", "Ferry plan fails " + TEXT])
def test_a_headline_is_hidden_wherever_it_stands(text: str) -> None:
    analyzer = ScriptedAnalyzer()
    report = run(analyzer, [Article(text, id="1", title="Ferry plan fails", lang="en", source="daily")], headlines=True)
    assert [article.text.strip() for article in analyzer.seen] == [text, TEXT]
    assert analyzer.seen[1].title == ""
    assert analyzer.limits == {(60, None), (60, 1)}
    assert [row.system for row in report.rows if row.group_kind == "overall"] == ["model", "lead-1", "oracle"]
    assert scores(report, "headline", system="lead-1")["rouge1"] == 0.0


def test_a_word_that_begins_like_the_headline_is_kept() -> None:
    analyzer = ScriptedAnalyzer()
    run(analyzer, [Article("Rainfall was heavy.", id="1", title="Rain", lang="en", source="daily")], headlines=True)
    assert analyzer.seen[1].text == "Rainfall was heavy."


def test_an_article_that_is_only_its_headline_is_counted() -> None:
    articles = [Article("Ferry plan fails", id="1", title="Ferry plan fails", source="daily"), topic_article("2", "sport")]
    report = run(ScriptedAnalyzer(), articles, headlines=True)
    assert not [row for row in report.rows if row.task == "headline"]
    assert "articles not scored against their headline: 1, the first is '1'. no words." in report.warnings
    assert not [warning for warning in report.warnings if "left out" in warning]


def test_cleaning_is_scored_in_characters() -> None:
    text = "Share\n" + TEXT + "\nMore news"
    gold, other = (0, 5), (6, 9)  # five of 13 gold characters, and "The" taken out by mistake; the title does not count
    removed = [Removed(*gold, "share", 1.0), Removed(*other, "caption", 1.0), Removed(10, 17, "title", 1.0)]
    analyzer = ScriptedAnalyzer(removed={"1": removed}, summary=(0, 20))
    report = run(analyzer, [Article(text, id="1", lang="en", source="daily", boilerplate=("Share", "More news"))])
    assert scores(report, "cleaning") == {
        "precision": 5 / 8,
        "recall": 5 / 13,
        "f1": pytest.approx(10 / 21),
        "boilerplate_sentences": 1.0,
    }


def test_boilerplate_that_is_no_line_of_the_text_is_said() -> None:
    report = run(ScriptedAnalyzer(), [Article(TEXT, id="1", source="daily", boilerplate=("Share",))])
    assert "boilerplate lines that are no lines of their article's text, not scored: 1, the first of '1'." in report.warnings
    assert scores(report, "cleaning") == {"boilerplate_sentences": 0.0}


def test_tasks_without_gold_are_named_and_not_scored() -> None:
    report = run(ScriptedAnalyzer(), [topic_article("1", "sport")])
    assert {row.task for row in report.rows} == {"topic"}
    assert report.warnings == ("no article has gold for stance, which is not scored.", "no article has gold for summary, which is not scored.")


def test_baselines_can_be_left_out() -> None:
    article = Article(TEXT, id="1", lang="en", source="daily", topic="sport", summary="It rejected the plan.")
    assert {row.system for row in run(ScriptedAnalyzer(), [article], baselines=False).rows} == {"model"}


def test_articles_that_cannot_be_read_are_left_out_and_counted() -> None:
    wordless = [Article(text, id=name, topic="arts", source="daily") for name, text in (("2", " — "), ("3", ""), ("5", "…"))]
    articles = [topic_article("1", "sport"), *wordless[:2], topic_article("4", "health"), wordless[2]]
    report = run(ScriptedAnalyzer(topics={"4": (0.0, 0.0, 1.0)}), articles)
    assert report.articles == 2
    assert scores(report, "topic")["accuracy"] == 1.0  # every answer went to its own article
    assert "articles left out: 3, the first is '2'. no words." in report.warnings


def test_repeated_ids_are_an_error_within_a_source_only() -> None:
    assert run(ScriptedAnalyzer(), [topic_article("1", "sport"), topic_article("1", "sport", source="weekly")]).articles == 2
    with pytest.raises(DataError, match=r"source 'daily': id '1' occurs 2 times \(1 in all repeat\)\. Give every article its own id\."):
        run(ScriptedAnalyzer(), [topic_article("1", "sport"), topic_article("1", "arts")])


@pytest.mark.parametrize("articles", [[], [Article(TEXT, id="1"), Article(TEXT, id="2", stances=(Stance("ferries"),))]])
def test_no_gold_is_an_error(articles: list[Article]) -> None:
    with pytest.raises(DataError) as error:
        run(ScriptedAnalyzer(), articles)
    expected = f"none of the {len(articles)} articles has a topic, a stance, a summary or boilerplate lines. Give articles with gold labels."
    assert str(error.value) == expected


def test_progress_counts_both_readings() -> None:
    calls: list[tuple[int, int]] = []
    articles = [Article(TEXT, id=name, title="Ferry plan fails", source="daily") for name in "ab"]
    run(ScriptedAnalyzer(), articles, headlines=True, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4), (4, 4)]  # the last says that nothing is left


def test_dev_scores_are_means_over_sources() -> None:
    articles = [topic_article(str(i), "sport") for i in range(3)] + [topic_article("4", "arts", source="weekly")]
    articles.append(Article(TEXT, id="5", lang="en", source="weekly", summary="The council met in Porthaven on Monday evening."))
    found = dev_scores(run(ScriptedAnalyzer(), articles))
    assert found["daily/topic_accuracy"] == 1.0
    assert found["weekly/topic_accuracy"] == 0.0
    assert found["topic_accuracy"] == found["topic_macro_f1"] == found["topic_weighted_f1"] == 0.5
    assert found["rouge1"] == found["weekly/rouge1"] == 1.0
    assert not [name for name in found if name.endswith(("words", "sentences")) or "stance" in name]


def test_examples_take_languages_in_turn() -> None:
    articles = [Article(TEXT, id=f"{lang}{i}", lang=lang, source="daily", summary="It rejected the plan.") for lang in ("en", "fr", "de") for i in range(9)]
    report = run(ScriptedAnalyzer(), articles, baselines=False)
    assert [example.id for example in report.examples] == [f"{lang}{i}" for i in range(6) for lang in ("en", "fr", "de")][:16]


def test_a_held_out_file_is_known_by_its_digest(tmp_path: Any) -> None:
    path = tmp_path / "held_out.jsonl"
    path.write_bytes(b"abc")
    file = held_out_file(path, 3)
    assert (file.path, file.articles) == (str(path), 3)
    assert file.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def told_apart(count: int, copies: int = 1) -> list[Article]:
    """Articles about sport and arts in turn, each text `copies` times."""
    return [
        replace(topic_article(f"{number}.{copy}", ("sport", "arts")[number % 2]), text=f"{TEXT} Item {number}.")
        for number in range(count)
        for copy in range(copies)
    ]


def row(report: Report, task: str, system: str = "model", group: str = "all") -> Row:
    (found,) = [row for row in report.rows if (row.task, row.group, row.system) == (task, group, system)]
    return found


def test_every_score_has_an_interval_and_every_baseline() -> None:
    articles = [replace(article, summary="It rejected the ferry plan.", boilerplate=()) for article in told_apart(20)]
    report = run(ScriptedAnalyzer(), articles)
    assert {row.task for row in report.rows} == {"topic", "summary", "support", "cleaning"}
    for found in report.rows:
        if found.group_kind == "topic" and found.task == "topic":
            assert found.scores.keys() == {"accuracy", "restricted_accuracy"}  # of one gold topic
            continue  # all right or all wrong, and few: no interval
        varying = {metric for metric, values in found.replicates.items() if np.ptp(values[~np.isnan(values)])}
        assert found.intervals.keys() == varying, found
        assert found.replicates.keys() == found.scores.keys()
        for metric, (low, high) in found.intervals.items():
            assert low - 1e-9 <= found.scores[metric] <= high + 1e-9, (found, metric)  # sums of floats, to rounding
    low, high = row(report, "topic").intervals["accuracy"]
    assert 0.2 < low < 0.4
    assert 0.6 < high < 0.8


def test_each_replicate_is_the_score_of_the_articles_as_often_as_they_were_drawn() -> None:
    articles = [replace(article, summary=f"The council of {number}, {'again ' * number}met.") for number, article in enumerate(told_apart(6))]
    topics = {"1.0": (0.1, 0.8, 0.1), "2.0": (0.0, 0.3, 0.7), "5.0": (0.0, 1.0, 0.0)}
    report = run(ScriptedAnalyzer(topics), articles, topic_labels={"daily": TOPICS})
    found = {task: row(report, task).replicates for task in ("topic", "summary")}
    for replicate in range(30):
        drawn = [article for article in articles for _ in range(weights(article.text)[1 + replicate])]
        answers = [max(TOPICS, key=lambda name: dict(zip(TOPICS, topics.get(article.id, (1.0, 0.0, 0.0)), strict=True))[name]) for article in drawn]
        for metric, value in (label_scores([article.topic or "" for article in drawn], answers) or {}).items():
            assert found["topic"][metric][replicate] == pytest.approx(value), metric
        summaries, references = [article.text[:47] for article in drawn], [article.summary or "" for article in drawn]
        assert found["summary"]["chrf"][replicate] == pytest.approx(chrf(summaries, references))
        rouge1 = [rouge(*pair)["rouge1"] for pair in zip(summaries, references, strict=True)]
        assert found["summary"]["rouge1"][replicate] == pytest.approx(fmean(rouge1))


def test_copies_of_an_article_and_pairs_of_one_article_are_drawn_together() -> None:
    once, thrice = (run(ScriptedAnalyzer(), told_apart(20, copies)) for copies in (1, 3))
    assert row(thrice, "topic").n == 60
    assert row(thrice, "topic").intervals == row(once, "topic").intervals
    gold = ("favor", "against", "favor", "against")  # two right and two wrong in every article: nothing varies between articles
    pairs = [replace(stance_article(str(number), "claims", *gold), text=f"{TEXT} Item {number}.") for number in range(20)]
    assert row(run(ScriptedAnalyzer(), pairs), "stance").intervals["f1_favor"] == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_one_text_has_no_interval_and_replicates_can_be_left_out() -> None:
    alone = row(run(ScriptedAnalyzer(), [topic_article("1", "sport"), topic_article("2", "arts")]), "topic")
    assert alone.scores["accuracy"] == 0.5
    assert alone.intervals == {}
    articles = told_apart(8)
    plain, whole = run(ScriptedAnalyzer(), articles, replicates=0), run(ScriptedAnalyzer(), articles)
    assert [row.scores for row in plain.rows] == [row.scores for row in whole.rows]
    assert not any(row.intervals for row in plain.rows)
    assert all(row.intervals for row in whole.rows if row.group == "all")


def test_intervals_do_not_depend_on_the_order_of_articles() -> None:
    articles = [replace(article, summary="It rejected the plan.") for article in told_apart(13)]
    forward, backward = (run(ScriptedAnalyzer(), order) for order in (articles, articles[::-1]))
    for one, other in zip(forward.rows, backward.rows, strict=True):
        assert one.scores == pytest.approx(other.scores)
        assert one.intervals.keys() == other.intervals.keys()
        for metric, bounds in one.intervals.items():
            assert bounds == pytest.approx(other.intervals[metric])


def test_replicates_of_two_checkpoints_are_paired() -> None:
    articles = told_apart(30)
    worse = ScriptedAnalyzer(topics={"0.0": (0.0, 1.0, 0.0)})  # one more mistake than the other
    ours, theirs = (row(run(analyzer, articles), "topic") for analyzer in (ScriptedAnalyzer(), worse))
    difference = ours.replicates["accuracy"] - theirs.replicates["accuracy"]
    assert (difference >= 0).all()
    assert ours.intervals["accuracy"][0] < theirs.scores["accuracy"]  # unpaired, the two could not be told apart


def test_overlapping_articles_are_drawn_together() -> None:
    articles = told_apart(20)
    pairs = [replace(article, id=f"{article.id}.edited", text=article.text.replace("Monday", "Tuesday")) for article in articles]
    copies = {f"daily/{name}{edited}": f"daily/{name}" for name in (article.id for article in articles) for edited in ("", ".edited")}
    cases = ((articles, {}), (articles + pairs, {}), (articles + pairs, copies))
    once, apart, together = (run(ScriptedAnalyzer(), group, copies=known) for group, known in cases)
    widths = [high - low for low, high in (row(report, "topic").intervals["accuracy"] for report in (once, apart, together))]
    assert widths[1] < 0.9 * widths[0]  # as if there were twice as many observations
    assert widths[2] == pytest.approx(widths[0], rel=0.2)


def test_stances_are_asked_about_other_targets_and_without_the_article() -> None:
    answers = {name: [(0.0, 1.0, 0.0, 0.0)] for name in ("1", "2", "3")}
    articles = [replace(stance_article(name, "claims", "against"), stances=(Stance(f"target {name}", "against"),)) for name in ("1", "2", "3")]
    analyzer = ScriptedAnalyzer(stances=answers)
    report = run(analyzer, [*articles, topic_article("4", "sport")])
    assert [(row.system, row.n, row.scores["f1_against"]) for row in report.rows if (row.task, row.group) == ("stance", "all")] == [
        ("model", 3, 1.0),
        ("majority (of gold)", 3, 1.0),
        ("model, other targets", 2, 1.0),
        ("model, no article", 3, 1.0),
    ]
    assert analyzer.seen[4].stances[0].target == "target 1"
    assert analyzer.seen[5].stances[0].target in ("target 1", "target 2")
    assert [(article.id, article.text, article.title, article.stances[0].target) for article in analyzer.seen[6:]] == [
        (name, "x", "", f"target {name}") for name in ("1", "2", "3")
    ]
    assert {row.group for row in report.rows if row.system == "model, no article" and row.group_kind == "length"} == {"up to 100 words"}


def test_answers_of_other_systems_are_scored_beside_the_model() -> None:
    unreadable, summarized = replace(topic_article("2", "sport"), text="…"), replace(stance_article("3", "daily", "favor"), summary="It rejected.")
    articles = [topic_article("1", "arts"), unreadable, summarized]
    said = [
        Answers(topic={"sport": 0.6, "arts": 0.9, "health": 0.95}),
        Answers(topic={"sport": 1.0}),
        Answers(stances=({"favor": 2.0, "against": -1.0, "neutral": 0.0, "unrelated": 0.0},), summary="It rejected."),
    ]
    report = run(ScriptedAnalyzer(), articles, answers={"linear": said}, topic_labels={"daily": ["arts", "sport"]})
    assert scores(report, "topic", system="linear")["accuracy"] == 0.0
    assert scores(report, "topic", system="linear")["restricted_accuracy"] == 1.0
    assert scores(report, "stance", system="linear") == {"macro_f1": 1.0, "f1_favor": 1.0}
    assert scores(report, "summary", system="linear")["rouge1"] == 100.0
    assert report.articles == 2  # what the model cannot read counts for nobody


def test_the_surest_mistakes_are_kept_with_what_was_asked() -> None:
    topics = {str(number): (0.5 + number / 100, 0.5 - number / 100, 0.0) for number in range(30)}
    analyzer = ScriptedAnalyzer(topics, stances={"s": [(0.6, 0.4, 0.0, 0.0), (0.9, 0.1, 0.0, 0.0)]})
    articles = [topic_article(str(number), "arts") for number in range(30)]
    articles += [topic_article("right", "sport"), stance_article("s", "claims", "against", "favor")]
    report = run(analyzer, articles)
    wrong = [mistake for mistake in report.mistakes if mistake.task == "topic"]
    assert [mistake.id for mistake in wrong] == [str(number) for number in range(29, 19, -1)]
    assert (wrong[0].gold, wrong[0].predicted, wrong[0].confidence, wrong[0].target) == ("arts", "sport", pytest.approx(0.79), "")
    assert wrong[0].opening == TEXT
    (stance,) = (mistake for mistake in report.mistakes if mistake.task == "stance")
    assert (stance.id, stance.target, stance.gold, stance.predicted, stance.confidence) == ("s", "target 0", "against", "favor", 0.6)


def test_confusions_count_gold_by_predicted() -> None:
    analyzer = ScriptedAnalyzer(topics={"1": (0.1, 0.8, 0.1), "3": (0.0, 1.0, 0.0)})
    report = run(analyzer, [topic_article("1", "arts"), topic_article("2", "health"), topic_article("3", "health"), stance_article("4", "claims", "favor")])
    topic, stance = report.confusions
    assert (topic.task, topic.labels, topic.counts) == ("topic", ("arts", "health", "sport"), ((1, 0, 0), (1, 0, 1), (0, 0, 0)))
    assert (stance.task, stance.labels, stance.counts) == ("stance", ("favor",), ((1,),))


def test_confidences_are_judged_before_and_after_the_temperature() -> None:
    topics = {str(number): (0.8, 0.2, 0.0) for number in range(10)}
    articles = [topic_article(str(number), "sport" if number < 7 else "arts") for number in range(10)]
    report = run(ScriptedAnalyzer(topics=topics, temperatures={"topic": 2.0, "stance": 1.0}), articles)
    (found,) = report.reliability
    assert (found.task, found.n, found.temperature) == ("topic", 10, 2.0)
    assert found.ece == pytest.approx(0.1)
    assert found.ece_before == pytest.approx(16 / 17 - 0.7)  # 0.8² against 0.2²
    assert [(b.n, b.confidence, b.accuracy) for b in found.bins] == [(10, pytest.approx(0.8), pytest.approx(0.7))]
    assert found.risk_coverage == ((1.0, pytest.approx(0.3), 0.799),)
    assert row(report, "topic").scores["ece"] == pytest.approx(0.1)


def test_articles_may_be_read_anew_each_time_and_are_not_kept() -> None:
    class Stream:
        readings = 0

        def __iter__(self) -> Iterator[Article]:
            Stream.readings += 1
            return iter([topic_article("1", "sport"), stance_article("2", "claims", "favor"), stance_article("3", "claims", "favor")])

    report = evaluate(ScriptedAnalyzer(), HeldOut(Stream()))  # type: ignore[arg-type]
    assert report.articles == 3
    assert Stream.readings == 4  # gold, answers, and two probes of stance
    assert report.peak_memory > 1e7


def test_what_is_kept_does_not_grow_with_the_articles() -> None:
    def kept(count: int) -> int:
        tally = Tally({"daily": set(TOPICS)}, ())
        articles = [replace(article, summary="It rejected the plan.", boilerplate=()) for article in told_apart(count)]
        for article, analysis in zip(articles, ScriptedAnalyzer().analyze_many(articles, max_words=60, max_sentences=None, on_error=print), strict=True):
            tally.add(article, analysis, {}, None, baselines=True)
        return len(pickle.dumps(tally))

    assert kept(60) == pytest.approx(kept(20), rel=0.01)


def test_where_summaries_are_written_the_extractive_ones_stand_beside_them() -> None:
    """One of two is refused, so the model's is the extractive one there."""
    reference = "The ferry plan was rejected."
    articles = [Article(TEXT, id=name, lang="en", source="daily", summary=reference, boilerplate=()) for name in ("1", "2")]
    analyzer = ScriptedAnalyzer(written={"1": reference})
    report = run(analyzer, articles)  # the checkpoint prefers to write
    assert "model" not in {positions.system for positions in report.positions}  # only the refused one has places in its article
    assert "boilerplate_sentences" not in scores(report, "cleaning")
    assert report.method == "abstractive"
    extract = rouge(TEXT[:47], reference)["rouge1"]
    assert scores(report, "summary")["rouge1"] == pytest.approx((100 + extract) / 2)
    assert scores(report, "summary")["refused"] == 50.0
    assert scores(report, "summary", system="extractive")["rouge1"] == pytest.approx(extract)
    assert "refused" not in scores(report, "summary", system="extractive")
    assert {"model", "extractive", "lead-1"} <= {row.system for row in report.rows if (row.group_kind, row.task) == ("overall", "summary")}

    chosen = run(analyzer, articles, method="extractive")
    assert chosen.method == "extractive"
    assert "model" in {positions.system for positions in chosen.positions}
    assert scores(chosen, "cleaning")["boilerplate_sentences"] == 0
    assert scores(chosen, "summary")["rouge1"] == pytest.approx(extract)
    assert "refused" not in scores(chosen, "summary")
    assert not any(row.system == "extractive" for row in chosen.rows)


def test_positions_are_told_by_tenth_of_the_article() -> None:
    sentences = [f"Sentence number {number} is about {topic} alone." for number, topic in enumerate("abcdefghij")]
    article = Article(" ".join(sentences), id="1", lang="en", source="daily", summary=f"{sentences[6]} {sentences[8]}")
    start = article.text.index(sentences[5])
    report = run(ScriptedAnalyzer(summary=(start, start + len(sentences[5]))), [article])
    shares = {found.system: (found.sentences, [tenth for tenth, share in enumerate(found.shares) if share]) for found in report.positions}
    assert shares == {"model": (1, [5]), "lead-1": (1, [0]), "lead-2": (2, [0, 1]), "lead-3": (3, [0, 1, 2]), "oracle": (2, [6, 8])}
    assert all(sum(found.shares) == pytest.approx(1) for found in report.positions)


def test_stance_is_judged_in_the_classes_that_it_is_scored_in() -> None:
    answers = [(0.1, 0.1, 0.5, 0.3)]  # neutral, and unrelated is right: the same class where they are merged
    analyzer = ScriptedAnalyzer(stances={"1": answers, "2": answers})
    pairs = [stance_article("1", "four", "unrelated"), stance_article("2", "merged", "unrelated")]
    report = run(analyzer, pairs, neutral_covers_unrelated=["merged"])
    (found,) = report.reliability
    assert found.risk_coverage[-1][1] == 0.0
    assert report.mistakes == ()
    assert scores(report, "stance")["ece"] == pytest.approx(0.2)
    assert scores(report, "stance", "four")["ece"] == pytest.approx(0.5)
    alone = run(analyzer, pairs[:1], neutral_covers_unrelated=["merged"])
    assert (len(alone.mistakes), alone.reliability[0].risk_coverage[-1][1]) == (1, 1.0)
    topics = [replace(pairs[0], topic="sport"), topic_article("3", "sport", source="merged")]
    assert "f1_unrelated" in scores(run(analyzer, topics, neutral_covers_unrelated=["merged"]), "stance")  # the merged source has no stance here
    elsewhere = [replace(pairs[1], lang="fr"), *topics]
    assert "f1_unrelated" in scores(run(analyzer, elsewhere, neutral_covers_unrelated=["merged"]), "stance", "en")  # nor in English


def test_an_article_that_stands_twice_keeps_its_answers() -> None:
    unreadable = replace(topic_article("", "arts"), text="…")
    articles = [unreadable, unreadable, topic_article("1", "arts"), topic_article("2", "health")]
    report = run(ScriptedAnalyzer(topics={"1": (0.0, 1.0, 0.0), "2": (0.0, 0.0, 1.0)}), articles)
    assert (report.articles, scores(report, "topic")["accuracy"]) == (2, 1.0)
    assert "articles left out: 2, the first is ''. no words." in report.warnings


def test_answers_that_end_too_early_are_an_error() -> None:
    with pytest.raises(DataError, match=r"^there are more held-out articles than other systems answered: a file changed meanwhile"):
        run(ScriptedAnalyzer(), [topic_article("1", "arts"), topic_article("2", "health")], answers={"linear": [Answers(topic={"arts": 1.0})]})


def test_the_worst_summaries_are_kept() -> None:
    words = TEXT.split()
    articles = [
        Article(f"{TEXT} Item {number}.", id=str(number), lang="en", source="daily", summary=" ".join(words[: 1 + number % 10] + ["boats"] * 9))
        for number in range(20)
    ]
    report = run(ScriptedAnalyzer(), articles, baselines=False)
    assert [example.id for example in report.worst_summaries] == ["0", "10", "1", "11", "2", "12"]
    assert report.worst_summaries[0].summaries["model"] == "The council met in Porthaven on Monday evening."
