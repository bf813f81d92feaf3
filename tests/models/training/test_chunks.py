from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.errors import UsageError
from models.losses import contrastive, hinge_triplet, soft_margin_triplet, symmetric_infonce
from models.training.chunks import chunked_backward

Rule = Callable[[Tensor, Tensor], Tensor]


class _Learner(nn.Module):
    """Two small encoders and a learnable scale."""

    def __init__(self, dropout: float = 0.0, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.ground = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 5)).to(dtype)
        self.aerial = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 5)).to(dtype)
        self.log_scale = nn.Parameter(torch.tensor(1.5, dtype=dtype))
        self.widths: list[int] = []

    def infonce(self, ground: Tensor, aerial: Tensor) -> Tensor:
        return symmetric_infonce(_cosines(ground, aerial), self.log_scale.exp(), 0.1)

    def gradients(self) -> dict[str, Tensor]:
        return {name: p.grad for name, p in self.named_parameters() if p.grad is not None}


def _cosines(ground: Tensor, aerial: Tensor) -> Tensor:
    return F.normalize(ground, dim=1) @ F.normalize(aerial, dim=1).T


def _inputs(batch: int = 11, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(batch, 6, generator=generator, dtype=dtype),
        torch.randn(batch, 4, generator=generator, dtype=dtype),
    )


def _both(rule: str | Rule, chunk: int, dropout: float = 0.0, **options: Any) -> tuple[_Learner, _Learner]:
    """A learner with the gradients of the whole batch and one with those of its chunks; their losses are equal."""
    ground, aerial = _inputs()
    whole = _Learner(dropout)
    parts = copy.deepcopy(whole)
    rules = [getattr(x, rule) if isinstance(rule, str) else rule for x in (whole, parts)]
    loss = rules[0](whole.ground(ground), whole.aerial(aerial))
    loss.backward()
    found = chunked_backward(parts.ground, parts.aerial, ground, aerial, rules[1], chunk, **options)
    assert found.item() == pytest.approx(loss.item(), abs=1e-12)
    assert not found.requires_grad
    return whole, parts


@pytest.mark.parametrize("chunk", [1, 4, 11, 100])
@pytest.mark.parametrize(
    "rule",
    [
        "infonce",
        lambda g, a: soft_margin_triplet(_cosines(g, a)),
        lambda g, a: hinge_triplet(_cosines(g, a), 1.0),
        lambda g, a: contrastive(_cosines(g, a), 1.5, halved=True) + g.square().mean(),
    ],
    ids=["infonce", "triplet", "hinge", "contrastive"],
)
def test_gradients_are_those_of_the_whole_batch(rule: str | Rule, chunk: int) -> None:
    whole, parts = _both(rule, chunk)
    assert whole.gradients().keys() == parts.gradients().keys()
    torch.testing.assert_close(parts.gradients(), whole.gradients(), atol=1e-12, rtol=0)


def test_gradients_add_up_with_those_that_were_there() -> None:
    whole, parts = _both("infonce", 4)
    ground, aerial = _inputs()
    chunked_backward(parts.ground, parts.aerial, ground, aerial, parts.infonce, 3)
    for name, gradient in whole.gradients().items():
        torch.testing.assert_close(parts.gradients()[name], 2 * gradient, atol=1e-12, rtol=0)


def test_one_encoder_may_serve_both_views() -> None:
    ground, _ = _inputs()
    whole = _Learner()
    parts = copy.deepcopy(whole)
    whole.infonce(whole.ground(ground), whole.ground(-ground)).backward()  # type: ignore[no-untyped-call]
    chunked_backward(parts.ground, parts.ground, ground, -ground, parts.infonce, 4)
    torch.testing.assert_close(parts.gradients(), whole.gradients(), atol=1e-12, rtol=0)


def test_a_frozen_view_stays_without_gradients() -> None:
    ground, aerial = _inputs()
    learner = _Learner()
    learner.aerial.requires_grad_(False)
    chunked_backward(learner.ground, learner.aerial, ground, aerial, learner.infonce, 4)
    assert {name.split(".")[0] for name in learner.gradients()} == {"ground", "log_scale"}


def test_a_loss_of_one_view_leaves_the_other_alone() -> None:
    ground, aerial = _inputs()
    learner = _Learner()
    chunked_backward(learner.ground, learner.aerial, ground, aerial, lambda g, _: g.square().sum(), 4)
    assert {name.split(".")[0] for name in learner.gradients()} == {"ground"}


def test_dropout_meets_the_same_dice_twice() -> None:
    """The gradient is right along a direction: it predicts how the loss of the same dice moves."""
    ground, aerial = _inputs()
    learner = _Learner(dropout=0.5)

    def loss() -> float:
        torch.manual_seed(3)
        learner.zero_grad()
        rules = (learner.ground, learner.aerial, ground, aerial, learner.infonce, 4)
        return chunked_backward(*rules).item()

    loss()
    weight = next(learner.ground.parameters())
    slope, step = learner.gradients()["ground.0.weight"][2, 3].item(), 1e-6
    weight.data[2, 3] += step
    above = loss()
    weight.data[2, 3] -= 2 * step
    below = loss()
    assert slope == pytest.approx((above - below) / (2 * step), rel=1e-5)


def test_the_second_pass_leaves_the_dice_as_the_first_did() -> None:
    ground, aerial = _inputs(8)
    learner = _Learner(dropout=0.5)
    torch.manual_seed(3)
    chunked_backward(learner.ground, learner.aerial, ground, aerial, learner.infonce, 4)
    following = torch.rand(())
    torch.manual_seed(3)
    for encode, rows in ((learner.ground, ground), (learner.aerial, aerial)):
        encode(rows[:4]), encode(rows[4:])
    assert torch.equal(following, torch.rand(()))


@pytest.mark.parametrize("outer", [False, True])
def test_autocast_reaches_the_encoders_and_not_the_loss(outer: bool) -> None:
    ground, aerial = _inputs(dtype=torch.float32)
    learner, seen = _Learner(dtype=torch.float32), []

    def rule(g: Tensor, a: Tensor) -> Tensor:
        seen.append(g.dtype)
        return learner.infonce(g, a)

    def autocast() -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16)

    with torch.autocast("cpu", torch.bfloat16, enabled=outer):
        chunked_backward(learner.ground, learner.aerial, ground, aerial, rule, 4, autocast)
    assert seen == [torch.float32]
    whole = _Learner(dtype=torch.float32)
    whole.infonce(whole.ground(ground), whole.aerial(aerial)).backward()  # type: ignore[no-untyped-call]
    for name, gradient in whole.gradients().items():
        assert F.cosine_similarity(learner.gradients()[name].flatten(), gradient.flatten(), dim=0) > 0.99


def test_no_more_than_a_chunk_is_embedded_with_a_graph() -> None:
    ground, aerial = _inputs()
    learner, seen = _Learner(), []

    def watch(pixels: Tensor) -> Tensor:
        seen.append((torch.is_grad_enabled(), len(pixels)))
        return learner.ground(pixels)  # type: ignore[no-any-return]

    chunked_backward(watch, learner.aerial, ground, aerial, learner.infonce, 4)
    assert seen == [(False, 4), (False, 4), (False, 3), (True, 4), (True, 4), (True, 3)]


def test_a_chunk_of_nothing_is_refused() -> None:
    ground, aerial = _inputs()
    with pytest.raises(UsageError, match="at least 1"):
        chunked_backward(nn.Identity(), nn.Identity(), ground, aerial, lambda g, _: g.sum(), 0)
