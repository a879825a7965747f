import shutil
from pathlib import Path

import pytest
import torch

from benchmarks.cold_start import compare, first_call, size_figure
from inference.analyzer import Analyzer
from inference.article import Article, Stance


def test_a_fresh_process_says_what_it_took(saved_checkpoint: Path) -> None:
    call = first_call(saved_checkpoint, "The ferry plan was rejected. The mayor had asked for it.")
    assert list(call.seconds) == ["import", "first_call", "second_call", "verify"]
    assert all(0 < seconds < 100 for seconds in call.seconds.values())
    assert call.seconds["second_call"] < call.seconds["first_call"]  # the checkpoint is kept
    assert 100e6 < call.peak_bytes < 5e9


def test_the_size_is_that_of_all_files(saved_checkpoint: Path, tmp_path: Path) -> None:
    before = size_figure(saved_checkpoint)
    folder = shutil.copytree(saved_checkpoint, tmp_path / "copy")
    (folder / "README.md").write_bytes(b"x" * 2_000_000)
    after = size_figure(folder)
    assert after.measured - before.measured == pytest.approx(2.0)
    assert (before.n, after.n) == ("5 files", "6 files")
    assert after.details["bytes"]["README.md"] == 2_000_000


def test_what_differs_is_found(saved_checkpoint: Path, sample: list[Article]) -> None:
    articles = [Article(article.text, id=article.id, lang=article.lang, topic="sport", stances=(Stance("the mayor", "favor"),)) for article in sample[:4]]
    original = Analyzer.from_pretrained(saved_checkpoint)
    assert {figure.name: figure.measured for figure in compare(original, original, articles)} == dict.fromkeys(
        ("scores", "probabilities", "labels", "summaries"), 0.0
    )
    other = Analyzer.from_pretrained(saved_checkpoint)
    with torch.no_grad():
        other.model.topic_head.output.bias += torch.tensor([0.0, 50.0, 0.0])  # all is sport, for sure
    figures = {figure.name: figure for figure in compare(original, other, articles)}
    assert figures["probabilities"].measured > 0.3
    assert figures["labels"].measured == sum(analysis.topic.name != "sport" for analysis in original.analyze_many(articles)) > 0
    assert figures["labels"].n == "8 labels"
    assert figures["scores"].details["score"].startswith("topic_")
    assert figures["scores"].measured > 10
    assert figures["scores"].met is False
    assert figures["summaries"].measured == 0
