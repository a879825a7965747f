"""What a checkpoint says about its run in broadsheet.json: config, data, cost and curves.

In: the config, corpus, arguments, log and result of a run. Out: JSON values. Does not know: files, how anything is computed.
"""

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from inference.model import ArticleModel
from training.config import RunConfig
from training.config_file import config_to_yaml
from training.corpus import Corpus

BASE_DESCRIPTION = "pretraining.json"
"""The file in which a base says what it was made of."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run leaves behind. `best_step` is the step whose weights were exported; `scores` are theirs on dev."""

    checkpoint: Path
    best_step: int
    steps: int
    scores: dict[str, float]
    seconds: float
    tokens: int


def describe_config(config: RunConfig, corpus: Corpus) -> dict[str, Any]:
    """What broadsheet.json says about the config, the training articles, and the base if it was pretrained here."""
    return {
        "name": config.name,
        "config": config_to_yaml(config.model_copy(update={"data": config.data.model_copy(update={"root": Path()})})),  # no paths of this machine
        "sources": {
            loaded.source.name: {
                "articles": len(loaded.articles),
                "left_out": loaded.dropped,
                "topics": sum(article.topic is not None for article in loaded.articles),
                "stances": sum(pair.stance is not None for article in loaded.articles for pair in article.stances),
                "summaries": sum(article.summary is not None for article in loaded.articles),
                "headline_as_summary": loaded.source.headline_as_summary,
                "languages": sorted({article.lang for article in loaded.articles if article.lang}),
                "license": loaded.source.license,
                "home": loaded.source.home,
                "topic_labels": list(loaded.topic_labels),
                "neutral_covers_unrelated": loaded.source.neutral_covers_unrelated,
                "sha256": corpus.digests[loaded.source.name],
            }
            for loaded in corpus.train
        },
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ("torch", "transformers", "tokenizers", "sentencex", "py3langid")},
    } | _describe_base(config.model.backbone.folder)


def _describe_base(folder: Path | None) -> dict[str, Any]:
    described = folder / BASE_DESCRIPTION if folder else None
    return {"base": json.loads(described.read_text(encoding="utf-8"))} if described and described.is_file() else {}


def describe_run(arguments: TrainingArguments, model: ArticleModel, result: RunResult) -> dict[str, Any]:
    """What broadsheet.json says about how the run went, and what it cost."""
    on_gpu = arguments.device.type == "cuda"
    return {
        "best_step": result.best_step,
        "dev_scores": result.scores,
        "run": {
            "steps": result.steps,
            "tokens": result.tokens,
            "seconds": round(result.seconds, 1),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "processes": arguments.world_size,
            "device": torch.cuda.get_device_name() if on_gpu else f"{arguments.device.type}, {torch.get_num_threads()} threads",
            "precision": "bfloat16" if arguments.bf16 else "float32",
        },
    }


def curves(log: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    """The curves of the run: at each step that was logged, the losses or the dev scores, without those of single sources."""
    shown = [{name: value for name, value in entry.items() if name.startswith(("loss", "eval_")) and "/" not in name} for entry in log]
    return [{"step": entry["step"], **curves} for entry, curves in zip(log, shown, strict=True) if curves]
