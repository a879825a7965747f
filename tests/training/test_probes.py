from inference.analyzer import Analyzer
from inference.article import Article, Stance
from training.probes import REMEMBERED, other_targets, without_article


def article(name: str, *targets: str, source: str = "claims") -> Article:
    return Article("It rained for days.", id=name, title="Rain", source=source, stances=tuple(Stance(target, "favor") for target in targets))


def test_targets_come_from_earlier_articles_of_the_source_and_are_never_its_own() -> None:
    articles = [article("1", "the dam", "boats"), article("2", "The  DAM!", "a tax"), article("3", "boats", source="posts")]
    articles += [Article("No stance."), article("4", "a tax")]
    found = [(original.id, [stance.target for stance in copy.stances]) for original, copy in other_targets(articles)]
    assert found[0] == ("2", ["boats", "boats"])
    assert [name for name, _ in found] == ["2", "4"]
    assert set(found[1][1]) < {"the dam", "boats"}
    for original, copy in other_targets(articles):
        assert (copy.text, copy.title, copy.id) == (original.text, original.title, original.id)
        assert [stance.stance for stance in copy.stances] == [stance.stance for stance in original.stances]


def test_few_targets_are_remembered() -> None:
    articles = [article(str(number), f"target {number}") for number in range(REMEMBERED + 50)]
    numbers = [int(copy.stances[0].target.removeprefix("target ")) for _, copy in other_targets(articles)]
    assert all(own - REMEMBERED <= number < own for own, number in enumerate(numbers, 1))
    assert len(set(numbers)) > 0.4 * len(numbers)  # drawn anew for every article, not one claim for all


def test_a_target_without_gold_is_asked_and_stays_without() -> None:
    asked = Article("Rain.", id="2", source="claims", stances=(Stance("a tax", "favor"), Stance("the dam")))
    ((_, copy),) = other_targets([article("1", "boats"), asked])
    assert copy.stances == (Stance("boats", "favor"), Stance("boats"))


def test_without_the_article_nothing_of_it_is_left() -> None:
    ((original, copy),) = without_article([article("1", "the dam"), Article("No stance.", id="2")])
    assert original.text == "It rained for days."
    assert (copy.text, copy.title, copy.stances) == ("x", "", original.stances)


def test_every_probe_can_be_read(analyzer: Analyzer, sample: list[Article]) -> None:
    copies = [copy for _, copy in (*other_targets(sample), *without_article(sample))]
    analyses = list(analyzer.analyze_many(copies))
    assert [len(analysis.stances) for analysis in analyses] == [len(copy.stances) for copy in copies]


def test_targets_are_drawn_each_once_while_they_last() -> None:
    earlier = article("1", *(f"target {number}" for number in range(10)))
    ((_, copy),) = other_targets([earlier, article("2", *(f"question {number}" for number in range(10)))])
    assert sorted(stance.target for stance in copy.stances) == sorted(stance.target for stance in earlier.stances)
    assert copy.stances == next(other_targets([earlier, article("2", *(f"question {number}" for number in range(10)))]))[1].stances
