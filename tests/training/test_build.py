"""What a config asks for is built, or one sentence says why it cannot be; what training computes before the first step is right."""

from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForSeq2SeqLM,
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertModel,
    ByT5Tokenizer,
    GenerationConfig,
    M2M100Config,
    MarianConfig,
    MBartConfig,
    MT5Config,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    SwitchTransformersConfig,
    T5Config,
    T5ForConditionalGeneration,
    T5GemmaConfig,
    UMT5Config,
    set_seed,
)

from inference.analyzer import Analyzer
from inference.article import Article
from inference.checkpoint import save_checkpoint
from inference.errors import ConfigError, DataError
from inference.losses import IGNORE
from inference.model import ArticleModel
from training.batches import plan_batches
from training.build import build_model, build_tokenizer
from training.config import RunConfig, Source
from training.corpus import load_corpus
from training.examples import Example, token_rarity
from training.rows import source_file
from training.vocabulary import train_tokenizer

TinyConfig = Callable[..., RunConfig]


def example(source: int, ids: list[int]) -> Example:
    return Example(source, array("i"), array("i", ids), array("i", [len(ids)]), IGNORE, (), (), None, True, None)


def save_bert(folder: Path, vocabulary: int) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32}
    BertModel(BertConfig(vocab_size=vocabulary, **sizes)).save_pretrained(folder)


T5_SIZES = {"vocab_size": 400, "d_model": 16, "d_kv": 8, "num_heads": 2, "d_ff": 24, "num_layers": 2, "num_decoder_layers": 1}
BART_SIZES = {
    **{"vocab_size": 400, "d_model": 16, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2},
    **{"encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": 256, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2},
}
GEMMA_SIZES = {"vocab_size": 400, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 8}
PRETRAINED = {
    "t5": lambda: T5Config(**T5_SIZES, feed_forward_proj="gated-gelu", decoder_start_token_id=0),
    "mt5": lambda: MT5Config(**T5_SIZES, feed_forward_proj="gated-gelu"),
    "umt5": lambda: UMT5Config(**T5_SIZES, feed_forward_proj="gated-gelu", decoder_start_token_id=0),
    "bart": lambda: BartConfig(**BART_SIZES, decoder_start_token_id=1),
    "mbart": lambda: MBartConfig(**BART_SIZES, decoder_start_token_id=1),
    "m2m_100": lambda: M2M100Config(**BART_SIZES, decoder_start_token_id=1),
    "t5gemma": lambda: T5GemmaConfig(encoder={**GEMMA_SIZES, "num_key_value_heads": 1}, decoder={**GEMMA_SIZES, "num_key_value_heads": 1}, vocab_size=400),
}
"""Configs of tiny models, by type; a byte tokenizer has 384 entries, and the models know some more, as mT5 does."""


def save_writer(folder: Path, config: PreTrainedConfig) -> None:
    set_seed(0)
    AutoModelForSeq2SeqLM.from_config(config).save_pretrained(folder)
    ByT5Tokenizer().save_pretrained(folder)


def byte_config(tiny_config: TinyConfig, run: Path, folder: Path, *overrides: str) -> RunConfig:
    return tiny_config(run, f"model.backbone={{folder: {folder}}}", "model.tokenizer=null", *overrides)


@pytest.mark.parametrize("kind", PRETRAINED)
def test_a_pretrained_encoder_decoder_writes_as_it_did_and_is_saved_whole(kind: str, tmp_path: Path, tiny_config: TinyConfig) -> None:
    save_writer(tmp_path / kind, PRETRAINED[kind]())
    config = byte_config(tiny_config, tmp_path / "run", tmp_path / kind)
    model = build_model(config, ByT5Tokenizer()).eval()
    assert model.backbone.config.model_type == kind
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert (model.config.summary_tokens, model.config.summary_prefix, model.config.headline_prefix) == (128, "{lang} summary:", "{lang} headline:")
    ids, begun = torch.tensor([[70, 80, 90, 1]]), torch.tensor([[model.backbone.config.decoder_start_token_id, 75]])
    pretrained = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / kind).eval()
    expected = pretrained(input_ids=ids, decoder_input_ids=begun).logits
    assert torch.equal(model.backbone(input_ids=ids, decoder_input_ids=begun).logits, expected)
    model.save_pretrained(tmp_path / "saved")
    again = ArticleModel.from_pretrained(tmp_path / "saved").eval()
    assert torch.equal(again.backbone(input_ids=ids, decoder_input_ids=begun).logits, expected)
    for name in ("decoder_start_token_id", "eos_token_id", "pad_token_id"):
        assert getattr(again.backbone.config, name) == getattr(model.backbone.config, name) is not None
    assert again.backbone.generation_config.to_diff_dict() == model.backbone.generation_config.to_diff_dict()


