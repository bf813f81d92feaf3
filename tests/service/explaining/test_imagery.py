"""Pictures put together from map tiles: the painted sectors lie where they were painted, however they are turned."""

from __future__ import annotations

import math

import numpy as np
import pytest

from index.bundle import Index, open_index
from index.search import Searcher
from models.geo import offset
from service.explaining.imagery import MOST_TILES, IndexImagery
from service.pictures.extent import Extent
from tests.service.world import position, sector_colours


@pytest.fixture(scope="module")
def imagery(shown_index: Index) -> IndexImagery:
    return IndexImagery(Searcher(shown_index))


@pytest.mark.parametrize("up_deg", [0.0, 45.0, 200.0])
def test_sectors_turn_with_the_picture(imagery: IndexImagery, up_deg: float) -> None:
    seen = imagery.seen(*position(7), (120, 120), 0.5, up_deg)
    assert seen is not None
    pixels = np.asarray(seen)
    for sector, colour in enumerate(sector_colours(7)):
        azimuth = math.radians(sector * 45.0 + 22.5 - up_deg)
        column, row = round(60 + 30 * math.sin(azimuth)), round(60 - 30 * math.cos(azimuth))
        assert pixels[row, column, 3] == 255
        np.testing.assert_allclose(pixels[row, column, :3], colour, atol=40)


def test_beyond_the_imagery_it_is_clear_and_far_away_there_is_none(imagery: IndexImagery) -> None:
    lat, lon = position(0)
    west = offset(lat, lon, -60.0, 0.0)
    seen = imagery.seen(float(west[0]), float(west[1]), (100, 40), 1.0)
    assert seen is not None
    alpha = np.asarray(seen)[20, :, 3]
    assert (alpha[5], alpha[-5]) == (0, 255)
    assert imagery.seen(lat + 1.0, lon, (100, 100), 1.0) is None


def test_an_index_without_pictures_has_none(index_folder: str) -> None:
    plain = IndexImagery(Searcher(open_index(index_folder)))  # type: ignore[arg-type]
    assert plain.seen(*position(7), (50, 50), 1.0) is None


@pytest.mark.parametrize(("pixel_m", "is_seen"), [(0.05, True), (5.0, True), (20.0, True), (20_000.0, False)])
def test_what_is_put_together_is_bounded(shown_index: Index, pixel_m: float, is_seen: bool) -> None:
    """The index is 564 m wide: small in a wide view, and nothing in one of a continent."""
    lat, lon = position(14)
    asked = list[tuple[int, int, int]]()

    class Asked(Searcher):
        def map_tile(self, zoom: int, x: int, y: int) -> bytes | None:
            asked.append((zoom, x, y))
            return super().map_tile(zoom, x, y)

    seen = IndexImagery(Asked(shown_index)).seen(lat, lon, (200, 200), pixel_m)
    assert (seen is not None) is is_seen
    assert len(asked) <= MOST_TILES
    if seen is not None:
        assert np.asarray(seen)[90:110, 90:110, 3].max() == 255


def test_it_lies_under_a_map_and_names_its_source(imagery: IndexImagery) -> None:
    lat, lon = position(7)
    ground = imagery.draw(Extent(lat, lon, 2.0, 100, 100))
    assert ground.image.size == (100, 100)
    assert ground.attribution == imagery.gallery.about.attribution
    north_east = np.asarray(ground.image)[50 - 30, 50 + 12]
    np.testing.assert_allclose(north_east, 0.72 * sector_colours(7)[0] + 0.28 * 255, atol=40)
