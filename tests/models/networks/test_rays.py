from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.networks.lite0 import Lite0Stem
from models.networks.rays import AerialRays, Maps, RaySize, cell_offsets

SIZE = RaySize(
    tile_px=64, footprint_m=40.0, per_side=3, spacing_m=4.0, channels=8, width=16, depth=1,
    rings_m=((3.0,), (8.0,), (14.0,)), kept=(8, 8, 4),
)  # fmt: skip
FAR = replace(SIZE, tile_px=128, footprint_m=80.0, far_rings_m=(30.0,))
"""The same in the middle half of a tile of twice the side, and a ring in its outer part."""
MIDDLE = slice(32, 96)


def _head(size: RaySize = SIZE) -> AerialRays:
    torch.manual_seed(0)
    return AerialRays(size, columns=12, channels=6).eval()


def _pyramid() -> Maps:
    dice = torch.Generator().manual_seed(1)
    fine, middle, coarse = (
        torch.randn(2, c, n, n, generator=dice) for c, n in zip((24, 40, 112), (16, 8, 4), strict=True)
    )
    return fine, middle, coarse


@torch.inference_mode()
def test_every_position_gets_a_full_circle_of_unit_norm() -> None:
    head = _head()
    described = head.describe(head.maps(head.crop(_pyramid())), head.cells_m.expand(2, -1, -1))
    assert described.shape == (2, 9, 12, 6)
    torch.testing.assert_close(described.norm(dim=3), torch.full((2, 9, 12), 12**-0.5))


def test_positions_run_from_the_north_west_row_by_row() -> None:
    expected = [[-4, 4], [0, 4], [4, 4], [-4, 0], [0, 0], [4, 0], [-4, -4], [0, -4], [4, -4]]
    assert cell_offsets(3, 4.0).tolist() == expected


@torch.inference_mode()
def test_what_was_packed_comes_out_again() -> None:
    head = _head()
    levels = head.crop(_pyramid())
    for kept, level in zip(head.unpack(head.pack(levels)), levels, strict=True):
        assert torch.equal(kept, level)


@torch.inference_mode()
@pytest.mark.parametrize(("east_m", "north_m"), [(0.0, 0.0), (1.5, -2.0)])
def test_a_position_is_described_alike_whatever_else_is_asked(east_m: float, north_m: float) -> None:
    head = _head()
    maps = head.maps(head.crop(_pyramid()))
    wanted = torch.tensor([[[east_m, north_m]]]).expand(2, 1, 2)
    crowd = torch.cat([head.cells_m.expand(2, -1, -1), wanted], dim=1)
    torch.testing.assert_close(head.describe(maps, crowd)[:, -1:], head.describe(maps, wanted), atol=1e-6, rtol=0)


def _blob(east_cells: int, north_cells: int) -> Tensor:
    """A map of the finest level, 2.5 m a cell, with one bright spot off the centre."""
    level = torch.zeros(1, 8, 8, 8)
    level[0, :, 4 - north_cells - 1 : 4 - north_cells + 1, 4 + east_cells - 1 : 4 + east_cells + 1] = 1.0
    return level


@torch.inference_mode()
@pytest.mark.parametrize(("east", "north", "column"), [(1, 0, 3), (0, -1, 6), (-1, 0, 9), (0, 1, 0)])
def test_rays_look_where_their_column_says(east: int, north: int, column: int) -> None:
    head = _head()
    coarse = torch.zeros(1, 8, 4, 4)
    nothing, seen = torch.zeros(1, 8, 8, 8), _blob(east, north)
    here = torch.zeros(1, 1, 2)
    blank = head.describe((nothing, nothing, coarse), here)[0, 0]
    change = (head.describe((seen, nothing, coarse), here)[0, 0] - blank).norm(dim=1)
    off = (change.argmax().item() - column + 6) % 12 - 6
    assert abs(off + 0.5) <= 1.5  # columns start at their number: north lies between columns 11 and 0


@torch.inference_mode()
def test_moving_the_camera_is_moving_the_ground_the_other_way() -> None:
    head = _head()
    dice = torch.Generator().manual_seed(2)
    level = torch.randn(1, 8, 8, 8, generator=dice)
    empty, coarse = torch.zeros(1, 8, 8, 8), torch.zeros(1, 8, 4, 4)
    moved = torch.roll(level, shifts=(1, -1), dims=(2, 3))  # one cell south, one cell west
    there = head.describe((level, empty, coarse), torch.tensor([[[2.5, 2.5]]]))
    here = head.describe((moved, empty, coarse), torch.zeros(1, 1, 2))
    torch.testing.assert_close(here, there, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_the_near_maps_of_a_tile_with_far_rings_are_those_of_its_middle() -> None:
    torch.manual_seed(3)
    stem, tile = Lite0Stem().eval(), torch.randn(2, 3, 128, 128)
    *near, far = _head(FAR).look(stem, tile)
    alone = _head().look(stem, tile[..., MIDDLE, MIDDLE])
    assert far.shape == (2, 112, 4, 4)
    for level, same in zip(near, alone, strict=True):
        assert torch.equal(level, same)


@torch.inference_mode()
def test_far_features_come_out_of_their_packing() -> None:
    torch.manual_seed(3)
    head, tile = _head(FAR), torch.randn(2, 3, 128, 128)
    levels = head.look(Lite0Stem().eval(), tile)
    for kept, level in zip(head.unpack(head.pack(levels)), levels, strict=True):
        assert torch.equal(kept, level)


@torch.inference_mode()
@pytest.mark.parametrize(("right", "down", "column"), [(3, 1, 2), (1, 3, 6), (0, 2, 8), (2, 0, 0)])
def test_far_rays_look_where_their_column_says(right: int, down: int, column: int) -> None:
    head = _head(FAR)
    near = torch.zeros(1, 8, 8, 8), torch.zeros(1, 8, 8, 8), torch.zeros(1, 8, 4, 4)
    nothing, seen = torch.zeros(1, 8, 4, 4), torch.zeros(1, 8, 4, 4)
    seen[..., down, right] = 1.0
    here = torch.zeros(1, 1, 2)
    change = head.describe((*near, seen), here)[0, 0] - head.describe((*near, nothing), here)[0, 0]
    off = (change.norm(dim=1).argmax().item() - column + 6) % 12 - 6
    assert abs(off) <= 1


@torch.inference_mode()
def test_what_is_beyond_the_middle_is_told_by_the_far_rings() -> None:
    torch.manual_seed(3)
    stem, tile = Lite0Stem().eval(), torch.randn(1, 3, 128, 128)
    other = torch.randn(1, 3, 128, 128)
    other[..., MIDDLE, MIDDLE] = tile[..., MIDDLE, MIDDLE]
    head = _head(FAR)
    first, second = (head.describe(head.maps(head.look(stem, t)), torch.zeros(1, 1, 2)) for t in (tile, other))
    assert not torch.equal(first, second)
