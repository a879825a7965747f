"""What the models of a run config share: strictness, and the types of their fields.

In: nothing. Out: `Strict`, the base of every section of a config, and annotated types. Does not know: any section.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """A section of a config: no unknown keys, no conversions, no changes afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_default=True, allow_inf_nan=False)


def check_unique(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return `values`; raises `ValueError`, which pydantic reports, where one stands twice."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"must not name anything twice, found {', '.join(map(repr, twice))} more than once")
    return values


FilePath: TypeAlias = Annotated[Path, Field(strict=False)]
Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Rate: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[\w.-]+$")]
UniqueTexts: TypeAlias = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False, min_length=2), AfterValidator(check_unique)]


class Optimization(Strict):
    """What the two jobs, training and pretraining, set alike."""

    accumulation: int = Field(default=1, ge=1, description="Batches in an optimizer step.")
    learning_rate: float = Field(default=5e-4, gt=0, le=1, description="Peak learning rate.")
    embedding_learning_rate: float | None = Field(default=None, gt=0, le=1, description="Peak learning rate of the token embeddings; default: learning_rate.")
    weight_decay: float = Field(default=0.01, ge=0, le=1, description="Weight decay of the matrices; embeddings, norms and biases have none.")
    warmup_fraction: Rate = Field(default=0.06, description="Share of the run in which the learning rate rises.")
    gradient_clip: float = Field(default=1.0, gt=0, description="Largest norm of the gradient.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="Number format of matrix products; auto = bfloat16 on GPUs that have it, and in pretraining on CPUs with AMX; else float32."
    )
    evaluate_every: float = Field(default=0.1, gt=0, le=1, description="Share of the run between two evaluations on held-out data.")
