import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.article import Article, article_to_row
from inference.checkpoint import Checkpoint, load_checkpoint
from inference.errors import DataError
from training.config import RunConfig
from training.duplicates import sign, to_bytes
from training.held_out import HeldOutSources, read_held_out
from training.leakage import TRAINING_ARTICLES


def write(path: Path, articles: Sequence[Article]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(article_to_row(article)) + "\n" for article in articles), encoding="utf-8")
    return path


@pytest.fixture
def checkpoint(saved_checkpoint: Path, tmp_path: Path, sample: list[Article]) -> Checkpoint:
    """One that was trained on the first five sample articles, under the name of the source "known"."""
    loaded = load_checkpoint(saved_checkpoint)
    (tmp_path / TRAINING_ARTICLES).write_bytes(to_bytes(sign((f"known/{article.id}", article.text) for article in sample[:5])))
    sources = {"known": {"topic_labels": ["arts", "sport"], "neutral_covers_unrelated": True}}
    return replace(loaded, folder=tmp_path, info={**loaded.info, "sources": sources})


def read(paths: Sequence[Path], *checkpoints: Checkpoint, **options: Any) -> HeldOutSources:
    settings = {"split": "dev", "overrides": (), "data_root": None, "allow_overlap": False, **options}
    return read_held_out([str(path) for path in paths], checkpoints, **settings)


def test_files_are_read_anew_each_time(checkpoint: Checkpoint, tmp_path: Path, sample: list[Article]) -> None:
    path = write(tmp_path / "new.jsonl", sample[10:12])
    found = read([path], checkpoint)
    assert [article.id for article in found.articles.articles] == [article.id for article in sample[10:12]]
    write(path, sample[12:15])
    assert [article.id for article in found.articles.articles] == [article.id for article in sample[12:15]]
    assert {article.source for article in found.articles.articles} == {"new"}


def test_files_of_one_name_are_told_apart_and_recorded(checkpoint: Checkpoint, tmp_path: Path, sample: list[Article]) -> None:
    paths = [write(tmp_path / folder / "known.jsonl", articles) for folder, articles in (("a", sample[10:12]), ("b", sample[12:15]))]
    found = read(paths, checkpoint)
    assert [(file.path, file.articles) for file in found.files] == [(str(paths[0]), 2), (str(paths[1]), 3)]
    other = str(tmp_path / "b" / "known")
    assert [article.source for article in found.articles.articles] == ["known"] * 2 + [other] * 3
    assert found.articles.topic_labels == {"known": ["arts", "sport"]}  # as the checkpoint was trained on a source of this name
    assert found.articles.neutral_covers_unrelated == ["known"]


def test_what_any_checkpoint_was_trained_on_is_left_out(checkpoint: Checkpoint, tmp_path: Path, sample: list[Article]) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / TRAINING_ARTICLES).write_bytes(to_bytes(sign([("x/6", sample[6].text)])))
    second = replace(checkpoint, folder=tmp_path / "second")
    path = write(tmp_path / "test.jsonl", [sample[3], sample[6], sample[20]])
    with pytest.raises(DataError, match="1 of 3 held-out articles overlap with training articles of the checkpoint"):
        read([path], checkpoint, second)
    found = read([path], checkpoint, second, allow_overlap=True)
    assert [article.id for article in found.articles.articles] == [sample[20].id]
    assert [(overlap.article, overlap.other) for overlap in found.overlaps] == [
        (f"test/{sample[3].id}", f"known/{sample[3].id}"),
        (f"test/{sample[6].id}", "x/6"),
    ]
    assert found.notes == ("left out 1 of 3 held-out articles that overlap with training articles of the checkpoint.",)  # the same line of both


def test_sources_of_a_config_bring_their_labels_and_what_was_dropped(checkpoint: Checkpoint, tmp_path: Path, tiny_config: Callable[..., RunConfig]) -> None:
    config = tiny_config(tmp_path / "run")
    found = read([tmp_path / "run.yaml"], checkpoint, overrides=["data.dev=[{name: dev, path: dev.jsonl, max_articles: 4, neutral_covers_unrelated: true}]"])
    assert len([*found.articles.articles]) == 4
    assert found.articles.neutral_covers_unrelated == ["dev"]
    assert set(found.articles.topic_labels["dev"]) >= {article.topic for article in found.articles.articles}
    assert "source 'dev': left out 2: beyond max_articles." in found.notes
    assert found.files[0].path == str(config.data.root / "dev.jsonl")


def test_a_file_named_like_a_training_source_is_said_to_be_read_by_its_rules(checkpoint: Checkpoint, tmp_path: Path, sample: list[Article]) -> None:
    path = write(tmp_path / "known.jsonl", sample[10:12])
    rule = f"{path} is read as more of the training source 'known': the topics of that source compete, and its neutral covers unrelated."
    assert any(note.startswith(rule) for note in read([path], checkpoint).notes)


def test_files_named_twice_empty_files_and_sources_of_one_name_are_errors(
    checkpoint: Checkpoint, tmp_path: Path, sample: list[Article], tiny_config: Callable[..., RunConfig]
) -> None:
    path = write(tmp_path / "dev.jsonl", sample[10:12])
    with pytest.raises(DataError, match=r"dev\.jsonl: the file is named twice\. Name each file once\."):
        read([path, tmp_path / "." / "dev.jsonl"], checkpoint)
    with pytest.raises(DataError, match=r"empty\.jsonl: the file has no article\."):
        read([write(tmp_path / "empty.jsonl", [])], checkpoint)
    tiny_config(tmp_path / "run")
    with pytest.raises(DataError, match=r"two held-out sources are named 'dev'\."):
        read([path, tmp_path / "run.yaml"], checkpoint)


def test_dev_articles_are_said_to_have_chosen_the_weights(checkpoint: Checkpoint, tmp_path: Path, tiny_config: Callable[..., RunConfig]) -> None:
    tiny_config(tmp_path / "run")
    dev = read([tmp_path / "run.yaml"], checkpoint)
    assert (dev.split, "dev articles chose the checkpoint's weights and temperatures: expect a little less on others." in dev.notes) == ("dev", True)
    held_out = read([tmp_path / "run.yaml"], checkpoint, split="held_out", overrides=["data.held_out=[{name: end, path: dev.jsonl}]"])
    assert held_out.split == "held_out"
    assert not [note for note in held_out.notes if "dev articles" in note]
