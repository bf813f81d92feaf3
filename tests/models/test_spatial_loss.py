from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.spatial_loss import at_shift, spatial_loss
from tests.models.made_places import E, W, places, seen


def _loss(ground: Tensor, aerial: Tensor, shift: Tensor, away: Tensor, scale: float = 50.0) -> float:
    return spatial_loss(
        ground, aerial, shift, away, torch.tensor(scale), sigma_m=4.0, smoothing=0.0, heading_weight=0.3
    ).item()


@pytest.mark.parametrize(("shift", "width"), [(0, 8), (3, 8), (6, 3)])
def test_photos_that_match_cost_nothing(shift: int, width: int) -> None:
    aerial = places(5, 3)
    away = torch.tensor([[0.0, 40.0, 40.0]]).expand(5, -1)
    found = _loss(seen(aerial[:, 0], shift, width), aerial, torch.full((5,), float(shift)), away)
    assert found < 0.01


def test_a_wrong_heading_costs() -> None:
    aerial, away = places(5, 1), torch.zeros(5, 1)
    right, wrong = (_loss(seen(aerial[:, 0], 3, 8), aerial, torch.full((5,), s), away) for s in (3.0, 5.0))
    assert wrong > right + 5


def test_the_wrong_place_in_the_right_tile_costs() -> None:
    aerial = places(5, 2)
    near, far = torch.tensor([[0.0, 20.0]]).expand(5, -1), torch.tensor([[20.0, 0.0]]).expand(5, -1)
    ground = seen(aerial[:, 0], 0, 8)
    assert _loss(ground, aerial, torch.zeros(5), far) > _loss(ground, aerial, torch.zeros(5), near) + 5


def test_two_positions_as_near_share_the_target() -> None:
    one = places(1, 1)
    twice = one.expand(1, 2, W, E)
    ground = seen(one[:, 0], 0, 8)
    away = torch.tensor([[3.0, 3.0]])
    found = spatial_loss(
        ground, twice, torch.zeros(1), away, torch.tensor(50.0), sigma_m=4.0, smoothing=0.0, heading_weight=0.0
    )
    assert found.item() == pytest.approx(math.log(2) / 2, abs=1e-4)  # half of the mass each; alone, it is never wrong


def test_between_two_columns_the_better_one_counts() -> None:
    curve = torch.arange(8.0).reshape(1, 1, 8)
    assert at_shift(curve, torch.tensor([2.5])).item() == 3.0
    assert at_shift(curve, torch.tensor([7.5])).item() == 7.0


def test_every_input_gets_a_gradient() -> None:
    aerial, ground = places(4, 3).requires_grad_(), seen(places(4, 1)[:, 0], 1, 4).requires_grad_()
    away = torch.tensor([[1.0, 8.0, 30.0]]).expand(4, -1)
    scale = torch.tensor(10.0, requires_grad=True)
    spatial_loss(ground, aerial, torch.ones(4), away, scale, sigma_m=4.0, smoothing=0.05, heading_weight=0.3).backward()  # type: ignore[no-untyped-call]
    assert all(x.grad is not None and x.grad.abs().sum() > 0 for x in (aerial, ground, scale))
