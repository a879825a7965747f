"""Pretraining of a base: text -> tokenizer and a masked language model, from a config; reads like a table of contents.

In: a `PretrainConfig`. Out: the folder `<output>/checkpoint`, which `model.backbone.folder` of a training run names: encoder, head and tokenizer as
`save_pretrained` writes them, and pretraining.json. Does not know: labels, heads, how things are printed.
"""

import json
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, ModernBertForMaskedLM, PreTrainedTokenizerBase, TrainerCallback, TrainerControl, TrainerState, set_seed
from transformers.training_args import TrainingArguments

from inference.checkpoint import whole_folder
from training.arguments import training_arguments
from training.batches import PlannedBatches
from training.build import modernbert_config
from training.config_file import config_to_yaml
from training.config_pretrain import PretrainConfig
from training.cooccurrence import cooccurrence_vectors
from training.optimizer import BETAS, MuonWithAdamW, parameter_groups
from training.packing import MaskingCollator, Rows, Scored, mask, pack, pack_scored, plan_rows
from training.run_description import BASE_DESCRIPTION
from training.run_folder import claim_data, claim_output, last_complete_state
from training.texts import Texts, load_texts
from training.trainer import ScoredTrainer, on_main_process
from training.vocabulary import train_tokenizer

LOG_LINES = 50
"""Training log entries in a run, whatever its length."""

SCORED_MASK = 0.15
"""Share of the held-out tokens that is masked, the same ones each time."""

