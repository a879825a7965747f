"""The section `model` of a run config: the backbone, its tokenizer, what its decoder writes, and the limits of what is read.

In: the values of the YAML file. Out: a frozen `ModelConfig`. Does not know: data, training, or how a model is built from it.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator

from training.config_types import FilePath, Rate, Strict

LANGUAGE = "{lang}"
"""What a control prefix has in place of the article's language code."""

TYPE = "Kind of backbone to build with random weights: modernbert is an encoder, t5 and bart are encoder-decoders."


class EncoderArchitecture(Strict):
    type: Literal["modernbert"] = Field(description=TYPE)
    layers: int = Field(ge=1, description="Encoder layers.")
    width: int = Field(ge=8, description="Width of the states.")
    heads: int = Field(ge=1, description="Attention heads; width / heads must be an even number (rotary positions).")
    feed_forward: int = Field(ge=8, description="Width of the feed-forward layers.")
    dropout: Rate = Field(default=0.0, description="Dropout inside the encoder, a probability.")
    global_every: int = Field(default=3, ge=1, description="Every how many layers attention is global; the others are local.")
    local_window_tokens: int = Field(default=128, ge=2, description="Tokens that a local layer attends to, half on each side.")
    rope_theta: float = Field(default=10_000.0, gt=0, description="Base of the rotary position frequencies.")

    @field_validator("heads")
    @classmethod
    def _divides_width(cls, heads: int, info: ValidationInfo) -> int:
        width = info.data.get("width")
        if width is not None and width % (2 * heads):
            raise ValueError(f"width / heads must be an even number, found {width} / {heads}")
        return heads


class EncoderDecoderArchitecture(Strict):
    type: Literal["t5", "bart"] = Field(description=TYPE)
    layers: int = Field(ge=1, description="Encoder layers.")
    decoder_layers: int = Field(ge=1, description="Decoder layers.")
    width: int = Field(ge=8, description="Width of the states, in the encoder and in the decoder.")
    heads: int = Field(ge=1, description="Attention heads of a layer; width / heads must be a whole number.")
    feed_forward: int = Field(ge=8, description="Width of the feed-forward layers.")
    dropout: Rate = Field(default=0.0, description="Dropout inside the encoder and the decoder, a probability.")

    @field_validator("heads")
    @classmethod
    def _divides_width(cls, heads: int, info: ValidationInfo) -> int:
        width = info.data.get("width")
        if width is not None and width % heads:
            raise ValueError(f"width / heads must be a whole number, found {width} / {heads}")
        return heads


Architecture: TypeAlias = Annotated[EncoderArchitecture | EncoderDecoderArchitecture, Field(discriminator="type")]


class Lora(Strict):
    rank: int = Field(default=16, ge=1, description="Rank of the two matrices that stand for the change of a backbone's matrix.")
    alpha: int = Field(default=32, ge=1, description="Strength of the change, which is scaled by alpha / rank.")
    dropout: Rate = Field(default=0.05, description="Dropout in front of the two matrices, a probability.")


class Backbone(Strict):
    hub: str | None = Field(default=None, min_length=1, description="Hub id of a pretrained encoder or encoder-decoder.")
    revision: str | None = Field(default=None, description="Commit or tag of the Hub model.")
    folder: FilePath | None = Field(default=None, description="Folder of a pretrained encoder or encoder-decoder, as `save_pretrained` writes it.")
    architecture: Architecture | None = Field(default=None, description="Encoder or encoder-decoder to build from scratch.")
    lora: Lora | None = Field(default=None, description="Low-rank changes that are trained in place of a pretrained backbone's weights; default: none.")

    @field_validator("architecture")
    @classmethod
    def _is_one_kind(cls, architecture: Architecture | None, info: ValidationInfo) -> Architecture | None:
        found = [name for name in ("hub", "folder") if info.data.get(name)] + (["architecture"] if architecture else [])
        if len(found) != 1 and {"hub", "folder"} <= info.data.keys():
            raise ValueError(f"a backbone is exactly one of 'hub', 'folder' and 'architecture', found {' and '.join(found) or 'none'}")
        if info.data.get("revision") and found != ["hub"]:
            raise ValueError("'revision' goes with 'hub' only; remove it")
        return architecture

    @field_validator("lora")
    @classmethod
    def _is_pretrained(cls, lora: Lora | None, info: ValidationInfo) -> Lora | None:
        if lora is not None and info.data.get("architecture") is not None:
            raise ValueError("low-rank changes go with a pretrained backbone ('hub' or 'folder'): random weights must be trained themselves; remove it")
        return lora

    @property
    def has_decoder(self) -> bool | None:
        """Whether it can write; None where only the files of the pretrained model say so."""
        return None if self.architecture is None else isinstance(self.architecture, EncoderDecoderArchitecture)


