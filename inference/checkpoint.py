"""Save, verify and load a checkpoint folder: a `save_pretrained` folder plus `broadsheet.json`.

In: a model, its tokenizer and what is known about the run; or a folder or Hub id. Out: the folder; or a `Checkpoint`.
`broadsheet.json` holds the format number, the labels in order, what the run says about itself, and the SHA-256 of every file.
A missing, changed, foreign or pickled file is a `CheckpointError` that names it. Does not know: articles, training.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging

from inference.errors import CheckpointError
from inference.labels import STANCES
from inference.model import ArticleModel

FORMAT = 2
"""1 had hash buckets for topics, 2 has chosen n-grams."""

MANIFEST = "broadsheet.json"

PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz"})
"""Files that can run code when read; a checkpoint has none."""

UNLISTED = frozenset({MANIFEST, "README.md", ".gitattributes", ".cache", ".DS_Store"})
"""Files that may stand in a checkpoint folder without a digest: the Hub, its client and the desktop add them."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint; `info` is what its run wrote into broadsheet.json under "run"."""

    model: ArticleModel
    tokenizer: PreTrainedTokenizerBase
    info: dict[str, Any]
    folder: Path


def save_checkpoint(
    folder: Path, model: ArticleModel, tokenizer: PreTrainedTokenizerBase, info: Mapping[str, Any], files: Mapping[str, bytes] | None = None
) -> Path:
    """Write the checkpoint; it appears whole or not at all, and replaces what was there. `files` are further files of the run, by name."""
    with whole_folder(folder) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        for name, data in (files or {}).items():
            (temporary / name).write_bytes(data)
        write_manifest(temporary, model.config.topics, info)
    return folder


def write_manifest(folder: Path, topics: Sequence[str], info: Mapping[str, Any]) -> None:
    """Write broadsheet.json into a folder that has all other files of the checkpoint; `info` is what it says under "run"."""
    manifest = {
        "format": FORMAT,
        "topics": list(topics),
        "stances": list(STANCES),
        "run": dict(info),
        "files": {path.name: sha256(path) for path in sorted(folder.iterdir())},
    }
    for path in folder.iterdir():
        path.chmod(0o644)  # safetensors writes for the owner only
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary sibling to write into; it is renamed to `folder`, replacing what was there, when the block ends without an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        temporary.chmod(0o755)
        yield temporary
        if folder.exists():
            old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old."))
            folder.rename(old / folder.name)
            temporary.rename(folder)
            shutil.rmtree(old)
        else:
            temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def load_checkpoint(name: str | Path) -> Checkpoint:
    """Load a checkpoint folder, or a Hub id of the form "owner/name", in float32, after every file was verified."""
    folder = Path(name)
    if not folder.exists():
        folder = _download(str(name))
    manifest = verify(folder)
    try:
        options: dict[str, Any] = {"use_safetensors": True, "dtype": torch.float32, "local_files_only": True, "output_loading_info": True}
        with _without_progress():
            result: Any = ArticleModel.from_pretrained(folder, **options)
        model, loaded = result
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder}: the files are as they were written, but cannot be loaded ({error}). Export the checkpoint again.") from error
    odd = sorted({*loaded["missing_keys"], *loaded["unexpected_keys"], *(key for key, *_ in loaded["mismatched_keys"])})
    if odd:
        raise CheckpointError(f"{folder}: the weights do not fit this version's model: {', '.join(odd[:5])} ({len(odd)} in all). Export the checkpoint again.")
    if list(model.config.topics) != manifest["topics"]:
        raise CheckpointError(f"{folder}: config.json has the topics {model.config.topics}, {MANIFEST} has {manifest['topics']}. Export the checkpoint again.")
    return Checkpoint(model, tokenizer, manifest["run"], folder)


@contextmanager
def _without_progress() -> Iterator[None]:
    """Transformers draws a bar on standard error while it loads weights; a library call that takes a second has nothing to say there."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def verify(folder: Path) -> dict[str, Any]:
    """Check every file of a checkpoint folder against broadsheet.json and return that manifest."""
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: a checkpoint is a folder, found a file. Name the folder that training wrote.")
    manifest = _read_manifest(folder)
    present = {path.name: path for path in sorted(folder.iterdir())}
    pickles = [name for name, path in present.items() if path.suffix in PICKLE_SUFFIXES]
    if pickles:
        raise CheckpointError(
            f"{folder}: {', '.join(pickles)} may run code when loaded and is refused. A checkpoint holds safetensors and JSON only: remove it."
        )
    for name, digest in manifest["files"].items():
        if name not in present:
            raise CheckpointError(f"{folder}: {name} is missing. Copy the whole folder again, or export the checkpoint again.")
        try:
            found = sha256(present[name])
        except OSError as error:
            raise CheckpointError(f"{folder}: {name} cannot be read ({error.strerror}). Make the file readable, or copy the whole folder again.") from error
        if found != digest:
            raise CheckpointError(f"{folder}: {name} was changed after the checkpoint was written (its SHA-256 differs). Copy the whole folder again.")
    foreign = sorted(set(present) - set(manifest["files"]) - UNLISTED)
    if foreign:
        raise CheckpointError(f"{folder}: {', '.join(foreign)} does not belong to the checkpoint. Move it elsewhere.")
    return manifest


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise CheckpointError(f"{folder}: {MANIFEST} is missing, so this is no Broadsheet checkpoint. Name the folder that `python -m training train` wrote.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}). Copy the whole folder again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise CheckpointError(f"{path}: format {found!r} cannot be read; this version reads format {FORMAT}. Install the version that wrote it.")
    kinds = {"topics": list, "stances": list, "run": dict, "files": dict}
    missing = [key for key in kinds if key not in manifest]
    wrong = [key for key, kind in kinds.items() if key in manifest and not isinstance(manifest[key], kind)]
    if wrong:
        raise CheckpointError(f"{path}: {', '.join(wrong)} has another type than this version writes. Copy the whole folder again.")
    if missing or manifest["stances"] != list(STANCES):
        problem = f"{', '.join(missing)} is missing" if missing else f"the stances are {manifest['stances']}, expected {list(STANCES)}"
        raise CheckpointError(f"{path}: {problem}. Export the checkpoint again.")
    return manifest


def _download(name: str) -> Path:
    """Fetch a checkpoint that the user named by Hub id. Only this form goes to the network."""
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise CheckpointError(f"{name}: there is no such folder. Name a checkpoint folder, or a Hub id such as 'owner/name'.")
    try:
        return Path(snapshot_download(name, allow_patterns=["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(f"{name}: there is no such folder, and the Hub did not give it ({error}). Check the name and the network.") from error
