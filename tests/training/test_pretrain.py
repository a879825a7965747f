import json
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer, ModernBertForMaskedLM

import training.pretrain as module
from inference.checkpoint import load_checkpoint
from inference.errors import ConfigError, DataError
from training.build import build_model, build_tokenizer
from training.config import RunConfig
from training.config_pretrain import PretrainConfig, load_pretrain_config
from training.cooccurrence import cooccurrence_vectors
from training.corpus import load_corpus
from training.packing import pack, pack_scored
from training.pretrain import PretrainResult, bits_per_byte, build_base, pretrain
from training.run import train
from training.trainer import RunStopped
from training.vocabulary import train_tokenizer

CONFIG = """
name: base
seed: 5
output: {output}
data:
  root: {root}
  text: {{en: en.txt, es: es.txt}}
  held_out_characters: 1000
model:
  architecture: {{type: modernbert, layers: 1, width: 16, heads: 2, feed_forward: 16, dropout: 0.2, local_window_tokens: 16}}
  tokenizer: {{type: bpe, vocabulary_size: 700}}
  window_tokens: 64
training:
  tokens: 8192
  batch_tokens: 512
  learning_rate: 1e-2
  evaluate_every: 0.25
  precision: float32
"""

SENTENCES = {
    "en": "The river rose by {} meters and the mayor called the new dam a waste of money.",
    "es": "El río subió {} metros y la alcaldesa dijo que la presa nueva era un gasto inútil.",
}


class Killed(Exception):  # noqa: N818
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("texts")
    for lang, sentence in SENTENCES.items():
        (root / f"{lang}.txt").write_text("".join(sentence.format(number) + "\n" for number in range(150)), encoding="utf-8")
    return root


def config(texts: Path, output: Path, *overrides: str) -> PretrainConfig:
    path = output.with_suffix(".yaml")
    path.write_text(CONFIG.format(root=texts, output=output), encoding="utf-8")
    return load_pretrain_config(path, overrides)


