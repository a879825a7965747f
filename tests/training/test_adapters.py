"""Adapters change nothing until they are trained, train alone beside the heads, and leave an ordinary checkpoint behind."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import ByT5Tokenizer, MBartConfig, MBartForConditionalGeneration, MT5Config, MT5ForConditionalGeneration, PreTrainedModel, set_seed

from inference.errors import ConfigError
from inference.model import ArticleModel
from training.adapters import merge_adapters
from training.build import build_model
from training.config import RunConfig

TinyConfig = Callable[..., RunConfig]


def mt5() -> PreTrainedModel:
    return MT5ForConditionalGeneration(MT5Config(vocab_size=400, d_model=16, d_kv=8, num_heads=2, d_ff=24, num_layers=2, num_decoder_layers=1))


def mbart() -> PreTrainedModel:
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24}
    return MBartForConditionalGeneration(MBartConfig(vocab_size=400, d_model=16, encoder_layers=1, decoder_layers=1, decoder_start_token_id=2, **heads))


def adapted(folder: Path, tiny_config: TinyConfig, make: Callable[[], PreTrainedModel], lora: str = "{rank: 2, alpha: 4, dropout: 0.1}") -> ArticleModel:
    set_seed(0)
    make().save_pretrained(folder / "base")
    backbone = f"model.backbone={{folder: {folder / 'base'}, lora: {lora}}}"
    return build_model(tiny_config(folder / "run", backbone, "model.tokenizer=null"), ByT5Tokenizer()).eval()


def logits(backbone: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        return backbone.eval()(input_ids=torch.tensor([[70, 80, 1]]), decoder_input_ids=torch.tensor([[2, 75]])).logits


@pytest.mark.parametrize(("make", "layers"), [(mt5, 2 * (4 + 3) + 1 * (8 + 3)), (mbart, 1 * (4 + 2) + 1 * (8 + 2))])
def test_adapters_are_trained_and_merged(make: Callable[[], PreTrainedModel], layers: int, tmp_path: Path, tiny_config: TinyConfig) -> None:
    model = adapted(tmp_path, tiny_config, make)
    before = logits(type(model.backbone).from_pretrained(tmp_path / "base"))
    assert torch.allclose(logits(model.backbone), before, atol=1e-5)  # the second matrix of each pair is 0
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    in_backbone = {name for name in trained if name.startswith("backbone.")}
    assert all(".lora_A." in name or ".lora_B." in name for name in in_backbone)
    assert len(in_backbone) == 2 * layers  # every linear layer of attention and feed-forward, in the encoder and the decoder
    assert {name for name, _ in model.named_parameters() if not name.startswith("backbone.")} == trained - in_backbone

    with torch.no_grad():
        for name in in_backbone:
            model.get_parameter(name).normal_(0, 0.3)
    changed = logits(model.backbone)
    assert not torch.allclose(changed, before, atol=1e-2)
    merge_adapters(model)
    assert torch.allclose(logits(model.backbone), changed, atol=1e-4)
    assert all(parameter.requires_grad for parameter in model.parameters())
    model.save_pretrained(tmp_path / "saved")
    again, report = ArticleModel.from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert torch.equal(logits(again.backbone), logits(model.backbone))


def test_a_stopped_run_finds_its_adapters_again(tmp_path: Path, tiny_config: TinyConfig) -> None:
    """The Trainer saves and loads plain state dictionaries, into a model that is built anew."""
    model = adapted(tmp_path, tiny_config, mt5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.1)
    again = adapted(tmp_path, tiny_config, mt5)
    assert not torch.equal(logits(again.backbone), logits(model.backbone))
    assert again.load_state_dict(model.state_dict(), strict=True)
    assert torch.equal(logits(again.backbone), logits(model.backbone))


def test_a_model_without_adapters_stays_as_it_is(model: ArticleModel) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    merge_adapters(model)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_without_peft_the_error_says_what_to_install(tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    message = r"^model\.backbone\.lora: adapters need the package peft\. Run `pip install peft`, or set lora to null\.$"
    with pytest.raises(ConfigError, match=message):
        adapted(tmp_path, tiny_config, mt5)
