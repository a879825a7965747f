import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase
from transformers.utils import logging

from inference.analyzer import Analyzer
from inference.article import Article
from inference.checkpoint import MANIFEST, load_checkpoint, save_checkpoint, sha256, verify
from inference.errors import CheckpointError
from inference.labels import STANCES
from inference.model import ArticleModel

ROOT = Path(__file__).parents[2]
TOPICS = ["weather", "sport", "arts"]


@pytest.fixture
def folder(tmp_path: Path, saved_checkpoint: Path) -> Path:
    """A copy of the checkpoint that a test may damage."""
    return Path(shutil.copytree(saved_checkpoint, tmp_path / "copy"))


def edit_manifest(folder: Path, **changes: object) -> None:
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in manifest.items() if value is not None}), encoding="utf-8")


def test_a_checkpoint_is_exactly_these_files(saved_checkpoint: Path) -> None:
    assert {path.name for path in saved_checkpoint.iterdir()} == {
        "broadsheet.json",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert [path.name for path in saved_checkpoint.parent.iterdir()] == ["tiny"]  # nothing temporary is left
    manifest = json.loads((saved_checkpoint / MANIFEST).read_text(encoding="utf-8"))
    assert list(manifest) == ["format", "topics", "stances", "run", "files"]
    assert manifest["format"] == 2
    assert manifest["topics"] == TOPICS
    assert manifest["stances"] == list(STANCES)
    assert manifest["run"] == {"name": "tiny"}
    assert manifest["files"] == {path.name: sha256(path) for path in sorted(saved_checkpoint.iterdir()) if path.name != MANIFEST}


def test_a_loaded_model_gives_the_same_answers_bit_for_bit(
    tmp_path: Path, make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article]
) -> None:
    model = make_model()
    before = list(Analyzer(model, tokenizer).analyze_many(one_a_language, targets=["the mayor"]))
    save_checkpoint(tmp_path / "new", model, tokenizer, {})
    checkpoint = load_checkpoint(tmp_path / "new")
    assert list(Analyzer(checkpoint.model, checkpoint.tokenizer).analyze_many(one_a_language, targets=["the mayor"])) == before
    assert not checkpoint.model.training
    assert checkpoint.folder == tmp_path / "new"
    assert checkpoint.info == {}


def test_labels_keep_an_order_that_is_not_alphabetical(saved_checkpoint: Path, analyzer: Analyzer, sample: list[Article]) -> None:
    assert load_checkpoint(saved_checkpoint).model.config.topics == TOPICS
    analysis = next(analyzer.analyze_many([sample[0]], targets=["the mayor"]))
    assert list(analysis.topic.scores) == TOPICS
    assert list(analysis.stances[0].scores) == list(STANCES)


def test_weights_are_loaded_as_float32(tmp_path: Path, make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase) -> None:
    save_checkpoint(tmp_path / "half", make_model().to(torch.bfloat16), tokenizer, {})
    assert {parameter.dtype for parameter in load_checkpoint(tmp_path / "half").model.parameters()} == {torch.float32}


def test_loading_draws_no_bar_and_leaves_those_of_others(saved_checkpoint: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shown = logging.is_progress_bar_enabled()
    logging.enable_progress_bar()
    try:
        load_checkpoint(saved_checkpoint)
        assert logging.is_progress_bar_enabled()
    finally:
        if not shown:
            logging.disable_progress_bar()
    assert capfd.readouterr() == ("", "")


def test_auto_model_loads_it_after_import_inference(saved_checkpoint: Path) -> None:
    code = (
        "import inference, sys; from transformers import AutoModel, AutoTokenizer; "
        "model = AutoModel.from_pretrained(sys.argv[1]); AutoTokenizer.from_pretrained(sys.argv[1]); print(type(model).__name__, model.config.topics)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(saved_checkpoint)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.split("\n")[0] == f"ArticleModel {TOPICS}"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=rf"^{folder}: {name} is missing\. Copy the whole folder again, or export the checkpoint again\.$"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_changed_file_is_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"^{folder}: {name} was changed after the checkpoint was written \(its SHA-256 differs\)\. Copy the whole"):
        load_checkpoint(folder)


def test_a_truncated_file_is_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"model\.safetensors was changed"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["modeling_custom.py", "notes.txt", "adapter.safetensors"])
def test_a_foreign_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("x")
    with pytest.raises(CheckpointError, match=rf"^{folder}: {name} does not belong to the checkpoint\. Move it elsewhere\.$"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "training_args.bin", "weights.pt", "model.pkl", "optimizer.ckpt"])
