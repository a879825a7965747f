import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerBase

from training.packing import MaskingCollator, mask, pack, pack_scored, plan_rows

DOCUMENTS = ["The river rose by two meters on Monday…", "Nobody was hurt.", "Le maire a parlé. 雨 ☃ 𓀀"]


def test_rows_hold_every_token_in_order_between_special_ones(tokenizer: PreTrainedTokenizerBase) -> None:
    packed = pack_scored(DOCUMENTS, tokenizer, 16)
    stream = [token for document in DOCUMENTS for token in [*tokenizer(document, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]]
    assert (pack(DOCUMENTS, tokenizer, 16) == packed.ids).all()
    assert packed.ids.shape == packed.bytes.shape == (len(packed.ids), 16)
    assert set(packed.ids[:, 0]) == {tokenizer.cls_token_id}
    assert set(packed.ids[:, -1]) == {tokenizer.sep_token_id}
    inner = packed.ids[:, 1:-1].ravel().tolist()
    assert inner[: len(stream)] == stream
    assert inner[len(stream) :] == stream[: len(inner) - len(stream)]  # filled up from the beginning


def test_bytes_of_tokens_add_up_to_those_of_the_text(tokenizer: PreTrainedTokenizerBase) -> None:
    """Also where a character is spelled in several pieces, each of which has the whole character as its offsets."""
    for document in DOCUMENTS:
        count = len(tokenizer(document, add_special_tokens=False)["input_ids"])
        packed = pack_scored([document], tokenizer, count + 3)  # one row: [CLS], the tokens, two [SEP]
        assert len(packed.ids) == 1
        text = document.replace(" ", "")
        assert len(text.encode()) <= packed.bytes.sum() <= len(document.encode())
    assert pack_scored(["𓀀"], tokenizer, 16).bytes[0, :7].tolist() == [0, 4, 0, 0, 0, 0, 0]


def test_a_lone_surrogate_does_not_stop_a_run(tokenizer: PreTrainedTokenizerBase) -> None:
    assert pack_scored(["rain \ud800 fell"], tokenizer, 16).ids.shape[1] == 16


def test_special_tokens_in_a_text_are_text(tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.mask_token_id not in pack(["a [MASK] fell"], tokenizer, 32)


@pytest.mark.parametrize(("exponent", "expected"), [(1.0, [900, 100]), (0.5, [750, 250]), (0.0, [500, 500])])
def test_languages_are_read_by_the_power_of_their_size(exponent: float, expected: list[int]) -> None:
    plan = plan_rows({"en": 90, "yo": 10}, exponent, batches=100, batch_rows=10, seed=1)
    assert plan.shape == (100, 10)
    assert [int((plan < 90).sum()), int((plan >= 90).sum())] == expected


def test_a_plan_reads_all_rows_before_any_twice_and_mixes_languages_all_along() -> None:
    plan = plan_rows({"en": 60, "yo": 20}, 1.0, batches=30, batch_rows=8, seed=1)  # three rounds
    assert np.bincount(plan.ravel()).tolist() == [3] * 80
    first = plan[:10].ravel()
    assert len(set(first[first < 60].tolist())) == (first < 60).sum()
    assert max((batch >= 60).sum() for batch in plan) <= 6
    halves = [(part >= 60).sum() for part in np.split(plan, 2)]
    assert abs(halves[0] - halves[1]) <= 2


def test_a_plan_depends_on_the_seed_alone() -> None:
    sizes = {"en": 60, "yo": 20}
    assert (plan_rows(sizes, 0.5, 10, 8, seed=1) == plan_rows(sizes, 0.5, 10, 8, seed=1)).all()
    assert (plan_rows(sizes, 0.5, 10, 8, seed=1) != plan_rows(sizes, 0.5, 10, 8, seed=2)).any()


def test_the_mask_rate_falls_over_the_run_and_special_tokens_are_never_masked(tokenizer: PreTrainedTokenizerBase) -> None:
    rows = np.tile(pack(["rain fell on the plain and the river rose " * 40], tokenizer, 128), (40, 1))
    collate = MaskingCollator(rows, tokenizer, mask_first=0.4, mask_last=0.1, batches=3, seed=5)
    rates = []
    for place in range(3):
        batch = collate([(place, range(len(rows)))])
        chosen = batch["labels"] != -100
        special = torch.isin(torch.from_numpy(rows.astype(np.int64)), torch.tensor(tokenizer.all_special_ids))
        assert not (chosen & special).any()
        assert torch.equal(torch.where(chosen, batch["labels"], batch["input_ids"]), torch.from_numpy(rows.astype(np.int64)))
        rates.append(float(chosen.sum() / (~special).sum()))
    assert rates == pytest.approx([0.4, 0.25, 0.1], abs=0.02)


def test_of_the_masked_tokens_eight_in_ten_are_hidden(tokenizer: PreTrainedTokenizerBase) -> None:
    rows = np.tile(pack(["rain fell on the plain and the river rose " * 40], tokenizer, 128), (60, 1))
    batch = mask(rows, tokenizer, 0.5, seed=3)
    chosen = batch["labels"] != -100
    hidden = batch["input_ids"] == tokenizer.mask_token_id
    same = (batch["input_ids"] == batch["labels"]) & chosen
    assert float(hidden.sum() / chosen.sum()) == pytest.approx(0.8, abs=0.02)
    assert float(same.sum() / chosen.sum()) == pytest.approx(0.1, abs=0.02)
    only = mask(rows, tokenizer, 0.5, seed=3, only_masks=True)
    assert torch.equal(only["input_ids"] == tokenizer.mask_token_id, only["labels"] != -100)


def test_masks_depend_on_the_place_in_the_run_alone(tokenizer: PreTrainedTokenizerBase) -> None:
    rows = pack(["rain fell on the plain and the river rose " * 40], tokenizer, 64)
    collate = MaskingCollator(rows, tokenizer, 0.3, 0.3, batches=9, seed=5)
    first, again, other = collate([(3, [0, 1])]), collate([(3, [0, 1])]), collate([(4, [0, 1])])
    assert torch.equal(first["input_ids"], again["input_ids"])
    assert not torch.equal(first["labels"], other["labels"])
