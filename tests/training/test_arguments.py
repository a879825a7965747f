"""Tests of training/arguments.py."""

from pathlib import Path

import pytest
import torch

from training.arguments import bfloat16_is_faster, training_arguments
from training.config_types import Optimization


@pytest.mark.parametrize("capabilities", [{"amx_bf16": True}, {"amx_bf16": False, "avx512_bf16": True}, {"neon": True}])
def test_auto_is_bfloat16_on_cpus_with_amx_for_batches_of_one_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool]) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert training_arguments(tmp_path, 1, Optimization(), equal_batches=True).bf16 is capabilities.get("amx_bf16", False)
    assert training_arguments(tmp_path, 1, Optimization()).bf16 is False
    assert training_arguments(tmp_path, 1, Optimization(precision="float32"), equal_batches=True).bf16 is False
    assert training_arguments(tmp_path, 1, Optimization(precision="bfloat16")).bf16 is True


@pytest.mark.parametrize("supported", [True, False])
def test_auto_asks_a_gpu(monkeypatch: pytest.MonkeyPatch, supported: bool) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: supported or including_emulation)
    assert bfloat16_is_faster(equal_batches=False) is bfloat16_is_faster(equal_batches=True) is supported
