"""The tokenizer and the model that a config asks for.

In: a `RunConfig` and the training texts. Out: a tokenizer, and an `ArticleModel` whose heads are new and whose backbone comes
from the Hub, from a folder or from an architecture. Does not know: batches, the Trainer.
"""

import sys
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, ModernBertConfig, PreTrainedConfig, PreTrainedTokenizerBase

from inference.checkpoint import whole_folder
from inference.errors import ConfigError
from inference.model import ArticleConfig, ArticleModel
from training.config import Architecture, Backbone, RunConfig
from training.corpus import Corpus
from training.vocabulary import train_tokenizer


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
        tokenizer = train_tokenizer(texts, wanted.type, wanted.vocabulary_size, config.seed, wanted.lowercase)
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
    """The backbone, from the Hub, a folder or an architecture, with new heads. Raises `ConfigError` for an encoder that cannot be read."""
    settings = config.model
    if settings.backbone.architecture is not None:
        backbone_config: PreTrainedConfig = _modernbert_config(config, settings.backbone.architecture, tokenizer)
    else:
        backbone_config = AutoConfig.from_pretrained(**_place(settings.backbone))
    if backbone_config.is_encoder_decoder:
        raise ConfigError(f"model.backbone: {backbone_config.model_type} is an encoder-decoder, and only encoders can be trained. Name an encoder.")
    if settings.backbone.architecture is None:
        _check_positions(config, backbone_config, tokenizer)
    model = ArticleModel(
        ArticleConfig(
            backbone=backbone_config.to_dict(),
            topics=list(config.data.topics),
            reader_layers=settings.reader_layers,
            head_dropout=settings.dropout,
            window_tokens=settings.window_tokens,
            max_windows=settings.max_windows,
            target_tokens=settings.target_tokens,
        )
    )
    embedded = getattr(model.get_input_embeddings(), "embedding_dim", None)
    if embedded != model.backbone.config.hidden_size:
        raise ConfigError(
            f"model.backbone: {backbone_config.model_type} has word embeddings of width {embedded} and states of width {model.backbone.config.hidden_size}, "
            "and the heads compare the two. Name an encoder where they are equal, such as BERT, XLM-R or ModernBERT."
        )
    if settings.backbone.architecture is None:
        model.backbone = AutoModel.from_pretrained(**_place(settings.backbone), use_safetensors=True, dtype=torch.float32)
    losses = config.losses
    model.loss_weights = {"topic": losses.topic, "stance": losses.stance, "salience": losses.salience, "boilerplate": losses.boilerplate}
    model.label_smoothing = losses.label_smoothing
    return model


def _check_positions(config: RunConfig, backbone: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """A backbone with learned positions reads no longer windows than it has positions for; the tokenizer knows how many of them can be used."""
    most = min(getattr(backbone, "max_position_embeddings", None) or sys.maxsize, tokenizer.model_max_length)
    for name in ("window_tokens", "target_tokens"):
        if getattr(config.model, name) > most:
            raise ConfigError(f"model.{name}: the backbone reads at most {most} tokens at once, found {getattr(config.model, name)}. Lower it.")


def _place(backbone: Backbone) -> dict[str, Any]:
    """Where a pretrained backbone is: the Hub is asked only for a Hub id."""
    if backbone.folder is not None:
        if not (backbone.folder / "config.json").is_file():
            raise ConfigError(f"model.backbone.folder: {backbone.folder} holds no config.json. Name the folder of a model, as `save_pretrained` writes it.")
        return {"pretrained_model_name_or_path": backbone.folder, "local_files_only": True}
    return {"pretrained_model_name_or_path": backbone.hub, "revision": backbone.revision or "main"}


def _modernbert_config(config: RunConfig, architecture: Architecture, tokenizer: PreTrainedTokenizerBase) -> ModernBertConfig:
    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=architecture.width,
        intermediate_size=architecture.feed_forward,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        max_position_embeddings=max(config.model.window_tokens, config.model.target_tokens),
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