@pytest.mark.parametrize("kind", ["t5", "m2m_100"])
def test_heads_see_pretrained_words_without_their_mean_and_alike_in_all_directions(kind: str, tmp_path: Path, tiny_config: TinyConfig) -> None:
    """M2M100 scales its embeddings as it looks them up. Both encoders read them as they are."""
    save_writer(tmp_path / kind, PRETRAINED[kind]())
    name = "shared.weight" if kind == "t5" else "model.shared.weight"
    weights = load_file(tmp_path / kind / "model.safetensors")
    spread = torch.randn(400, 16) * torch.logspace(0, -1, 16) + 3.0  # one large mean, and little variance in most directions
    weights[name] = spread
    save_file(weights, tmp_path / kind / "model.safetensors", {"format": "pt"})
    model = build_model(byte_config(tiny_config, tmp_path / "run", tmp_path / kind), ByT5Tokenizer()).eval()
    ids = torch.arange(400)
    lengths = torch.full((10,), 40)
    with torch.no_grad():
        article, _ = model.read_tokens(ids, lengths, ids[:2], torch.tensor([2]))
        looked_up = model.get_input_embeddings()(ids)
        states = model.encode_windows(looked_up, lengths)
    assert torch.allclose(article.words.mean(0), torch.zeros(16), atol=1e-4)
    covariance = article.words.T @ article.words / 400
    assert torch.allclose(covariance, torch.eye(16) * looked_up.square().mean(), rtol=1e-2, atol=1e-2 * float(looked_up.square().mean()))
    assert torch.equal(article.states, states)
    model.save_pretrained(tmp_path / "saved")
    assert torch.equal(ArticleModel.from_pretrained(tmp_path / "saved").word_map, model.word_map)


def test_heads_see_random_words_as_they_are(tmp_path: Path, tiny_config: TinyConfig) -> None:
    config = tiny_config(tmp_path / "run")
    model = build_model(config, build_tokenizer(config, load_corpus(config)))
    assert torch.equal(model.word_map, torch.eye(16))
    assert not model.word_center.any()


def test_a_backbone_that_was_saved_in_bfloat16_is_trained_and_loaded_in_float32(tmp_path: Path, tiny_config: TinyConfig) -> None:
    set_seed(0)
    AutoModelForSeq2SeqLM.from_config(PRETRAINED["t5"]()).to(torch.bfloat16).save_pretrained(tmp_path / "half")
    ByT5Tokenizer().save_pretrained(tmp_path / "half")
    model = build_model(byte_config(tiny_config, tmp_path / "run", tmp_path / "half"), ByT5Tokenizer())
    save_checkpoint(tmp_path / "saved", model, ByT5Tokenizer(), {"name": "half"})
    analyzer = Analyzer.from_pretrained(tmp_path / "saved")
    assert {parameter.dtype for parameter in (*model.parameters(), *analyzer.model.parameters())} == {torch.float32}
    (analysis,) = analyzer.analyze_many([Article("The river rose by two metres.")])
    assert analysis.summary.text == "The river rose by two metres."


