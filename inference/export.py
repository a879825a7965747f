"""Export a checkpoint for others to use: half as large, its license stated.

In: a checkpoint folder or Hub id. Out: a new checkpoint folder whose weights are float16 on disk and are loaded as float32, with a README.md.
Does not know: articles, training, where the folder goes from here.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.checkpoint import load_checkpoint, verify, whole_folder, write_manifest
from inference.errors import CheckpointError, DataError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
"""The weights in one file. Where `save_pretrained` cut them into shards, these are model-00001-of-00002.safetensors and so on, with an index."""

HUB_LICENSES = frozenset(
    {"apache-2.0", "mit", "bsd-3-clause", "gpl-3.0", "cc0-1.0"} | {f"cc-{terms}-4.0" for terms in ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")}
)
"""Usual licenses by the names that the Hub has for them; any other is "other" there, with a name of its own."""


def export_checkpoint(name: str | Path, folder: Path, *, license: str | None = None) -> Path:
    """Write a copy of a checkpoint with its weights in float16, at `folder`, whole or not at all; returns `folder`.

    The tokenizer and all other files are copied to the byte; weights in shards become one file. broadsheet.json says under "run" what the weights
    were before ("exported_from"), and the license of the weights, such as "CC BY-NC-SA 4.0"; None leaves it as the checkpoint states it.

    >>> export_checkpoint("runs/quickstart/checkpoint", Path("small"), license="CC0-1.0")  # doctest: +SKIP
    PosixPath('small')

    Raises `CheckpointError` for a checkpoint that is damaged or does not load, a weight that float16 cannot hold, or a `folder` that has something
    in it; `DataError` for a license without a name.
    """
    if license is not None and (not license.strip() or len(license.splitlines()) > 1):
        raise DataError(f"license must be a name in one line, found {license!r}. Write it as in 'CC BY-NC-SA 4.0', or leave it out.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CheckpointError(f"{folder}: there is something here already, and an export replaces nothing. Name a new folder.")
    checkpoint = load_checkpoint(name)
    source = checkpoint.folder
    if source.resolve() in folder.resolve().parents:
        raise CheckpointError(f"{folder}: this lies inside the checkpoint {source}, which takes no other files. Name a folder elsewhere.")
    digests: dict[str, str] = verify(source)["files"]
    parts = [file for file in digests if file == WEIGHTS or (file.startswith("model-") and file.endswith(".safetensors"))]
    weights = {key: tensor for file in parts for key, tensor in load_file(source / file).items()}
    with whole_folder(folder.resolve()) as temporary:
        save_file({key: _half(key, tensor, source) for key, tensor in weights.items()}, temporary / WEIGHTS, metadata={"format": "pt"})
        for file in digests.keys() - {*parts, f"{WEIGHTS}.index.json", CONFIG}:
            shutil.copyfile(source / file, temporary / file)
        # AutoModel.from_pretrained builds the model in this type; in float16 it would be less exact, and slow on a CPU
        config = json.loads((source / CONFIG).read_text(encoding="utf-8")) | {"dtype": "float32"}
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        info = {**checkpoint.info, "weights": "float16"}
        if license is not None:
            info["license"] = license.strip()
        info["exported_from"] = {"weights": _types(weights), "sha256": {file: digests[file] for file in parts}}
        write_manifest(temporary, checkpoint.model.config.topics, info)
        (temporary / "README.md").write_text(_readme(info), encoding="utf-8")  # has no digest: a whole model card may take its place
    return folder


def _half(name: str, tensor: Tensor, source: Path) -> Tensor:
    """A tensor in float16 where it holds floating-point numbers; others as they are."""
    if not tensor.is_floating_point():
        return tensor
    half = tensor.half()
    if not half.isfinite().all():
        largest = f"{tensor.abs().max().item():,.6g}"
        raise CheckpointError(f"{source}: float16 ends at 65,504 and cannot hold {name}, which goes up to {largest}. Pass this checkpoint on as it is.")
    return half


def _types(weights: Mapping[str, Tensor]) -> str:
    """Which floating-point types the weights have, e.g. "float32"."""
    return ", ".join(sorted({str(tensor.dtype).removeprefix("torch.") for tensor in weights.values() if tensor.is_floating_point()}))


def _readme(info: Mapping[str, Any]) -> str:
    """What whoever finds the folder should know, with the metadata that the Hub reads: how to use it, its license, and those of its data."""
    license = info.get("license")
    metadata = ""
    if license is not None:
        known = license.lower().replace(" ", "-")
        metadata = f"license: {known}\n" if known in HUB_LICENSES else f"license: other\nlicense_name: {json.dumps(license, ensure_ascii=False)}\n"
    sources = info.get("sources", {})
    data = "".join(f"- {name}: {source['license'] or 'none stated'}\n" for name, source in sources.items())
    return (
        f"---\n{metadata}tags: [news, topic-classification, stance-detection, summarization]\n---\n\n# {info.get('name', 'A Broadsheet checkpoint')}\n\n"
        "A checkpoint of Broadsheet, which labels news articles by topic and stance and sums them up. Its weights are float16 here and float32 in use.\n\n"
        '```python\nfrom inference import summarize\n\nprint(summarize(text, checkpoint="path/to/this/folder"))\n```\n\n'
        f"License of the weights: {license or 'not stated'}.\n"
        + ("\nIts base read plain text as well; its model card says which.\n" if "base" in info else "")
        + (f"\nIt was trained on these sources, with the licenses that they state:\n\n{data}" if data else "")
    )
