"""The stock `TrainingArguments` of a run.

In: the folder, the seed and the settings that training and pretraining share. Out: `TrainingArguments`. Does not know: data, models.
"""

import os
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from training.config_types import Optimization


def training_arguments(output: Path, seed: int, settings: Optimization, *, equal_batches: bool = False, **own: Any) -> TrainingArguments:
    """Arguments for a plan of batches that is the whole run, in order; `own` are those of one of the two jobs.

    `equal_batches` says that all batches have one shape. On CPUs bfloat16 pays only then: each new shape has its kernels made anew.
    """
    bfloat16 = settings.precision == "bfloat16" or (settings.precision == "auto" and bfloat16_is_faster(equal_batches))
    every = min(settings.evaluate_every, 1 - 1e-9)  # the Trainer takes 1 for one step, and shares of the run from there downward
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(output / "tensorboard")  # the only way to tell the stock callback
    arguments = TrainingArguments(
        output_dir=str(output),
        num_train_epochs=1,  # the plan is the whole run
        per_device_train_batch_size=1,  # one planned batch
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=settings.warmup_fraction,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.gradient_clip,
        bf16=bfloat16,
        seed=seed,
        train_sampling_strategy="sequential",
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        remove_unused_columns=False,
        label_names=[],
        dataloader_num_workers=0,
        use_cpu=not torch.accelerator.is_available(),  # without it, processes on CPUs would each train alone
        restore_callback_states_from_checkpoint=True,  # patience goes on counting after a resume
        dataloader_pin_memory=torch.cuda.is_available(),
        report_to=["tensorboard"],
        disable_tqdm=True,
        ddp_find_unused_parameters=False,
        **own,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # planned batches cannot be scattered by DataParallel: several GPUs are torchrun's job
    return arguments


def bfloat16_is_faster(equal_batches: bool) -> bool:
    """Whether the device multiplies bfloat16 matrices faster than float32 ones: GPUs that have it, and CPUs with AMX for batches of one shape."""
    if torch.accelerator.is_available():
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return equal_batches and bool(torch.cpu.get_capabilities().get("amx_bf16"))
