"""The public functions on a tiny checkpoint with random weights: what they return, not how good it is."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import inference
from inference import Analysis, Analyzer, Article, CheckpointError, Classification, DataError, analyze, api, classify, summarize
from inference.analysis import Topic
from inference.article import Article as PlainArticle
from inference.checkpoint import save_checkpoint
from inference.words import count_words

ROOT = Path(__file__).parents[2]
TEXT = (
    "The harbor council of Porthaven rejected the ferry plan on Monday by nineteen votes to four. "
    "Engineers had warned that the old pier would not carry the new ships. "
    "The mayor said that a smaller plan would follow in spring."
)


@pytest.fixture(autouse=True)
def _no_default_checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(api.CHECKPOINT_VARIABLE, raising=False)
    monkeypatch.setattr(api, "RELEASED", tmp_path / "released")


def test_a_summary_is_sentences_of_the_text_within_its_budget(saved_checkpoint: Path) -> None:
    summary = summarize(TEXT, max_words=20, checkpoint=saved_checkpoint)
    assert summary in TEXT
    assert 0 < count_words(summary) <= 20
    assert summarize(TEXT, max_sentences=1, checkpoint=saved_checkpoint).count(".") == 1


def test_labels_are_had_without_writing(saved_writer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analyzer = api.load_analyzer(saved_writer)
    monkeypatch.setattr(analyzer.model.config, "summary_method", "abstractive")
    monkeypatch.setattr(Analyzer, "_write", lambda *given: pytest.fail("classify wrote a summary"))
    assert classify(TEXT, targets=["the ferry"], checkpoint=saved_writer).topic.name


def test_a_checkpoint_that_cannot_write_is_not_made_to_by_its_config(saved_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.load_analyzer(saved_checkpoint).model.config, "summary_method", "abstractive")
    with pytest.raises(DataError, match=r"^method='abstractive' needs a checkpoint whose decoder was trained to write"):
        summarize(TEXT, checkpoint=saved_checkpoint)


def test_a_summary_may_be_asked_for_by_method(saved_checkpoint: Path, saved_writer: Path) -> None:
    chosen = summarize(TEXT, checkpoint=saved_writer)
    assert summarize(TEXT, method="extractive", checkpoint=saved_writer) == chosen
    assert summarize(TEXT, method="abstractive", checkpoint=saved_writer) == chosen  # what a random decoder writes is refused
    analysis = analyze(TEXT, method="abstractive", checkpoint=saved_writer)
    assert (analysis.summary.text, analysis.summary.method) == (chosen, "extractive")
    assert analysis.summary.warnings[0] == "No written summary passed the check, so this one is made of the article's own sentences."
    with pytest.raises(DataError, match=r"^method='abstractive' needs a checkpoint whose decoder was trained to write, .* configs/abstractive\.yaml\.$"):
        summarize(TEXT, method="abstractive", checkpoint=saved_checkpoint)
    with pytest.raises(DataError, match=r"^method must be one of auto, extractive, abstractive, found 'abstract'\.$"):
        summarize(TEXT, method="abstract", checkpoint=saved_checkpoint)


def test_classify_gives_the_topic_with_runners_up_and_a_stance_a_target(saved_checkpoint: Path) -> None:
    result = classify(TEXT, title="No to the ferry", targets=["the ferry plan", "the mayor"], checkpoint=saved_checkpoint)
    assert isinstance(result, Classification)
    assert set(result.topic.scores) == {"weather", "sport", "arts"}
    assert result.topic.confidence == max(result.topic.scores.values())
    assert [stance.target for stance in result.stances] == ["the ferry plan", "the mayor"]
    assert classify(TEXT, checkpoint=saved_checkpoint).stances == ()


def test_analyze_points_at_the_text(saved_checkpoint: Path) -> None:
    analysis = analyze(TEXT, title="No to the ferry", targets=["the ferry plan"], checkpoint=saved_checkpoint)
    assert isinstance(analysis, Analysis)
    assert analysis.title == "No to the ferry"
    assert analysis.lang == "en"
    assert [TEXT[sentence.start : sentence.end] for sentence in analysis.summary.sentences] == [sentence.text for sentence in analysis.summary.sentences]
    assert analysis.summary.text == summarize(TEXT, title="No to the ferry", checkpoint=saved_checkpoint)


@pytest.mark.parametrize("text", ["", " \n\t", "1 + 1 = 2 …"])
def test_text_without_words_is_an_error(text: str, saved_checkpoint: Path) -> None:
    with pytest.raises(DataError, match="words"):
        summarize(text, checkpoint=saved_checkpoint)


def test_a_wrong_type_is_an_error(saved_checkpoint: Path) -> None:
    page: Any = TEXT.encode()
    with pytest.raises(DataError) as error:
        summarize(page, checkpoint=saved_checkpoint)
    assert str(error.value) == "text must be a string, found bytes. Read a file with `Path(…).read_text(encoding='utf-8')`."
    with pytest.raises(DataError) as error:
        classify(TEXT, targets="the ferry plan", checkpoint=saved_checkpoint)
    assert str(error.value) == "targets must be a list of phrases, found the string 'the ferry plan'. Write targets=['the ferry plan']."


def test_without_a_checkpoint_the_error_says_how_to_get_one() -> None:
    with pytest.raises(CheckpointError) as error:
        summarize(TEXT)
    assert str(error.value) == (
        "no checkpoint was named and none ships with this version. Make one with `python -m training train configs/quickstart.yaml`, "
        "then pass checkpoint='runs/quickstart/checkpoint' or set BROADSHEET_CHECKPOINT to that folder."
    )


def test_a_checkpoint_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(CheckpointError, match=r"^runs/typo/checkpoint: there is no such folder\."):
        summarize(TEXT, checkpoint="runs/typo/checkpoint")


def test_the_named_checkpoint_wins_over_the_variable_and_that_over_the_released_one(
    saved_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(saved_checkpoint, tmp_path / "released")
    released = api.load_analyzer()
    monkeypatch.setenv(api.CHECKPOINT_VARIABLE, "runs/typo/checkpoint")
    with pytest.raises(CheckpointError, match="runs/typo/checkpoint"):
        api.load_analyzer()
    assert api.load_analyzer(saved_checkpoint) is not released


def test_an_analyzer_is_kept_until_the_folder_is_written_anew(saved_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(saved_checkpoint, tmp_path / "copy")
    first = api.load_analyzer(folder)
    monkeypatch.chdir(tmp_path)
    assert api.load_analyzer("copy") is first

    with torch.no_grad():
        first.model.topic_head.output.bias[0] += 50.0
    save_checkpoint(folder, first.model, first.articles.tokenizer, {"name": "changed"})
    second = api.load_analyzer(folder)
    assert second is not first
    (analysis,) = second.analyze_many([Article(TEXT)])
    assert analysis.topic == Topic("weather", pytest.approx(1.0), analysis.topic.scores)


def test_the_public_names() -> None:
    assert inference.Article is PlainArticle
    assert all(hasattr(inference, name) for name in inference.__all__)
    assert {"summarize", "classify", "analyze", "Analyzer", "Article", "Stance", "Analysis", "ConfigError", "DataError", "CheckpointError"} <= set(
        inference.__all__
    )
    assert Analyzer.from_pretrained


def test_import_inference_is_enough_for_auto_model_and_needs_nothing_of_training(saved_checkpoint: Path) -> None:
    code = f"""
import sys
for name in ("accelerate", "datasets", "evaluate", "pydantic", "sklearn", "rouge_score", "sacrebleu", "tensorboard", "training"):
    sys.modules[name] = None  # importing it fails
import inference
from transformers import AutoModel
print(type(AutoModel.from_pretrained({str(saved_checkpoint)!r})).__name__)
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (run.returncode, run.stdout) == (0, "ArticleModel\n"), run.stderr