def test_pickle_files_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(
        CheckpointError, match=rf"^{folder}: {name} may run code when loaded and is refused\. A checkpoint holds safetensors and JSON only: remove"
    ):
        load_checkpoint(folder)


def test_a_pickle_file_is_refused_even_where_the_manifest_lists_it(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"\x80\x04K\x01.")
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    edit_manifest(folder, files=manifest["files"] | {"model.bin": sha256(folder / "model.bin")})
    with pytest.raises(CheckpointError, match=r"model\.bin may run code"):
        load_checkpoint(folder)


def test_a_readme_beside_it_is_allowed(folder: Path) -> None:
    (folder / "README.md").write_text("# A model\n")
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    (folder / ".cache").mkdir()  # what `hf download --local-dir` leaves
    assert verify(folder)["topics"] == TOPICS


@pytest.mark.parametrize("found", [1, 3, "2", None])
def test_another_format_is_refused(folder: Path, found: object) -> None:
    edit_manifest(folder, format=found)
    with pytest.raises(
        CheckpointError, match=rf"broadsheet\.json: format {found!r} cannot be read; this version reads format 2\. Install the version that wrote it\.$"
    ):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", r"broadsheet\.json: cannot be read \(Expecting"),
        ("[1]", r"broadsheet\.json: format 'list' cannot be read"),
        ("", r"broadsheet\.json: cannot be read"),
    ],
)
def test_an_unreadable_manifest_is_named(folder: Path, content: str, problem: str) -> None:
    (folder / MANIFEST).write_text(content)
    with pytest.raises(CheckpointError, match=problem):
        load_checkpoint(folder)


@pytest.mark.parametrize("key", ["topics", "stances", "run", "files"])
def test_a_manifest_without_a_key_is_refused(folder: Path, key: str) -> None:
    edit_manifest(folder, **{key: None})
    with pytest.raises(CheckpointError, match=rf"broadsheet\.json: {key} is missing\. Export the checkpoint again\.$"):
        load_checkpoint(folder)


def test_other_stances_are_refused(folder: Path) -> None:
    edit_manifest(folder, stances=["pro", "con"])
    with pytest.raises(CheckpointError, match=r"the stances are \['pro', 'con'\], expected \['favor', 'against', 'neutral', 'unrelated'\]"):
        load_checkpoint(folder)


def test_other_topics_than_those_of_the_config_are_refused(folder: Path) -> None:
    edit_manifest(folder, topics=sorted(TOPICS))
    with pytest.raises(
        CheckpointError, match=r"config\.json has the topics \['weather', 'sport', 'arts'\], broadsheet\.json has \['arts', 'sport', 'weather'\]"
    ):
        load_checkpoint(folder)


def test_a_folder_that_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=rf"^{tmp_path}: broadsheet\.json is missing, so this is no Broadsheet checkpoint\. Name the folder that `python -m training"
    ):
        load_checkpoint(tmp_path)


def test_a_file_is_no_checkpoint(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json: a checkpoint is a folder, found a file\. Name the folder that training wrote\.$"):
        load_checkpoint(folder / "config.json")


@pytest.mark.parametrize("name", ["nowhere", "runs/tiny/checkpoint", "./a/b", "../b", "/no/such", "~/models"])
def test_a_missing_folder_never_goes_to_the_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("inference.checkpoint.snapshot_download", fail)
    with pytest.raises(CheckpointError, match=rf"^{name}: there is no such folder\. Name a checkpoint folder, or a Hub id such as 'owner/name'\.$"):
        load_checkpoint(name)


@pytest.mark.parametrize("name", ["owner/no-such-model", "owner/a..b", "owner/ name"])
def test_a_hub_id_without_the_network_is_one_clear_error(name: str) -> None:
    with pytest.raises(CheckpointError, match=rf"^{name}: there is no such folder, and the Hub did not give it \(.*\)\. Check the name and the network\.$"):
        load_checkpoint(name)


class Tokenizer:
    """A tokenizer whose folder cannot be written, as on a full disk."""

    def save_pretrained(self, folder: Path) -> None:
        raise OSError(28, "No space left on device")


def test_a_failed_save_leaves_the_old_checkpoint_whole(folder: Path, make_model: Callable[..., ArticleModel]) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(folder, make_model(), Tokenizer(), {})  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    load_checkpoint(folder)


def test_saving_again_replaces_the_old_checkpoint(folder: Path, make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase) -> None:
    (folder / "stale.txt").write_text("x")
    save_checkpoint(folder, make_model(("arts", "weather")), tokenizer, {"name": "second"})
    checkpoint = load_checkpoint(folder)
    assert checkpoint.model.config.topics == ["arts", "weather"]
    assert checkpoint.info == {"name": "second"}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
