from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UsageError
from models.training.asam import SharpnessAware


def _draw(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape))


def _around_sgd(*parameters: Tensor, lr: float = 0.1, **options: Any) -> SharpnessAware:
    return SharpnessAware(torch.optim.SGD(parameters, lr=lr), **options)


def _pass(optimiser: SharpnessAware, loss: Any) -> None:
    optimiser.zero_grad()
    loss().backward()


@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("rho", [2.5, 0.05])
def test_two_steps_are_the_published_ones(shared: Path, adaptive: bool, rho: float) -> None:
    goldens = np.load(shared / "golden" / "small_goldens.npz")
    w, b, x, y = _draw(20, 3, 4).requires_grad_(), _draw(21, 4).requires_grad_(), _draw(22, 5, 3), _draw(23, 5, 4)
    base = torch.optim.AdamW([w, b], lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.03)
    optimiser = SharpnessAware(base, rho, adaptive)
    for step in range(2):
        for act, moment in ((optimiser.ascend, "perturbed"), (optimiser.descend, "after")):
            _pass(optimiser, lambda: (x @ w + b - y).square().mean())
            act()
            for name, found in (("w", w), ("b", b)):
                expected = goldens[f"sam_adaptive{int(adaptive)}_rho{rho}_step{step}_{name}_{moment}"]
                np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-12, rtol=0)


def test_the_closed_form_of_two_weights() -> None:
    """Loss 2 a + 3 b at (4, -1): g = (2, 3), |p| g = (8, 3), n = sqrt(73), p^2 g = (32, 3)."""
    a, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (4.0, -1.0))
    optimiser = _around_sgd(a, b, rho=0.5)
    _pass(optimiser, lambda: 2 * a + 3 * b)
    assert optimiser.ascend()
    assert a.item() == pytest.approx(4 + 0.5 * 32 / math.sqrt(73), abs=1e-12)
    assert b.item() == pytest.approx(-1 + 0.5 * 3 / math.sqrt(73), abs=1e-12)


def test_the_closed_form_without_adaption() -> None:
    a, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (4.0, -1.0))
    optimiser = _around_sgd(a, b, rho=0.5, adaptive=False)
    _pass(optimiser, lambda: 3 * a + 4 * b)
    optimiser.ascend()
    assert (a.item(), b.item()) == pytest.approx((4 + 0.5 * 0.6, -1 + 0.5 * 0.8), abs=1e-12)


def test_the_step_uses_the_gradient_of_the_perturbed_point() -> None:
    """Loss a^2 at 1: the perturbed point is 1 + 0.5 * 2 / 2 = 1.5, its gradient 3, the step 0.1 * 3."""
    a = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimiser = _around_sgd(a, rho=0.5)
    _pass(optimiser, a.square)
    optimiser.ascend()
    _pass(optimiser, a.square)
    optimiser.descend()
    assert a.item() == pytest.approx(1 - 0.1 * 3, abs=1e-12)


def _worst_loss(scale: float, adaptive: bool) -> float:
    """Loss at the perturbed point of a network whose first layer is scaled and its second one divided likewise."""
    x, y = _draw(0, 16, 3), _draw(1, 16, 2)
    inner, outer = (_draw(2, 5, 3) * scale).requires_grad_(), (_draw(3, 2, 5) / scale).requires_grad_()
    optimiser = _around_sgd(inner, outer, rho=0.5, adaptive=adaptive)

    def loss() -> Tensor:
        return F.mse_loss(F.relu(x @ inner.T) @ outer.T, y)

    _pass(optimiser, loss)
    optimiser.ascend()
    return loss().item()


def test_rescaling_nodes_changes_nothing_only_if_adaptive() -> None:
    assert _worst_loss(7.0, adaptive=True) == pytest.approx(_worst_loss(1.0, adaptive=True), rel=1e-10)
    assert _worst_loss(7.0, adaptive=False) != pytest.approx(_worst_loss(1.0, adaptive=False), rel=0.1)


def test_restored_weights_are_the_same_bits() -> None:
    network = nn.Linear(7, 3)
    before = [p.detach().clone() for p in network.parameters()]
    optimiser = _around_sgd(*network.parameters())
    _pass(optimiser, lambda: network(torch.ones(2, 7)).square().sum())
    optimiser.ascend()
    assert not torch.equal(network.weight, before[0])
    optimiser.restore()
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), before, strict=True))
    assert network.weight.grad is not None


