"""The three heads that read an article's states: topic, sentences, stance.

In and out: tensors, in the letters of `inference.batch`. Does not know: the backbone, losses, text.

The heads of sentences and of stance add two answers: a deep one from states and embeddings, and a lexical one from the few
features of `inference.overlap`. In training the deep answer is left out at times, so that the lexical one learns to stand alone:
else the vectors learn the training targets by heart, and targets never seen are judged by likeness to them.

The stance reader lets the packed target tokens of an article cross-attend to the article's states. Its attention scores carry
the cosine of the two tokens' embeddings, so that a model trained from scratch need not rediscover that equal words are equal
(soft term matching as in K-NRM, Xiong et al. 2017, https://arxiv.org/abs/1706.06613).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from inference.batch import MAX_POSITION, NO_PAIR
from inference.encoding import NO_SENTENCE
from inference.labels import STANCES
from inference.overlap import PAIR_FEATURES, SENTENCE_FEATURES, pair_overlap, sentence_overlap
from inference.segments import segment_log_softmax, segment_mean, segment_share

MATCH_SCALE = 4.0
"""Weight of a likeness of 1 in the reader's attention scores: enough to find an equal word, not to see nothing else."""

LEXICAL_SCALE = 10.0
"""Of features beside states: they are few, and unscaled they would be learned long after hundreds of state dimensions."""

LEXICAL_WIDTH = 64
"""Hidden units of the lexical answer."""

DEEP_DROPOUT = 1.5
"""Times the heads' dropout: share of pairs, or of articles, whose deep answer is left out in a training step."""

VECTOR_DROPOUT = 2.0
"""Times the heads' dropout: that of the vectors which the deep stance answer reads. An article meets dozens of targets, and its vectors give them away."""


READ_CELLS = 2**23
"""Target tokens times article tokens that the reader compares at once: bounds memory where hundreds of targets meet a long article."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the heads know of the tokens of a batch, flat."""

    ids: Tensor  # [M]
    rarity: Tensor  # [M] inverse document frequency, 0 to 1
    words: Tensor  # [M, D] embeddings
    states: Tensor  # [M, D] the backbone's last states


class TopicHead(nn.Module):
    """Attention-pooled states beside the mean word embedding by rarity: the second is a bag of words that learns within minutes."""

    def __init__(self, width: int, topics: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.Linear(width, 1)
        self.state_norm = nn.LayerNorm(width)
        self.word_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * width, topics)

    def pool(self, tokens: Tokens, token_article: Tensor, articles: int) -> Tensor:
        """The vector of each article, [B, 2D]."""
        weights = segment_log_softmax(self.attention(tokens.states).squeeze(-1), token_article, articles).exp()
        pooled = weights.new_zeros(articles, tokens.states.shape[1]).index_add(0, token_article, tokens.states * weights[:, None])
        return torch.cat([self.state_norm(pooled), self.word_norm(segment_share(tokens.words, tokens.rarity, token_article, articles))], dim=-1)

    def forward(self, article_vectors: Tensor) -> Tensor:
        logits: Tensor = self.output(self.dropout(article_vectors))
        return logits


class SentenceHead(nn.Module):
    """Mean state of each sentence, its place, its likeness to the whole article -> salience and boilerplate logits."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        features = SENTENCE_FEATURES + 2
        self.from_start = nn.Embedding(MAX_POSITION + 1, width)
        self.from_end = nn.Embedding(MAX_POSITION + 1, width)
        self.sentence = nn.Linear(width, width)
        self.article = nn.Linear(2 * width, width)
        self.features = nn.Linear(features, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.deep_dropout = min(DEEP_DROPOUT * dropout, 0.9)
        self.output = nn.Linear(width, 2)
        self.place = nn.Embedding(MAX_POSITION + 1, 2)
        self.lexical = nn.Sequential(nn.Linear(features, LEXICAL_WIDTH), nn.GELU(), nn.Linear(LEXICAL_WIDTH, 2))

    def forward(
        self, tokens: Tokens, token_article: Tensor, token_sentence: Tensor, sentence_article: Tensor, sentence_place: Tensor, article_vectors: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Two logits of each sentence, [N] and [N]."""
        count, articles = len(sentence_article), len(article_vectors)
        inside = token_sentence != NO_SENTENCE
        states = segment_mean(tokens.states[inside], token_sentence[inside], count)  # [N, D]
        words = segment_mean(tokens.words[inside], token_sentence[inside], count)
        like_states = F.cosine_similarity(states, segment_mean(states, sentence_article, articles)[sentence_article])
        like_words = F.cosine_similarity(words, segment_mean(words, sentence_article, articles)[sentence_article])
        overlap = sentence_overlap(tokens.ids, tokens.rarity, token_article, token_sentence, sentence_place)
        features = LEXICAL_SCALE * torch.cat([torch.stack([like_states, like_words], dim=-1), overlap], dim=-1)
        hidden = self.sentence(states) + self.article(article_vectors)[sentence_article] + self.features(features)
        hidden = hidden + self.from_start(sentence_place[:, 0]) + self.from_end(sentence_place[:, 1])
        deep = self.output(self.dropout(F.gelu(self.norm(hidden))))  # [N, 2]
        if self.training:
            deep = deep * _kept(articles, self.deep_dropout, deep)[sentence_article]
        logits = deep + self.lexical(features) + LEXICAL_SCALE * self.place(sentence_place[:, 0])
        return logits[:, 0], logits[:, 1]


