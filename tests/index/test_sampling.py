from __future__ import annotations

import numpy as np
import pytest

from index.sampling import Patch, Placement, cut_row, cut_square, make_patch

NORTH_UP = (1.0, 0.0, 0.0, -1.0)


def _noise(size: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (size, size, 3), dtype=np.uint8)


def _patch(rgb: np.ndarray, valid: np.ndarray | None = None) -> Patch:
    return Patch(make_patch(rgb, np.ones(rgb.shape[:2], dtype=np.bool_) if valid is None else valid))


def test_one_pixel_a_metre_north_up_is_copied() -> None:
    rgb = _noise(32)
    pixels, share = cut_square(_patch(rgb), Placement(16, 16, *NORTH_UP), 16.0, 16)
    assert share == 1.0
    assert np.array_equal(pixels, rgb[8:24, 8:24])


def test_half_a_pixel_away_two_pixels_are_blended() -> None:
    rgb = np.zeros((4, 4, 3), dtype=np.uint8)
    rgb[:, 2:] = 100
    pixels, _ = cut_square(_patch(rgb), Placement(2.5, 2, *NORTH_UP), 2.0, 2)
    assert pixels[0, :, 0].tolist() == [50, 100]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_imagery_turned_by_quarters_comes_out_upright(turns: int) -> None:
    rgb = _noise(16)
    east = [(1, 0), (0, -1), (-1, 0), (0, 1)][turns]
    north = [(0, -1), (-1, 0), (0, 1), (1, 0)][turns]
    pixels, _ = cut_square(_patch(np.rot90(rgb, turns).copy()), Placement(8, 8, *east, *north), 16.0, 16)
    assert np.array_equal(pixels, rgb)


def test_finer_imagery_is_averaged_not_picked() -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 200
    rgb = np.repeat(checks[:, :, None], 3, axis=2).astype(np.uint8)
    pixels, _ = cut_square(_patch(rgb), Placement(32, 32, 4.0, 0.0, 0.0, -4.0), 16.0, 16)
    assert np.abs(pixels.astype(int) - 100).max() <= 2


def test_a_patch_scaled_down_lies_where_it_lay() -> None:
    rgb = _noise(8)
    whole = _patch(np.kron(rgb, np.ones((4, 4, 1), dtype=np.uint8)))
    scaled = Patch(whole.image.reduce(4), left=100.0, top=200.0, across=4.0, down=4.0)
    pixels, _ = cut_square(scaled, Placement(116.0, 216.0, 4.0, 0.0, 0.0, -4.0), 8.0, 8)
    assert np.array_equal(pixels, rgb)


def test_what_lies_outside_gets_the_mean_colour() -> None:
    rgb = np.full((8, 8, 3), 40, dtype=np.uint8)
    rgb[:, 6:] = 80
    pixels, share = cut_square(_patch(rgb), Placement(8, 4, *NORTH_UP), 8.0, 8)
    assert share == 0.5
    assert (pixels[:, 4:] == 60).all()
    assert (pixels[:, :2] == 40).all()


def test_nodata_does_not_bleed_into_its_neighbours() -> None:
    rgb = np.full((8, 8, 3), 200, dtype=np.uint8)
    valid = np.ones((8, 8), dtype=np.bool_)
    rgb[:, 4:], valid[:, 4:] = 0, False
    pixels, share = cut_square(_patch(rgb, valid), Placement(4.3, 4, *NORTH_UP), 8.0, 8)
    assert (pixels == 200).all()
    assert 0.4 < share < 0.6


def test_without_imagery_the_share_is_none() -> None:
    assert cut_square(_patch(_noise(4)), Placement(100, 100, *NORTH_UP), 4.0, 4)[1] == 0.0


def test_a_tile_full_of_imagery_is_the_same_whether_or_not_its_neighbour_is() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    holed = np.ones((16, 16), dtype=np.bool_)
    holed[0, 0] = False
    one, share = cut_square(_patch(rgb), Placement(8, 8, *NORTH_UP), 12.0, 12)
    other, part = cut_square(_patch(rgb, holed), Placement(8, 8, *NORTH_UP), 16.0, 16)
    assert (share, part) == (1.0, 255 / 256)
    np.testing.assert_array_equal(one, other[2:-2, 2:-2])


def test_squares_of_a_row_are_those_cut_one_by_one() -> None:
    patch = _patch(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    places = [Placement(20.3 + 2.0 * n, 30.1, 2.0, 0.0, 0.0, -2.0) for n in (-2, 0, 3)]
    squares = cut_row(patch, places[1], [-4, 0, 6], 8.0, 16)  # half a metre a pixel
    for place, (pixels, share) in zip(places, squares, strict=True):
        alone, _ = cut_square(patch, place, 8.0, 16)
        assert share == 1.0
        np.testing.assert_array_equal(pixels, alone)
