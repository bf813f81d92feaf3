from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.networks.azimuth import AzimuthColumns, AzimuthSize, _side_by_side
from models.networks.lite0 import CHANNELS
from models.networks.rays import RaySize

WIDE_MARGIN = 12
"""Columns that cover half the stem's field of view, 339 px, and the context column."""
RAYS = RaySize(
    tile_px=64, footprint_m=40.0, per_side=3, spacing_m=4.0, channels=8, width=16, depth=1,
    rings_m=((3.0,), (8.0,), (14.0,)), kept=(8, 8, 4),
)  # fmt: skip


def _model(margin_columns: int = 2, rows: int = 4, *, weighted: bool = False) -> AzimuthColumns:
    torch.manual_seed(0)
    size = AzimuthSize(
        columns=12,
        channels=6,
        width=16,
        depth=1,
        heads=2,
        hidden=16,
        rows=rows,
        margin_columns=margin_columns,
        weighted=weighted,
    )
    return AzimuthColumns(size, RAYS).eval()


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
    torch.testing.assert_close(rolled, still.roll(k, dims=1), atol=3e-4, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("columns", [1, 3, 12])
def test_all_columns_have_the_same_norm(columns: int) -> None:
    described = _model().ground(_noise(2, 3, 64, (columns + 4) * 16))
    assert described.shape == (2, columns, 6)
    torch.testing.assert_close(described.norm(dim=2), torch.full((2, columns), columns**-0.5))


@torch.inference_mode()
def test_weighted_columns_share_one_unit_row() -> None:
    pixels = _noise(2, 3, 64, 16 * 16)
    plain, weighted = _model().ground(pixels), _model(weighted=True).ground(pixels)
    torch.testing.assert_close(weighted.norm(dim=(1, 2)), torch.ones(2))
    assert weighted.norm(dim=2).std(dim=1).min() > 1e-4
    cosine = torch.nn.functional.cosine_similarity(plain, weighted, dim=2)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))


@torch.inference_mode()
def test_rows_know_their_elevation() -> None:
    model, photo = _model(), _noise(1, 3, 64, 128)
    assert not torch.allclose(model.ground(photo), model.ground(photo.flip(2)), atol=1e-3)


@torch.inference_mode()
def test_photos_of_a_batch_do_not_see_each_other() -> None:
    model, photos = _model(), _noise(3, 3, 64, 128)
    torch.testing.assert_close(model.ground(photos)[1:2], model.ground(photos[1:2]), atol=1e-5, rtol=0)


def test_only_the_heads_learn() -> None:
    model = _model()
    model.train()
    (model.ground(_noise(2, 3, 64, 128)).sum() + model.aerial(_noise(2, 3, 64, 64)).sum()).backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in model.stem.parameters())
    missed = [name for name, p in model.named_parameters() if not name.startswith("stem") and p.grad is None]
    assert missed == []


def test_training_leaves_the_stem_as_imagenet_left_it() -> None:
    model = _model()
    model.train()
    before = {name: buffer.clone() for name, buffer in model.stem.named_buffers()}
    model.ground(_noise(2, 3, 64, 128))
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.stem.named_buffers())


def test_the_default_canvas_is_half_a_degree_and_a_bit_a_pixel() -> None:
    size = AzimuthSize()
    assert size.canvas_px == (128, 512)
    assert size.front_size == 8 * CHANNELS + 16 * 2 * 40


def test_pixels_are_laid_side_by_side_as_torch_does() -> None:
    x = _noise(2, 3, 6, 8)
    assert torch.equal(_side_by_side(x), torch.nn.functional.pixel_unshuffle(x, 2))
