"""`ArticleModel`: one encoding of an article answers topic, stance toward any number of targets, and sentence salience.

In: the tensors of `inference.batch` (its letters are used here). Out: `Outputs`, logits and, where labels are given, losses.
Does not know: text, tokenizers, files, or how a summary is picked from salience.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from inference.heads import ReaderBlock, SentenceHead, StanceReader, Tokens, TopicHead
from inference.losses import TASKS, boilerplate_loss, count_items, salience_loss, stance_loss, topic_loss

MAX_PADDING = 0.05
"""A group of windows is closed when another window would raise its share of padding above this."""

SMALL_GROUP_TOKENS = 512
"""Groups below this many tokens take any window: a matrix product of a few rows costs more than their padding."""

GROUP_TOKENS = 16_384
"""Most tokens in one call of the backbone; bounds memory for very long articles."""


class ArticleConfig(PreTrainedConfig):
    """What an `ArticleModel` is made of. `backbone` holds the backbone's own config as a dictionary; `topics` are in logit order.

    The temperatures divide the logits where probabilities are wanted (`training.calibration` fits them); the model's logits are as they are.
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
        super().__init__(**kwargs)


@dataclass
class Outputs(ModelOutput):
    """Logits of a batch. `loss` is the weighted sum of `task_losses`, which hold each task's summed loss and its items."""

    loss: Tensor | None = None
    topic_logits: Tensor | None = None  # [B, C]
    stance_logits: Tensor | None = None  # [Q, 4] in the order of inference.labels.STANCES
    salience_logits: Tensor | None = None  # [N]
    boilerplate_logits: Tensor | None = None  # [N] positive = not part of the article
    task_losses: dict[str, Tensor] | None = None  # task -> summed loss of this batch, detached


class ArticleModel(PreTrainedModel):
    """A Hugging Face encoder with a topic head, a cross-attention stance reader and a sentence salience head."""

    config_class = ArticleConfig
    base_model_prefix = "backbone"
    accepts_loss_kwargs = True  # the Trainer passes num_items_in_batch: label counts of the whole optimizer step
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    token_rarity: Tensor
    _no_split_modules = [ReaderBlock.__name__]  # noqa: RUF012 (declared by the base class)

    def __init__(self, config: ArticleConfig) -> None:
        super().__init__(config)
        assert config.backbone is not None, "ArticleConfig needs the backbone's config"
        settings = {key: value for key, value in config.backbone.items() if key != "model_type"}
        self.backbone = AutoModel.from_config(AutoConfig.for_model(config.backbone["model_type"], **settings))
        width = self.backbone.config.hidden_size
        heads = self.backbone.config.num_attention_heads
        self.topic_head = TopicHead(width, len(config.topics), config.head_dropout)
        self.stance_reader = StanceReader(width, heads, config.reader_layers, config.head_dropout)
        self.sentence_head = SentenceHead(width, config.head_dropout)
        # [V] inverse document frequency of each token in the training articles, 0 to 1; 1 until `training.run` has counted
        self.register_buffer("token_rarity", torch.ones(self.backbone.config.vocab_size))
        self.loss_weights = dict.fromkeys(TASKS, 1.0)
        self.label_smoothing = 0.0
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
        num_items_in_batch: Tensor | None = None,  # [4] labelled items of the optimizer step in the order of TASKS
        return_dict: bool | None = None,
    ) -> Outputs:
        """Encode every window once and read all answers from its states. B is the number of articles in `token_article`."""
        articles = int(token_article[-1]) + 1
        article, target = self.read_tokens(token_ids, window_lengths, target_ids, target_lengths)
        article_vectors = self.topic_head.pool(article, token_article, articles)  # [B, 2D]
        topic_logits = self.topic_head(article_vectors)  # [B, C]
        salience, boilerplate = self.sentence_head(article, token_article, token_sentence, sentence_article, sentence_place, article_vectors)
        stance_logits = self.stance_reader(article, token_article, articles, target, row_article, row_tokens, row_pairs, pair_article)
        outputs = Outputs(topic_logits=topic_logits, stance_logits=stance_logits, salience_logits=salience, boilerplate_logits=boilerplate)
        if topic_labels is None:
            return outputs
        assert topic_allowed is not None
        assert stance_labels is not None
        assert stance_weights is not None
        assert stance_merged is not None
        assert salience_targets is not None
        assert salience_weights is not None
        assert boilerplate_labels is not None
        losses = {
            "topic": topic_loss(topic_logits, topic_labels, topic_allowed, self.label_smoothing),
            "stance": stance_loss(stance_logits, stance_labels, stance_weights, stance_merged),
            "salience": salience_loss(salience, salience_targets, sentence_article, salience_weights),
            "boilerplate": boilerplate_loss(boilerplate, boilerplate_labels),
        }
        if num_items_in_batch is None:
            num_items_in_batch = count_items(topic_labels, stance_labels, salience_targets, sentence_article, boilerplate_labels)
        counts = num_items_in_batch.clamp(min=1)
        # A task without labels still touches its parameters, with a gradient of 0: ranks of a distributed run must agree on them.
        loss = torch.stack([0.0 * parameter.sum() for parameter in self.parameters() if parameter.requires_grad]).sum()
        for index, task in enumerate(TASKS):
            loss = loss + self.loss_weights[task] * losses[task] / counts[index]
        outputs.loss = loss
        outputs.task_losses = {task: value.detach() for task, value in losses.items()}
        return outputs

    def read_tokens(self, token_ids: Tensor, window_lengths: Tensor, target_ids: Tensor, target_lengths: Tensor) -> tuple[Tokens, Tokens]:
        """Embed and encode the tokens of articles and of targets.

        Targets are encoded apart, so that asking about one leaves every bit of the article's states as it was.
        """
        ids = torch.cat([token_ids, target_ids])
        words = self.get_input_embeddings()(ids)  # one look-up: each costs a gradient as large as the embedding table
        sizes = [len(token_ids), len(target_ids)]
        parts = zip(ids.split(sizes), self.token_rarity[ids].split(sizes), words.split(sizes), (window_lengths, target_lengths), strict=True)
        article, target = (Tokens(ids, rarity, words, self.encode_windows(words, lengths)) for ids, rarity, words, lengths in parts)
        return article, target

    def encode_windows(self, words: Tensor, lengths: Tensor) -> Tensor:
        """The backbone's last states of windows whose word embeddings lie flat, in the same flat order, [M, D] -> [M, D]."""
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
            output = self.backbone(inputs_embeds=words[positions], attention_mask=mask.long())
            pieces.append(output.last_hidden_state[mask])
            places.append(positions[mask])
        states = torch.cat(pieces)
        return torch.empty_like(states).index_copy(0, torch.cat(places), states)


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
