import torch
from torch import nn

from training.optimizer import MuonWithAdamW, parameter_groups


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.embeddings = nn.Embedding(20, 8)
        self.hidden = nn.Linear(8, 8)
        self.output = nn.Linear(8, 20, bias=False)

    def loss(self, step: int) -> torch.Tensor:
        ids = torch.arange(20).roll(step)
        return nn.functional.cross_entropy(self.output(torch.tanh(self.hidden(self.embeddings(ids)))), (ids + 1) % 20)


def muon(model: Small) -> MuonWithAdamW:
    return MuonWithAdamW(parameter_groups(model, model.embeddings, learning_rate=0.02, embedding_learning_rate=0.05, weight_decay=0.0))


def train(model: Small, optimizer: torch.optim.Optimizer, steps: range) -> float:
    loss = torch.tensor(0.0)
    for step in steps:
        loss = model.loss(step)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return float(loss.detach())


def test_matrices_get_orthogonal_updates_and_all_else_is_adamw() -> None:
    model = Small()
    optimizer = muon(model)
    before = model.hidden.weight.detach().clone()
    train(model, optimizer, range(1))
    update = before - model.hidden.weight.detach()
    singular = torch.linalg.svdvals(update)
    assert singular.max() / singular.min() < 2.5  # that of AdamW's first step, all signs, is far from it
    kinds = {id(p): type(part).__name__ for part in optimizer.parts for group in part.param_groups for p in group["params"]}
    assert {name: kinds[id(p)] for name, p in model.named_parameters()} == {
        "embeddings.weight": "AdamW",
        "hidden.weight": "Muon",
        "hidden.bias": "AdamW",
        "output.weight": "Muon",
    }


def test_it_learns_and_a_schedule_reaches_both_parts() -> None:
    model = Small()
    optimizer = muon(model)
    first = float(model.loss(0).detach())
    assert train(model, optimizer, range(200)) < first / 4
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    optimizer.step()
    schedule.step()
    assert sorted(group["lr"] for part in optimizer.parts for group in part.param_groups) == [0.01, 0.01, 0.025]


def test_a_restored_state_goes_on_bit_for_bit() -> None:
    straight = Small()
    optimizer = muon(straight)
    train(straight, optimizer, range(6))

    stopped = Small()
    half = muon(stopped)
    train(stopped, half, range(3))
    again = Small()
    again.load_state_dict(stopped.state_dict())
    resumed = muon(again)
    for group in resumed.param_groups:
        group["lr"] = 9.0  # the saved rates must come back, and reach the parts
    resumed.load_state_dict(half.state_dict())
    train(again, resumed, range(3, 6))
    assert all(torch.equal(one, other) for one, other in zip(straight.parameters(), again.parameters(), strict=True))
    assert resumed.param_groups[0] is resumed.parts[0].param_groups[0]
