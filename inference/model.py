"""`ArticleModel`: one encoding of an article answers topic, stance toward any number of targets, and sentence salience.

In: the tensors of `inference.batch` (its letters are used here). Out: `Outputs`, logits and, where labels are given, losses.
Does not know: text, tokenizers, files, or how a summary is picked from salience.

The stance reader lets the packed target tokens of an article cross-attend to the article's states. Its attention scores carry
a learned multiple of the cosine of the two tokens' embeddings, so that a model trained from scratch need not rediscover that
equal words are equal (soft term matching as in K-NRM, Xiong et al. 2017, https://arxiv.org/abs/1706.06613).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from inference.batch import MAX_POSITION, NO_PAIR
from inference.encoding import NO_SENTENCE
from inference.labels import STANCES

IGNORE = -100
"""A label that is not known; it counts in no loss."""

MAX_PADDING = 0.05
"""A group of windows is closed when another window would raise its share of padding above this."""

SMALL_GROUP_TOKENS = 512
"""Groups below this many tokens take any window: a matrix product of a few rows costs more than their padding."""

GROUP_TOKENS = 16_384
"""Most tokens in one call of the backbone; bounds memory for very long articles."""


class ArticleConfig(PreTrainedConfig):
    """What an `ArticleModel` is made of. `backbone` holds the backbone's own config as a dictionary; `topics` are in logit order."""

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
        **kwargs: Any,
    ) -> None:
        self.backbone = backbone
        self.topics = topics or []
        self.reader_layers = reader_layers
        self.head_dropout = head_dropout
        self.window_tokens = window_tokens
        self.max_windows = max_windows
        self.target_tokens = target_tokens
        super().__init__(**kwargs)


@dataclass
class Outputs(ModelOutput):
    """Logits of a batch. `loss` is the weighted sum of `task_losses`, which hold each task's summed loss and its items."""

    loss: Tensor | None = None
    topic_logits: Tensor | None = None  # [B, C]
    stance_logits: Tensor | None = None  # [Q, 4] in the order of STANCES
    salience_logits: Tensor | None = None  # [N]
    boilerplate_logits: Tensor | None = None  # [N] positive = not part of the article
    task_losses: dict[str, Tensor] | None = None  # task -> summed loss of this batch, detached


TASKS = ("topic", "stance", "salience", "boilerplate")
"""The order of `loss_weights` and of `num_items_in_batch`."""


