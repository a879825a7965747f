from array import array

import pytest
import torch
from torch import Tensor

from inference.article import Article
from inference.batch import NO_PAIR
from inference.encoding import NO_SENTENCE, ArticleTokenizer
from inference.overlap import LOG_SCALE, OPENING_TOKENS, PAIR_FEATURES, SENTENCE_FEATURES, STRETCH_TOKENS, pair_overlap, sentence_overlap
from training.examples import Example, token_rarity

TITLE, LEAD, SECOND, THIRD = [7], [1, 2, 3, 4], [1, 2, 5, 6], [7, 9]


def of_sentences(*articles: list[list[int]], rarity: Tensor | None = None) -> Tensor:
    """Features of articles, each a title and its sentences, as token ids."""
    ids, token_article, token_sentence, places, count = [], [], [], [], 0
    for number, (title, *sentences) in enumerate(articles):
        for place, sentence in enumerate([title, *sentences]):
            ids += sentence
            token_article += [number] * len(sentence)
            token_sentence += [NO_SENTENCE if place == 0 else count + place - 1] * len(sentence)
        places += [[place, len(sentences) - 1 - place] for place in range(len(sentences))]
        count += len(sentences)
    weights = torch.ones(len(ids)) if rarity is None else rarity[torch.tensor(ids)]
    return sentence_overlap(torch.tensor(ids), weights, torch.tensor(token_article), torch.tensor(token_sentence), torch.tensor(places))


def of_pairs(article: list[int], *targets: list[int], padding: int = 0, rarity: Tensor | None = None) -> Tensor:
    tokens = torch.tensor([[token for target in targets for token in target]])
    pairs = torch.tensor([[number for number, target in enumerate(targets) for _ in target]])
    readable = torch.tensor([[True] * len(article) + [False] * padding])
    ids = torch.tensor([article + article[:1] * padding])
    matched = (tokens[..., None] == ids[:, None, : len(article)]).any(-1).float()
    weights = torch.ones(tokens.shape) if rarity is None else rarity[tokens]
    return pair_overlap(ids, readable, tokens, weights, matched, pairs, len(targets))


def test_shares_of_a_sentence_are_what_recurs_leads_and_is_in_the_title() -> None:
    features = of_sentences([TITLE, LEAD, SECOND, THIRD])
    assert features.shape == (3, SENTENCE_FEATURES)
    recurring, _, in_lead, in_title = features[:, :4].T.tolist()
    assert recurring == [0.5, 0.5, 0.0]  # the 7 of the third stands in the title alone
    assert in_lead == [1.0, 0.5, 0.0]
    assert in_title == [0.0, 0.0, 0.5]
    torch.testing.assert_close(features[:, 4], torch.tensor([4.0, 4.0, 2.0]).log() / LOG_SCALE)


def test_a_rare_word_weighs_more() -> None:
    rarity = torch.ones(10)
    rarity[[1, 2]] = 0.25
    assert of_sentences([TITLE, LEAD, SECOND, THIRD], rarity=rarity)[1, 2].item() == pytest.approx(0.5 / 2.5)


def test_another_article_in_the_batch_changes_nothing() -> None:
    first, second = [TITLE, LEAD, SECOND, THIRD], [[5], [5, 1, 1], [1, 2]]
    torch.testing.assert_close(of_sentences(first, second), torch.cat([of_sentences(first), of_sentences(second)]))


def test_shares_of_a_target_are_what_the_article_has() -> None:
    article = [*range(100, 100 + OPENING_TOKENS), 1, 2, 9, 3]
    features = of_pairs(article, [1, 2, 3, 4], [100, 101], [8])
    assert features.shape == (3, PAIR_FEATURES)
    found, early, together = features[:, :3].T.tolist()
    assert found == [0.75, 1.0, 0.0]
    assert early == [0.0, 1.0, 0.0]
    assert together == [0.25, 0.5, 0.0]  # of 1 2 3 4 only 1 is followed by its neighbor
    assert features[:, 6].tolist() == [0.0, 1.0, 0.0]  # the least likely word of each


def test_the_neighbor_of_a_last_word_is_not_the_next_target() -> None:
    assert of_pairs([1, 2, 3], [1], [2])[:, 2].tolist() == [0.0, 0.0]


def test_words_that_stand_together_are_denser_than_words_strewn_over_the_article() -> None:
    filler = [50] * (2 * STRETCH_TOKENS)
    together, strewn = of_pairs([*filler, 1, 2, *filler], [1, 2]), of_pairs([*filler, 1, *filler, 2], [1, 2])
    assert together[0, 0] == strewn[0, 0] == 1.0
    assert (together[0, 4], strewn[0, 4]) == (1.0, 0.5)
    assert together[0, 5] == strewn[0, 5] > 0.0  # both first found at the same place


def test_padding_and_other_targets_change_nothing() -> None:
    article = [1, 2, 9, 3]
    alone = torch.cat([of_pairs(article, target) for target in ([1, 2], [3, 4, 4])])
    torch.testing.assert_close(of_pairs(article, [1, 2], [3, 4, 4], padding=70), alone)


def test_padding_of_the_row_belongs_to_no_pair() -> None:
    ids, readable = torch.tensor([[1, 2]]), torch.tensor([[True, True]])
    tokens, pairs = torch.tensor([[1, 0, 0]]), torch.tensor([[0, NO_PAIR, NO_PAIR]])
    padded = pair_overlap(ids, readable, tokens, torch.ones(1, 3), torch.ones(1, 3), pairs, 1)
    torch.testing.assert_close(padded, pair_overlap(ids, readable, tokens[:, :1], torch.ones(1, 1), torch.ones(1, 1), pairs[:, :1], 1))


def test_the_place_of_a_long_article_stays_a_feature_of_at_most_one() -> None:
    assert of_pairs([*[50] * 8000, 1, 2], [1, 2])[0, 5] == 1.0


def test_of_stretches_that_differ_by_rounding_the_first_is_the_place() -> None:
    rarity = torch.ones(60)
    rarity[2] = 1.0001
    article = [1, *[50] * (3 * STRETCH_TOKENS), 2]
    assert of_pairs(article, [1, 2], rarity=rarity)[0, 5] == 0.0
    rarity[2] = 1.1
    assert of_pairs(article, [1, 2], rarity=rarity)[0, 5] > 0.0


def test_the_frame_of_a_target_is_no_word_of_it(encode: ArticleTokenizer) -> None:
    """Special tokens stand in every window and in every target; their rarity is 0, so that they are found nowhere."""
    words = encode.encode(Article("The council voted to rebuild the bridge over the river on Monday evening.", lang="en"))
    ((window,), _) = encode.windows([], words.sentence_ids)
    absent, present = encode.encode_targets(["zxqv", "the council"])
    example = Example(0, array("i"), array("i", window.ids), array("i"), 0, (), (), None, False, None)
    rarity = token_rarity([example], len(encode.tokenizer), encode.tokenizer.all_special_ids)
    rarity[rarity == 0] = 0.5  # one article: its own words are in all there are
    rarity[encode.tokenizer.all_special_ids] = 0.0
    features = of_pairs(window.ids, absent, present, rarity=rarity)
    assert features[1, 0] == 1.0
    assert features[0, 0] < 0.5
    assert set(absent) & set(window.ids) >= {absent[0], absent[-1]}, "both have the frame"