SCORED_ROWS = 32
"""Held-out rows read at once."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class PretrainResult:
    """What a run leaves behind; `bits_per_byte` is of the held-out text, by language."""

    base: Path
    steps: int
    tokens: int
    seconds: float
    parameters: int
    encoder_parameters: int  # without the token embeddings
    bits_per_byte: dict[str, float]


def pretrain(
    config: PretrainConfig, *, resume: bool = False, write: Callable[[str], None] = lambda line: None, progress: Progress = lambda *_: None
) -> PretrainResult:
    """Run the whole job. With `resume`, go on from the last saved state of the same config; raises `ConfigError` if it differs.

    Raises `RunStopped` where SIGTERM ended the training; its state is saved.
    """
    output = config.output
    claim_output(output, config_to_yaml(config), resume)
    set_seed(config.seed)
    arguments = training_arguments(output, config.seed, config.training, equal_batches=True, torch_compile=torch.cuda.is_available())

    precision = "bfloat16" if arguments.bf16 else "float32"

    texts = load_texts(config)
    claim_data(output, texts.digests, resume)
    write(_describe_texts(texts))
    with arguments.main_process_first(local=False, desc="tokenizer"):
        tokenizer = _tokenizer(config, texts)
    rows = _pack_all(texts.train, tokenizer, config.model.window_tokens, progress)
    held_out = {lang: pack_scored(documents, tokenizer, config.model.window_tokens) for lang, documents in texts.held_out.items()}
    all_rows = np.concatenate([*rows.values()])
    last = last_complete_state(output) if resume else None
    model = build_base(config, tokenizer, None if last else all_rows)
    batch_rows = config.training.batch_tokens // config.model.window_tokens
    batches = config.training.tokens // config.training.batch_tokens
    plan = plan_rows({lang: len(group) for lang, group in rows.items()}, config.data.mixing_exponent, batches, batch_rows, config.seed)
    write(f"{_describe_rows(rows, plan.size, len(tokenizer))}; {precision}")
    arguments.logging_steps = max(1, batches // (config.training.accumulation * arguments.world_size * LOG_LINES))

    settings = config.training
    step_tokens = settings.batch_tokens * settings.accumulation * arguments.world_size
    trainer = ScoredTrainer(
        model=model,
        args=arguments,
        train_dataset=PlannedBatches(plan.tolist()),
        eval_dataset=PlannedBatches([[0]]),  # the stock loop wants one; `score` reads the held-out text
        data_collator=MaskingCollator(all_rows, tokenizer, settings.mask_first, settings.mask_last, batches, config.seed),
        score=lambda scored: bits_per_byte(scored, tokenizer, held_out),
        optimizers=(build_optimizer(config, model, model.get_input_embeddings()), None),
        callbacks=[_Log(write, progress, step_tokens)],
    )
    trainer.train(resume_from_checkpoint=last)
    trained = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False, keep_torch_compile=False)

    def export() -> PretrainResult:
        parameters = sum(parameter.numel() for parameter in trained.parameters())
        embedded = trained.get_input_embeddings().weight.numel()
        steps = trainer.state.global_step
        read = min(steps * step_tokens, plan.size * config.model.window_tokens)  # the last step may be a short one
        scores = bits_per_byte(trained, tokenizer, held_out)
        result = PretrainResult(output / "checkpoint", steps, read, trainer.seconds, parameters, parameters - embedded, scores)
        save_base(config, trained, tokenizer, result, texts, precision)
        return result

    return on_main_process(trainer.accelerator, export)


def build_base(config: PretrainConfig, tokenizer: PreTrainedTokenizerBase, rows: Rows | None) -> ModernBertForMaskedLM:
    """An encoder with random weights, without dropout, and the head that names masked tokens, whose matrix is that of the embeddings.

    The embeddings begin from counts over `rows`, if the config says so; a resumed run, which loads its weights, has no need of them.
    """
    architecture = config.model.architecture.model_copy(update={"dropout": 0.0})  # masks are drawn anew each time: noise enough
    backbone = modernbert_config(architecture, tokenizer, config.model.window_tokens)
    backbone.sparse_prediction = True  # the head, as costly as the encoder, sees the masked tokens alone
    model = ModernBertForMaskedLM(backbone)
    if config.training.embeddings == "counted" and rows is not None:
        vectors = torch.from_numpy(cooccurrence_vectors(rows, len(tokenizer), architecture.width, tokenizer.all_special_ids, config.seed))
        weight: Tensor = model.model.embeddings.tok_embeddings.weight
        with torch.no_grad():
            weight.copy_(torch.where(vectors.any(dim=1, keepdim=True), vectors * backbone.initializer_range, weight))
    return model


def build_optimizer(config: PretrainConfig, model: nn.Module, embeddings: nn.Module) -> torch.optim.Optimizer:
    """Muon or AdamW, as the config says, over all parameters of `model`, `embeddings` among them."""
    settings = config.training
    groups = parameter_groups(
        model,
        embeddings,
        learning_rate=settings.learning_rate,
        embedding_learning_rate=settings.embedding_learning_rate,
        weight_decay=settings.weight_decay,
    )
    return MuonWithAdamW(groups) if settings.optimizer == "muon" else torch.optim.AdamW(groups, betas=BETAS, fused=True)


@torch.inference_mode()
def bits_per_byte(model: ModernBertForMaskedLM, tokenizer: PreTrainedTokenizerBase, held_out: Mapping[str, Scored]) -> dict[str, float]:
    """Bits that the model needs for the masked tokens of held-out text, over the UTF-8 bytes of these tokens, by language and as "mean" of languages.

    A seventh of the tokens is masked at once, so a model knows more of the context than one that reads from left to right: the figure is not
    comparable with that of a causal model. Other tokenizers mask other places, and so are comparable in the mean of much text only.
    """
    model.eval()
    found: dict[str, float] = {}
    for lang, packed in held_out.items():
        bits = 0.0
        size = 0
        for start in range(0, len(packed.ids), SCORED_ROWS):
            part = slice(start, start + SCORED_ROWS)
            batch = mask(packed.ids[part], tokenizer, SCORED_MASK, seed=zlib.crc32(lang.encode()) << 32 | start, only_masks=True)
            chosen = batch["labels"] != -100
            loss = model(**{name: tensor.to(model.device) for name, tensor in batch.items()}).loss
            bits += float(loss) * int(chosen.sum()) / math.log(2)
            size += int(packed.bytes[part][chosen.numpy()].sum())
        found[lang] = bits / max(size, 1)
    return {"mean": sum(found.values()) / len(found)} | found


def save_base(
    config: PretrainConfig, model: ModernBertForMaskedLM, tokenizer: PreTrainedTokenizerBase, result: PretrainResult, texts: Texts, precision: str
) -> None:
    """Write the base whole or not at all."""
    with whole_folder(result.base) as temporary:
        model.save_pretrained(temporary)
        modernbert_config(config.model.architecture, tokenizer, config.model.window_tokens).save_pretrained(temporary)  # with dropout: for the runs from it
        tokenizer.save_pretrained(temporary)
        described = {
            "config": config_to_yaml(_without_own_paths(config)),
            "steps": result.steps,
            "tokens": result.tokens,
            "seconds": round(result.seconds, 1),
            "parameters": result.parameters,
            "precision": precision,
            "bits_per_byte": {name: round(value, 4) for name, value in result.bits_per_byte.items()},
            "characters": {lang: sum(map(len, documents)) for lang, documents in texts.train.items()},
            "left_out": texts.left_out,
            "sha256": texts.digests,
        }
        (temporary / BASE_DESCRIPTION).write_text(json.dumps(described, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _without_own_paths(config: PretrainConfig) -> PretrainConfig:
    """The config without the folders of this machine: it goes with the checkpoints that are made from the base."""
    data = config.data.model_copy(update={"root": Path()})
    return config.model_copy(update={"data": data, "output": Path(config.output.name)})


def _tokenizer(config: PretrainConfig, texts: Texts) -> PreTrainedTokenizerBase:
    """The tokenizer of the run's folder, trained where there is none yet."""
    folder = config.output / "tokenizer"
    if not folder.exists():
        wanted = config.model.tokenizer
        documents = ((lang, document) for lang, group in texts.train.items() for document in group)
        tokenizer = train_tokenizer(documents, wanted.type, wanted.vocabulary_size, config.seed, wanted.lowercase)
        with whole_folder(folder) as temporary:
            tokenizer.save_pretrained(temporary)
    return AutoTokenizer.from_pretrained(folder)