@pytest.fixture(scope="module")
def finished(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[PretrainResult, list[str]]:
    lines: list[str] = []
    return pretrain(config(texts, tmp_path_factory.mktemp("runs") / "run"), write=lines.append), lines


def test_a_run_learns_and_says_so_by_language(finished: tuple[PretrainResult, list[str]]) -> None:
    result, lines = finished
    scored = [line for line in lines if "bits per byte" in line]
    figures = [float(line.split("bits per byte ")[1].split()[0]) for line in scored]
    assert len(figures) == 4
    assert figures[-1] < figures[0]
    assert all(" en " in line and " es " in line for line in scored)
    assert set(result.bits_per_byte) == {"mean", "en", "es"}
    assert result.bits_per_byte["mean"] == pytest.approx((result.bits_per_byte["en"] + result.bits_per_byte["es"]) / 2)
    assert f"{result.bits_per_byte['mean']:.3f}" == f"{figures[-1]:.3f}"
    assert (result.steps, result.tokens) == (16, 8192)
    assert result.parameters > result.encoder_parameters > 0


def test_a_base_is_an_ordinary_folder_and_says_what_it_read(finished: tuple[PretrainResult, list[str]]) -> None:
    base = finished[0].base
    assert {path.name for path in base.iterdir()} == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "pretraining.json"}
    described = json.loads((base / "pretraining.json").read_text(encoding="utf-8"))
    assert described["tokens"] == 8192
    assert set(described["characters"]) == {"en", "es"}
    assert described["bits_per_byte"]["en"] == round(finished[0].bits_per_byte["en"], 4)
    head = ModernBertForMaskedLM.from_pretrained(base, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    assert head.config.mlp_dropout == 0.2  # of runs from it
    held_out = {"en": pack_scored([SENTENCES["en"].format(3)], tokenizer, 64)}
    assert bits_per_byte(head, tokenizer, held_out)["en"] < 8


def test_pretraining_itself_has_no_dropout(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.build_base
    built: list[ModernBertForMaskedLM] = []

    def build(*given: Any) -> ModernBertForMaskedLM:
        built.append(real(*given))
        return built[0]

    monkeypatch.setattr(module, "build_base", build)
    pretrain(config(texts, tmp_path / "run", "training.tokens=512"))
    assert {layer.p for layer in built[0].modules() if isinstance(layer, torch.nn.Dropout)} == {0.0}


def test_a_training_run_starts_from_the_base(finished: tuple[PretrainResult, list[str]], tmp_path: Path, tiny_config: Callable[..., RunConfig]) -> None:
    base = finished[0].base
    run = tiny_config(tmp_path / "run", "model.backbone.architecture=null", "model.tokenizer=null", f"model.backbone.folder={base}")
    tokenizer = build_tokenizer(run, load_corpus(run))
    model = build_model(run, tokenizer)
    stored = load_file(base / "model.safetensors")
    ours = model.backbone.state_dict()
    assert set(AutoModel.from_pretrained(base).state_dict()) == set(ours)
    assert all(torch.equal(ours[name.removeprefix("model.")], tensor) for name, tensor in stored.items() if name.startswith("model."))
    assert model.backbone.config.mlp_dropout == 0.2
    assert len(tokenizer) == model.get_input_embeddings().num_embeddings <= 700


def test_a_checkpoint_trained_from_the_base_says_what_the_base_is_made_of(
    finished: tuple[PretrainResult, list[str]], tmp_path: Path, tiny_config: Callable[..., RunConfig]
) -> None:
    base = finished[0].base
    overrides = ("model.backbone.architecture=null", "model.tokenizer=null", f"model.backbone.folder={base}", "training.tokens=600")
    info = load_checkpoint(train(tiny_config(tmp_path / "run", *overrides)).checkpoint).info
    assert info["base"] == json.loads((base / "pretraining.json").read_text(encoding="utf-8"))
    assert "root: .\n" in info["base"]["config"]


def test_a_killed_run_resumes_to_the_same_weights(
    texts: Path, tmp_path: Path, finished: tuple[PretrainResult, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = config(texts, tmp_path / "run")
    real = module.bits_per_byte
    calls = 0

    def stop(*given: Any) -> dict[str, float]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Killed
        return real(*given)

    monkeypatch.setattr(module, "bits_per_byte", stop)
    with pytest.raises(Killed):
        pretrain(run)
    monkeypatch.setattr(module, "bits_per_byte", real)
    assert not (run.output / "checkpoint").exists()
    result = pretrain(run, resume=True)
    one, other = (load_file(folder / "model.safetensors") for folder in (finished[0].base, result.base))
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert result.bits_per_byte == finished[0].bits_per_byte


def test_a_run_told_to_end_resumes_to_the_same_weights(texts: Path, tmp_path: Path, finished: tuple[PretrainResult, list[str]]) -> None:
    run = config(texts, tmp_path / "run")

    def end(what: str, done: int, total: int) -> None:
        if (what, done) == ("pretraining", 6):  # between two evaluations
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(RunStopped, match=r"^stopped at step [67] of 16; its state is saved$"):
        pretrain(run, progress=end)
    result = pretrain(run, resume=True)
    one, other = (load_file(folder / "model.safetensors") for folder in (finished[0].base, result.base))
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_a_resumed_run_wants_its_config_and_its_text(texts: Path, tmp_path: Path, finished: tuple[PretrainResult, list[str]]) -> None:
    run = config(texts, tmp_path / "run", "training.tokens=512")
    pretrain(run)
    with pytest.raises(ConfigError, match="already holds a run"):
        pretrain(run)
    with pytest.raises(ConfigError, match="the run began with another config; changed now: - seed: 5; \\+ seed: 6"):
        pretrain(run.model_copy(update={"seed": 6}), resume=True)
    other = tmp_path / "texts"
    other.mkdir()
    for lang in SENTENCES:
        (other / f"{lang}.txt").write_text((texts / f"{lang}.txt").read_text(encoding="utf-8").replace("dam", "quay"), encoding="utf-8")
    stored = (run.output / "config.yaml").read_text(encoding="utf-8").replace(str(texts), str(other))
    (run.output / "config.yaml").write_text(stored, encoding="utf-8")
    with pytest.raises(DataError, match="the texts of en are not those that the run began with"):
        pretrain(run.model_copy(update={"data": run.data.model_copy(update={"root": other})}), resume=True)


def test_bits_per_byte_of_a_model_that_knows_nothing_is_that_of_a_uniform_guess(finished: tuple[PretrainResult, list[str]]) -> None:
    base = finished[0].base
    model = ModernBertForMaskedLM.from_pretrained(base)
    tokenizer = AutoTokenizer.from_pretrained(base)
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
        model.get_output_embeddings().bias.zero_()
    packed = pack_scored(["☃" * 4000], tokenizer, 64)  # three bytes and three tokens each
    found = bits_per_byte(model, tokenizer, {"en": packed})
    assert found["en"] == pytest.approx(math.log2(len(tokenizer)), rel=0.1)  # which of the three are masked is chance


def test_a_run_does_what_its_config_says(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting differs from its default and from the others."""
    given: dict[str, Any] = {}

    class Spy(module.ScoredTrainer):
        def __init__(self, **settings: Any) -> None:
            given.update(settings)
            super().__init__(**settings)

    monkeypatch.setattr(module, "ScoredTrainer", Spy)
    settings = {"mask_first": 0.41, "mask_last": 0.11, "accumulation": 3, "gradient_clip": 0.7, "warmup_fraction": 0.2, "weight_decay": 0.03}
    overrides = [f"training.{name}={value}" for name, value in settings.items()]
    (texts / "few.txt").write_text("".join(SENTENCES["en"].format(number) + "\n" for number in range(40)), encoding="utf-8")
    data = ["data.text={en: en.txt, sw: few.txt}", "data.mixing_exponent=0", "model.tokenizer.lowercase=true", "seed=21"]
    result = pretrain(config(texts, tmp_path / "run", *overrides, *data, "training.embedding_learning_rate=2e-2"))
    collate = given["data_collator"]
    assert (collate.mask_first, collate.mask_last, collate.seed, collate.batches) == (0.41, 0.11, 21, 16)
    assert (result.steps, result.tokens) == (6, 8192)  # the last step has one batch in place of three
    rows = len(pack(["\n".join(SENTENCES["en"].format(number) for number in range(140))], AutoTokenizer.from_pretrained(result.base), 64))
    first = sum(row < rows - 12 for batch in given["train_dataset"].batches for row in batch)  # well inside English
    assert first < 0.6 * 128  # languages are read alike
    tokenizer = AutoTokenizer.from_pretrained(result.base)
    assert tokenizer("RIVER")["input_ids"] == tokenizer("river")["input_ids"]
    arguments = given["args"]
    assert (arguments.max_grad_norm, arguments.warmup_steps, arguments.gradient_accumulation_steps) == (0.7, 0.2, 3)
    groups = {(group["initial_lr"], group["weight_decay"]) for group in given["optimizers"][0].param_groups}
    assert groups == {(2e-2, 0.0), (1e-2, 0.03), (1e-2, 0.0)}


def test_embeddings_begin_from_counts_or_random(texts: Path, tmp_path: Path) -> None:
    run = config(texts, tmp_path / "run")
    tokenizer = train_tokenizer([("en", sentence) for sentence in SENTENCES.values()] * 9, "bpe", 700, seed=1)
    rows = pack([SENTENCES["en"].format(number) for number in range(60)], tokenizer, 64)
    expected = torch.from_numpy(cooccurrence_vectors(rows, len(tokenizer), 16, tokenizer.all_special_ids, run.seed))
    counted = build_base(run, tokenizer, rows)
    seen = expected.any(dim=1)
    weight = counted.get_input_embeddings().weight.detach()
    assert 20 < int(seen.sum()) < len(tokenizer)
    assert torch.allclose(weight[seen], expected[seen] * 0.02, atol=1e-7)
    assert weight[~seen][6:].any()  # what was never seen begins at random
    assert counted.get_output_embeddings().weight is counted.get_input_embeddings().weight
    random = build_base(run.model_copy(update={"training": run.training.model_copy(update={"embeddings": "random"})}), tokenizer, rows)
    assert not torch.allclose(random.get_input_embeddings().weight[seen], expected[seen] * 0.02, atol=1e-3)


def test_the_head_reads_the_masked_tokens_alone_and_the_loss_is_the_same(texts: Path, tmp_path: Path) -> None:
    tokenizer = train_tokenizer([("en", sentence) for sentence in SENTENCES.values()] * 9, "bpe", 300, seed=1)
    model = build_base(config(texts, tmp_path / "run"), tokenizer, None)
    ids = torch.arange(10, 50).reshape(2, 20)
    labels = torch.full_like(ids, -100)
    labels[0, 3], labels[1, 5], labels[1, 19] = 13, 40, 12
    with torch.inference_mode():
        found = model(input_ids=ids, labels=labels)
        model.sparse_prediction = False
        everywhere = model(input_ids=ids, labels=labels)
    assert found.logits.shape == (3, len(tokenizer))  # three of the 40 tokens
    assert torch.allclose(found.logits, everywhere.logits[[0, 1, 1], [3, 5, 19]], atol=1e-5)
    assert float(found.loss) == pytest.approx(float(everywhere.loss), abs=1e-5)


def test_an_encoder_wider_than_its_vocabulary_is_built(texts: Path, tmp_path: Path) -> None:
    run = config(texts, tmp_path / "run", "model.architecture.width=800", "model.architecture.heads=4", "training.tokens=512")
    assert pretrain(run).steps == 1


def test_a_base_names_no_folder_of_this_machine(finished: tuple[PretrainResult, list[str]]) -> None:
    described = (finished[0].base / "pretraining.json").read_text(encoding="utf-8")
    assert str(finished[0].base.parents[1]) not in described
    assert "output: run\\n" in described


def test_adamw_is_the_other_optimizer(texts: Path, tmp_path: Path) -> None:
    run = config(texts, tmp_path / "run", "training.optimizer=adamw", "training.tokens=512")
    assert pretrain(run).steps == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.batch_tokens=100", "batch_tokens must be a multiple of model.window_tokens, 64, found 100"),
        ("training.tokens=100", "tokens must be at least one batch, batch_tokens = 512, found 100"),
        ("training.optimizer=sgd", "must be 'muon' or 'adamw', found 'sgd'"),
        ("training.mask_first=0", "must be greater than 0, found 0"),
        ("data.text.en=english.csv", r"must end in one of .txt, .txt.gz, .txt.xz, found 'english.csv'"),
        ("data.text.English=en.txt", "English"),
        ("training.masks=0.2", "'masks' is an unknown key; did you mean 'mask_last'"),
    ],
)
def test_a_wrong_config_is_told(texts: Path, tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(texts, tmp_path / "run", override)
