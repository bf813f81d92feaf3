from __future__ import annotations

import numpy as np
import pytest

from index.tiles import Bounds, Tile, check_not_blank, check_resolution, square, union
from models.errors import ImageryTooCoarse, TileBlank
from models.geo import enu_m


def test_a_square_has_its_side_on_the_ground() -> None:
    west, south, east, north = square(60.0, 25.0, 64.0)
    assert enu_m(60.0, east, 60.0, west)[0] == pytest.approx(64.0, abs=1e-6)
    assert enu_m(north, 25.0, south, 25.0)[1] == pytest.approx(64.0, abs=1e-3)


def test_a_square_across_the_antimeridian_has_its_west_in_the_east() -> None:
    west, _, east, _ = square(0.0, 180.0, 222_639.0)
    assert (float(west), float(east)) == pytest.approx((179.0, -179.0), abs=1e-5)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(1, 2, 3, 4)], (1, 2, 3, 4)),
        ([(1, 2, 3, 4), (2, 1, 5, 3)], (1, 1, 5, 4)),
        ([(179, 0, 180, 1), (-180, 0, -179, 1)], (179, 0, -179, 1)),
        ([(-180, 0, -179, 1), (178, 0, -179.5, 2)], (178, 0, -179, 2)),
        ([(-180, -90, 180, 90)], (-180, -90, 180, 90)),
    ],
)
def test_union(boxes: list[tuple[float, ...]], expected: tuple[float, ...]) -> None:
    assert union(Bounds(*box) for box in boxes) == pytest.approx(expected)


@pytest.mark.parametrize("spread", [0, 1, 2])
def test_one_colour_is_blank_even_after_compression(spread: int) -> None:
    pixels = np.full((8, 8, 3), 90, dtype=np.uint8)
    pixels[0, 0, 1] += spread
    with pytest.raises(TileBlank, match="one colour"):
        check_not_blank(pixels)


def test_two_colours_are_not_blank() -> None:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[:4] = 255
    check_not_blank(pixels)


def test_a_tile_that_differs_only_between_the_pixels_looked_at_first_is_not_blank() -> None:
    pixels = np.full((64, 64, 3), 90, dtype=np.uint8)
    pixels[5, 7, 2] = 93
    check_not_blank(pixels)


def test_a_tile_knows_its_bounds() -> None:
    tile = Tile("a", 10.0, 20.0, np.zeros((2, 2, 3), dtype=np.uint8), 100.0, 50.0, None, "made")
    assert tile.bounds == pytest.approx([float(side) for side in square(10.0, 20.0, 100.0)])


def test_imagery_four_times_coarser_than_the_input_is_the_limit() -> None:
    check_resolution("It", 4.0, footprint_m=64.0, size_px=64)
    with pytest.raises(ImageryTooCoarse, match=r"4\.1 m per pixel.* 4 m or finer"):
        check_resolution("It", 4.1, footprint_m=64.0, size_px=64)