def _pack_all(train: Mapping[str, list[str]], tokenizer: PreTrainedTokenizerBase, window_tokens: int, progress: Progress) -> dict[str, Rows]:
    rows = {}
    for number, (lang, documents) in enumerate(train.items(), 1):
        rows[lang] = pack(documents, tokenizer, window_tokens)
        progress("reading text", number, len(train))
    return rows


def _describe_texts(texts: Texts) -> str:
    left_out = sum(texts.left_out.values())
    size = f"{texts.characters / 1e6:,.1f} million characters in {len(texts.train)} languages"
    return f"{size}; {left_out:,} documents that overlap a dev or held-out article were left out"


def _describe_rows(rows: Mapping[str, Rows], read: int, vocabulary: int) -> str:
    total = sum(map(len, rows.values()))
    return f"{total:,} rows, of which the run reads {read:,} ({read / total:.1f} times all); {vocabulary:,} pieces"


class _Log(TrainerCallback):
    """A line per log entry through `write`, and each step to `progress`."""

    def __init__(self, write: Callable[[str], None], progress: Progress, step_tokens: int) -> None:
        self.write = write
        self.progress = progress
        self.step_tokens = step_tokens

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self.progress("pretraining", state.global_step, state.max_steps)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if not state.is_world_process_zero or not logs:
            return
        at = f"step {state.global_step}/{state.max_steps}"
        if "loss" in logs:
            tokens = state.global_step * self.step_tokens
            self.write(f"{at}  loss {logs['loss']:.3f}  rate {logs['learning_rate']:.1e}  gradient {logs.get('grad_norm', 0.0):.2f}  tokens {tokens:,}")
        elif "eval_mean" in logs:
            ranked = sorted(((value, name.removeprefix("eval_")) for name, value in logs.items() if name.startswith("eval_") and name != "eval_mean"))
            shown = "  ".join(f"{name} {value:.2f}" for value, name in ranked)
            self.write(f"{at}  held-out bits per byte {logs['eval_mean']:.3f}  {shown}")
