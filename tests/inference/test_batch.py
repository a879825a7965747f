import torch

from inference.batch import MAX_POSITION, BatchItem, collate
from inference.encoding import Window

ITEMS = [
    BatchItem([Window([1, 10, 11, 2], [-1, 0, 1, -1]), Window([1, 12, 2], [-1, 1, -1])], 2, 5, [[1, 50, 51, 2], [1, 60, 2]]),
    BatchItem([Window([1, 20, 2], [-1, 0, -1])], 1, 1, []),
    BatchItem([Window([1, 30, 31, 2], [-1, 0, 1, -1])], 2, 2, [[1, 60, 2]]),
]


def test_windows_lie_flat_in_order() -> None:
    batch = collate(ITEMS)
    assert batch["token_ids"].tolist() == [1, 10, 11, 2, 1, 12, 2, 1, 20, 2, 1, 30, 31, 2]
    assert batch["window_lengths"].tolist() == [4, 3, 3, 4]
    assert batch["token_article"].tolist() == [0] * 7 + [1] * 3 + [2] * 4
    assert batch["token_sentence"].tolist() == [-1, 0, 1, -1, -1, 1, -1, -1, 2, -1, -1, 3, 4, -1]
    assert batch["sentence_article"].tolist() == [0, 0, 1, 2, 2]


def test_places_count_from_the_start_and_from_the_end_of_the_whole_article() -> None:
    # the windows of the first article hold two of its five sentences
    assert collate(ITEMS)["sentence_place"].tolist() == [[0, 4], [1, 3], [0, 0], [0, 1], [1, 0]]


def test_a_target_shared_by_articles_is_encoded_once() -> None:
    batch = collate(ITEMS)
    assert batch["target_ids"].tolist() == [1, 50, 51, 2, 1, 60, 2]
    assert batch["target_lengths"].tolist() == [4, 3]


def test_targets_are_packed_side_by_side_and_padded_to_the_fullest_article() -> None:
    batch = collate(ITEMS)
    assert batch["row_article"].tolist() == [0, 2]  # article 1 has no target and takes no row
    assert batch["row_tokens"].tolist() == [[0, 1, 2, 3, 4, 5, 6], [4, 5, 6, 0, 0, 0, 0]]
    assert batch["row_pairs"].tolist() == [[0, 0, 0, 0, 1, 1, 1], [2, 2, 2, -1, -1, -1, -1]]
    assert batch["pair_article"].tolist() == [0, 0, 2]


def test_the_same_target_twice_in_one_article_is_two_pairs_of_one_encoding() -> None:
    batch = collate([BatchItem(ITEMS[1].windows, 1, 1, [[1, 60, 2], [1, 60, 2]])])
    assert batch["target_lengths"].tolist() == [3]
    assert batch["row_tokens"].tolist() == [[0, 1, 2, 0, 1, 2]]
    assert batch["row_pairs"].tolist() == [[0, 0, 0, 1, 1, 1]]


def test_a_batch_without_targets_has_empty_rows() -> None:
    batch = collate([ITEMS[1]])
    shapes = {name: tuple(tensor.shape) for name, tensor in batch.items() if name.startswith(("target", "row", "pair"))}
    assert shapes == {"target_ids": (0,), "target_lengths": (0,), "row_article": (0,), "row_tokens": (0, 0), "row_pairs": (0, 0), "pair_article": (0,)}


def test_everything_is_int64() -> None:
    assert {tensor.dtype for tensor in collate(ITEMS).values()} == {torch.int64}
    assert {tensor.dtype for tensor in collate([ITEMS[1]]).values()} == {torch.int64}


def test_places_beyond_the_last_are_shared() -> None:
    places = collate([BatchItem([Window([1] * 40, list(range(40)))], 40, 40, [])])["sentence_place"]
    assert places[:, 0].tolist() == [*range(MAX_POSITION), *[MAX_POSITION] * (40 - MAX_POSITION)]
    assert places[:, 1].tolist() == places[:, 0].tolist()[::-1]