class ArticleModel(PreTrainedModel):
    """A Hugging Face encoder with a topic head, a cross-attention stance reader and a sentence salience head."""

    config_class = ArticleConfig
    base_model_prefix = "backbone"
    accepts_loss_kwargs = True  # the Trainer passes num_items_in_batch: label counts of the whole optimizer step
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules: ClassVar[list[str]] = ["_ReaderBlock"]

    def __init__(self, config: ArticleConfig) -> None:
        super().__init__(config)
        assert config.backbone is not None, "ArticleConfig needs the backbone's config"
        settings = {key: value for key, value in config.backbone.items() if key != "model_type"}
        self.backbone = AutoModel.from_config(AutoConfig.for_model(config.backbone["model_type"], **settings))
        width = self.backbone.config.hidden_size
        heads = self.backbone.config.num_attention_heads
        self.topic_head = _TopicHead(width, len(config.topics), config.head_dropout)
        self.stance_reader = _StanceReader(width, heads, config.reader_layers, config.head_dropout)
        self.sentence_head = _SentenceHead(width, config.head_dropout)
        self.loss_weights = dict.fromkeys(TASKS, 1.0)
        self.label_smoothing = 0.0
        self.post_init()

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
        elif isinstance(module, _ReaderBlock):
            nn.init.ones_(module.match_weight)

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
        article_states, article_words = self._encode(token_ids, window_lengths)  # [M, D], [M, D]
        # Targets are encoded apart, so that asking about one leaves every bit of the article's states as it was.
        target_states, target_words = self._encode(target_ids, target_lengths)

        article_vectors = self.topic_head.pool(article_states, article_words, token_article, articles)  # [B, 2D]
        topic_logits = self.topic_head(article_vectors)  # [B, C]
        salience, boilerplate = self.sentence_head(article_states, article_words, token_sentence, sentence_article, sentence_place, article_vectors)
        stance_logits = self.stance_reader(
            article_states, article_words, token_article, articles, target_states, target_words, row_article, row_tokens, row_pairs, len(pair_article)
        )
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
        loss = torch.stack([0.0 * parameter.sum() for parameter in self.parameters() if parameter.requires_grad]).sum() if self.training else 0.0
        for index, task in enumerate(TASKS):
            loss = loss + self.loss_weights[task] * losses[task] / counts[index]
        outputs.loss = loss
        outputs.task_losses = {task: value.detach() for task, value in losses.items()}
        return outputs

    def _encode(self, flat_ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The backbone's last states and the word embeddings of windows that lie flat, in the same flat order, [M, D] each."""
        embeddings = self.get_input_embeddings()(flat_ids)
        if len(lengths) == 0:
            return embeddings, embeddings
        starts = torch.cumsum(lengths, 0) - lengths
        pieces: list[Tensor] = []
        places: list[Tensor] = []
        for group in group_by_length(lengths.tolist()):
            members = torch.tensor(group, device=lengths.device)
            columns = torch.arange(int(lengths[group[0]]), device=lengths.device)  # the longest comes first
            mask = columns < lengths[members, None]  # [W of the group, S]
            positions = (starts[members, None] + columns).clamp(max=len(flat_ids) - 1)
            output = self.backbone(input_ids=flat_ids[positions].masked_fill(~mask, self._padding_id), attention_mask=mask.long())
            pieces.append(output.last_hidden_state[mask])
            places.append(positions[mask])
        states = torch.cat(pieces)
        return torch.empty_like(states).index_copy(0, torch.cat(places), states), embeddings

    @property
    def _padding_id(self) -> int:
        return int(self.backbone.config.pad_token_id or 0)


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


def segment_mean(values: Tensor, segments: Tensor, count: int) -> Tensor:
    """Mean of the rows of each segment: [M, D] and [M] in 0..count-1 -> [count, D]; an empty segment gives 0."""
    sums = values.new_zeros(count, values.shape[1]).index_add(0, segments, values)
    sizes = values.new_zeros(count).index_add(0, segments, values.new_ones(len(segments)))
    return sums / sizes.clamp(min=1)[:, None]


def segment_log_softmax(logits: Tensor, segments: Tensor, count: int) -> Tensor:
    """Log-softmax within each segment, [M] -> [M]."""
    highest = logits.new_full((count,), -torch.inf).scatter_reduce(0, segments, logits.detach(), "amax")
    shifted = logits - highest[segments]
    return shifted - logits.new_zeros(count).index_add(0, segments, shifted.exp()).log()[segments]


class _TopicHead(nn.Module):
    """Attention-pooled states beside the mean word embedding: the second is a bag of words that learns within minutes."""

    def __init__(self, width: int, topics: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.Linear(width, 1)
        self.state_norm = nn.LayerNorm(width)
        self.word_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * width, topics)

    def pool(self, states: Tensor, words: Tensor, token_article: Tensor, articles: int) -> Tensor:
        weights = segment_log_softmax(self.attention(states).squeeze(-1), token_article, articles).exp()
        pooled = states.new_zeros(articles, states.shape[1]).index_add(0, token_article, states * weights[:, None])
        return torch.cat([self.state_norm(pooled), self.word_norm(segment_mean(words, token_article, articles))], dim=-1)

    def forward(self, article_vectors: Tensor) -> Tensor:
        logits: Tensor = self.output(self.dropout(article_vectors))
        return logits


class _SentenceHead(nn.Module):
    """Mean state of each sentence, its place, its likeness to the whole article -> salience and boilerplate logits."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.from_start = nn.Embedding(MAX_POSITION + 1, width)
        self.from_end = nn.Embedding(MAX_POSITION + 1, width)
        self.sentence = nn.Linear(width, width)
        self.article = nn.Linear(2 * width, width)
        self.features = nn.Linear(3, width)  # likeness of states, likeness of words, log length
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, 2)

    def forward(
        self, states: Tensor, words: Tensor, token_sentence: Tensor, sentence_article: Tensor, sentence_place: Tensor, article_vectors: Tensor
    ) -> tuple[Tensor, Tensor]:
        count, articles = len(sentence_article), len(article_vectors)
        inside = token_sentence != NO_SENTENCE
        segments = token_sentence[inside]
        sentence_states = segment_mean(states[inside], segments, count)  # [N, D]
        sentence_words = segment_mean(words[inside], segments, count)
        lengths = states.new_zeros(count).index_add(0, segments, states.new_ones(len(segments)))
        center_states = segment_mean(sentence_states, sentence_article, articles)[sentence_article]
        center_words = segment_mean(sentence_words, sentence_article, articles)[sentence_article]
        features = torch.stack(
            [F.cosine_similarity(sentence_states, center_states), F.cosine_similarity(sentence_words, center_words), lengths.clamp(min=1).log() / 4], dim=-1
        )
        hidden = self.sentence(sentence_states) + self.article(article_vectors)[sentence_article] + self.features(features)
        hidden = hidden + self.from_start(sentence_place[:, 0]) + self.from_end(sentence_place[:, 1])
        logits = self.output(self.dropout(F.gelu(self.norm(hidden))))  # [N, 2]
        return logits[:, 0], logits[:, 1]


class _StanceReader(nn.Module):
    """The packed target tokens of each article read its states through cross-attention -> four stance logits a pair."""

    def __init__(self, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(2 * width, width)
        self.match = nn.Linear(2, width)
        self.blocks = nn.ModuleList(_ReaderBlock(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(2 * width + 4, width)
        self.output = nn.Linear(width, len(STANCES))

    def forward(
        self,
        article_states: Tensor,
        article_words: Tensor,
        token_article: Tensor,
        articles: int,
        target_states: Tensor,
        target_words: Tensor,
        row_article: Tensor,
        row_tokens: Tensor,
        row_pairs: Tensor,
        pairs: int,
    ) -> Tensor:
        if pairs == 0:
            return article_states.new_zeros(0, len(STANCES))
        lengths = torch.bincount(token_article, minlength=articles)
        starts = (torch.cumsum(lengths, 0) - lengths)[row_article]
        lengths = lengths[row_article]  # [R]
        columns = torch.arange(int(lengths.max()), device=starts.device)  # L, tokens of the longest article asked about
        readable = columns < lengths[:, None]  # [R, L]
        index = (starts[:, None] + columns).clamp(max=len(article_states) - 1)
        memory = article_states[index]  # [R, L, D]
        likeness = F.normalize(target_words, dim=-1)[row_tokens] @ F.normalize(article_words, dim=-1)[index].transpose(1, 2)  # [R, P, L]
        likeness = likeness.masked_fill(~readable[:, None], -1.0)
        matched = likeness.amax(-1)  # [R, P] how well the article has this word of the target
        queries = self.query(torch.cat([target_states, target_words], dim=-1))[row_tokens]
        queries = queries + self.match(torch.stack([matched, matched**8], dim=-1))  # the power tells the same word from a like one
        for block in self.blocks:
            queries = block(queries, memory, likeness, readable)

        inside = row_pairs != NO_PAIR
        segments = row_pairs[inside]
        pooled = segment_mean(self.norm(queries[inside]), segments, pairs)  # [Q, D]
        words = segment_mean(target_states[row_tokens[inside]], segments, pairs)
        match = matched[inside]
        least = match.new_ones(pairs).scatter_reduce(0, segments, match, "amin")
        same = segment_mean((match**8)[:, None], segments, pairs).squeeze(-1)
        mean = segment_mean(match[:, None], segments, pairs).squeeze(-1)
        sizes = torch.bincount(segments, minlength=pairs).log() / 4
        features = torch.stack([least, mean, same, sizes], dim=-1)
        logits: Tensor = self.output(self.dropout(F.gelu(self.hidden(torch.cat([pooled, words, features], dim=-1)))))
        return logits


class _ReaderBlock(nn.Module):
    """Pre-norm cross-attention and feed-forward; no attention among targets, so that one target never changes another."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = nn.Dropout(dropout)
        self.query_norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.match_weight = nn.Parameter(torch.ones(heads))
        self.attended = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, queries: Tensor, memory: Tensor, likeness: Tensor, readable: Tensor) -> Tensor:
        rows, count, width = queries.shape
        query = self.query(self.query_norm(queries)).view(rows, count, self.heads, -1).transpose(1, 2)  # [R, H, P, D/H]
        key, value = self.key_value(memory).view(rows, -1, 2, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)  # [R, H, L, D/H]
        bias = 4.0 * self.match_weight[None, :, None, None] * likeness[:, None]  # [R, H, P, L]
        attended = F.scaled_dot_product_attention(query, key, value, bias.masked_fill(~readable[:, None, None], -torch.inf))
        queries = queries + self.dropout(self.attended(attended.transpose(1, 2).reshape(rows, count, width)))
        hidden: Tensor = queries + self.dropout(self.feed_forward(queries))
        return hidden


