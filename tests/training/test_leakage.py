from dataclasses import replace
from pathlib import Path

import pytest

from inference.article import Article, Stance
from inference.errors import DataError
from training.duplicates import sign, to_bytes
from training.leakage import (
    TRAINING_ARTICLES,
    TRAINING_TARGETS,
    Overlap,
    check_held_out,
    overlap_lines,
    overlaps_with_held_out,
    shared_targets,
    target_digests,
)


@pytest.fixture
def checkpoint(tmp_path: Path, sample: list[Article]) -> Path:
    """A folder with the signatures of the first 20 sample articles."""
    (tmp_path / TRAINING_ARTICLES).write_bytes(to_bytes(sign((f"sample/{article.id}", article.text) for article in sample[:20])))
    return tmp_path


@pytest.fixture
def held_out(sample: list[Article]) -> list[Article]:
    """Four articles: two new ones, a copy and the first half of training articles."""
    half = sample[7].text[: len(sample[7].text) // 2]
    articles = [sample[30], replace(sample[3], text=sample[3].text.upper()), replace(sample[7], text=half), sample[31]]
    return [replace(article, id=str(number), source="test") for number, article in enumerate(articles)]


def test_overlap_with_training_articles_stops_an_evaluation(checkpoint: Path, sample: list[Article], held_out: list[Article]) -> None:
    with pytest.raises(DataError) as caught:
        check_held_out(held_out, checkpoint, allow_overlap=False)
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 of 4 held-out articles overlap with training articles of the checkpoint, so that scores would show what it remembers:"
    assert lines[1].split() == ["held", "out", "trained", "on", "similar", "first", "words"]
    rows = {lines[number].split()[0]: lines[number] for number in (2, 3)}
    assert rows.keys() == {"test/1", "test/2"}
    assert rows["test/1"].split()[1:3] == [f"sample/{sample[3].id}", "100%"]
    assert " ".join(sample[3].text.upper().split())[:30] in rows["test/1"]
    assert rows["test/2"].split()[1] == f"sample/{sample[7].id}"
    assert lines[4:] == ["Name articles that it was not trained on, or leave these out with --allow-overlap."]


def test_allowed_overlap_is_left_out_and_counted(checkpoint: Path, sample: list[Article], held_out: list[Article]) -> None:
    check = check_held_out(held_out, checkpoint, allow_overlap=True)
    assert check.left_out == {1, 2}
    assert [(overlap.article, overlap.other) for overlap in check.overlaps] == [("test/1", f"sample/{sample[3].id}"), ("test/2", f"sample/{sample[7].id}")]
    assert check.notes == ("left out 2 of 4 held-out articles that overlap with training articles of the checkpoint.",)


def test_nothing_is_left_to_score(checkpoint: Path, held_out: list[Article]) -> None:
    with pytest.raises(DataError) as caught:
        check_held_out(held_out[1:3], checkpoint, allow_overlap=True)
    assert str(caught.value).startswith("2 of 2 held-out articles overlap")
    assert str(caught.value).endswith("\nName articles that it was not trained on.")


def test_new_articles_pass(checkpoint: Path, held_out: list[Article]) -> None:
    check = check_held_out([held_out[0], held_out[3]], checkpoint, allow_overlap=False)
    assert (check.left_out, check.copies, check.overlaps, check.notes) == (frozenset(), {}, (), ())


def test_repeats_among_the_held_out_are_noted(checkpoint: Path, held_out: list[Article]) -> None:
    edited = replace(held_out[0], id="edited", text=held_out[0].text + " " + held_out[3].text[:60])
    check = check_held_out([held_out[0], held_out[3], replace(held_out[0], id="again"), edited], checkpoint, allow_overlap=False)
    assert check.left_out == frozenset()
    assert check.copies == {f"test/{name}": "test/0" for name in ("0", "again", "edited")}
    assert check.notes == ("2 of 4 held-out articles overlap with another held-out article; intervals draw such articles together.",)


def test_a_checkpoint_without_signatures_is_noted(checkpoint: Path, held_out: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.duplicates._RECIPE", (2, 12, 20))
    other = check_held_out(held_out, checkpoint, allow_overlap=False)
    (checkpoint / TRAINING_ARTICLES).unlink()
    without = check_held_out(held_out, checkpoint, allow_overlap=False)
    assert other.left_out == without.left_out == frozenset()
    end = "whether held-out articles stand among them could not be checked."
    assert other.notes == (f"the checkpoint has signatures of another version: {end}",)
    assert without.notes == (f"the checkpoint carries no signatures of its training articles: {end}",)


def test_what_training_keeps_never_stops_an_evaluation_on_dev(sample: list[Article]) -> None:
    """Texts that share about as much as counts: rows go where texts overlap or where the signature says so, and `evaluate` sees the signature only."""
    pieces = [sample[0].text, *(article.text for article in sample if article.lang == sample[0].lang)][1:]
    texts = [f"{pieces[0][: 150 + 10 * number]} {pieces[1 + number % 8][:700]}" for number in range(40)]
    signatures = sign((str(number), text) for number, text in enumerate(texts))
    dev = ("dev", pieces[0][:500] + pieces[10][:300])
    dropped = overlaps_with_held_out(signatures, texts, [dev])
    assert 5 < len(dropped) < 40
    kept = signatures.take([row for row in range(40) if row not in dropped])
    assert overlaps_with_held_out(kept, [text for row, text in enumerate(texts) if row not in dropped], [dev]) == {}


def test_lines_are_aligned_cut_and_capped() -> None:
    overlaps = [Overlap("a/1", "dev/中文", 0.4, "x" * 80), Overlap("news/12", "dev/2", 1.0, "Rain"), *[Overlap("b", "c", 0.5, "")] * 3]
    assert overlap_lines(overlaps, "train", "dev", most=2) == [
        "  train    dev    similar  first words",
        "  news/12  dev/2     100%  Rain",
        "  b        c          50%",
        "  and 3 more",
    ]
    assert overlap_lines(overlaps[:1], "train", "dev")[1] == f"  a/1    dev/中文      40%  {'x' * 59}…"


def test_shared_targets_count_what_training_asks_too_in_any_source() -> None:
    def about(*targets: str) -> list[Article]:
        return [Article("x", stances=tuple(Stance(target, "favor") for target in targets))]

    train = {"a": about("The dam", "a wall"), "b": about("a wall")}
    dev = {"a": about("the  DAM!", "the dam", "a tax"), "b": about("a tax"), "c": about("a wall"), "d": about("🔥")}
    assert shared_targets(train | {"e": about("💥")}, dev) == {"a": (1, 2), "c": (1, 1)}


def test_stance_targets_that_were_trained_on_are_noted_by_source(checkpoint: Path, sample: list[Article]) -> None:
    def about(place: int, source: str, *targets: str) -> Article:
        stances = tuple(Stance(target, "favor") for target in targets)
        return replace(sample[place], id=str(place), source=source, stances=(*stances, Stance("only asked")))

    held_out = [about(30, "a", "the  DAM!", "a tax"), about(31, "a", "🔥", "the dam"), about(32, "b", "a tax")]
    assert check_held_out(held_out, checkpoint, allow_overlap=False).notes == ()
    data = target_digests([about(1, "x", "The dam", "🔥"), about(2, "y", "the dam")])
    (checkpoint / TRAINING_TARGETS).write_bytes(data)
    note = "source 'a': 2 of 3 stance targets were trained on too; the scores say less about targets that are new."
    assert check_held_out(held_out, checkpoint, allow_overlap=False).notes == (note,)
