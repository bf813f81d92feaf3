from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.training.cuts import Canvas, cut

CANVAS = Canvas(columns=16, height_px=64, width_px=256, margin_px=16)


def _ramp() -> NDArray[np.uint8]:
    """A panorama whose red tells the azimuth and whose green the row."""
    picture = np.zeros((64, 256, 3), np.uint8)
    picture[..., 0] = np.arange(256)[None]
    picture[..., 1] = 4 * np.arange(64)[:, None]
    return picture


@pytest.fixture
def _honest_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the ramp as it is; what is tested is geometry."""
    monkeypatch.setattr("models.training.cuts.change_colours", lambda pixels, _rng: pixels)


@pytest.mark.parametrize("seen", [3, 5, 8, 16])
def test_a_cut_has_its_columns_and_margins(seen: int) -> None:
    pixels, shift = cut(_ramp(), 0.0, seen, CANVAS, np.random.default_rng(0))
    assert pixels.shape == (64, seen * 16 + 32, 3)
    assert 0 <= shift < 16


@pytest.mark.usefixtures("_honest_colours")
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("heading", [0.0, 117.0])
def test_the_shift_says_where_the_left_edge_looks(seed: int, heading: float) -> None:
    pixels, shift = cut(_ramp(), heading, 16, CANVAS, np.random.default_rng(seed))
    seen_at_edge = pixels[30:34, 16, 0].astype(float).mean()  # panorama column at the photo's left edge
    azimuth = heading + (seen_at_edge - 128) * 360 / 256
    off = (azimuth - shift * 22.5 + 180) % 360 - 180
    assert abs(off) < 3.0


@pytest.mark.usefixtures("_honest_colours")
@pytest.mark.parametrize("seed", range(6))
def test_photos_keep_their_centre_though_the_field_of_view_is_known_badly(seed: int) -> None:
    pixels, shift = cut(_ramp(), 180.0, 4, CANVAS, np.random.default_rng(seed))
    centre = pixels[30:34, 16 + 31 : 16 + 33, 0].astype(float).mean()
    azimuth = 180.0 + (centre - 128) * 360 / 256
    off = (azimuth - (shift + 2) * 22.5 + 180) % 360 - 180
    assert abs(off) < 4.0 or pixels[30, 40, 2] > 0  # something may stand in the way, and is of another colour


def test_whole_panoramas_go_on_behind_the_seam() -> None:
    pixels, _ = cut(_ramp(), 0.0, 16, CANVAS, np.random.default_rng(3))
    np.testing.assert_allclose(
        pixels[28:36, :16].astype(float), pixels[28:36, -32:-16].astype(float), atol=12
    )  # tilt and rounding aside


def test_photos_repeat_their_edge_in_the_margins() -> None:
    pixels, _ = cut(_ramp(), 0.0, 4, CANVAS, np.random.default_rng(4))
    assert (pixels[:, :16] == pixels[:, :1]).all()


def test_the_seed_decides() -> None:
    first, again, other = (cut(_ramp(), 0.0, 4, CANVAS, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
