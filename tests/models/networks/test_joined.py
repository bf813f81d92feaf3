from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.azimuth import AzimuthColumns, AzimuthSize
from models.networks.joined import JoinedColumns, Narrowing, narrow
from models.networks.rays import RaySize

RAYS = RaySize(
    tile_px=64, footprint_m=40.0, per_side=3, spacing_m=4.0, channels=8, width=16, depth=1,
    rings_m=((3.0,), (8.0,), (14.0,)), kept=(8, 8, 4),
)  # fmt: skip
COLUMNS, CHANNELS = 12, 6


def _members(count: int, *, weighted: bool = True) -> list[AzimuthColumns]:
    """Networks around the same stem, heads drawn at random."""
    members = []
    for seed in range(count):
        torch.manual_seed(seed)
        size = AzimuthSize(
            columns=COLUMNS, channels=CHANNELS, width=16, depth=1, heads=2, hidden=16, rows=4, weighted=weighted
        )
        members.append(AzimuthColumns(size, RAYS).eval())
        members[-1].stem.load_state_dict(members[0].stem.state_dict())
    return members


def _noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _columns(rows: int, channels: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((rows, channels)) @ rng.standard_normal((channels, channels))


def _error(ground: NDArray[np.float64], aerial: NDArray[np.float64], maps: Narrowing) -> float:
    """Mean square, over all pairs, of what the inner products change by."""
    return float(np.square((ground @ maps.ground.T) @ (aerial @ maps.aerial.T).T - ground @ aerial.T).mean())


@torch.inference_mode()
@pytest.mark.parametrize("count", [2, 3])
def test_members_side_by_side_agree_as_much_as_they_do_in_the_mean(count: int) -> None:
    members = _members(count)
    photos, tiles = _noise(2, 3, 64, (COLUMNS + 4) * 16), _noise(3, 3, 64, 64)
    each = [torch.einsum("bwe,npwe->bnp", member.ground(photos), member.aerial(tiles)) for member in members]
    joined = JoinedColumns(members)
    found = torch.einsum("bwe,npwe->bnp", joined.ground(photos), joined.aerial(tiles))
    torch.testing.assert_close(found, torch.stack(each).mean(0), atol=1e-5, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("weighted", [False, True])
def test_descriptions_stay_of_unit_norm_in_fewer_channels(weighted: bool) -> None:
    maps = Narrowing(_columns(5, 12, 0), _columns(5, 12, 1))
    joined = JoinedColumns(_members(2, weighted=weighted), maps)
    photo, tile = joined.ground(_noise(2, 3, 64, 8 * 16)), joined.aerial(_noise(2, 3, 64, 64))
    assert (photo.shape, tile.shape) == ((2, 4, 5), (2, 9, COLUMNS, 5))
    torch.testing.assert_close(photo.square().sum((1, 2)), torch.ones(2))
    torch.testing.assert_close(tile.norm(dim=3), torch.full((2, 9, COLUMNS), COLUMNS**-0.5))
    assert (photo.norm(dim=2).std(dim=1) < 1e-6).all() != weighted


@torch.inference_mode()
def test_a_tile_looked_at_from_all_sides_turns_with_its_description() -> None:
    """Turned by a quarter, a tile shows the same to its four looks: cells and columns move as the ground does."""
    joined = JoinedColumns(_members(2), quarters=(0, 1, 2, 3))
    tiles = _noise(2, 3, 64, 64)
    still, turned = joined.aerial(tiles), joined.aerial(torch.rot90(tiles, -1, (2, 3)))
    moved = torch.rot90(torch.unflatten(still, 1, (3, 3)), -1, (1, 2)).flatten(1, 2)
    torch.testing.assert_close(turned, moved.roll(COLUMNS // 4, dims=2), atol=1e-5, rtol=0)
    once = JoinedColumns(_members(2))
    assert not torch.allclose(once.aerial(torch.rot90(tiles, -1, (2, 3))), turned, atol=1e-3)


@torch.inference_mode()
def test_a_second_look_is_half_of_what_is_told() -> None:
    members, tiles = _members(1), _noise(1, 3, 64, 64)
    first, second = JoinedColumns(members).aerial(tiles), JoinedColumns(members, quarters=(2,)).aerial(tiles)
    mean = torch.nn.functional.normalize(first + second, dim=3) * COLUMNS**-0.5
    torch.testing.assert_close(JoinedColumns(members, quarters=(0, 2)).aerial(tiles), mean, atol=1e-5, rtol=0)


def test_members_with_other_stems_are_refused() -> None:
    members = _members(2)
    next(members[1].stem.parameters()).data += 1.0
    with pytest.raises(ValueError, match="stems differ"):
        JoinedColumns(members)


def test_columns_that_have_no_quarters_are_refused() -> None:
    odd = AzimuthColumns(AzimuthSize(columns=10, channels=4, width=16, depth=1, heads=2, hidden=16, rows=4), RAYS)
    with pytest.raises(ValueError, match="10 columns"):
        JoinedColumns([odd], quarters=(0, 1))


def test_as_many_channels_as_there_are_keep_every_product() -> None:
    ground, aerial = _columns(400, 6, 0), _columns(300, 6, 1)
    assert _error(ground, aerial, narrow(ground, aerial, 6)) < 1e-12 * np.square(ground @ aerial.T).mean()


def test_what_only_one_side_varies_in_is_given_up_for_nothing() -> None:
    ground, aerial = _columns(400, 6, 0), _columns(300, 6, 1)
    ground[:, 4:] = 0.0
    assert _error(ground, aerial, narrow(ground, aerial, 4)) < 1e-6 * np.square(ground @ aerial.T).mean()


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_no_other_maps_lose_less(channels: int) -> None:
    ground, aerial = _columns(400, 6, 0), _columns(300, 6, 1)
    best = narrow(ground, aerial, channels)
    least = _error(ground, aerial, best)
    assert least > 0
    rng = np.random.default_rng(2)
    for step in (0.3, 0.03, 0.003):
        for _ in range(20):
            near = (
                side + step * np.abs(side).mean() * rng.standard_normal(side.shape)
                for side in (best.ground, best.aerial)
            )
            assert _error(ground, aerial, Narrowing(*near)) >= least
    kept = [np.linalg.svd(side, full_matrices=False)[2][:channels] for side in (ground, aerial)]
    assert _error(ground, aerial, Narrowing(kept[0], kept[0])) > least  # what varies most is not what counts most


def test_more_channels_than_there_are_cannot_be_kept() -> None:
    with pytest.raises(ValueError, match="7 channels"):
        narrow(_columns(9, 6, 0), _columns(9, 6, 1), 7)