def test_output_embeddings_of_their_own_stay_their_own(tmp_path: Path, tiny_config: TinyConfig) -> None:
    """mT5 and T5 1.1 are pretrained with them, and this transformers ties them wherever it can."""
    save_writer(tmp_path / "mt5", PRETRAINED["mt5"]())
    weights = load_file(tmp_path / "mt5" / "model.safetensors")
    weights["lm_head.weight"] = torch.randn(400, 16)
    save_file(weights, tmp_path / "mt5" / "model.safetensors", {"format": "pt"})
    config = byte_config(tiny_config, tmp_path / "run", tmp_path / "mt5")
    model = build_model(config, build_tokenizer(config, load_corpus(config)))
    model.save_pretrained(tmp_path / "saved")
    for backbone in (model.backbone, ArticleModel.from_pretrained(tmp_path / "saved").backbone):
        assert torch.equal(backbone.lm_head.weight, weights["lm_head.weight"])
        assert torch.equal(backbone.shared.weight, weights["shared.weight"])


def test_habits_of_a_pretrained_model_are_left_behind(tmp_path: Path, tiny_config: TinyConfig) -> None:
    """They are no part of our checkpoint: the model that is scored in training would write otherwise than the one that is loaded."""
    save_writer(tmp_path / "bart", PRETRAINED["bart"]())
    GenerationConfig(min_length=56, num_beams=4, decoder_start_token_id=1, eos_token_id=1, pad_token_id=0).save_pretrained(tmp_path / "bart")
    config = byte_config(tiny_config, tmp_path / "run", tmp_path / "bart")
    settings = build_model(config, ByT5Tokenizer()).backbone.generation_config
    assert settings.min_length in (None, 0)
    assert settings.num_beams in (None, 1)
    assert (settings.decoder_start_token_id, settings.eos_token_id, settings.pad_token_id) == (1, 1, 0)


ARCHITECTURE = "model.backbone.architecture={{type: {}, layers: 2, decoder_layers: 1, width: 16, heads: 2, feed_forward: 24, dropout: 0.2}}"


