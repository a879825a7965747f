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
