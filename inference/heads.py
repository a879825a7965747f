"""The three heads that read an article's states: topic, sentences, stance; and the means and softmaxes over flat segments.

In and out: tensors, in the letters of `inference.batch`. Does not know: the backbone, losses, text.

The stance reader lets the packed target tokens of an article cross-attend to the article's states. Its attention scores carry
a learned multiple of the cosine of the two tokens' embeddings, so that a model trained from scratch need not rediscover that
equal words are equal (soft term matching as in K-NRM, Xiong et al. 2017, https://arxiv.org/abs/1706.06613).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from inference.batch import MAX_POSITION, NO_PAIR
from inference.encoding import NO_SENTENCE
from inference.labels import STANCES

MATCH_SCALE = 4.0
"""Initial weight of a likeness of 1 in the reader's attention scores: enough to find an equal word, not to see nothing else."""

EXACTNESS = 8
"""Power of a cosine that tells the same word (1.0) from a like one (0.8 becomes 0.17)."""

LEXICAL_SCALE = 10.0
"""Of the matching features beside states: they are few, and unscaled they would be learned long after hundreds of state dimensions."""

LOG_SCALE = 4.0
"""Logarithms of token counts are divided by this, so that they are about 1."""


class TopicHead(nn.Module):
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


class SentenceHead(nn.Module):
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
            [F.cosine_similarity(sentence_states, center_states), F.cosine_similarity(sentence_words, center_words), lengths.clamp(min=1).log() / LOG_SCALE],
            dim=-1,
        )
        hidden = self.sentence(sentence_states) + self.article(article_vectors)[sentence_article] + self.features(features)
        hidden = hidden + self.from_start(sentence_place[:, 0]) + self.from_end(sentence_place[:, 1])
        logits = self.output(self.dropout(F.gelu(self.norm(hidden))))  # [N, 2]
        return logits[:, 0], logits[:, 1]


class StanceReader(nn.Module):
    """The packed target tokens of each article read its states through cross-attention -> four stance logits a pair."""

    def __init__(self, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(2 * width, width)
        self.match = nn.Linear(3, width)
        self.blocks = nn.ModuleList(ReaderBlock(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(2 * width + 5, width)
        self.output = nn.Linear(width, len(STANCES))

    def forward(
        self,
        article_states: Tensor,
        article_words: Tensor,
        token_article: Tensor,
        articles: int,
        target_states: Tensor,
        target_words: Tensor,
        target_rarity: Tensor,
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
        queries = queries + self.match(LEXICAL_SCALE * torch.stack([matched, matched**EXACTNESS, target_rarity[row_tokens]], dim=-1))
        unreadable = None if bool(readable.all()) else ~readable[:, None, None]  # [R, 1, 1, L]
        for block in self.blocks:
            queries = block(queries, memory, MATCH_SCALE * likeness[:, None], unreadable)

        inside = row_pairs != NO_PAIR
        segments = row_pairs[inside]
        pooled = segment_mean(self.norm(queries[inside]), segments, pairs)  # [Q, D]
        words = segment_mean(target_states[row_tokens[inside]], segments, pairs)
        match = matched[inside]
        least = match.new_ones(pairs).scatter_reduce(0, segments, match, "amin")
        same = segment_mean((match**EXACTNESS)[:, None], segments, pairs).squeeze(-1)
        mean = segment_mean(match[:, None], segments, pairs).squeeze(-1)
        sizes = torch.bincount(segments, minlength=pairs).log() / LOG_SCALE
        rarity = target_rarity[row_tokens[inside]]
        total = match.new_zeros(pairs).index_add(0, segments, rarity).clamp(min=1e-6)
        rare = match.new_zeros(pairs).index_add(0, segments, rarity * match**EXACTNESS) / total  # the words that say what it is about
        features = LEXICAL_SCALE * torch.stack([least, mean, same, rare, sizes], dim=-1)
        logits: Tensor = self.output(self.dropout(F.gelu(self.hidden(torch.cat([pooled, words, features], dim=-1)))))
        return logits


class ReaderBlock(nn.Module):
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

    def forward(self, queries: Tensor, memory: Tensor, likeness: Tensor, unreadable: Tensor | None) -> Tensor:
        rows, count, width = queries.shape
        query = self.query(self.query_norm(queries)).view(rows, count, self.heads, -1).transpose(1, 2)  # [R, H, P, D/H]
        key, value = self.key_value(memory).view(rows, -1, 2, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)  # [R, H, L, D/H]
        bias = self.match_weight[None, :, None, None] * likeness  # [R, H, P, L]
        if unreadable is not None:
            bias = bias.masked_fill(unreadable, -torch.inf)
        attended = F.scaled_dot_product_attention(query, key, value, bias)
        queries = queries + self.dropout(self.attended(attended.transpose(1, 2).reshape(rows, count, width)))
        hidden: Tensor = queries + self.dropout(self.feed_forward(queries))
        return hidden


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
