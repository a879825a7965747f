"""`ArticleModel`: one encoding of an article answers topic, stance toward any number of targets and salience, and a decoder writes from it.

In: the tensors of `inference.batch` (its letters are used here; G texts to write, of T tokens at most, V vocabulary). Out: `Outputs`,
logits and, where labels are given, losses. Does not know: text, tokenizers, files, how a summary is picked from salience or searched for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput
from transformers.utils.generic import ModelOutput

from inference.heads import ReaderBlock, SentenceHead, StanceReader, Tokens, TopicHead
from inference.labels import STANCES
from inference.losses import TASKS, boilerplate_loss, count_items, salience_loss, stance_loss, summary_loss, topic_loss
from inference.ngrams import KINDS, ChosenNgrams, NgramModel
from inference.salience import SalienceModel

MAX_PADDING = 0.05
"""A group of windows is closed when another window would raise its share of padding above this."""

SMALL_GROUP_TOKENS = 512
"""Groups below this many tokens take any window: a matrix product of a few rows costs more than their padding."""

GROUP_TOKENS = 16_384
"""Most tokens in one call of the backbone; bounds memory for very long articles."""


class ArticleConfig(PreTrainedConfig):
    """What an `ArticleModel` is made of. `backbone` holds the backbone's own config as a dictionary; `topics` are in logit order.

    Where probabilities are wanted they are the softmax of (logits + weight * those of n-grams, or of words) / temperature, with the weight and
    temperature of the task, which `training.calibration` fits; the model's logits are as they are. `ngram_buckets` 0 = the checkpoint has no models
    of n-grams for topic and stance, `word_buckets` 0 = none of words for salience.
    The prefixes open what the decoder writes and tell it what to write; "" = the checkpoint does not write. `summary_method` is what "auto" means.
    """

    model_type = "broadsheet"

    def __init__(
        self,
        backbone: dict[str, Any] | None = None,
        topics: list[str] | None = None,
        reader_layers: int = 2,
        head_dropout: float = 0.1,
        window_tokens: int = 512,
        max_windows: int = 16,
        target_tokens: int = 48,
        topic_temperature: float = 1.0,
        stance_temperature: float = 1.0,
        topic_ngram_weight: float = 1.0,
        stance_ngram_weight: float = 1.0,
        salience_temperature: float = 1.0,
        salience_word_weight: float = 1.0,
        ngram_buckets: int = 0,
        word_buckets: int = 0,
        summary_tokens: int = 128,
        summary_prefix: str = "",
        headline_prefix: str = "",
        summary_method: str = "extractive",
        **kwargs: Any,
    ) -> None:
        self.backbone = backbone
        self.topics = topics or []
        self.reader_layers = reader_layers
        self.head_dropout = head_dropout
        self.window_tokens = window_tokens
        self.max_windows = max_windows
        self.target_tokens = target_tokens
        self.topic_temperature = topic_temperature
        self.stance_temperature = stance_temperature
        self.topic_ngram_weight = topic_ngram_weight
        self.stance_ngram_weight = stance_ngram_weight
        self.salience_temperature = salience_temperature
        self.salience_word_weight = salience_word_weight
        self.ngram_buckets = ngram_buckets
        self.word_buckets = word_buckets
        self.summary_tokens = summary_tokens
        self.summary_prefix = summary_prefix
        self.headline_prefix = headline_prefix
        self.summary_method = summary_method
        super().__init__(**kwargs)


@dataclass
class Outputs(ModelOutput):
    """Logits of a batch. `loss` is the weighted sum of `task_losses`, which hold each task's summed loss and its items."""

    loss: Tensor | None = None
    topic_logits: Tensor | None = None  # [B, C]
    stance_logits: Tensor | None = None  # [Q, 4] in the order of inference.labels.STANCES
    salience_logits: Tensor | None = None  # [N]
    boilerplate_logits: Tensor | None = None  # [N] positive = not part of the article
    token_states: Tensor | None = None  # [M, D] the encoder's last states, which the decoder reads
    task_losses: dict[str, Tensor] | None = None  # task -> summed loss of this batch, detached