def topic_loss(logits: Tensor, labels: Tensor, allowed: Tensor, smoothing: float) -> Tensor:
    """Summed cross-entropy over the labels that each article's source uses; [B, C], [B], [B, C] -> scalar."""
    known = labels != IGNORE
    if not known.any():
        return logits.sum() * 0.0
    allowed = allowed[known]
    log_probabilities = logits[known].masked_fill(~allowed, -torch.inf).log_softmax(-1)
    gold = log_probabilities.gather(1, labels[known, None]).squeeze(1)
    spread = log_probabilities.masked_fill(~allowed, 0.0).sum(-1) / allowed.sum(-1)
    return -((1 - smoothing) * gold + smoothing * spread).sum()


def stance_loss(logits: Tensor, labels: Tensor, weights: Tensor, merged: Tensor) -> Tensor:
    """Summed cross-entropy of the labelled pairs; where neutral covers unrelated, -log(p_neutral + p_unrelated) for both."""
    known = labels != IGNORE
    if not known.any():
        return logits.sum() * 0.0
    neutral, unrelated = STANCES.index("neutral"), STANCES.index("unrelated")
    labels = labels[known]
    log_probabilities = logits[known].log_softmax(-1)
    gold = log_probabilities.gather(1, labels[:, None]).squeeze(1)
    either = torch.logaddexp(log_probabilities[:, neutral], log_probabilities[:, unrelated])
    undecided = merged[known] & ((labels == neutral) | (labels == unrelated))
    return -(torch.where(undecided, either, gold) * weights[known]).sum()


