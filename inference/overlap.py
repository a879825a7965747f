"""Which words of a sentence recur in its article, and which words of a target the article has: a few numbers per sentence and pair.

In: token ids, their rarity (inverse document frequency) and where they stand. Out: features of about 0 to 1. Nothing here is
learned: whether two texts share their rare words is known exactly, and a model trained from scratch on a few thousand articles
would have to rediscover it. Special tokens have a rarity of 0 (`training.examples.token_rarity`) and so no part in any share.
Does not know: states, heads, text.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from inference.batch import NO_PAIR
from inference.encoding import NO_SENTENCE
from inference.segments import segment_share

LOG_SCALE = 4.0
"""Logarithms of token counts are divided by this, so that they are about 1."""

OPENING_TOKENS = 128
"""An article's first tokens, about its first four sentences: what it deals with stands there."""

STRETCH_TOKENS = 32
"""About a sentence: words of a target that stand together say more than words strewn over the article. Stretches overlap by half."""

TIE = 1e-4
"""Shares that differ by less are equal: sums in another order must not move a place."""

SENTENCE_FEATURES = 7
PAIR_FEATURES = 8


def sentence_overlap(token_ids: Tensor, token_rarity: Tensor, token_article: Tensor, token_sentence: Tensor, sentence_place: Tensor) -> Tensor:
    """Length of each sentence, and the shares of its words, by rarity, that recur in the article; [N, SENTENCE_FEATURES]."""
    count = len(sentence_place)
    inside = token_sentence != NO_SENTENCE
    sentences = token_sentence[inside]
    _, words = torch.unique(token_article * (token_ids.max() + 1) + token_ids, return_inverse=True)  # [M] a number per article and token id
    distinct = int(words.max()) + 1
    inner = words[inside]
    frequency = torch.bincount(torch.unique(inner * count + sentences) // count, minlength=distinct)[inner]  # sentences that have the word
    in_lead = _marked(inner[sentence_place[sentences, 0] == 0], distinct)[inner]
    in_title = _marked(words[~inside], distinct)[inner]
    shares = torch.stack([frequency > 1, frequency.log(), in_lead, in_title], dim=-1)
    rarity = token_rarity[inside]
    length = torch.bincount(sentences, minlength=count).clamp(min=1).log() / LOG_SCALE
    content = rarity.new_zeros(count).index_add(0, sentences, rarity).clamp(min=0.1).log() / LOG_SCALE
    return torch.cat([segment_share(shares, rarity, sentences, count), torch.stack([length, length**2, content], dim=-1)], dim=-1)


def pair_overlap(article_ids: Tensor, readable: Tensor, target_ids: Tensor, target_rarity: Tensor, matched: Tensor, row_pairs: Tensor, pairs: int) -> Tensor:
    """How much of each target its article has, by rarity; [Q, PAIR_FEATURES].

    `article_ids` [R, L] with `readable` [R, L], `target_ids` and `target_rarity` [R, P], and `matched` [R, P], the best cosine of
    each target token with a token of the article.
    """
    inside = row_pairs != NO_PAIR
    segments = row_pairs[inside]
    equal = (target_ids[:, :, None] == article_ids[:, None]) & readable[:, None]  # [R, P, L]
    found = equal.any(-1)
    found_early = equal[:, :, :OPENING_TOKENS].any(-1)
    followed = row_pairs[:, :-1] == row_pairs[:, 1:]
    found_next = F.pad((equal[:, :-1, :-1] & equal[:, 1:, 1:]).any(-1) & followed, (0, 1))  # together with the token that follows
    missing = max(STRETCH_TOKENS - equal.shape[-1], 0)
    by_stretch = F.max_pool1d(F.pad(equal.to(matched.dtype), (0, missing)), STRETCH_TOKENS, STRETCH_TOKENS // 2, ceil_mode=True)
    rarity = target_rarity[inside]
    shares = segment_share(torch.stack([found, found_early, found_next, matched], dim=-1)[inside], rarity, segments, pairs)
    by_stretch = segment_share(by_stretch[inside], rarity, segments, pairs)  # [Q, stretches]
    density = by_stretch.amax(-1)
    numbers = torch.arange(by_stretch.shape[-1], device=by_stretch.device)
    place = numbers.masked_fill(by_stretch < density[:, None] - TIE, len(numbers)).amin(-1)  # the first of equally good ones
    least = matched.new_ones(pairs).scatter_reduce(0, segments, matched[inside], "amin")
    length = torch.bincount(segments, minlength=pairs).clamp(min=1).log() / LOG_SCALE
    return torch.cat([shares, torch.stack([density, (place / STRETCH_TOKENS).clamp(max=1.0), least, length], dim=-1)], dim=-1)


def _marked(members: Tensor, count: int) -> Tensor:
    """[count] bool, True at `members`"""
    return torch.zeros(count, dtype=torch.bool, device=members.device).index_fill(0, members, True)
