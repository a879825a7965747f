"""The stock `transformers.Trainer`, with scores that the project computes itself, and with what a joint, partially labelled model needs.

In: a model, the planned batches, a function that scores a model. Out: the stock loop; in `ArticleTrainer` with losses averaged per task over
the whole optimizer step, per-task losses in the log, and dev scores from the `Analyzer` that users call.
Does not know: configs, sources, files other than the Trainer's own.
"""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from inference.losses import TASKS, count_items
from inference.model import ArticleModel
from training.optimizer import BETAS, parameter_groups

SCORE = "eval_score"
"""The mean of the selected dev scores, by which the best checkpoint is picked."""

SHOWN_SCORES = (SCORE, *(f"eval_{name}" for name in ("topic_macro_f1", "stance_macro_f1", "rouge1", "generated_rouge1", "summary_loss", "cleaning_f1")))
"""Dev scores in the log line; the end-of-run table and TensorBoard have all."""


Result = TypeVar("Result")


def on_main_process(accelerator: Accelerator, action: Callable[[], Result]) -> Result:
    """What `action` returns on the main process, on every process; the others wait for it.

    What it raises is raised on the main process, and a `RuntimeError` that names it on the others, which would else wait forever.
    """
    shared: list[Any] = [None, None]  # the result, and what went wrong
    failure: Exception | None = None
    if accelerator.is_main_process:
        try:
            shared[0] = action()
        except Exception as error:  # whatever it is: the others wait for an answer
            failure = error
            shared[1] = f"{type(error).__name__}: {error}"
    if accelerator.num_processes > 1:
        broadcast_object_list(shared)
    if failure is not None:
        raise failure
    if shared[1] is not None:
        raise RuntimeError(f"the main process failed, which says more: {shared[1]}")
    result: Result = shared[0]
    return result


class RunStopped(Exception):  # noqa: N818
    """A run was told to end (SIGTERM) and has saved its state; the message says at which step."""