class ArticleModel(PreTrainedModel):
    """A Hugging Face encoder, or encoder-decoder, with a topic head, a cross-attention stance reader and a sentence salience head."""

    config_class = ArticleConfig
    base_model_prefix = "backbone"
    accepts_loss_kwargs = True  # the Trainer passes num_items_in_batch: label counts of the whole optimizer step
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    token_rarity: Tensor
    word_center: Tensor
    word_map: Tensor
    _no_split_modules = [ReaderBlock.__name__]  # noqa: RUF012 (declared by the base class)

    def __init__(self, config: ArticleConfig) -> None:
        super().__init__(config)
        assert config.backbone is not None, "ArticleConfig needs the backbone's config"
        settings = {key: value for key, value in config.backbone.items() if key != "model_type"}
        backbone = AutoConfig.for_model(config.backbone["model_type"], **settings)
        kind = AutoModelForSeq2SeqLM if backbone.is_encoder_decoder else AutoModel
        # a config that was saved in bfloat16 says so, and would build the backbone in it beside heads in float32
        self.backbone = kind.from_config(backbone, dtype=torch.get_default_dtype())  # type: ignore[no-untyped-call]
        width = self.backbone.config.hidden_size
        heads = self.backbone.config.num_attention_heads
        self.topic_head = TopicHead(width, len(config.topics), config.head_dropout)
        self.stance_reader = StanceReader(width, heads, config.reader_layers, config.head_dropout)
        self.sentence_head = SentenceHead(width, config.head_dropout)
        # [V] inverse document frequency of each token in the training articles, 0 to 1; 1 until `training.run` has counted
        self.register_buffer("token_rarity", torch.ones(self.backbone.config.vocab_size))
        # [D], [D, D]: the heads see (embedding - center) @ map of a word; `training.build` sets them where the backbone is pretrained
        self.register_buffer("word_center", torch.zeros(width))
        self.register_buffer("word_map", torch.eye(width))
        # beside the encoder, for who has the words (`inference.analyzer`): no loss reads them
        self.topic_ngrams = ChosenNgrams(config.ngram_buckets * 3 // 2, len(config.topics)) if config.ngram_buckets else None
        self.stance_ngrams = NgramModel(len(KINDS), max(1, config.ngram_buckets // 2), len(STANCES)) if config.ngram_buckets else None
        self.word_salience = SalienceModel(config.word_buckets) if config.word_buckets else None
        self.loss_weights = dict.fromkeys(TASKS, 1.0)
        self.label_smoothing = 0.0
        self.summary_label_smoothing = 0.0
        self.post_init()  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Heads only: the backbone is initialized, or loaded, by its own class."""
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.trunc_normal_(module.weight, std=0.02)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def get_input_embeddings(self) -> nn.Module:
        embeddings: nn.Module = self.backbone.get_input_embeddings()
        return embeddings

    def forward(
        self,
        token_ids: Tensor,
        window_lengths: Tensor,
        token_article: Tensor,
        token_sentence: Tensor,
        sentence_article: Tensor,
        sentence_place: Tensor,
        target_ids: Tensor,
        target_lengths: Tensor,
        row_article: Tensor,
        row_tokens: Tensor,
        row_pairs: Tensor,
        pair_article: Tensor,
        topic_labels: Tensor | None = None,  # [B] int64, IGNORE = unknown
        topic_allowed: Tensor | None = None,  # [B, C] bool, the labels that the article's source uses
        stance_labels: Tensor | None = None,  # [Q] int64, IGNORE = unknown
        stance_weights: Tensor | None = None,  # [Q] float
        stance_merged: Tensor | None = None,  # [Q] bool, neutral covers unrelated as well
        salience_targets: Tensor | None = None,  # [N] float, sums to 1 in an article that has them, else 0
        salience_weights: Tensor | None = None,  # [B] float
        boilerplate_labels: Tensor | None = None,  # [N] int64 0 or 1, IGNORE = unknown
        summary_article: Tensor | None = None,  # [G] the article of each text that the decoder learns to write
        summary_inputs: Tensor | None = None,  # [G, T] start token, prefix, text
        summary_labels: Tensor | None = None,  # [G, T] the next token, IGNORE = prefix or padding
        summary_weights: Tensor | None = None,  # [G] float
        num_items_in_batch: Tensor | None = None,  # [5] labelled items of the optimizer step in the order of TASKS
        return_dict: bool | None = None,
    ) -> Outputs:
        """Encode every window once and read all answers from its states. B is the number of articles in `token_article`."""
        articles = int(token_article[-1]) + 1
        article, target = self.read_tokens(token_ids, window_lengths, target_ids, target_lengths)
        article_vectors = self.topic_head.pool(article, token_article, articles)  # [B, 2D]
        topic_logits = self.topic_head(article_vectors)  # [B, C]
        salience, boilerplate = self.sentence_head(article, token_article, token_sentence, sentence_article, sentence_place, article_vectors)
        stance_logits = self.stance_reader(article, token_article, articles, target, row_article, row_tokens, row_pairs, pair_article)
        outputs = Outputs(
            topic_logits=topic_logits,
            stance_logits=stance_logits,
            salience_logits=salience,
            boilerplate_logits=boilerplate,
            token_states=article.states,
        )
        if topic_labels is None:
            return outputs
        assert topic_allowed is not None
        assert stance_labels is not None
        assert stance_weights is not None
        assert stance_merged is not None
        assert salience_targets is not None
        assert salience_weights is not None
        assert boilerplate_labels is not None
        assert summary_article is not None
        assert summary_inputs is not None
        assert summary_labels is not None
        assert summary_weights is not None
        losses = {
            "topic": topic_loss(topic_logits, topic_labels, topic_allowed, self.label_smoothing),
            "stance": stance_loss(stance_logits, stance_labels, stance_weights, stance_merged),
            "salience": salience_loss(salience, salience_targets, sentence_article, salience_weights),
            "boilerplate": boilerplate_loss(boilerplate, boilerplate_labels),
            "summary": topic_logits.sum() * 0.0,
        }
        if len(summary_article):
            logits = self.next_token_logits(article.states, token_article, summary_article, summary_inputs)
            losses["summary"] = summary_loss(logits, summary_labels, summary_weights, self.summary_label_smoothing)
        if num_items_in_batch is None:
            labels = {"topic_labels": topic_labels, "stance_labels": stance_labels, "boilerplate_labels": boilerplate_labels, "summary_labels": summary_labels}
            num_items_in_batch = count_items({**labels, "salience_targets": salience_targets, "sentence_article": sentence_article})
        counts = num_items_in_batch.clamp(min=1)
        # A task without labels still touches its parameters, with a gradient of 0: ranks of a distributed run must agree on them.
        loss = torch.stack([0.0 * parameter.sum() for parameter in self.parameters() if parameter.requires_grad]).sum()
        for index, task in enumerate(TASKS):
            loss = loss + self.loss_weights[task] * losses[task] / counts[index]
        outputs.loss = loss
        outputs.task_losses = {task: value.detach() for task, value in losses.items()}
        return outputs

    def next_token_logits(self, states: Tensor, token_article: Tensor, summary_article: Tensor, summary_inputs: Tensor) -> Tensor:
        """What the decoder would write next after each token of each text, [G, T, V]; it reads all windows of the text's article."""
        memory, mask = gather_articles(states, token_article, summary_article)
        output = self.backbone(encoder_outputs=BaseModelOutput(memory), attention_mask=mask.long(), decoder_input_ids=summary_inputs, use_cache=False)
        logits: Tensor = output.logits
        return logits

    @property
    def encoder(self) -> nn.Module:
        """What reads the windows: the backbone, or its encoder where it has a decoder as well."""
        encoder: nn.Module = self.backbone.get_encoder() if self.backbone.config.is_encoder_decoder else self.backbone
        return encoder

    def read_tokens(self, token_ids: Tensor, window_lengths: Tensor, target_ids: Tensor, target_lengths: Tensor) -> tuple[Tokens, Tokens]:
        """Embed and encode the tokens of articles and of targets.

        Targets are encoded apart, so that asking about one leaves every bit of the article's states as it was.
        """
        ids = torch.cat([token_ids, target_ids])
        words = self.get_input_embeddings()(ids)  # one look-up: each costs a gradient as large as the embedding table
        sizes = [len(token_ids), len(target_ids)]
        parts = zip(ids.split(sizes), self.token_rarity[ids].split(sizes), words.split(sizes), (window_lengths, target_lengths), strict=True)
        article, target = (
            Tokens(ids, rarity, (words - self.word_center) @ self.word_map, self.encode_windows(words, lengths)) for ids, rarity, words, lengths in parts
        )
        return article, target

    def encode_windows(self, words: Tensor, lengths: Tensor) -> Tensor:
        """The encoder's last states of windows whose word embeddings lie flat, in the same flat order, [M, D] -> [M, D]."""
        if len(lengths) == 0:
            return words
        starts = torch.cumsum(lengths, 0) - lengths
        pieces: list[Tensor] = []
        places: list[Tensor] = []
        for group in group_by_length(lengths.tolist()):
            members = torch.tensor(group, device=lengths.device)
            columns = torch.arange(int(lengths[group[0]]), device=lengths.device)  # the longest comes first
            mask = columns < lengths[members, None]  # [W of the group, S]
            positions = (starts[members, None] + columns).clamp(max=len(words) - 1)
            output = self.encoder(inputs_embeds=words[positions], attention_mask=mask.long())
            pieces.append(output.last_hidden_state[mask])
            places.append(positions[mask])
        states = torch.cat(pieces)
        return torch.empty_like(states).index_copy(0, torch.cat(places), states)


def gather_articles(states: Tensor, token_article: Tensor, articles: Tensor) -> tuple[Tensor, Tensor]:
    """The states of some articles, [M, D] and [G] -> padded to the longest, [G, L, D], and which of them are real, [G, L] bool."""
    lengths = torch.bincount(token_article)
    starts = (torch.cumsum(lengths, 0) - lengths)[articles]
    lengths = lengths[articles]
    columns = torch.arange(int(lengths.max()), device=states.device)
    mask = columns < lengths[:, None]
    return states[(starts[:, None] + columns).clamp(max=len(states) - 1)], mask


def group_by_length(lengths: list[int]) -> Iterator[list[int]]:
    """Indices of windows in groups to be padded together, longest first, so that padding stays below MAX_PADDING.

    >>> list(group_by_length([500, 90, 510, 505]))
    [[2, 3, 0], [1]]
    """
    group: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if group:
            padded = lengths[group[0]] * (len(group) + 1)
            wasteful = 1 - (tokens + lengths[index]) / padded > MAX_PADDING and padded > SMALL_GROUP_TOKENS
            if wasteful or padded > GROUP_TOKENS:
                yield group
                group, tokens = [], 0
        group.append(index)
        tokens += lengths[index]
    if group:
        yield group


AutoConfig.register("broadsheet", ArticleConfig)
AutoModel.register(ArticleConfig, ArticleModel)
