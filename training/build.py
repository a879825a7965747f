"""The tokenizer and the model that a config asks for.

In: a `RunConfig` and the training texts. Out: a tokenizer, and an `ArticleModel` whose heads are new and whose backbone comes
from the Hub, from a folder or from an architecture. Does not know: batches, the Trainer.
"""

from typing import Any, Literal

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BartConfig,
    ModernBertConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    T5Config,
)

from inference.checkpoint import whole_folder
from inference.errors import ConfigError
from inference.losses import TASKS
from inference.model import ArticleConfig, ArticleModel
from training.adapters import add_adapters
from training.config import RunConfig
from training.config_model import LANGUAGE, Architecture, Backbone, EncoderArchitecture, EncoderDecoderArchitecture
from training.corpus import Corpus
from training.vocabulary import train_tokenizer

FLATTEST = 1e-4
"""Directions in which word embeddings vary less than this, beside the one in which they vary most, are not stretched further: they hold noise."""

LANGUAGE_TOKENS = 4
"""Tokens of a language code in a control prefix, at most: three letters and the mark of a word's start, where no piece covers a code."""


def build_tokenizer(config: RunConfig, corpus: Corpus) -> PreTrainedTokenizerBase:
    """The backbone's own tokenizer, or one trained on the run's training text and kept in the run's folder."""
    wanted = config.model.tokenizer
    if wanted is None:
        return _checked_tokenizer(AutoTokenizer.from_pretrained(**_place(config.model.backbone)), config.model.backbone)
    folder = config.output / "tokenizer"
    if not folder.exists():
        articles = [article for source in corpus.train for article in source.articles]
        texts = [(article.lang, f"{article.title}\n{article.text}") for article in articles]
        texts += [(article.lang, stance.target) for article in articles for stance in article.stances]
        if config.model.backbone.has_decoder:
            texts += [(article.lang, article.summary) for article in articles if article.summary]
        form: Literal["NFC", "NFKC"] = "NFC" if config.model.backbone.has_decoder else "NFKC"
        tokenizer = train_tokenizer(texts, wanted.type, wanted.vocabulary_size, config.seed, wanted.lowercase, form)
        with whole_folder(folder) as temporary:  # a resumed run takes the folder that it finds
            tokenizer.save_pretrained(temporary)
    return AutoTokenizer.from_pretrained(folder)


def _checked_tokenizer(tokenizer: PreTrainedTokenizerBase, backbone: Backbone) -> PreTrainedTokenizerBase:
    """Transformers makes an empty tokenizer, to which every word is unknown, where the files of one are missing."""
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        where = f"folder: {backbone.folder}" if backbone.folder else f"hub: {backbone.hub}"
        raise ConfigError(f"model.backbone.{where} holds no tokenizer. Save one beside the model with `tokenizer.save_pretrained`.")
    return tokenizer


def build_model(config: RunConfig, tokenizer: PreTrainedTokenizerBase) -> ArticleModel:
    """The backbone, from the Hub, a folder or an architecture, with new heads. Raises `ConfigError` for one that cannot be used."""
    settings = config.model
    if settings.backbone.architecture is not None:
        backbone_config = _new_config(config, settings.backbone.architecture, tokenizer)
    else:
        backbone_config = _completed(AutoConfig.from_pretrained(**_place(settings.backbone)))
        _check_positions(config, backbone_config, tokenizer)
    writes = bool(backbone_config.is_encoder_decoder)
    titles = [source.name for source in config.data.train if source.generate in ("headline", "both")]
    if titles and not writes:
        raise ConfigError(f"data.train: {', '.join(titles)}: {backbone_config.model_type} has no decoder to teach headlines. Leave `generate` out.")
    written = [name for name in config.training.select if name.startswith("generated_")]
    if written and not writes:
        raise ConfigError(f"training.select: {', '.join(written)} cannot be computed, since {backbone_config.model_type} has no decoder. Select other scores.")
    model = ArticleModel(
        ArticleConfig(
            backbone=backbone_config.to_dict(),
            topics=list(config.data.topics),
            reader_layers=settings.reader_layers,
            head_dropout=settings.dropout,
            window_tokens=settings.window_tokens,
            max_windows=settings.max_windows,
            target_tokens=settings.target_tokens,
            ngram_buckets=settings.ngram_buckets,
            word_buckets=settings.word_buckets,
            summary_tokens=settings.decoder.tokens,
            summary_prefix=settings.decoder.summary_prefix if writes else "",
            headline_prefix=settings.decoder.headline_prefix if writes else "",
        )
    )
    embedded = getattr(model.get_input_embeddings(), "embedding_dim", None)
    if embedded != backbone_config.hidden_size:
        raise ConfigError(
            f"model.backbone: {backbone_config.model_type} has word embeddings of width {embedded} and states of width {backbone_config.hidden_size}, "
            "and the heads compare the two. Name a model where they are equal, such as BERT, XLM-R, ModernBERT, mT5 or mBART."
        )
    if getattr(backbone_config, "scale_embedding", False) and not hasattr(model.get_input_embeddings(), "embed_scale"):
        raise ConfigError(
            f"model.backbone: {backbone_config.model_type} scales its word embeddings in a place that the heads do not see. "
            "Name a model that does not, such as mT5, BART or mBART."
        )
    if settings.backbone.architecture is None:
        kind = AutoModelForSeq2SeqLM if writes else AutoModel
        generation = model.backbone.generation_config if writes else None
        model.backbone = kind.from_pretrained(**_place(settings.backbone), config=backbone_config, use_safetensors=True, dtype=torch.float32)
        if writes:  # the model's own habits (shortest length, penalties, beams) are not saved with ours: it would write otherwise once loaded again
            model.backbone.generation_config = generation
        whiten_words(model)
    if settings.backbone.lora is not None:
        add_adapters(model, settings.backbone.lora)
    losses = config.losses
    model.loss_weights = {task: getattr(losses, task) for task in TASKS}
    model.label_smoothing = losses.label_smoothing
    model.summary_label_smoothing = losses.summary_label_smoothing
    return model


