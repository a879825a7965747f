import torch

from inference.segments import segment_log_softmax, segment_mean, segment_share


def test_a_mean_is_taken_within_each_segment_and_an_empty_one_gives_zero() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 5.0]])
    assert segment_mean(values, torch.tensor([0, 0, 2]), 3).tolist() == [[2.0, 4.0], [0.0, 0.0], [5.0, 5.0]]


def test_a_share_weighs_rows_and_keeps_further_dimensions() -> None:
    found = torch.tensor([[True, False], [False, False], [True, True]])
    shares = segment_share(found, torch.tensor([3.0, 1.0, 2.0]), torch.tensor([0, 0, 1]), 3)
    assert shares.tolist() == [[0.75, 0.0], [1.0, 1.0], [0.0, 0.0]]


def test_a_segment_without_weight_has_no_share_rather_than_nan() -> None:
    assert segment_share(torch.tensor([True]), torch.tensor([0.0]), torch.tensor([0]), 1).tolist() == [0.0]


def test_log_softmax_is_that_of_each_segment_alone() -> None:
    logits = torch.tensor([1.0, 200.0, -3.0, 0.5, 201.0])
    segments = torch.tensor([0, 1, 0, 0, 1])
    found = segment_log_softmax(logits, segments, 2)
    torch.testing.assert_close(found[segments == 0], logits[segments == 0].log_softmax(-1))
    torch.testing.assert_close(found[segments == 1], logits[segments == 1].log_softmax(-1))


def test_sums_are_in_float32_whatever_comes_in() -> None:
    many = torch.zeros(2000, dtype=torch.int64)
    ones = torch.ones(2000, 1, dtype=torch.bfloat16)
    assert segment_mean(ones, many, 1).tolist() == [[1.0]]  # bfloat16 would stop counting at 256
    assert segment_share(ones > 0, ones[:, 0], many, 1).tolist() == [[1.0]]
    spread = segment_log_softmax(torch.zeros(2000, dtype=torch.bfloat16), many, 1)
    assert spread.dtype == torch.float32
    torch.testing.assert_close(spread.exp().sum(), torch.tensor(1.0), atol=1e-3, rtol=0)
