"""AdamW with the fused kernel and without it (`vn.train.optimizer`)."""

import pytest
import torch

from vn.train.optimizer import adamw, hold_back, is_gated
from vn.train.settings import Optimization

SETTINGS = Optimization(lr=0.05, weight_decay=0.1)


def made(fused):
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(5, 3)), torch.nn.Parameter(torch.randn(4))]
    return weights, adamw(weights, SETTINGS, fused)


def step(weights, optimizer, seed, factor=1.0):
    generator = torch.Generator().manual_seed(seed)
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator) * factor
    optimizer.step()


def copied(optimizer):
    return [{k: v.clone() for k, v in state.items()} for state in optimizer.state.values()]


@pytest.mark.parametrize(("first", "then"), [(True, False), (False, True), (True, True), (False, False)])
def test_a_checkpoint_of_either_kernel_goes_on_with_either(first, then, tmp_path):
    weights, optimizer = made(first)
    for seed in range(3):
        step(weights, optimizer, seed)
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    others, other = made(then)
    with torch.no_grad():
        for ours, theirs in zip(others, weights, strict=True):
            ours.copy_(theirs)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert is_gated(optimizer) is first
    assert is_gated(other) is then
    for seed in range(3, 6):
        step(weights, optimizer, seed)
        step(others, other, seed)
    for ours, theirs in zip(others, weights, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    assert {int(state["step"]) for state in other.state.values()} == {6}


def test_what_is_held_back_changes_nothing_and_neither_does_what_follows():
    weights, optimizer = made(True)
    good, bad = torch.tensor(0.0), torch.tensor(1.0)
    hold_back(optimizer, good)
    step(weights, optimizer, 0)
    before, moments = [w.detach().clone() for w in weights], copied(optimizer)
    for seed, flag in enumerate((bad, good, good), 1):
        hold_back(optimizer, flag)
        step(weights, optimizer, seed, float("nan") if flag is bad else 1.0)
    assert all(w.equal(b) for w, b in zip(weights, before, strict=True))
    for ours, theirs in zip(copied(optimizer), moments, strict=True):
        assert all(ours[key].equal(theirs[key]) for key in theirs)
    assert set(optimizer.state_dict()) == {"state", "param_groups"}  # the flag is in no checkpoint
