"""What updates the weights: AdamW with rates by kind of parameter, and Muon for the matrices of a base in pretraining.

In: a model, its token embeddings, rates. Out: parameter groups, or an optimizer. Does not know: the Trainer, configs.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

BETAS = (0.9, 0.98)
"""Of AdamW: the second is shorter than usual, since runs are short."""


def parameter_groups(
    model: nn.Module, embeddings: nn.Module, *, learning_rate: float, embedding_learning_rate: float | None, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups for AdamW: token embeddings with a rate of their own, matrices with weight decay, norms and biases without."""
    apart = {id(parameter) for parameter in embeddings.parameters()}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    others = [parameter for parameter in trained if id(parameter) not in apart]
    return [
        {"params": [p for p in trained if id(p) in apart], "lr": embedding_learning_rate or learning_rate, "weight_decay": 0.0},
        {"params": [p for p in others if p.ndim > 1], "lr": learning_rate, "weight_decay": weight_decay},
        {"params": [p for p in others if p.ndim <= 1], "lr": learning_rate, "weight_decay": 0.0},
    ]


class MuonWithAdamW(torch.optim.Optimizer):
    """Muon (Jordan 2024) for the matrices of the layers, AdamW for embeddings, norms and biases, as one optimizer to the Trainer.

    Muon's steps are scaled to the size of AdamW's (Liu 2025, Muon is scalable for LLM training), so both take the same learning rates. `groups` are
    those of `parameter_groups`.
    """

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        embeddings, matrices, others = groups
        self.parts = [torch.optim.Muon([matrices], adjust_lr_fn="match_rms_adamw"), torch.optim.AdamW([embeddings, others], betas=BETAS, fused=True)]
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self._share_groups()

    def _share_groups(self) -> None:
        """The groups are the parts' own: a schedule that changes a rate here changes it there."""
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        if closure is not None:
            raise ValueError("closures are not supported")
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self._share_groups()