class ScoredTrainer(Trainer):
    """`score` maps the model to its scores; it runs on the main process and the others wait for its answer."""

    def __init__(self, *, score: Callable[[Any], dict[str, float]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.score = score
        self.ending = SaveAndStop(self.accelerator)
        self.add_callback(Clock())
        self.add_callback(self.ending)
        self.remove_callback(PrinterCallback)

    @property
    def seconds(self) -> float:
        """Seconds of training so far, those before a resume included."""
        (clock,) = (callback for callback in self.callback_handler.callbacks if isinstance(callback, Clock))  # a resume puts a new one in its place
        return clock.seconds

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """The stock loop. Raises `RunStopped` where SIGTERM ended it, which is heard in the main thread only."""
        self.ending.stopped = False
        listens = threading.current_thread() is threading.main_thread()  # Python lets no other thread handle signals
        before = signal.signal(signal.SIGTERM, self.ending.ask) if listens else None
        try:
            output = super().train(*args, **kwargs)
        finally:
            if listens:
                signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
        if self.ending.stopped:
            raise RunStopped(f"stopped at step {self.state.global_step:,} of {self.state.max_steps:,}; its state is saved")
        return output

    def evaluate(self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """The scores, logged as eval_NAME. What `score` raises is raised on every process."""
        scores = on_main_process(self.accelerator, lambda: self.score(self.accelerator.unwrap_model(self.model)))
        self.accelerator.unwrap_model(self.model).train()
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Without the names of tied weights, which are saved once: the stock warning says that they are missing."""
        tied = self.accelerator.unwrap_model(self.model).all_tied_weights_keys
        load_result.missing_keys[:] = [key for key in load_result.missing_keys if key not in tied]
        super()._issue_warnings_after_load(load_result)


class ArticleTrainer(ScoredTrainer):
    """Trains an `ArticleModel` on planned batches of articles."""

    def __init__(self, *, embedding_learning_rate: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.article_model: ArticleModel = kwargs["model"]
        self.embedding_learning_rate = embedding_learning_rate
        self._logged = torch.zeros(2, len(TASKS), dtype=torch.float64)  # summed losses, items

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Tensor]], device: torch.device) -> Tensor:
        """Labelled items of every task over all accumulated batches and all ranks, [5] in the order of TASKS."""
        counts = torch.stack([count_items(batch) for batch in batch_samples]).sum(0).to(device)
        if self.args.world_size > 1:
            counts = self.accelerator.gather(counts[None]).sum(0)
        return counts

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Tensor | tuple[Tensor, Any]:
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, num_items_in_batch=num_items_in_batch)
        self._logged[0] += torch.stack([outputs.task_losses[task] for task in TASKS]).double().cpu()
        self._logged[1] += count_items(inputs).double().cpu()
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add each task's mean loss since the last log."""
        if "loss" in logs:
            totals = self._logged.to(self.args.device)
            if self.args.world_size > 1:
                totals = self.accelerator.gather(totals[None]).sum(0)
            logs |= {f"loss_{task}": round(float(totals[0, i] / totals[1, i]), 4) for i, task in enumerate(TASKS) if totals[1, i] > 0}
            self._logged.zero_()
        super().log(logs, start_time)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW without decay on norms, biases and embeddings; embeddings may have a learning rate of their own."""
        if self.optimizer is None:
            groups = parameter_groups(
                self.article_model,
                self.article_model.get_input_embeddings(),
                learning_rate=self.args.learning_rate,
                embedding_learning_rate=self.embedding_learning_rate,
                weight_decay=self.args.weight_decay,
            )
            self.optimizer = torch.optim.AdamW(groups, betas=BETAS, fused=True)
        return self.optimizer


class SaveAndStop(TrainerCallback):
    """Once asked, saves the state after the current step and ends the run there, unless it ends by itself.

    The stock `enable_jit_checkpoint` saves before the optimizer step and does not tell an ended run from a finished one.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.asked = self.saves = self.stopped = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler."""
        self.asked = True

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.asked:
            self.asked = False
            self.accelerator.set_trigger()  # whichever process was asked tells the others
        if self.accelerator.check_trigger():
            self.saves = control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.saves and not control.should_training_stop:  # by now the last step and early stopping have spoken
            self.stopped = control.should_training_stop = True
        self.saves = False


class Clock(ExportableState, TrainerCallback):
    """Seconds of training, those before a resume included: the Trainer counts from the resume on."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.before = seconds
        self.started = time.perf_counter()

    @property
    def seconds(self) -> float:
        return self.before + time.perf_counter() - self.started

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.started = time.perf_counter()

    def state(self) -> dict[str, Any]:
        return {"args": {"seconds": self.seconds}, "attributes": {}}


class ReadableLog(TrainerCallback):
    """One line per log entry through `write`, and each step to `progress`, in place of the stock callback's raw dictionaries."""

    def __init__(self, write: Callable[[str], None], progress: Callable[[str, int, int], None]) -> None:
        self.write = write
        self.progress = progress

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self.progress("training", state.global_step, state.max_steps)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if not state.is_world_process_zero or not logs:
            return
        at = f"step {state.global_step}/{state.max_steps}"
        if "loss" in logs:
            tasks = "  ".join(f"{name.removeprefix('loss_')} {value:.3f}" for name, value in logs.items() if name.startswith("loss_"))
            self.write(f"{at}  loss {logs['loss']:.3f}  {tasks}  rate {logs['learning_rate']:.1e}  gradient {logs.get('grad_norm', 0.0):.2f}")
        elif SCORE in logs:
            shown = {name.removeprefix("eval_"): value for name, value in logs.items() if name in SHOWN_SCORES}
            scores = "  ".join(f"{name} {value:.3f}" for name, value in shown.items())
            self.write(f"{at}  dev  {scores}")
