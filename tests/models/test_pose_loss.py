from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.pose_loss import pose_loss
from models.spatial_loss import Remembered
from tests.models.made_places import E, W, places, seen

SCALE = torch.tensor(10.0)


def _noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _unit(columns: Tensor) -> Tensor:
    return columns / columns.square().sum((-2, -1), keepdim=True).sqrt()


def _loss(ground: Tensor, aerial: Tensor, shift: Tensor, away: Tensor, scale: float = 50.0) -> float:
    return pose_loss(
        ground, aerial, shift, away, torch.tensor(scale), sigma_m=4.0, smoothing=0.0, heading_weight=0.3
    ).item()


@pytest.mark.parametrize(("shift", "width"), [(0, 8), (3, 8), (6, 3)])
def test_photos_that_match_cost_nothing(shift: int, width: int) -> None:
    aerial = places(5, 3)
    away = torch.tensor([[0.0, 40.0, 40.0]]).expand(5, -1)
    found = _loss(seen(aerial[:, 0], shift, width), aerial, torch.full((5,), float(shift)), away)
    assert found < 0.05


def test_the_right_place_turned_wrongly_is_as_wrong_as_a_strange_place() -> None:
    aerial, away = places(5, 1), torch.zeros(5, 1)
    ground = seen(aerial[:, 0], 3, 8)
    turned = _loss(ground, aerial, torch.full((5,), 5.0), away)
    strange = _loss(ground.roll(1, dims=0), aerial, torch.full((5,), 3.0), away)
    assert turned > _loss(ground, aerial, torch.full((5,), 3.0), away) + 5
    assert turned == pytest.approx(strange, rel=0.5)


def test_it_is_the_cross_entropy_over_all_poses() -> None:
    """Every pose by its own inner product, one by one, and a target written out in full."""
    batch, positions, width, smoothing = 3, 2, 5, 0.1
    ground, aerial = _unit(_noise(batch, width, E, seed=1)), places(batch, positions)
    shift, away = torch.tensor([1.25, 7.5, 0.0]), torch.tensor([[1.0, 6.0], [0.0, 11.0], [2.0, 40.0]])
    found = pose_loss(ground, aerial, shift, away, SCALE, sigma_m=4.0, smoothing=smoothing, heading_weight=0.5)
    logits = torch.zeros(batch, batch, positions, W)
    for photo in range(batch):
        for tile in range(batch):
            for position in range(positions):
                for turn in range(W):
                    seen = aerial[tile, position].roll(-turn, dims=0)[:width]
                    logits[photo, tile, position, turn] = SCALE * (ground[photo] * seen).sum() * (W / width) ** 0.5
    heading = torch.zeros(batch, W)
    heading[0, 1], heading[0, 2], heading[1, 7], heading[1, 0], heading[2, 0] = 0.75, 0.25, 0.5, 0.5, 1.0
    weight = torch.exp(-away.square() / 32) * (away < 12) + 1e-6
    forward = backward = alone = torch.zeros(())
    for i in range(batch):
        target = torch.zeros(batch, positions, W)
        target[i] = (weight[i] / weight[i].sum())[:, None] * heading[i]
        target = (1 - smoothing) * target + smoothing / target.numel()
        forward = forward - (target * logits[i].flatten().log_softmax(0).reshape(target.shape)).sum() / batch
        target = torch.zeros(batch, W)
        target[i] = heading[i]
        target = (1 - smoothing) * target + smoothing / target.numel()
        asked = logits[:, i, 0].flatten().log_softmax(0).reshape(target.shape)
        backward = backward - (target * asked).sum() / batch
        alone = alone - (heading[i] * logits[i, i, 0].log_softmax(0)).sum() / batch
    torch.testing.assert_close(found, (forward + backward) / 2 + 0.5 * alone, atol=1e-5, rtol=1e-5)


def test_every_heading_of_a_strange_tile_is_pushed_away() -> None:
    """Not only the best one: each feels its share of the mass."""
    aerial = places(4, 1).requires_grad_()
    ground = _unit(_noise(4, W, E, seed=3))[:1].expand(4, -1, -1)
    found = pose_loss(
        ground,
        aerial,
        torch.zeros(4),
        torch.zeros(4, 1),
        torch.tensor(1.0),
        sigma_m=4.0,
        smoothing=0.0,
        heading_weight=0.0,
    )
    (gradient,) = torch.autograd.grad(found, aerial)
    assert (gradient[1:, 0].norm(dim=-1) > 1e-4).all()


def test_remembered_tiles_compete_unless_they_are_the_place_itself() -> None:
    aerial, away = places(4, 1), torch.zeros(4, 1)
    ground = seen(aerial[:, 0], 2, 8)

    def loss(negative: bool) -> float:
        known = Remembered(aerial[:, 0], torch.full((4, 4), negative))
        return pose_loss(
            ground,
            aerial,
            torch.full((4,), 2.0),
            away,
            torch.tensor(50.0),
            sigma_m=4.0,
            smoothing=0.0,
            heading_weight=0.3,
            remembered=known,
        ).item()

    assert loss(False) == pytest.approx(_loss(ground, aerial, torch.full((4,), 2.0), away), abs=1e-6)
    assert loss(True) == pytest.approx(loss(False) + math.log(2) / 2, abs=1e-3)  # each place is there twice, one way
