"""What the models of a run config share: strictness, and the types of their fields.

In: nothing. Out: `Strict`, the base of every section of a config, and annotated types. Does not know: any section.
"""

from pathlib import Path
from typing import Annotated, TypeAlias

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
