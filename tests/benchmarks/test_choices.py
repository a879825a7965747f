import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import choices
from benchmarks.choices import CHOICES, SYNTHETIC, Choice
from training.config import load_config

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
def test_every_choice_changes_a_config_that_is_valid(choice: Choice) -> None:
    path = ROOT / "configs" / f"{choice.config}.yaml"
    assert (load_config(path, choice.overrides) == load_config(path)) is not bool(choice.overrides)


def test_the_place_of_the_synthetic_corpus_is_its_own() -> None:
    assert load_config(ROOT / "configs" / "release.yaml").data.train[SYNTHETIC].name == "synthetic"


def test_a_run_is_added_to_those_that_others_added_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "RESULT", tmp_path / "choices.json")
    console = Console(file=io.StringIO())
    for name in ("one", "two", "one"):
        choices.keep(name, {"tokens": 1, "scores": {"rouge1": 0.1}}, 500, console)
    kept = json.loads((tmp_path / "choices.json").read_text(encoding="utf-8"))
    assert list(kept["runs"]) == ["one", "two"]
    assert kept["asked_tokens"] == 500
