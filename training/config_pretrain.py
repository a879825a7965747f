"""A pretraining run as strict models: what one YAML file says about the text, the encoder and how it is trained.

In: the values of the YAML file. Out: a frozen `PretrainConfig`, or one `ConfigError` that lists every problem.
Does not know: whether the files that it names exist, or how an encoder is built.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from training.config_file import read_config
from training.config_model import EncoderArchitecture, TokenizerConfig
from training.config_types import FilePath, Fraction, Name, Optimization, Rate, Strict

TEXT_SUFFIXES = (".txt", ".txt.gz", ".txt.xz")


def _has_text_suffix(path: Path) -> Path:
    if not path.name.endswith(TEXT_SUFFIXES):
        raise ValueError(f"must end in one of {', '.join(TEXT_SUFFIXES)}, found {str(path)!r}")
    return path


Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
TextFile = Annotated[FilePath, AfterValidator(_has_text_suffix)]


class TextConfig(Strict):
    root: FilePath = Field(default=Path(), description="Folder that relative paths start from; --data-root wins; default: the working directory.")
    text: Annotated[dict[Language, TextFile], Field(min_length=1)] = Field(description="Plain text by ISO 639 code: UTF-8, a paragraph or a sentence a line.")
    articles: FilePath | None = Field(
        default=None,
        description="Config, from the working directory, of a run whose training articles are read too; what overlaps its dev and held-out articles is not.",
    )
    held_out_characters: int = Field(default=6000, ge=1000, description="Text at the end of each file that is not trained on but scored.")
    mixing_exponent: Fraction = Field(default=0.5, description="Sampling of languages in proportion to tokens ** exponent: 1 = as it is, 0 = all equally.")


class PretrainModel(Strict):
    architecture: EncoderArchitecture = Field(description="Encoder to build with random weights; its dropout is for runs from this base, pretraining has none.")
    tokenizer: TokenizerConfig = Field(description="Tokenizer to train on the text, all languages alike.")
    window_tokens: int = Field(default=512, ge=16, le=32_768, description="Tokens in a row; runs that train from this base read no longer windows.")


class PretrainingConfig(Optimization):
    tokens: int = Field(ge=1, description="Tokens that the whole run reads, special tokens among them.")
    batch_tokens: int = Field(default=8192, ge=16, description="Tokens in a batch.")
    optimizer: Literal["muon", "adamw"] = Field(default="muon", description="What updates the matrices: muon or adamw; adamw does all else.")
    embeddings: Literal["counted", "random"] = Field(
        default="counted", description="How token embeddings begin: from counts of which tokens stand near each other, or random."
    )
    mask_first: Rate = Field(default=0.3, gt=0, description="Share of the tokens that is masked at the beginning of the run.")
    mask_last: Rate = Field(default=0.15, gt=0, description="Share of the tokens that is masked at its end; in between it changes evenly.")


class PretrainConfig(Strict):
    name: Name = Field(description="Name of the run; letters, digits, '_', '-' and '.'.")
    seed: int = Field(default=13, ge=0, lt=2**32, description="Seed of every random choice.")
    output: FilePath = Field(description="Folder of the run, from the working directory; the base is OUTPUT/checkpoint.")
    data: TextConfig = Field(description="What is read.")
    model: PretrainModel = Field(description="What is built.")
    training: PretrainingConfig = Field(description="How it is trained.")

    @field_validator("training")
    @classmethod
    def _fits_model(cls, training: PretrainingConfig, info: ValidationInfo) -> PretrainingConfig:
        model: PretrainModel | None = info.data.get("model")
        if model and training.batch_tokens % model.window_tokens:
            raise ValueError(f"batch_tokens must be a multiple of model.window_tokens, {model.window_tokens}, found {training.batch_tokens}")
        if training.tokens < training.batch_tokens:
            raise ValueError(f"tokens must be at least one batch, batch_tokens = {training.batch_tokens}, found {training.tokens}")
        return training


def load_pretrain_config(path: str | Path, overrides: Sequence[str] = (), data_root: Path | None = None) -> PretrainConfig:
    """Read a pretraining run from YAML; see `training.config_file.read_config`."""
    return read_config(PretrainConfig, path, overrides, data_root)
