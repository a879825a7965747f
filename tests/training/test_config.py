from pathlib import Path

import pytest
from pydantic import BaseModel

import training.config
import training.config_model
import training.config_pretrain
from inference.errors import ConfigError
from inference.labels import IPTC_TOPICS
from training.config import RunConfig, load_config
from training.config_file import config_to_yaml
from training.config_model import EncoderDecoderArchitecture, Lora

SMALL = """\
name: small
output: runs/small
data:
  train:
    - {name: news, path: news.jsonl}
  dev:
    - {name: news, path: dev.csv, lang: no, columns: {text: body}}
model:
  backbone:
    architecture: {type: modernbert, layers: 2, width: 64, heads: 4, feed_forward: 128}
  tokenizer: {type: unigram, vocabulary_size: 500}
training:
  learning_rate: 2e-5
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL, encoding="utf-8")
    return file


def problems(path: Path, overrides: list[str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides or [])
    head, *lines = str(caught.value).splitlines()
    assert head == f"{path} has {len(lines)} problem{'s' if len(lines) > 1 else ''}:"
    return [line.strip().removeprefix(f"{path}:") for line in lines]


def problem(path: Path, override: str) -> str:
    (line,) = problems(path, [override])
    return line.removeprefix(f"--set {override}: ")


def test_what_an_override_replaces_is_told_at_the_override(path: Path) -> None:
    override = "data.train=[{name: a, path: x.doc}]"
    (line,) = problems(path, [override])
    assert line.startswith(f"--set {override}: data.train.0.path: must end in one of ")
    later = "data.train=[{name: a, path: x.txt}]"
    (line,) = problems(path, ["data.train.0.path=x.doc", later])
    assert line.startswith(f"--set {later}: data.train.0.path: ")
    assert line.endswith("found 'x.txt'.")


def test_values_and_defaults(path: Path) -> None:
    config = load_config(path)
    assert config.training.learning_rate == 2e-5
    assert config.data.dev[0].lang == "no"
    assert config.data.dev[0].columns == {"text": "body"}
    assert config.data.topics == IPTC_TOPICS
    assert config.data.root == Path()
    assert (config.model.window_tokens, config.training.max_windows, config.losses.headline_salience) == (512, 2, 0.3)


def test_the_resolved_config_reads_back_equal(path: Path, tmp_path: Path) -> None:
    config = load_config(path, ["data.train.0.labels.topic.geography=null", "data.train.0.labels.topic.0=arts", "name='1e5'"])
    assert config.data.train[0].labels.topic == {"geography": None, "0": "arts"}
    again = tmp_path / "resolved.yaml"
    again.write_text(config_to_yaml(config), encoding="utf-8")
    assert load_config(again) == config


def test_the_data_root_of_the_command_line_wins(path: Path) -> None:
    assert load_config(path, ["data.root=elsewhere"]).data.root == Path("elsewhere")
    assert load_config(path, ["data.root=elsewhere"], data_root=Path("/data")).data.root == Path("/data")


def test_overrides_reach_list_items_and_missing_sections(path: Path) -> None:
    config = load_config(path, ["data.train.0.path=other.parquet", "losses.stance=0", "training.select=[topic_accuracy]", "training.tokens=5_000"])
    assert config.data.train[0].path == Path("other.parquet")
    assert config.losses.stance == 0
    assert config.training.select == ("topic_accuracy",)
    assert config.training.tokens == 5000


def test_a_pretrained_backbone_by_override(path: Path) -> None:
    config = load_config(path, ["model.backbone={hub: owner/model, revision: main}", "model.tokenizer=null"])
    assert config.model.backbone.hub == "owner/model"


def test_all_problems_come_together(path: Path) -> None:
    text = SMALL.replace("output:", "outptu:").replace("2e-5", "fast").replace("layers: 2", "layers: 0").replace("lang: no", "lang: false")
    path.write_text(text + "  patience: 3\n  patience: 4\n", encoding="utf-8")
    found = problems(path, ["training.lr=1", "seed=-1"])
    assert found == [
        "15: training.patience: the key stands twice, first on line 14. Keep one of them.",
        "--set training.lr=1: in training, 'lr' is an unknown key. Known here: accumulation, learning_rate, embedding_learning_rate, "
        "weight_decay, warmup_fraction, gradient_clip, precision, evaluate_every, tokens, batch_tokens, gradient_checkpointing, max_windows, max_targets, "
        "hide_title, inject_boilerplate, mask_tokens, dev_articles, generated_articles, patience, select.",
        "--set seed=-1: seed: must be greater than or equal to 0, found -1. Seed of every random choice.",
        " output: missing; give a value. Folder of the run, from the working directory.",
        "7: data.dev.0.lang: must be a valid string, found False; quote the value if it is text. ISO 639 code of the rows that name no language.",
        "10: model.backbone.architecture.layers: must be greater than or equal to 1, found 0. Encoder layers.",
        "13: training.learning_rate: must be a valid number, found 'fast'. Peak learning rate.",
        "2: outptu: unknown key; did you mean 'output'? Known here: name, seed, output, data, model, losses, training; its value is 'runs/small'.",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.learnign_rate=1", "in training, 'learnign_rate' is an unknown key; did you mean 'learning_rate'? Known here: accumulation, "),
        ("data.train.3.path=x.csv", "data.train is a list of 1; give a position from 0 to 0, found 3."),
        ("name.first=x", "name is 'small', not a mapping; it has no 'first'."),
        ("training.tokens", "must look like training.tokens=1000000."),
        ("training.tokens=[1", "'[1':1: not valid YAML: "),
        ("training.tokens=8e6", "training.tokens: must be a valid integer, found 8000000.0. Article tokens that the whole run reads."),
        ("training.tokens=true", "training.tokens: must be a valid integer, found True."),
        ("training.gradient_clip=.inf", "training.gradient_clip: must be a finite number, found inf."),
        ("training.precision=float16", "training.precision: must be 'auto', 'float32' or 'bfloat16', found 'float16' (did you mean 'bfloat16'?)."),
        ("training.max_windows=40", "training: max_windows must be at most model.max_windows, 16, found 40."),
        ("training.batch_tokens=512", "training: batch_tokens must hold one article, max_windows * model.window_tokens = 1024, found 512."),
        ("data.dev=[]", "data.dev: must have at least 1 item, found []. Sources to choose the best checkpoint by; never trained on."),
        ("data.topics=[sport]", "data.topics: must have at least 2 items, found ['sport']."),
        ("data.topics=[arts, sport, arts]", "data.topics: must not name anything twice, found 'arts' more than once."),
        ("data.train.0.path=news.txt", "data.train.0.path: must end in one of .jsonl, .jsonl.gz, .jsonl.xz, .csv, .parquet, found 'news.txt'."),
        ("data.train.0.path=null", "data.train.0.hub: a source is exactly one of 'path' and 'hub', found neither."),
        ("data.train.0.hub={id: a/b, split: train}", "data.train.0.hub: a source is exactly one of 'path' and 'hub', found both."),
        ("data.train.0.columns.txt=body", "data.train.0.columns.txt: must be 'id', 'lang', 'title', 'text', "),
        ("data.train.0.labels.stance.agree=favour", "must be 'favor', 'against', 'neutral' or 'unrelated', found 'favour' (did you mean 'favor'?)."),
        (
            "data.train.0.labels.topic.Sports=sports",
            "labels.topic maps 'Sports' to 'sports' (did you mean 'sport'?). Allowed are data.topics (arts, conflict, ",
        ),
        ("data.train.0.topic_labels=[sport, art]", "topic_labels names 'art' (did you mean 'arts'?). Allowed are data.topics (arts, "),
        ("data.train.0.weight=0", "data.train.0.weight: must be greater than 0, found 0."),
        ("data.train.0.lang=Norwegian", "data.train.0.lang: "),
        (
            "model.tokenizer=null",
            "model.tokenizer: a backbone built from an architecture needs a tokenizer, e.g. {type: unigram, vocabulary_size: 32000}, found none.",
        ),
        ("model.backbone={folder: base}", "model.tokenizer: a pretrained backbone brings its own tokenizer; remove this one or set it to null."),
        (
            "model.backbone.folder=base",
            "model.backbone.architecture: a backbone is exactly one of 'hub', 'folder' and 'architecture', found folder and architecture.",
        ),
        ("model.backbone={}", "model.backbone.architecture: a backbone is exactly one of 'hub', 'folder' and 'architecture', found none."),
        ("model.backbone.revision=v1", "model.backbone.architecture: 'revision' goes with 'hub' only; remove it."),
        ("model.backbone.architecture.heads=5", "model.backbone.architecture.heads: width / heads must be an even number, found 64 / 5."),
        ("model.backbone=5", "model.backbone: must be a mapping, found 5. Encoder or encoder-decoder: a Hub id, a folder, or an architecture."),
    ],
)
def test_one_problem(path: Path, override: str, message: str) -> None:
    assert message in problem(path, override)


WRITER = "model.backbone.architecture={type: t5, layers: 2, decoder_layers: 1, width: 64, heads: 4, feed_forward: 128}"


def test_an_encoder_decoder_and_its_overrides(path: Path) -> None:
    config = load_config(path, [WRITER, "model.backbone.architecture.layers=3", "model.backbone.architecture.type=bart", "model.decoder.tokens=64"])
    architecture = config.model.backbone.architecture
    assert isinstance(architecture, EncoderDecoderArchitecture)
    assert (architecture.type, architecture.layers, architecture.decoder_layers, architecture.dropout) == ("bart", 3, 1, 0.0)
    assert (config.model.decoder.tokens, config.model.decoder.summary_prefix, config.model.decoder.headline_prefix) == (
        64,
        "{lang} summary:",
        "{lang} headline:",
    )


def test_what_is_written_by_default(path: Path) -> None:
    backbone = ["model.backbone={hub: owner/model}", "model.tokenizer=null"]
    config = load_config(path, [*backbone, "data.train.0.generate=both", "training.select=[generated_rougeL]"])
    assert (config.data.train[0].generate, config.data.dev[0].generate) == ("both", "summary")
    assert (config.losses.summary, config.losses.headline_generation, config.losses.summary_label_smoothing) == (1.0, 0.5, 0.1)
    assert (config.training.generated_articles, config.training.gradient_checkpointing) == (64, False)


def test_an_encoder_decoder_and_low_rank_changes_read_back_equal(path: Path, tmp_path: Path) -> None:
    pretrained = ["model.backbone={hub: owner/model, lora: {rank: 4}}", "model.tokenizer=null"]
    again = tmp_path / "resolved.yaml"
    for overrides in ([WRITER], pretrained):
        config = load_config(path, overrides)
        again.write_text(config_to_yaml(config), encoding="utf-8")
        assert load_config(again) == config
    assert config.model.backbone.lora == Lora(rank=4, alpha=32, dropout=0.05)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "model.backbone.architecture.type=moderbert",
            "model.backbone.architecture.type: must be 'modernbert', 't5' or 'bart', found 'moderbert' (did you mean 'modernbert'?). "
            "Kind of backbone to build with random weights: modernbert is an encoder, t5 and bart are encoder-decoders.",
        ),
        ("model.backbone.architecture.type=5", "model.backbone.architecture.type: must be 'modernbert', 't5' or 'bart', found 5. Kind of backbone"),
        ("model.backbone.architecture=t5", "model.backbone.architecture: must be a mapping, found 't5'. Encoder or encoder-decoder to build from scratch."),
        ("model.backbone.architecture.layers=two", "model.backbone.architecture.layers: must be a valid integer, found 'two'. Encoder layers."),
        ("model.backbone.architecture.heads=5", "model.backbone.architecture.heads: width / heads must be a whole number, found 64 / 5."),
        (
            "model.backbone.architecture.decoder_layer=2",
            "in model.backbone.architecture, 'decoder_layer' is an unknown key; did you mean 'decoder_layers'? "
            "Known here: type, layers, decoder_layers, width, heads, feed_forward, dropout.",
        ),
        ("model.backbone.architecture.global_every=2", "'global_every' is an unknown key. Known here: type, layers, decoder_layers, width, "),
        ("model.backbone.lora={rank: 8}", "low-rank changes go with a pretrained backbone ('hub' or 'folder'): random weights must be trained themselves"),
        ("model.decoder.summary_prefix=''", "model.decoder.summary_prefix: must have at least 1 character, found ''. Opens a written summary; "),
        ("model.decoder.headline_prefix='{language}:'", "braces can only stand in {lang}, the article's language code, found '{language}:'."),
        ("model.decoder.headline_prefix='{lang} summary:'", "model.decoder.headline_prefix: must differ from summary_prefix, or the decoder cannot know "),
        ("training.select=[generated_rouge3]", "'generated_rouge2' or 'generated_rougeL', found 'generated_rouge3' (did you mean 'generated_rougeL'?)."),
        ("data.train.0.generate=title", "data.train.0.generate: must be 'summary', 'headline', 'both' or 'none', found 'title'. What of its articles "),
    ],
)
def test_one_problem_of_an_encoder_decoder(path: Path, override: str, message: str) -> None:
    path.write_text(SMALL.replace("{type: modernbert, layers: 2,", "{type: t5, layers: 2, decoder_layers: 1,"), encoding="utf-8")
    assert message in problem(path, override)


def test_problems_inside_an_architecture_stand_at_their_lines(path: Path) -> None:
    architecture = """
      type: bart
      layers: 0
      width: 64
      headz: 4
      feed_forward: 128"""
    path.write_text(SMALL.replace(" {type: modernbert, layers: 2, width: 64, heads: 4, feed_forward: 128}", architecture), encoding="utf-8")
    assert problems(path) == [
        "12: model.backbone.architecture.layers: must be greater than or equal to 1, found 0. Encoder layers.",
        "10: model.backbone.architecture.decoder_layers: missing; give a value. Decoder layers.",
        "10: model.backbone.architecture.heads: missing; give a value. Attention heads of a layer; width / heads must be a whole number.",
        "14: model.backbone.architecture.headz: unknown key; did you mean 'heads'? Known here: type, layers, decoder_layers, width, heads, feed_forward, "
        "dropout; its value is 4.",
    ]


def test_an_architecture_without_a_type(path: Path) -> None:
    path.write_text(SMALL.replace("type: modernbert, ", ""), encoding="utf-8")
    assert problems(path) == [
        "10: model.backbone.architecture.type: missing; give a value. "
        "Kind of backbone to build with random weights: modernbert is an encoder, t5 and bart are encoder-decoders."
    ]
    _, found = problems(path, ["model.backbone.architecture.decoder_layrs=2"])[::-1]
    assert "'decoder_layrs' is an unknown key; did you mean 'decoder_layers'? Known here: type, layers, width, " in found  # of any type


def test_a_decoder_needs_capitals(path: Path) -> None:
    (found,) = problems(path, [WRITER, "model.tokenizer.lowercase=true"])
    assert found == (
        "11: model.tokenizer: lowercase must be false where the backbone has a decoder, which would write names and sentences without capitals, found true."
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.train.0.generate=both", "data.train: news is to teach a decoder headlines, and this backbone has none"),
        ("training.hide_title=0", "hide_title must be above 0 where a source has `generate: headline` or `both`: a title that is read is not written, found 0"),
    ],
)
def test_titles_that_nobody_would_write(path: Path, override: str, message: str) -> None:
    architecture = "model.backbone.architecture={type: t5, layers: 1, decoder_layers: 1, width: 16, heads: 2, feed_forward: 16}"
    others = [] if override.startswith("data") else [architecture, "model.tokenizer.lowercase=false", "data.train.0.generate=headline"]
    with pytest.raises(ConfigError) as error:
        load_config(path, [*others, override])
    assert message in str(error.value)


def test_two_sources_of_one_name(path: Path) -> None:
    path.write_text(SMALL.replace("    - {name: news, path: news.jsonl}\n", "    - {name: news, path: a.csv}\n    - {name: news, path: b.csv}\n"))
    assert problems(path) == ["4: data.train: must not name anything twice, found 'news' more than once."]


@pytest.mark.parametrize(("text", "found"), [("", "nothing"), ("- a\n", "list"), ("just text\n", "str")])
def test_a_config_that_is_no_mapping(path: Path, text: str, found: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=f"a config must be a mapping with the keys name, seed, output, data, model, losses, training, found {found}."):
        load_config(path)


def test_a_config_that_cannot_be_read(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml: cannot be read \(No such file or directory\)\. Give the path of a YAML config"):
        load_config(tmp_path / "missing.yaml")
    path.write_bytes(b"name: \xff")
    with pytest.raises(ConfigError, match=r"small\.yaml: a config must be UTF-8 text"):
        load_config(path)


def test_every_field_says_what_it_is() -> None:
    values = [value for module in (training.config, training.config_model, training.config_pretrain) for value in vars(module).values()]
    models = {value for value in values if isinstance(value, type) and issubclass(value, BaseModel) and value.model_fields}
    assert RunConfig in models
    assert len(models) == 19
    for model in models:
        for name, field in model.model_fields.items():
            assert (field.description or "").endswith("."), f"{model.__name__}.{name}"


def extending(folder: Path, text: str) -> Path:
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    path = folder / "more" / "other.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_config_may_begin_from_another(tmp_path: Path) -> None:
    """Mappings are merged key by key, a list is replaced, and what is not named stays."""
    path = extending(tmp_path, "extends: ../small.yaml\nname: other\ndata: {train: [{name: one, path: one.csv}]}\ntraining: {tokens: 77}\n")
    base, config = load_config(tmp_path / "small.yaml"), load_config(path, ["seed=4"])
    assert (config.name, config.seed, config.training.tokens) == ("other", 4, 77)
    assert [source.name for source in config.data.train] == ["one"]
    assert config.data.dev == base.data.dev
    assert config.model == base.model
    assert config.training == base.training.model_copy(update={"tokens": 77})
    again = tmp_path / "again.yaml"
    again.write_text(config_to_yaml(config), encoding="utf-8")
    assert load_config(again) == config


def test_null_takes_a_value_of_the_other_config_away(tmp_path: Path) -> None:
    path = extending(tmp_path, "extends: ../small.yaml\nmodel: {backbone: {architecture: null, folder: base}, tokenizer: null}\n")
    config = load_config(path)
    assert config.model.backbone.folder == Path("base")
    assert config.model.backbone.architecture is config.model.tokenizer is None


def test_problems_are_told_at_the_file_that_has_them(tmp_path: Path) -> None:
    path = extending(tmp_path, "extends: ../small.yaml\nlosses: {stance: -1}\ndata:\n  train:\n    - {name: one, path: one.doc}\n")
    (tmp_path / "small.yaml").write_text(SMALL + "seed: -3\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    _, *lines = str(caught.value).splitlines()
    assert [line.split(": ")[0].strip() for line in lines] == [f"{path.parent}/../small.yaml:14", f"{path}:5", f"{path}:2"]


def test_what_a_replaced_list_lacks_is_told_where_the_new_list_stands(tmp_path: Path) -> None:
    """The other file has the missing keys, in items of a list that counts no more; beside it, its own problems stay at its lines."""
    path = extending(tmp_path, "extends: ../small.yaml\ntraining: {tokens: 0}\ndata:\n  train:\n    - name: one\n    - path: one.csv\n")
    train = "    - {name: news, path: news.jsonl}\n"
    (tmp_path / "small.yaml").write_text(SMALL.replace(train, train + "    - {name: more, path: more.csv}\n").replace("lang: no", "lang: 7"), encoding="utf-8")
    last = tmp_path / "last.yaml"
    last.write_text("extends: more/other.yaml\nname: last\nmodel: {tokenizer: {}}\n", encoding="utf-8")
    for read, other in ((path, path), (last, tmp_path / "more" / "other.yaml")):
        with pytest.raises(ConfigError) as caught:
            load_config(read)
        _, *lines = str(caught.value).splitlines()
        assert [line.strip().split(": ")[:2] for line in lines] == [
            [f"{other}:5", "data.train.0.hub"],
            [f"{other}:6", "data.train.1.name"],
            [f"{other.parent}/../small.yaml:8", "data.dev.0.lang"],
            [f"{other}:2", "training.tokens"],
        ]


def test_what_a_merged_mapping_lacks_is_told_where_the_extending_file_names_it(tmp_path: Path) -> None:
    path = extending(tmp_path, "extends: ../small.yaml\nmodel:\n  backbone:\n    architecture: {type: t5, width: 62}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    _, *lines = str(caught.value).splitlines()
    assert [line.strip().split(". ")[0].rstrip(".") for line in lines] == [
        f"{path}:4: model.backbone.architecture.decoder_layers: missing; give a value",
        f"{path.parent}/../small.yaml:10: model.backbone.architecture.heads: width / heads must be a whole number, found 62 / 4",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: 5\n", r"other\.yaml:1: extends must name another config, as a path from this one's folder, found 5\."),
        ("extends: other.yaml\n", r"other\.yaml:1: extends: other\.yaml begins from this config itself\. Name another one\."),
        ("extends: missing.yaml\n", r"missing\.yaml: cannot be read \(No such file or directory\)\."),
    ],
)
def test_a_wrong_extends_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(extending(tmp_path, text))


def test_two_configs_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"b\.yaml:1: extends: a\.yaml begins from this config itself"):
        load_config(tmp_path / "a.yaml")