class TokenizerConfig(Strict):
    type: Literal["unigram", "bpe"] = Field(description="Kind of subword model, with byte fallback.")
    vocabulary_size: int = Field(ge=300, le=1_000_000, description="Pieces, the 256 bytes and the special tokens among them.")
    lowercase: bool = Field(default=False, description="Whether text is lowercased first: a headline then matches the body, at the price of case.")


class DecoderConfig(Strict):
    tokens: int = Field(default=128, ge=8, description="Tokens of a written text, at most; the control prefix does not count.")
    summary_prefix: str = Field(default="{lang} summary:", min_length=1, description="Opens a written summary; {lang} stands for the language code.")
    headline_prefix: str = Field(default="{lang} headline:", min_length=1, description="Opens a written headline; {lang} stands for the language code.")

    @field_validator("summary_prefix", "headline_prefix")
    @classmethod
    def _knows_its_braces(cls, prefix: str) -> str:
        rest = prefix.replace(LANGUAGE, "")
        if "{" in rest or "}" in rest:
            raise ValueError(f"braces can only stand in {LANGUAGE}, the article's language code, found {prefix!r}")
        return prefix

    @field_validator("headline_prefix")
    @classmethod
    def _tells_headlines_apart(cls, prefix: str, info: ValidationInfo) -> str:
        if prefix == info.data.get("summary_prefix"):
            raise ValueError(f"must differ from summary_prefix, or the decoder cannot know what to write, found {prefix!r} in both")
        return prefix


class ModelConfig(Strict):
    backbone: Backbone = Field(description="Encoder or encoder-decoder: a Hub id, a folder, or an architecture.")
    tokenizer: TokenizerConfig | None = Field(default=None, description="Tokenizer trained on the run's own training text; goes with `architecture` only.")
    decoder: DecoderConfig = Field(default=DecoderConfig(), description="What the decoder of an encoder-decoder writes; an encoder has none.")
    window_tokens: int = Field(default=512, ge=16, le=32_768, description="Tokens in a window; windows end at sentence ends.")
    max_windows: int = Field(default=16, ge=1, description="Windows read of one article; what is beyond is left out with a warning.")
    target_tokens: int = Field(default=48, ge=4, description="Tokens read of a stance target.")
    reader_layers: int = Field(default=2, ge=1, description="Cross-attention blocks with which a target reads the article.")
    dropout: Rate = Field(default=0.1, description="Dropout in the heads, a probability.")
    ngram_buckets: int = Field(
        default=131_072,
        ge=0,
        description="Size of the linear models of n-grams that answer beside the encoder: half as many hash buckets of each kind for stances, "
        "one and a half times as many n-grams for topics; 0 = none.",
    )
    word_buckets: int = Field(default=131_072, ge=0, description="Hash buckets of the model of words that weighs sentences beside the encoder; 0 = none.")

    @field_validator("tokenizer")
    @classmethod
    def _goes_with_architecture(cls, tokenizer: TokenizerConfig | None, info: ValidationInfo) -> TokenizerConfig | None:
        backbone: Backbone | None = info.data.get("backbone")
        if backbone and (backbone.architecture is None) != (tokenizer is None):
            raise ValueError(
                "a backbone built from an architecture needs a tokenizer, e.g. {type: unigram, vocabulary_size: 32000}, found none"
                if tokenizer is None
                else "a pretrained backbone brings its own tokenizer; remove this one or set it to null"
            )
        if backbone and backbone.has_decoder and tokenizer and tokenizer.lowercase:
            raise ValueError("lowercase must be false where the backbone has a decoder, which would write names and sentences without capitals, found true")
        return tokenizer
