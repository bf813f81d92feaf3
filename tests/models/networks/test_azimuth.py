from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.networks.azimuth import AzimuthColumns, AzimuthSize, PolarResampling
from models.networks.lite0 import CHANNELS

WIDE_MARGIN = 11
"""Columns that cover half the stem's field of view, 339 px."""
SMALL = AzimuthSize(columns=12, channels=6, width=16, depth=1, heads=2, rows=4, margin_columns=2)


def _model(margin_columns: int = 2) -> AzimuthColumns:
    torch.manual_seed(0)
    size = AzimuthSize(columns=12, channels=6, width=16, depth=1, heads=2, rows=4, margin_columns=margin_columns)
    return AzimuthColumns(size).eval()


def _wrapped(circle: Tensor, margin_columns: int) -> Tensor:
    """(B, 3, H, W * 16) with the circle continued on both sides."""
    margin = margin_columns * 16
    return torch.cat([circle[..., -margin:], circle, circle[..., :margin]], dim=-1)


def _noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
@pytest.mark.parametrize("k", [1, 5])
def test_rolling_the_canvas_by_columns_rolls_the_description(k: int) -> None:
    model, circle = _model(WIDE_MARGIN), _noise(1, 3, 64, 192)
    still = model.ground(_wrapped(circle, WIDE_MARGIN))
    rolled = model.ground(_wrapped(circle.roll(16 * k, dims=3), WIDE_MARGIN))
    torch.testing.assert_close(rolled, still.roll(k, dims=1), atol=1e-4, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("columns", [1, 3, 12])
def test_all_columns_have_the_same_norm(columns: int) -> None:
    described = _model().ground(_noise(2, 3, 64, (columns + 4) * 16))
    assert described.shape == (2, columns, 6)
    torch.testing.assert_close(described.norm(dim=2), torch.full((2, columns), columns**-0.5))


@torch.inference_mode()
def test_a_tile_gives_a_full_circle_of_unit_norm() -> None:
    described = _model().aerial(_noise(2, 3, 48, 48))
    assert described.shape == (2, 12, 6)
    torch.testing.assert_close(described.norm(dim=(1, 2)), torch.ones(2))


@torch.inference_mode()
def test_turning_a_tile_rolls_its_polar_view() -> None:
    polar, tile = PolarResampling(SMALL), _noise(1, 3, 48, 48)
    clockwise = torch.rot90(tile, -1, dims=(2, 3))  # what lay north now lies east
    circle = slice(32, -32)
    expected = polar(tile)[..., circle].roll(3 * 16, dims=3)
    torch.testing.assert_close(polar(clockwise)[..., circle], expected, atol=1e-4, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize(("row", "column", "sector"), [(4, 24, 0), (24, 43, 3), (43, 24, 6), (24, 4, 9)])
def test_compass_points_fall_into_their_columns(row: int, column: int, sector: int) -> None:
    tile = torch.zeros(1, 1, 48, 48)
    tile[..., row - 1 : row + 2, column - 1 : column + 2] = 1.0
    view = PolarResampling(SMALL)(tile)[0, 0]  # (64, (12 + 4) * 16)
    x = (view.sum(0) * torch.arange(view.shape[1]))[24:-40].sum() / view.sum(0)[24:-40].sum()
    assert abs(x.item() - (sector + 2) * 16) < 4
    assert view.sum(1).argmax() < 20  # far from the centre: near the top


@torch.inference_mode()
def test_margins_of_the_polar_view_continue_the_circle() -> None:
    view = PolarResampling(SMALL)(_noise(1, 3, 48, 48))
    torch.testing.assert_close(view[..., :64], view[..., -64:], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_the_ends_of_the_polar_view_are_rim_and_centre() -> None:
    y, x = torch.meshgrid(torch.arange(48) - 23.5, torch.arange(48) - 23.5, indexing="ij")
    radius = PolarResampling(SMALL)(torch.hypot(x, y)[None, None])[0, 0].mean(1)
    expected = 24 * (1 - (torch.arange(64) + 0.5) / 64)
    torch.testing.assert_close(radius[4:-4], expected[4:-4], atol=0.2, rtol=0)


def test_only_the_heads_learn() -> None:
    model = _model().train()
    model.ground(_noise(2, 3, 64, 7 * 16)).sum().backward()  # type: ignore[no-untyped-call]
    learning = {name.split(".")[0] for name, value in model.named_parameters() if value.requires_grad}
    assert learning == {"ground_head", "aerial_head"}
    assert all(value.grad is None for value in model.stem.parameters())


@torch.inference_mode()
def test_rows_know_their_elevation() -> None:
    head, features = _model().ground_head, _noise(1, CHANNELS, 4, 12)
    assert not torch.allclose(head(features), head(features.flip(2)), atol=1e-3)


@torch.inference_mode()
def test_columns_do_not_know_their_azimuth() -> None:
    head, features = _model().ground_head, _noise(1, CHANNELS, 4, 12)
    torch.testing.assert_close(head(features.roll(4, dims=3)), head(features).roll(4, dims=1), atol=1e-5, rtol=0)


def test_the_canvas_of_the_default_size_has_16_px_a_column() -> None:
    assert AzimuthSize().canvas_px == (6 * 16, 24 * 16)
