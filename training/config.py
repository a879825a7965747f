"""A run as strict models: what one YAML file says, checked whole before anything is read or trained.

In: a YAML file, `a.b=value` overrides, a data root. Out: a frozen `RunConfig`, or one `ConfigError` that lists every problem.
Does not know: whether the files and data sets that it names exist (`training.sources` reads them), or how a model is built.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from inference.labels import IPTC_TOPICS
from training.config_file import read_config
from training.config_model import ModelConfig
from training.config_problems import nearest
from training.config_types import FilePath, Fraction, Name, Optimization, Rate, Strict, UniqueTexts, check_unique

DATA_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.xz", ".csv", ".parquet")

OurField: TypeAlias = Literal["id", "lang", "title", "text", "topic", "stances", "summary", "boilerplate", "date", "target", "stance"]
"""Fields a column can be mapped to; `target` and `stance` are one pair a row, where a table has no `stances` list."""
StanceName: TypeAlias = Literal["favor", "against", "neutral", "unrelated"]
OwnScore: TypeAlias = Literal["topic_accuracy", "topic_macro_f1", "topic_weighted_f1", "stance_macro_f1", "rouge1", "rouge2", "rougeL", "chrf"]
GeneratedScore: TypeAlias = Literal["generated_rouge1", "generated_rouge2", "generated_rougeL"]
"""Of what the decoder writes, before any check; rouge1 and the like are those of the extracted sentences."""
ScoreName: TypeAlias = Literal[OwnScore, GeneratedScore]


def _text_keys(value: Any) -> Any:
    """Data sets often number their labels: `{0: politics}` means the label "0"."""
    if not isinstance(value, dict):
        return value
    return {str(key) if isinstance(key, int) and not isinstance(key, bool) else key: ours for key, ours in value.items()}


class HubData(Strict):
    id: str = Field(min_length=1, description="Hub id (owner/name) of the data set, or a local folder in a form that `datasets` loads.")
    config: str | None = Field(default=None, description="Configuration of the data set, often a language; none where it has only one.")
    split: str = Field(min_length=1, description="Split to read, e.g. train.")
    revision: str | None = Field(default=None, description="Commit or tag, so that a later change of the data set cannot change the run.")


class LabelMaps(Strict):
    topic: Annotated[dict[str, str | None], BeforeValidator(_text_keys)] = Field(default={}, description="Their topic to ours; null drops the label.")
    stance: Annotated[dict[str, StanceName | None], BeforeValidator(_text_keys)] = Field(default={}, description="Their stance to ours; null drops the label.")


class Source(Strict):
    name: Name = Field(description="Name in reports and scores; letters, digits, '_', '-' and '.'.")
    path: FilePath | None = Field(default=None, description="Data file from data.root: JSON Lines (plain, .gz, .xz), CSV or Parquet.")
    root: FilePath | None = Field(default=None, description="Folder that `path` starts from, in place of data.root and --data-root.")
    hub: HubData | None = Field(default=None, description="Hugging Face Hub data set, instead of `path`.")
    columns: dict[OurField, str] = Field(default={}, description="Our field to their column, where the names differ.")
    labels: LabelMaps = Field(default=LabelMaps(), description="Their label names to ours.")
    topic_labels: UniqueTexts | None = Field(None, description="Topics that the source uses, over which its topic loss is a softmax; default: those found.")
    neutral_covers_unrelated: bool = Field(default=False, description="Whether its stance `neutral` also stands for `unrelated`.")
    headline_as_summary: bool = Field(default=False, description="Whether the title teaches salience where there is no summary, at losses.headline_salience.")
    generate: Literal["summary", "headline", "both", "none"] = Field(default="summary", description="What of its articles the decoder learns to write, if any.")
    lang: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$", description="ISO 639 code of the rows that name no language.")
    max_articles: int | None = Field(default=None, ge=1, description="Most articles to use, a seeded sample; default all.")
    weight: float = Field(default=1.0, gt=0, description="Factor on its sampling weight; 1 = as its size says.")
    license: str | None = Field(default=None, description="License as the source states it; the checkpoint and the model card name it.")
    home: str | None = Field(default=None, description="Where the set comes from, a link or a citation; the checkpoint and the model card name it.")

    @field_validator("path")
    @classmethod
    def _has_known_suffix(cls, path: Path | None) -> Path | None:
        if path is not None and not path.name.endswith(DATA_SUFFIXES):
            raise ValueError(f"must end in one of {', '.join(DATA_SUFFIXES)}, found {str(path)!r}")
        return path

    @field_validator("hub")
    @classmethod
    def _is_one_place(cls, hub: HubData | None, info: ValidationInfo) -> HubData | None:
        if "path" in info.data and (hub is None) == (info.data["path"] is None):
            raise ValueError(f"a source is exactly one of 'path' and 'hub', found {'neither' if hub is None else 'both'}")
        return hub


def _check_topics(source: Source, info: ValidationInfo) -> Source:
    if "topics" not in info.data:
        return source  # its own error is reported
    topics: tuple[str, ...] = info.data["topics"]
    wrong = [
        f"labels.topic maps {theirs!r} to {ours!r}{nearest(ours, topics)}"
        for theirs, ours in source.labels.topic.items()
        if ours is not None and ours not in topics
    ]
    wrong += [f"topic_labels names {name!r}{nearest(name, topics)}" for name in source.topic_labels or () if name not in topics]
    if wrong:
        raise ValueError(f"{'; '.join(wrong)}. Allowed are data.topics ({', '.join(topics)}), and null in labels")
    return source


Sources: TypeAlias = Annotated[tuple[Annotated[Source, AfterValidator(_check_topics)], ...], Field(strict=False)]
SomeSources: TypeAlias = Annotated[Sources, Field(min_length=1)]


class DataConfig(Strict):
    root: FilePath = Field(default=Path(), description="Folder that relative source paths start from; --data-root wins; default: the working directory.")
    topics: UniqueTexts = Field(default=IPTC_TOPICS, description="Topics in the order of the logits, at least 2.")
    train: SomeSources = Field(description="Sources to train on.")
    dev: SomeSources = Field(description="Sources to choose the best checkpoint by; never trained on.")
    held_out: Sources = Field(default=(), description="Sources to report on at the end; the run only leaves out training articles that overlap them.")
    mixing_exponent: Fraction = Field(default=0.5, description="Sampling in proportion to size ** exponent: 1 = as it is, 0 = all sources equally.")

    @field_validator("train", "dev", "held_out")
    @classmethod
    def _has_unique_names(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        check_unique(tuple(source.name for source in sources))
        return sources


class LossConfig(Strict):
    topic: float = Field(default=1.0, ge=0, description="Weight of the topic loss.")
    stance: float = Field(default=1.0, ge=0, description="Weight of the stance loss.")
    salience: float = Field(default=1.0, ge=0, description="Weight of the sentence salience loss.")
    boilerplate: float = Field(default=0.5, ge=0, description="Weight of the sentence boilerplate loss.")
    summary: float = Field(default=1.0, ge=0, description="Weight of the loss of the text that the decoder writes.")
    headline_salience: float = Field(default=0.3, ge=0, description="Weight, within the salience loss, of sentences whose targets come from a headline.")
    headline_generation: float = Field(default=0.5, ge=0, description="Weight, within the summary loss, of the tokens of headlines.")
    label_smoothing: Rate = Field(default=0.0, description="Share of a topic or stance label that is spread over the other labels.")
    summary_label_smoothing: Rate = Field(default=0.1, description="Share of a token of the written text that is spread over the vocabulary.")


class TrainingConfig(Optimization):
    tokens: int = Field(default=8_000_000, ge=1, description="Article tokens that the whole run reads.")
    batch_tokens: int = Field(default=8192, ge=16, description="Article tokens in a batch, at most.")
    gradient_checkpointing: bool = Field(default=False, description="Whether the backward pass computes states again instead of storing them.")
    max_windows: int = Field(default=2, ge=1, description="Windows of an article read in training.")
    max_targets: int = Field(default=32, ge=1, description="Targets of an article drawn each time it is visited.")
    hide_title: Fraction = Field(default=0.5, description="Probability that a visited article's title is left out.")
    inject_boilerplate: Fraction = Field(
        default=0.3, description="Probability that boilerplate lines are put into a clean article, drawn once per article before training, not per visit."
    )
    mask_tokens: Rate = Field(default=0.0, description="Probability that an article token is masked.")
    dev_articles: int | None = Field(default=None, ge=1, description="Most dev articles of a source in an evaluation; default all.")
    generated_articles: int = Field(default=64, ge=1, description="Most dev articles of a source whose summaries the decoder writes in an evaluation.")
    patience: int = Field(default=5, ge=1, description="Evaluations without a better score after which the run stops.")
    select: Annotated[tuple[ScoreName, ...], Field(strict=False, min_length=1), AfterValidator(check_unique)] = Field(
        default=("topic_macro_f1", "stance_macro_f1", "rouge1"), description="Dev scores whose mean picks the best checkpoint."
    )


class RunConfig(Strict):
    name: Name = Field(description="Name of the run; letters, digits, '_', '-' and '.'.")
    seed: int = Field(default=13, ge=0, lt=2**32, description="Seed of every random choice.")
    output: FilePath = Field(description="Folder of the run, from the working directory.")
    data: DataConfig = Field(description="What is read.")
    model: ModelConfig = Field(description="What is built.")
    losses: LossConfig = Field(default=LossConfig(), description="What is learned, and how much each counts.")
    training: TrainingConfig = Field(default=TrainingConfig(), description="How it is trained.")

    @field_validator("training")
    @classmethod
    def _fits_model(cls, training: TrainingConfig, info: ValidationInfo) -> TrainingConfig:
        model: ModelConfig | None = info.data.get("model")
        data: DataConfig | None = info.data.get("data")
        titles = [source.name for source in data.train if source.generate in ("headline", "both")] if data else []
        if titles and model and model.backbone.has_decoder is False:
            raise ValueError(f"data.train: {', '.join(titles)} {'is' if len(titles) == 1 else 'are'} to teach a decoder headlines, and this backbone has none")
        if titles and not training.hide_title:
            raise ValueError("hide_title must be above 0 where a source has `generate: headline` or `both`: a title that is read is not written, found 0")
        if model and training.max_windows > model.max_windows:
            raise ValueError(f"max_windows must be at most model.max_windows, {model.max_windows}, found {training.max_windows}")
        if model and training.batch_tokens < training.max_windows * model.window_tokens:
            least = training.max_windows * model.window_tokens
            raise ValueError(f"batch_tokens must hold one article, max_windows * model.window_tokens = {least}, found {training.batch_tokens}")
        return training


def load_config(path: str | Path, overrides: Sequence[str] = (), data_root: Path | None = None) -> RunConfig:
    """Read a training run from YAML; see `training.config_file.read_config`."""
    return read_config(RunConfig, path, overrides, data_root)
