"""Exports of tiny checkpoints: what is written, what it says of itself, that it answers as before, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, PreTrainedTokenizerBase

from inference.analyzer import Analyzer
from inference.article import Article
from inference.checkpoint import MANIFEST, load_checkpoint, save_checkpoint, sha256, verify, write_manifest
from inference.errors import CheckpointError, DataError
from inference.export import _half, export_checkpoint
from inference.labels import IPTC_TOPICS
from inference.model import ArticleModel

SOURCES = {"papers_en": {"license": "CC BY 4.0", "articles": 3}, "radio_sw": {"license": None, "articles": 2}}


@pytest.fixture
def source(tmp_path: Path, make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase) -> Path:
    """A checkpoint with a file of its run, and with a weight of one third."""
    model = make_model()
    with torch.no_grad():
        model.topic_head.output.bias[0] = 1 / 3
    info = {"name": "tiny", "sources": SOURCES, "best_step": 7}
    return save_checkpoint(tmp_path / "source", model, tokenizer, info, {"training_articles.safetensors": b"signatures"})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_weights_are_half_as_large_on_disk_and_float32_in_use(source: Path, tmp_path: Path) -> None:
    folder = export_checkpoint(source, tmp_path / "new" / "small")
    assert folder == tmp_path / "new" / "small"
    before, after = (load_file(path / "model.safetensors") for path in (source, folder))
    assert {tensor.dtype for tensor in after.values()} == {torch.float16}
    assert after.keys() == before.keys() >= {"token_rarity"}
    assert (folder / "model.safetensors").stat().st_size < 0.52 * (source / "model.safetensors").stat().st_size
    for model in (load_checkpoint(folder).model, AutoModel.from_pretrained(folder)):
        assert isinstance(model, ArticleModel)
        assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
        assert model.topic_head.output.bias[0].item() == 0.333251953125  # 1365 / 4096, the float16 nearest to one third


def test_all_other_files_are_the_same_to_the_byte(source: Path, tmp_path: Path) -> None:
    before, after = contents(source), contents(export_checkpoint(source, tmp_path / "small"))
    assert after.keys() == before.keys() | {"README.md"}
    assert {name for name in before if before[name] != after[name]} <= {"model.safetensors", "config.json", MANIFEST}
    assert json.loads(after["config.json"]) == json.loads(before["config.json"])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []  # nothing temporary is left
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "small").iterdir()} == {0o644}


def test_it_says_what_it_was_and_its_license(source: Path, tmp_path: Path) -> None:
    folder = export_checkpoint(source, tmp_path / "small", license=" CC BY-NC-SA 4.0 ")
    assert load_checkpoint(folder).info == {
        "name": "tiny",
        "sources": SOURCES,
        "best_step": 7,
        "weights": "float16",
        "license": "CC BY-NC-SA 4.0",
        "exported_from": {"weights": "float32", "sha256": {"model.safetensors": sha256(source / "model.safetensors")}},
    }
    assert (folder / "README.md").read_text(encoding="utf-8") == (
        "---\nlicense: cc-by-nc-sa-4.0\ntags: [news, topic-classification, stance-detection, summarization]\n---\n\n# tiny\n\n"
        "A checkpoint of Broadsheet, which labels news articles by topic and stance and sums them up. Its weights are float16 here and float32 in use.\n\n"
        '```python\nfrom inference import summarize\n\nprint(summarize(text, checkpoint="path/to/this/folder"))\n```\n\n'
        "License of the weights: CC BY-NC-SA 4.0.\n\n"
        "It was trained on these sources, with the licenses that they state:\n\n- papers_en: CC BY 4.0\n- radio_sw: none stated\n"
    )


@pytest.mark.parametrize(
    ("license", "metadata", "sentence"),
    [
        ("Apache-2.0", "license: apache-2.0\n", "License of the weights: Apache-2.0."),
        ("Our terms: see 3.1", 'license: other\nlicense_name: "Our terms: see 3.1"\n', "License of the weights: Our terms: see 3.1."),
        (None, "", "License of the weights: not stated."),
    ],
)
def test_the_readme_has_the_license_as_the_hub_reads_it(license: str | None, metadata: str, sentence: str, saved_checkpoint: Path, tmp_path: Path) -> None:
    readme = (export_checkpoint(saved_checkpoint, tmp_path / "small", license=license) / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"---\n{metadata}tags: ")
    assert readme.endswith(f"{sentence}\n")  # this checkpoint names no sources


def test_an_export_of_an_export_keeps_its_license_and_weights(saved_checkpoint: Path, tmp_path: Path) -> None:
    first = export_checkpoint(saved_checkpoint, tmp_path / "first", license="CC0-1.0")
    (first / "README.md").write_text("# A card of its own\n")
    second = export_checkpoint(first, tmp_path / "second")
    assert (second / "model.safetensors").read_bytes() == (first / "model.safetensors").read_bytes()
    info = load_checkpoint(second).info
    assert (info["license"], info["exported_from"]["weights"]) == ("CC0-1.0", "float16")
    assert "license: cc0-1.0\n" in (second / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("fixture", ["saved_checkpoint", "saved_writer"])
def test_it_answers_as_before(fixture: str, request: pytest.FixtureRequest, tmp_path: Path, one_a_language: list[Article]) -> None:
    original: Path = request.getfixturevalue(fixture)
    before, after = (
        list(Analyzer.from_pretrained(folder).analyze_many(one_a_language, targets=["the mayor"]))
        for folder in (original, export_checkpoint(original, tmp_path / "small"))
    )
    assert [analysis.summary.text for analysis in before] == [analysis.summary.text for analysis in after]
    assert [analysis.topic.name for analysis in before] == [analysis.topic.name for analysis in after]
    for left, right in zip(before, after, strict=True):
        assert right.topic.scores == pytest.approx(left.topic.scores, abs=1e-3)
        assert right.stances[-1].scores == pytest.approx(left.stances[-1].scores, abs=1e-3)


def test_shards_become_one_file(tmp_path: Path, make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase) -> None:
    sharded = tmp_path / "sharded"
    model = make_model()
    model.save_pretrained(sharded, max_shard_size="300KB")
    tokenizer.save_pretrained(sharded)
    write_manifest(sharded, model.config.topics, {"name": "sharded"})
    shards = {path.name for path in sharded.glob("model-*.safetensors")}
    assert len(shards) > 1
    folder = export_checkpoint(sharded, tmp_path / "small")
    assert {path.name for path in folder.glob("model*")} == {"model.safetensors"}
    checkpoint = load_checkpoint(folder)
    assert checkpoint.info["exported_from"]["sha256"].keys() == shards
    assert all(torch.equal(tensor.half().float(), checkpoint.model.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_bfloat16_becomes_float16(tmp_path: Path, make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase) -> None:
    """Its config.json says bfloat16, in which `AutoModel` would build the model."""
    save_checkpoint(tmp_path / "brain", make_model().to(torch.bfloat16), tokenizer, {})
    folder = export_checkpoint(tmp_path / "brain", tmp_path / "small")
    assert load_checkpoint(folder).info["exported_from"]["weights"] == "bfloat16"
    assert {parameter.dtype for parameter in AutoModel.from_pretrained(folder).parameters()} == {torch.float32}


def test_whole_numbers_stay_as_they_are() -> None:
    places = torch.tensor([4097])  # float16 has no such number
    assert _half("places", places, Path("x")) is places


@pytest.mark.parametrize(("value", "found"), [(70_000.0, "70,000"), (-70_000.0, "70,000"), (float("inf"), "inf"), (float("nan"), "nan")])
def test_a_weight_beyond_float16_is_named(value: float, found: str, tmp_path: Path, make_model: Callable[..., Any], tokenizer: PreTrainedTokenizerBase) -> None:
    model = make_model()
    with torch.no_grad():
        model.topic_head.output.bias[1] = value
    save_checkpoint(tmp_path / "large", model, tokenizer, {})
    with pytest.raises(CheckpointError) as error:
        export_checkpoint(tmp_path / "large", tmp_path / "small")
    assert str(error.value) == (
        f"{tmp_path}/large: float16 ends at 65,504 and cannot hold topic_head.output.bias, which goes up to {found}. Pass this checkpoint on as it is."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["large"]


def test_what_is_there_is_not_replaced(source: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "thesis.txt").write_text("x")
    for taken in (own, own / "thesis.txt", source):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(CheckpointError, match=rf"^{taken}: there is something here already, and an export replaces nothing\. Name a new folder\.$"):
            export_checkpoint(source, taken)
        assert sorted(tmp_path.rglob("*")) == before
    (own / "thesis.txt").unlink()
    verify(export_checkpoint(source, own))  # an empty folder is as good as none


def test_the_checkpoint_itself_is_no_place_for_an_export(source: Path) -> None:
    with pytest.raises(CheckpointError, match=rf"^{source}/half: this lies inside the checkpoint {source}, which takes no other files\. Name a folder elsewh"):
        export_checkpoint(source, source / "half")
    verify(source)


def test_a_damaged_checkpoint_is_not_passed_on(source: Path, tmp_path: Path) -> None:
    with (source / "training_articles.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(CheckpointError, match=r"training_articles\.safetensors was changed after the checkpoint was written"):
        export_checkpoint(source, tmp_path / "small")
    assert not (tmp_path / "small").exists()


def test_a_checkpoint_that_does_not_load_is_not_passed_on(source: Path, tmp_path: Path) -> None:
    weights = load_file(source / "model.safetensors")
    del weights["topic_head.output.bias"]
    save_file(weights, source / "model.safetensors", metadata={"format": "pt"})
    (source / MANIFEST).unlink()
    write_manifest(source, IPTC_TOPICS, {})
    with pytest.raises(CheckpointError, match=r"the weights do not fit this version's model: topic_head\.output\.bias"):
        export_checkpoint(source, tmp_path / "small")
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize("license", ["", "  ", "MIT\nor not"])
def test_a_license_has_a_name(license: str, saved_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        export_checkpoint(saved_checkpoint, tmp_path / "small", license=license)
    assert str(error.value) == f"license must be a name in one line, found {license!r}. Write it as in 'CC BY-NC-SA 4.0', or leave it out."