@torch.no_grad()
def whiten_words(model: ArticleModel) -> None:
    """Let the heads see the word embeddings without their mean and with the same variance in all directions (ZCA; Su 2021, Whitening sentence representations).

    Pretrained embeddings share one large component and vary little in most directions: a mean of them hardly differs between articles, all are
    similar to each other, and the heads learn slowly. The encoder goes on reading the embeddings as they are; their size stays.
    """
    words: Tensor = model.get_input_embeddings()(torch.arange(model.backbone.config.vocab_size))  # looked up, since some models scale them there
    center = words.mean(0)
    values, directions = torch.linalg.eigh((words - center).T @ (words - center) / len(words))
    stretch = values.clamp(min=float(values.max()) * FLATTEST).rsqrt()
    model.word_center.copy_(center)
    model.word_map.copy_(directions @ torch.diag(stretch) @ directions.T * words.square().mean().sqrt())


def _completed(backbone: PreTrainedConfig) -> PreTrainedConfig:
    """A pretrained backbone's config with what the heads and the decoder read at its top, or `ConfigError` where it says it nowhere."""
    encoder, decoder = getattr(backbone, "encoder", None), getattr(backbone, "decoder", None)  # T5Gemma has a config for each
    for name in ("hidden_size", "num_attention_heads", "vocab_size"):
        value = getattr(backbone, name, None) or getattr(encoder, name, None)
        if value is None:
            raise ConfigError(f"model.backbone: the config of {backbone.model_type} has no {name}. Name a text model, such as XLM-R or mT5.")
        setattr(backbone, name, value)
    if getattr(backbone, "num_experts", None):
        raise ConfigError(f"model.backbone: {backbone.model_type} is a mixture of experts, which cannot be trained here. Name a dense model, such as mT5.")
    if backbone.is_encoder_decoder:
        first = getattr(decoder, "bos_token_id", None)  # the rule of T5Gemma
        backbone.decoder_start_token_id = first if getattr(backbone, "decoder_start_token_id", None) is None else backbone.decoder_start_token_id
        backbone.eos_token_id = backbone.eos_token_id[0] if isinstance(backbone.eos_token_id, list) else backbone.eos_token_id
        for name, end in (("decoder_start_token_id", "begin"), ("eos_token_id", "end")):
            if getattr(backbone, name) is None:
                raise ConfigError(
                    f"model.backbone: the config of this {backbone.model_type} names no {name}, so that its decoder cannot {end} a text. "
                    "Set it in a copy's config.json, to the id that its pretraining used, and name that folder."
                )
    return backbone