@pytest.mark.parametrize(("kind", "start"), [("t5", "pad"), ("bart", "cls")])
def test_an_encoder_decoder_from_scratch(kind: str, start: str, tmp_path: Path, tiny_config: TinyConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    model = build_model(tiny_config(tmp_path / "run", ARCHITECTURE.format(kind), "losses.summary=0.7", "losses.summary_label_smoothing=0.2"), tokenizer)
    assert isinstance(model.backbone, T5ForConditionalGeneration if kind == "t5" else BartForConditionalGeneration)
    config = model.backbone.config
    assert config.decoder_start_token_id == getattr(tokenizer, f"{start}_token_id")
    assert (config.pad_token_id, config.eos_token_id, config.vocab_size) == (tokenizer.pad_token_id, tokenizer.sep_token_id, len(tokenizer))
    encoder, decoder = model.backbone.get_encoder(), model.backbone.get_decoder()
    assert [len(getattr(half, "block" if kind == "t5" else "layers")) for half in (encoder, decoder)] == [2, 1]
    assert model.backbone.get_output_embeddings().weight is model.backbone.get_input_embeddings().weight
    assert {module.p for module in model.backbone.modules() if isinstance(module, torch.nn.Dropout)} <= {0.2}
    assert (model.loss_weights["summary"], model.summary_label_smoothing) == (0.7, 0.2)
    if kind == "t5":
        assert model.backbone.get_encoder().block[0].layer[1].DenseReluDense.wi_1.weight.shape == (24, 16)  # the gate


def test_an_encoder_has_nothing_to_write(tmp_path: Path, tiny_config: TinyConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    model = build_model(tiny_config(tmp_path / "run"), tokenizer)
    assert (model.config.summary_prefix, model.config.headline_prefix) == ("", "")
    with pytest.raises(ConfigError, match=r"^training\.select: generated_rouge2 cannot be computed, since modernbert has no decoder\. Select other scores\.$"):
        build_model(tiny_config(tmp_path / "run", "training.select=[rouge1, generated_rouge2]"), tokenizer)


def test_learned_positions_hold_all_that_is_written(tmp_path: Path, tiny_config: TinyConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """The longest text that training or a search can give the decoder: the start token, a prefix in any language, and the text."""
    config = tiny_config(tmp_path / "run", ARCHITECTURE.format("bart"), "model.decoder.tokens=200")
    positions = build_model(config, tokenizer).backbone.config.max_position_embeddings
    for lang in ("en", "ckb", "qqx"):
        assert positions >= 1 + len(tokenizer(f"{lang} headline:", add_special_tokens=False)["input_ids"]) + 200


def test_a_decoder_with_too_few_positions_is_refused(tmp_path: Path, tiny_config: TinyConfig) -> None:
    save_writer(tmp_path / "mbart", PRETRAINED["mbart"]())
    config = byte_config(tiny_config, tmp_path / "run", tmp_path / "mbart", "model.decoder.tokens=240")
    # " headline:" in bytes, the start token, four tokens for a language code
    message = r"^model\.decoder\.tokens: the backbone writes at most 256 tokens, 15 of them in front of the text, found 242\. Lower it\.$"
    with pytest.raises(ConfigError, match=message):
        build_model(byte_config(tiny_config, tmp_path / "run", tmp_path / "mbart", "model.decoder.tokens=242"), ByT5Tokenizer())
    assert build_model(config, ByT5Tokenizer()).config.summary_tokens == 240


def test_relative_positions_have_no_limit(tmp_path: Path, tiny_config: TinyConfig) -> None:
    save_writer(tmp_path / "t5", PRETRAINED["t5"]())
    ByT5Tokenizer(model_max_length=32).save_pretrained(tmp_path / "t5")  # that of T5 says 512, the length of its pretraining
    config = byte_config(tiny_config, tmp_path / "run", tmp_path / "t5")
    tokenizer = build_tokenizer(config, load_corpus(config))
    assert tokenizer.model_max_length == 32
    assert build_model(config, tokenizer).config.window_tokens == 64


@pytest.mark.parametrize(("name", "verb"), [("decoder_start_token_id", "begin"), ("eos_token_id", "end")])
def test_a_decoder_that_cannot_begin_or_end_is_refused(name: str, verb: str, tmp_path: Path, tiny_config: TinyConfig) -> None:
    settings = PRETRAINED["mbart"]()
    save_writer(tmp_path / "mbart", settings)
    setattr(settings, name, None)
    settings.save_pretrained(tmp_path / "mbart")
    message = rf"^model\.backbone: the config of this mbart names no {name}, so that its decoder cannot {verb} a text\. Set it in a copy's config\.json, "
    with pytest.raises(ConfigError, match=message):
        build_model(byte_config(tiny_config, tmp_path / "run", tmp_path / "mbart"), ByT5Tokenizer())


SCALED = r"^model\.backbone: marian scales its word embeddings in a place that the heads do not see\. Name a model that does not, such as mT5, BART or mBART\.$"
EXPERTS = r"^model\.backbone: switch_transformers is a mixture of experts, which cannot be trained here\. Name a dense model, such as mT5\.$"


@pytest.mark.parametrize(
    ("pretrained", "message"),
    [
        (MarianConfig(**BART_SIZES, scale_embedding=True, decoder_start_token_id=0, forced_eos_token_id=1), SCALED),
        (SwitchTransformersConfig(**{**T5_SIZES, "num_experts": 2, "num_sparse_encoder_layers": 1, "num_sparse_decoder_layers": 1}), EXPERTS),
    ],
    ids=["scaled", "experts"],
)
def test_backbones_that_would_be_read_wrongly_are_refused(pretrained: PreTrainedConfig, message: str, tmp_path: Path, tiny_config: TinyConfig) -> None:
    save_writer(tmp_path / "writer", pretrained)
    with pytest.raises(ConfigError, match=message):
        build_model(byte_config(tiny_config, tmp_path / "run", tmp_path / "writer"), ByT5Tokenizer())


def test_a_backbone_folder_without_a_tokenizer_is_refused(tmp_path: Path, tiny_config: TinyConfig) -> None:
    save_bert(tmp_path / "bert", 100)
    config = tiny_config(tmp_path / "run", f"model.backbone={{folder: {tmp_path / 'bert'}}}", "model.tokenizer=null")
    with pytest.raises(ConfigError, match=r"bert holds no tokenizer\. Save one beside the model with `tokenizer\.save_pretrained`\."):
        build_tokenizer(config, load_corpus(config))


def test_a_run_killed_while_it_saves_its_tokenizer_leaves_none(tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run takes the tokenizer that it finds: a half-written one must never be found."""
    config = tiny_config(tmp_path / "run")
    corpus = load_corpus(config)
    found: list[bool] = []

    def killed(tokenizer: PreTrainedTokenizerBase, folder: Path, **_: object) -> None:
        (Path(folder) / "tokenizer_config.json").write_text("{}", encoding="utf-8")
        found.append((config.output / "tokenizer").exists())
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PreTrainedTokenizerBase, "save_pretrained", killed)
        with pytest.raises(KeyboardInterrupt):
            build_tokenizer(config, corpus)
    assert found == [False]  # what a kill leaves, where nothing is tidied up
    assert list(config.output.iterdir()) == []
    tokenizer = build_tokenizer(config, corpus)
    assert len(tokenizer) > 1000
    assert [path.name for path in config.output.iterdir()] == ["tokenizer"]
    assert build_tokenizer(config, corpus).get_vocab() == tokenizer.get_vocab()


def test_windows_longer_than_the_backbone_has_positions_are_refused(tmp_path: Path, tiny_config: TinyConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    save_bert(tmp_path / "bert", len(tokenizer))
    config = tiny_config(tmp_path / "run", f"model.backbone={{folder: {tmp_path / 'bert'}}}", "model.tokenizer=null", "model.window_tokens=64")
    with pytest.raises(ConfigError, match=r"^model\.window_tokens: the backbone reads at most 32 tokens at once, found 64\. Lower it\.$"):
        build_model(config, tokenizer)


def test_an_encoder_learns_no_headlines(tmp_path: Path, tiny_config: TinyConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    save_bert(tmp_path / "bert", len(tokenizer))
    backbone = [f"model.backbone={{folder: {tmp_path / 'bert'}}}", "model.tokenizer=null", "model.window_tokens=32", "model.target_tokens=16"]
    with pytest.raises(ConfigError, match=r"^data\.train: topics: bert has no decoder to teach headlines\. Leave `generate` out\.$"):
        build_model(tiny_config(tmp_path / "run", *backbone, "data.train.1.generate=both"), tokenizer)


def test_what_is_wrong_with_any_source_is_said_at_once(tmp_path: Path, tiny_config: TinyConfig) -> None:
    config = tiny_config(tmp_path / "run", "data.train.0.path=gone.jsonl", "data.dev.0.path=lost.jsonl")
    with pytest.raises(DataError, match=r"gone\.jsonl: no such file(.|\n)*lost\.jsonl: no such file"):
        load_corpus(config)


def test_the_root_of_a_source_wins() -> None:
    source = Source(name="own", root=Path("here"), path=Path("a.jsonl"))
    assert source_file(source, Path("data")) == Path("here/a.jsonl")
    assert source_file(source.model_copy(update={"root": None}), Path("data")) == Path("data/a.jsonl")


def test_a_lone_surrogate_does_not_stop_the_tokenizer() -> None:
    tokenizer = train_tokenizer([("en", "rain \ud800 fell " * 20)], "bpe", 300, seed=1)
    assert tokenizer.decode(tokenizer("rain fell", add_special_tokens=False)["input_ids"]) == "rain fell"


def test_a_lowercasing_tokenizer_reads_headlines_as_the_body() -> None:
    tokenizer = train_tokenizer([("en", "Schoolgirls were freed in Chibok " * 20)], "bpe", 400, seed=1, lowercase=True)
    assert tokenizer("Schoolgirls Freed")["input_ids"] == tokenizer("schoolgirls freed")["input_ids"]


def test_a_small_budget_silences_no_source() -> None:
    examples = [example(0, [5] * 100) for _ in range(50)] + [example(1, [6] * 10)]
    batches = plan_batches(examples, [0.999, 0.001], tokens=50, batch_tokens=200, article_tokens=100, max_targets=4, seed=1)
    assert 50 in {index for batch in batches for index in batch}


def test_rarity_is_the_inverse_document_frequency() -> None:
    examples = [example(0, [1, 2]), example(0, [1, 3, 3]), example(0, [1]), replace(example(0, [1]), title=array("i", [2]))]
    assert token_rarity(examples, 5, special=[4]).tolist() == pytest.approx([1.0, 0.0, 0.5, 1.0, 0.0])