def test_weights_without_a_gradient_stay() -> None:
    used, idle, frozen = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True), torch.ones(2)
    optimiser = _around_sgd(used, idle, frozen)
    _pass(optimiser, lambda: used.sum())
    optimiser.ascend()
    assert (used > 1).all()
    assert torch.equal(idle, torch.ones(2))
    assert torch.equal(frozen, torch.ones(2))


def test_no_gradient_at_all_is_no_step() -> None:
    weight = torch.ones(2, requires_grad=True)
    optimiser = _around_sgd(weight)
    assert optimiser.ascend()
    optimiser.descend()
    assert torch.equal(weight, torch.ones(2))


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_gradient_that_is_not_finite_moves_nothing(value: float) -> None:
    weight = torch.ones(2, requires_grad=True)
    optimiser = _around_sgd(weight)
    weight.grad = torch.tensor([1.0, value])
    assert not optimiser.ascend()
    assert torch.equal(weight, torch.ones(2))
    optimiser.restore()
    assert not optimiser.perturbed


@pytest.mark.parametrize("bad", [False, True])
def test_a_gradient_scaler_changes_nothing_and_skips_what_is_not_finite(bad: bool) -> None:
    """The scaler's factor is a power of two, so that the plain step is met to the last bits."""
    plain, scaled = (torch.tensor([0.5, -2.0], dtype=torch.float64, requires_grad=True) for _ in range(2))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    for weight, factor in ((plain, None), (scaled, scaler)):
        optimiser = _around_sgd(weight, rho=0.5)
        for act in (optimiser.ascend, lambda o=optimiser, f=factor: o.descend(f)):
            loss = weight.pow(4).sum() * (float("inf") if bad and factor else 1.0)
            optimiser.zero_grad()
            (factor.scale(loss) if factor else loss).backward()  # type: ignore[no-untyped-call]
            act()
    scaler.update()
    expected = torch.tensor([0.5, -2.0], dtype=torch.float64) if bad else plain.detach()
    torch.testing.assert_close(scaled.detach(), expected, atol=1e-12, rtol=0)
    assert scaler.get_scale() == (2.0**15 if bad else 2.0**16)


def test_a_saved_state_goes_on_alike() -> None:
    def build() -> tuple[Tensor, SharpnessAware]:
        weight = torch.linspace(-1, 1, 5).requires_grad_()
        return weight, SharpnessAware(torch.optim.AdamW([weight], lr=0.1))

    def step(weight: Tensor, optimiser: SharpnessAware) -> None:
        for act in (optimiser.ascend, optimiser.descend):
            _pass(optimiser, lambda: (weight - 0.3).pow(4).sum())
            act()

    (one, first), (two, second) = build(), build()
    step(one, first)
    two.data.copy_(one.data)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    step(one, first)
    step(two, second)
    assert torch.equal(one, two)


@pytest.mark.parametrize("call", ["state_dict", "ascend", "load_state_dict"])
def test_a_perturbed_point_is_never_saved_or_perturbed_again(call: str) -> None:
    optimiser = _around_sgd(torch.ones(1, requires_grad=True))
    optimiser.ascend()
    arguments: tuple[Any, ...] = ({},) if call == "load_state_dict" else ()
    with pytest.raises(UsageError, match=r"are perturbed; call descend\(\) first"):
        getattr(optimiser, call)(*arguments)


def test_a_descent_without_an_ascent_is_refused() -> None:
    with pytest.raises(UsageError, match=r"not perturbed; call ascend\(\) first"):
        _around_sgd(torch.ones(1, requires_grad=True)).descend()


@pytest.mark.parametrize("rho", [-0.1, float("inf"), float("nan")])
def test_a_radius_out_of_range_is_refused(rho: float) -> None:
    with pytest.raises(UsageError, match="at least 0"):
        _around_sgd(torch.ones(1, requires_grad=True), rho=rho)


def test_the_learning_rate_is_the_bases() -> None:
    optimiser = _around_sgd(torch.ones(1, requires_grad=True))
    optimiser.param_groups[0]["lr"] = 0.5
    assert optimiser.base.param_groups[0]["lr"] == 0.5