def _check_positions(config: RunConfig, backbone: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """A backbone with absolute positions reads and writes no more tokens than it has positions for; the tokenizer knows how many can be used."""
    positions = getattr(backbone, "max_position_embeddings", None)
    if positions is None:
        return  # relative positions: the tokenizer of T5 names 512, the length of its training, where the model has no limit
    most = min(positions, tokenizer.model_max_length)
    for name in ("window_tokens", "target_tokens"):
        if getattr(config.model, name) > most:
            raise ConfigError(f"model.{name}: the backbone reads at most {most} tokens at once, found {getattr(config.model, name)}. Lower it.")
    written = config.model.decoder.tokens
    before = _written_tokens(config, tokenizer) - written
    if backbone.is_encoder_decoder and before + written > most:
        raise ConfigError(f"model.decoder.tokens: the backbone writes at most {most} tokens, {before} of them in front of the text, found {written}. Lower it.")


def _written_tokens(config: RunConfig, tokenizer: PreTrainedTokenizerBase) -> int:
    """Positions that the decoder needs at most: the start token, the longer control prefix and the text."""
    prefixes = [prefix.replace(LANGUAGE, "") for prefix in (config.model.decoder.summary_prefix, config.model.decoder.headline_prefix)]
    longest = max(len(ids) for ids in tokenizer(prefixes, add_special_tokens=False)["input_ids"])
    codes = max(prefix.count(LANGUAGE) for prefix in (config.model.decoder.summary_prefix, config.model.decoder.headline_prefix))
    return 1 + longest + codes * LANGUAGE_TOKENS + config.model.decoder.tokens


def _place(backbone: Backbone) -> dict[str, Any]:
    """Where a pretrained backbone is: the Hub is asked only for a Hub id."""
    if backbone.folder is not None:
        if not (backbone.folder / "config.json").is_file():
            raise ConfigError(f"model.backbone.folder: {backbone.folder} holds no config.json. Name the folder of a model, as `save_pretrained` writes it.")
        return {"pretrained_model_name_or_path": backbone.folder, "local_files_only": True}
    return {"pretrained_model_name_or_path": backbone.hub, "revision": backbone.revision or "main"}


def _new_config(config: RunConfig, architecture: Architecture, tokenizer: PreTrainedTokenizerBase) -> PreTrainedConfig:
    if isinstance(architecture, EncoderArchitecture):
        return modernbert_config(architecture, tokenizer, max(config.model.window_tokens, config.model.target_tokens))
    return _t5_config(architecture, tokenizer) if architecture.type == "t5" else _bart_config(config, architecture, tokenizer)


def modernbert_config(architecture: EncoderArchitecture, tokenizer: PreTrainedTokenizerBase, positions: int) -> ModernBertConfig:
    """The config of an encoder (ModernBERT, Warner 2024) that reads at most `positions` tokens at once."""
    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=architecture.width,
        intermediate_size=architecture.feed_forward,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        max_position_embeddings=positions,
        layer_types=["sliding_attention" if number % architecture.global_every else "full_attention" for number in range(architecture.layers)],
        local_attention=architecture.local_window_tokens,
        rope_parameters={kind: {"rope_type": "default", "rope_theta": architecture.rope_theta} for kind in ("full_attention", "sliding_attention")},
        embedding_dropout=architecture.dropout,
        attention_dropout=0.0,
        mlp_dropout=architecture.dropout,
        pad_token_id=tokenizer.pad_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        bos_token_id=None,
        eos_token_id=None,
    )


def _t5_config(architecture: EncoderDecoderArchitecture, tokenizer: PreTrainedTokenizerBase) -> T5Config:
    """T5 1.1 (Shazeer 2020): relative positions, gated GELU."""
    return T5Config(
        vocab_size=len(tokenizer),
        d_model=architecture.width,
        d_kv=architecture.width // architecture.heads,
        d_ff=architecture.feed_forward,
        num_layers=architecture.layers,
        num_decoder_layers=architecture.decoder_layers,
        num_heads=architecture.heads,
        dropout_rate=architecture.dropout,
        feed_forward_proj="gated-gelu",
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.sep_token_id,
        **{"decoder_start_token_id": tokenizer.pad_token_id},  # a field that T5Config takes and does not declare
    )


def _bart_config(config: RunConfig, architecture: EncoderDecoderArchitecture, tokenizer: PreTrainedTokenizerBase) -> BartConfig:
    """BART (Lewis 2020): learned positions."""
    return BartConfig(
        vocab_size=len(tokenizer),
        d_model=architecture.width,
        encoder_layers=architecture.layers,
        decoder_layers=architecture.decoder_layers,
        encoder_attention_heads=architecture.heads,
        decoder_attention_heads=architecture.heads,
        encoder_ffn_dim=architecture.feed_forward,
        decoder_ffn_dim=architecture.feed_forward,
        dropout=architecture.dropout,
        max_position_embeddings=max(config.model.window_tokens, config.model.target_tokens, _written_tokens(config, tokenizer)),
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        decoder_start_token_id=tokenizer.cls_token_id,
        forced_eos_token_id=None,
    )