class StanceReader(nn.Module):
    """The packed target tokens of each article read its states through cross-attention -> four stance logits a pair."""

    def __init__(self, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(2 * width, width)
        self.match = nn.Linear(2, width)
        self.blocks = nn.ModuleList(ReaderBlock(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.word_norm = nn.LayerNorm(width)
        self.vector_dropout = nn.Dropout(min(VECTOR_DROPOUT * dropout, 0.9))
        self.deep_dropout = min(DEEP_DROPOUT * dropout, 0.9)
        self.hidden = nn.Linear(4 * width + PAIR_FEATURES, width)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, len(STANCES))
        self.lexical = nn.Sequential(nn.Linear(PAIR_FEATURES, LEXICAL_WIDTH), nn.GELU(), nn.Linear(LEXICAL_WIDTH, len(STANCES)))

    def forward(
        self,
        article: Tokens,
        token_article: Tensor,
        articles: int,
        target: Tokens,
        row_article: Tensor,
        row_tokens: Tensor,
        row_pairs: Tensor,
        pair_article: Tensor,
    ) -> Tensor:
        """Four logits of each pair, [Q, 4]."""
        if len(pair_article) == 0:
            return article.states.new_zeros(0, len(STANCES))
        lengths = torch.bincount(token_article, minlength=articles)
        starts = (torch.cumsum(lengths, 0) - lengths)[row_article]
        lengths = lengths[row_article]  # [R]
        columns = torch.arange(int(lengths.max()), device=starts.device)  # L, tokens of the longest article asked about
        readable = columns < lengths[:, None]  # [R, L]
        index = (starts[:, None] + columns).clamp(max=len(article.ids) - 1)
        words = self.word_norm(segment_mean(article.words, token_article, articles))
        rows = max(1, READ_CELLS // (row_tokens.shape[1] * len(columns)))
        groups = zip(*(tensor.split(rows) for tensor in (index, readable, row_tokens, row_pairs, words[row_article])), strict=True)
        return torch.cat([self._read(article, target, *group) for group in groups])

    def _read(self, article: Tokens, target: Tokens, index: Tensor, readable: Tensor, row_tokens: Tensor, row_pairs: Tensor, words: Tensor) -> Tensor:
        """The logits of the pairs of a few rows; `index` [R, L] are the tokens of each row's article, `words` [R, D] its mean embedding."""
        inside = row_pairs != NO_PAIR
        row_pairs = torch.where(inside, row_pairs - row_pairs[0, 0], NO_PAIR)  # a target never spans two rows: numbers begin anew
        tokens, segments = row_tokens[inside], row_pairs[inside]
        pairs = int(segments[-1]) + 1
        with torch.no_grad():  # embeddings that learn from what they match would learn the training targets by heart
            likeness = F.normalize(target.words[row_tokens], dim=-1) @ F.normalize(article.words[index], dim=-1).transpose(1, 2)
            likeness = likeness.masked_fill(~readable[:, None], -1.0)  # [R, P, L]
        matched = likeness.amax(-1)  # [R, P] how well the article has this word of the target
        rarity = target.rarity[row_tokens]
        queries = self.query(torch.cat([target.states, target.words], dim=-1))[row_tokens]
        queries = queries + self.match(LEXICAL_SCALE * torch.stack([matched, rarity], dim=-1))
        bias = (MATCH_SCALE * likeness).masked_fill(~readable[:, None], -torch.inf)
        memory = article.states[index]  # [R, L, D]
        for block in self.blocks:
            queries = block(queries, memory, bias)

        row = inside.nonzero()[:, 0]
        pair_row = row.new_zeros(pairs).index_copy(0, segments, row)
        vectors = [
            segment_mean(self.norm(queries[inside]), segments, pairs),
            segment_mean(target.states[tokens], segments, pairs),
            self.word_norm(segment_mean(target.words[tokens], segments, pairs)),
            words[pair_row],
        ]
        features = LEXICAL_SCALE * pair_overlap(article.ids[index], readable, target.ids[row_tokens], rarity, matched, row_pairs, pairs)
        hidden = self.hidden(torch.cat([self.vector_dropout(torch.cat(vectors, dim=-1)), features], dim=-1))
        deep = self.output(self.dropout(F.gelu(hidden)))
        if self.training:
            deep = deep * _kept(pairs, self.deep_dropout, deep)
        logits: Tensor = deep + self.lexical(features)
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
        self.attended = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, queries: Tensor, memory: Tensor, bias: Tensor) -> Tensor:
        rows, count, width = queries.shape
        query = self.query(self.query_norm(queries)).view(rows, count, self.heads, -1).transpose(1, 2)  # [R, H, P, D/H]
        key, value = self.key_value(memory).view(rows, -1, 2, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)  # [R, H, L, D/H]
        attended = F.scaled_dot_product_attention(query, key, value, bias[:, None].expand(-1, self.heads, -1, -1))
        queries = queries + self.dropout(self.attended(attended.transpose(1, 2).reshape(rows, count, width)))
        hidden: Tensor = queries + self.dropout(self.feed_forward(queries))
        return hidden


def _kept(count: int, dropout: float, like: Tensor) -> Tensor:
    """[count, 1] 0 where the deep answer is left out of this training step, else 1."""
    return (torch.rand(count, 1, device=like.device) >= dropout).to(like.dtype)
