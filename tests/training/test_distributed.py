"""Two CPU processes train one model: what each of them must agree on, and what is done once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from inference.checkpoint import load_checkpoint
from training.config import RunConfig
from training.run import train

ROOT = Path(__file__).parents[2]
SETTINGS = (
    "training.tokens=3000",
    "training.evaluate_every=0.5",
    "training.learning_rate=1e-3",
    "model.dropout=0.0",
    "model.backbone.architecture.dropout=0.0",
)


def run_two(config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "training", "train", str(config), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)


def history(output: Path) -> dict[str, Any]:
    states = max(output.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    state: dict[str, Any] = json.loads((states / "trainer_state.json").read_text())
    return state


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory, tiny_config: Callable[..., RunConfig]) -> tuple[RunConfig, str]:
    """A run by two processes, some of whose batches have no stance and no summary; its config and what it printed."""
    config = tiny_config(tmp_path_factory.mktemp("two") / "run", *SETTINGS)
    done = run_two(config.output.with_suffix(".yaml"), *(part for setting in SETTINGS for part in ("--set", setting)))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return config, done.stdout


def test_two_processes_train_as_one_that_accumulates_two_batches(
    tmp_path: Path, tiny_config: Callable[..., RunConfig], two_processes: tuple[RunConfig, str]
) -> None:
    """Same plan, same losses, same steps. A world of one would take twice as many steps; unshared gradients would give other losses."""
    config, _ = two_processes
    alone = tiny_config(tmp_path / "alone", *SETTINGS, "training.accumulation=2")
    result = train(alone)
    expected, found = history(alone.output), history(config.output)
    assert found["max_steps"] == found["global_step"] == expected["max_steps"] == result.steps
    steps = [[entry for entry in state["log_history"] if "loss" in entry] for state in (expected, found)]
    assert len(steps[0]) == len(steps[1]) == result.steps
    for one, other in zip(*steps, strict=True):
        names = {name for name in one if name.startswith("loss_")}
        assert names == {name for name in other if name.startswith("loss_")}
        assert [other[name] for name in sorted(names)] == pytest.approx([one[name] for name in sorted(names)], abs=2e-3)
        assert other["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-2)
    first, second = (load_file(run.output / "checkpoint" / "model.safetensors") for run in (alone, config))
    for name, tensor in first.items():
        torch.testing.assert_close(second[name], tensor, atol=2e-4, rtol=0)


def test_the_world_has_two_processes(two_processes: tuple[RunConfig, str]) -> None:
    config, _ = two_processes
    for state in config.output.glob("checkpoint-*"):
        assert sorted(path.name for path in state.glob("rng_state*")) == ["rng_state_0.pth", "rng_state_1.pth"]


def test_everything_is_said_and_written_once(two_processes: tuple[RunConfig, str]) -> None:
    config, printed = two_processes
    info = load_checkpoint(config.output / "checkpoint").info
    assert printed.count("Run tiny") == 1
    assert printed.count("score it on held-out articles:") == 1
    for name in config.training.select:
        (line,) = [line for line in printed.splitlines() if f"dev {name} " in line]
        assert f"{info['dev_scores'][name]:.3f}" in line
    evaluations = [line for line in printed.splitlines() if line.startswith("step ") and "  dev  " in line]
    assert len(evaluations) == len([entry for entry in history(config.output)["log_history"] if "eval_score" in entry])
    assert len(list((config.output / "tensorboard").rglob("events.out.tfevents.*"))) == 1


def test_a_batch_without_a_task_on_one_process_only(two_processes: tuple[RunConfig, str]) -> None:
    """The run must really have met what it is here to test."""
    config, _ = two_processes
    entries = [entry for entry in history(config.output)["log_history"] if "loss" in entry]
    assert any("loss_stance" in entry for entry in entries)
