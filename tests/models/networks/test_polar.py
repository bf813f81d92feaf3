from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.networks.polar import PolarView, polar_transform
from tests.models.networks.recipe import far, pixels, through_onnx


@pytest.mark.parametrize(("side", "height", "width"), [(750, 112, 616), (1200, 112, 616), (750, 128, 512), (64, 8, 16)])
def test_it_equals_the_official_transform(shared: Path, side: int, height: int, width: int) -> None:
    name = f"polar_S{side}_{height}x{width}"
    stored = np.load(shared / "golden" / "small_goldens.npz")[name]
    total = json.loads((shared / "golden" / "small_goldens_meta.json").read_text())[name]["sum"]
    drawn = polar_transform(np.random.RandomState(50).randint(0, 256, (side, side, 3)).astype(np.uint8), height, width)
    part = drawn if stored.shape == drawn.shape else drawn[::7, ::11]
    assert far(part, stored) < (1e-10 if stored.dtype == np.float64 else 1e-4)
    assert drawn.sum() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize(("row", "column", "at"), [(62, 32, 0), (32, 1, 4), (1, 32, 8), (32, 62, 12)])
def test_compass_points_stand_where_they_should(row: int, column: int, at: int) -> None:
    tile = np.zeros((64, 64, 1))
    tile[row - 1 : row + 2, max(column - 1, 0) : column + 2] = 1.0  # south, west, north, east
    drawn = polar_transform(tile, 16, 16)[..., 0]
    assert drawn.sum(0).argmax() == at
    assert drawn.sum(1).argmax() == 0


def test_the_bottom_row_is_the_centre() -> None:
    tile = np.arange(64.0 * 64).reshape(64, 64, 1)
    assert (polar_transform(tile, 16, 16)[-1] == tile[32, 32]).all()


def test_neighbours_outside_count_nothing() -> None:
    drawn = polar_transform(np.ones((4, 4, 1)), 8, 4)[0, :, 0]  # rim at row 2 + 2 * 7 / 8 = 3.75 in the south
    np.testing.assert_allclose(drawn, [0.25, 1.0, 1.0, 0.25], atol=1e-12)


@pytest.mark.parametrize(("side", "height", "width"), [(64, 16, 40), (20, 16, 24)])
def test_the_module_equals_the_function_also_in_a_graph(side: int, height: int, width: int) -> None:
    view, batch = PolarView(side, height, width), pixels(0, 2, 3, side, side)
    expected = np.stack([polar_transform(image.permute(1, 2, 0).numpy(), height, width) for image in batch])
    (in_graph,) = through_onnx(view, (batch[:1],), (batch,))
    for found in (view(batch).numpy(), in_graph):
        assert far(found.transpose(0, 2, 3, 1), expected) < 1e-5


def test_turning_a_tile_turns_the_view() -> None:
    tile = torch.zeros(1, 1, 65, 65)
    tile[..., 5:10, 28:37] = 1.0
    view = PolarView(65, 16, 64)
    north, east = view(tile), view(torch.rot90(tile, -1, dims=(2, 3)))
    centre = [int((drawn.sum((0, 1, 2)) * torch.arange(64)).sum() / drawn.sum() + 0.5) for drawn in (north, east)]
    assert [abs(centre[0] - 32) <= 1, abs(centre[1] - 48) <= 1] == [True, True]


def test_it_leaves_nothing_in_a_checkpoint() -> None:
    assert not PolarView(16, 4, 8).state_dict()
