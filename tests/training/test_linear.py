"""Linear models on articles whose labels follow from their words."""

import pytest

from inference.article import Article, Stance
from training.linear import LINEAR, SHARED_WORDS, TARGET_ONLY, LinearStances, LinearTopics

TOPICS = ("weather", "sport", "arts")
SPORT = ("The striker scored twice in the final.", "ทีมชนะการแข่งขันฟุตบอล", "球队赢得足球比赛", "Сборная выиграла матч.")
WEATHER = ("Heavy rain and wind hit the coast.", "ฝนตกหนักและลมแรง", "暴雨和大风袭击海岸", "Сильный дождь и ветер.")


@pytest.fixture(scope="module")
def topics() -> LinearTopics:
    articles = [Article(text, topic=topic) for texts, topic in ((SPORT, "sport"), (WEATHER, "weather")) for text in texts]
    return LinearTopics(TOPICS).fit([*articles, Article("An article without a topic.")])


@pytest.mark.parametrize(
    ("text", "topic"),
    [("The final: a striker scored.", "sport"), ("ฝนตก ลมแรง", "weather"), ("足球比赛", "sport"), ("暴雨大风", "weather"), ("ветром и дождём", "weather")],
)
def test_a_topic_is_found_in_any_script(topics: LinearTopics, text: str, topic: str) -> None:
    (scores,) = topics.scores([Article(text)])
    assert max(scores, key=scores.__getitem__) == topic


def test_every_topic_has_a_score(topics: LinearTopics) -> None:
    (scores,) = topics.scores([Article("Rain.")])
    assert list(scores) == list(TOPICS)
    assert scores["arts"] == 0.0  # never trained on
    assert sum(scores.values()) == pytest.approx(1)


def test_articles_do_not_change_each_other(topics: LinearTopics) -> None:
    articles = [Article(text) for text in (*SPORT, *WEATHER)]
    together = topics.scores(articles)
    assert [topics.scores([article])[0] for article in articles] == [pytest.approx(scores) for scores in together]
    assert topics.scores([]) == []


def test_the_headline_is_read(topics: LinearTopics) -> None:
    (scores,) = topics.scores([Article("More follows.", title="Striker scored in final")])
    assert scores["sport"] > scores["weather"]


def test_three_topics_compete() -> None:
    articles = [Article(f"{word} {number}", topic=topic) for word, topic in (("rain", "weather"), ("goal", "sport"), ("opera", "arts")) for number in range(3)]
    scores = LinearTopics(TOPICS).fit(articles).scores([Article("opera"), Article("goal"), Article("rain")])
    assert [max(found, key=found.__getitem__) for found in scores] == ["arts", "sport", "weather"]


def test_one_topic_is_always_the_answer() -> None:
    assert LinearTopics(TOPICS).fit([Article("Rain.", topic="weather")]).scores([Article("Goal.")]) == [{"weather": 1.0, "sport": 0.0, "arts": 0.0}]


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to learn from"):
        LinearStances().fit([Article("Rain.", stances=(Stance("rain"),))])
    with pytest.raises(ValueError, match="nothing to learn from"):
        LinearTopics(TOPICS).fit([Article("Rain.")])


NAMES = ("bridge", "harbor", "school", "tunnel", "market", "library", "stadium", "station")


@pytest.fixture(scope="module")
def stances() -> LinearStances:
    """ "Bad" targets are always opposed, whatever the article says; others are favored where they are named, and unrelated where they are not."""
    articles = [
        Article(
            f"The council welcomes the new {name} plan.",
            stances=(Stance(f"new {name} plan", "favor"), Stance(f"bad {name} idea", "against"), Stance(f"old {other} tax", "unrelated"), Stance(name)),
        )
        for name, other in zip(NAMES, NAMES[::-1], strict=True)
        for _ in range(4)
    ]
    return LinearStances().fit(articles)


def best(scores: dict[str, float]) -> str:
    return max(scores, key=scores.__getitem__)


def test_stances_come_for_every_target_in_order(stances: LinearStances) -> None:
    articles = [
        Article("No target."),
        Article("The council welcomes the new bridge plan.", stances=(Stance("bad bridge idea"), Stance("new bridge plan", "favor"))),
        Article("Cats sleep.", stances=(Stance("old market tax"),)),
    ]
    scores = stances.scores(articles)
    assert list(scores) == [LINEAR, TARGET_ONLY, SHARED_WORDS]
    for found in scores.values():
        assert [len(pairs) for pairs in found] == [0, 2, 1]
        assert all(list(pair) == ["favor", "against", "neutral", "unrelated"] and pair["neutral"] == 0.0 for pairs in found for pair in pairs)
    assert [best(pair) for pairs in scores[LINEAR] for pair in pairs] == ["against", "favor", "unrelated"]
    assert stances.scores(articles[:1]) == {LINEAR: [()], TARGET_ONLY: [()], SHARED_WORDS: [()]}


def test_target_only_never_sees_the_article(stances: LinearStances) -> None:
    pair = (Stance("new tunnel plan"),)
    near, far = stances.scores([Article("The new tunnel plan is good.", stances=pair), Article("Cats sleep.", stances=pair)])[TARGET_ONLY]
    assert near == far
    assert best(near[0]) == "favor"


def test_shared_words_see_no_word(stances: LinearStances) -> None:
    articles = [
        Article("The council welcomes the new bridge plan.", stances=(Stance("new bridge plan"),)),
        Article("A b c d e f g.", stances=(Stance("e f g"),)),
    ]
    named, letters = stances.scores(articles)[SHARED_WORDS]
    assert best(named[0]) == best(letters[0]) == "favor"
    assert best(stances.scores([Article("A b c d e f g.", stances=(Stance("x y z"),))])[SHARED_WORDS][0][0]) == "unrelated"


def test_targets_without_a_word_have_an_answer() -> None:
    articles = [Article("The council met.", stances=(Stance("🚲", "favor"), Stance("🚗", "against"), Stance("🚌", "against")))]
    for found in LinearStances().fit(articles).scores(articles).values():
        assert [sum(scores.values()) for scores in found[0]] == pytest.approx([1, 1, 1])