def salience_loss(logits: Tensor, targets: Tensor, sentence_article: Tensor, weights: Tensor) -> Tensor:
    """Summed listwise cross-entropy of each article's sentences against its target distribution (ListNet, Cao et al. 2007)."""
    if not targets.any():
        return logits.sum() * 0.0
    log_probabilities = segment_log_softmax(logits, sentence_article, len(weights))
    return -(targets * log_probabilities * weights[sentence_article]).sum()


def boilerplate_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Summed binary cross-entropy of the sentences known to be article (0) or boilerplate (1)."""
    known = labels != IGNORE
    return F.binary_cross_entropy_with_logits(logits[known], labels[known].to(logits.dtype), reduction="sum")


def count_items(topic_labels: Tensor, stance_labels: Tensor, salience_targets: Tensor, sentence_article: Tensor, boilerplate_labels: Tensor) -> Tensor:
    """Labelled items in the order of TASKS, [4] int64: articles, pairs, articles, sentences."""
    with_salience = torch.unique(sentence_article[salience_targets > 0])
    counts = [(topic_labels != IGNORE).sum(), (stance_labels != IGNORE).sum(), torch.tensor(len(with_salience), device=topic_labels.device)]
    return torch.stack([*counts, (boilerplate_labels != IGNORE).sum()])


AutoConfig.register("broadsheet", ArticleConfig)
AutoModel.register(ArticleConfig, ArticleModel)
