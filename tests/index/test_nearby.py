from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from index.areas import AnyOf, Area, Box, Circle
from index.hilbert import hilbert_order
from index.nearby import Nearby
from index.table import TileTable, make_table
from models.errors import ParameterError
from models.geo import distance_m, offset


def _table(count: int, lat0: float, lon0: float, side_m: float) -> TileTable:
    lat, lon = offset(lat0, lon0, *np.random.default_rng(count).uniform(-side_m / 2, side_m / 2, (2, count)))
    order, blank = hilbert_order(lat, lon), [""] * count
    return make_table(blank, lat[order], lon[order], 60.0, np.ones(count), blank, blank)


def _inside(tiles: TileTable, area: Area) -> NDArray[np.int64]:
    """Asks every tile, with no boxes."""
    return np.flatnonzero(area.holds(tiles.lat, tiles.lon))


@pytest.mark.parametrize("place", [(50.0, 10.0), (0.0, 180.0), (-17.0, -179.99), (89.7, 30.0), (-89.93, 0.0)])
@pytest.mark.parametrize("radius_m", [1.0, 250.0, 4000.0, 60_000.0, 2_000_000.0])
def test_circles_hold_what_asking_every_tile_finds(place: tuple[float, float], radius_m: float) -> None:
    tiles, rng = _table(9000, *place, side_m=12_000.0), np.random.default_rng(4)
    nearby = Nearby(tiles)
    for east_m, north_m in rng.uniform(-7000, 7000, (8, 2)):
        lat, lon = (float(value) for value in offset(*place, east_m, north_m))
        if abs(lat) <= 90:
            inside = np.flatnonzero(distance_m(tiles.lat, tiles.lon, lat, lon) <= radius_m)
            assert nearby.runs(Circle(lat, lon, radius_m)).rows.tolist() == inside.tolist()
            assert nearby.rows(lat, lon, radius_m).tolist() == inside.tolist()


def test_the_rim_belongs_to_the_circle() -> None:
    tiles = _table(500, 50.0, 10.0, 3000.0)
    away_m = distance_m(tiles.lat, tiles.lon, 50.0, 10.0)
    radius_m = float(away_m[123])
    assert 123 in Nearby(tiles).rows(50.0, 10.0, radius_m)
    assert 123 not in Nearby(tiles).rows(50.0, 10.0, float(np.nextafter(radius_m, 0.0)))


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 4096, 4097])
def test_any_number_of_tiles(count: int) -> None:
    tiles = _table(count, 50.0, 10.0, 3000.0)
    everywhere = Nearby(tiles).runs(Circle(50.0, 10.0, 9000.0))
    assert (everywhere.count, len(everywhere)) == (count, min(count, 1))
    assert Nearby(tiles).runs(Circle(-50.0, 10.0, 9000.0)).count == 0


def test_tiles_all_around_the_globe_in_any_order() -> None:
    rng = np.random.default_rng(2)
    lat, lon, blank = rng.uniform(-90, 90, 9000), rng.uniform(-180, 180, 9000), [""] * 9000
    tiles = make_table(blank, lat, lon, 60.0, np.ones(9000), blank, blank)
    areas: list[Area] = [Circle(0.0, 180.0, 3e6), Circle(88.0, 0.0, 1e6), Circle(10.0, 10.0, 2.5e7)]
    areas += [Box(170.0, -30.0, -160.0, 30.0), Box(-180.0, -90.0, 180.0, 90.0), Box(-20.0, 0.0, 20.0, 10.0)]
    for area in [*areas, AnyOf(areas[:2])]:
        found = Nearby(tiles).runs(area).rows
        assert found.tolist() == _inside(tiles, area).tolist()
        assert found.size


def test_areas_that_overlap_give_each_tile_once() -> None:
    tiles = _table(5000, 50.0, 10.0, 3000.0)
    both = AnyOf([Circle(50.0, 10.0, 400.0), Circle(50.002, 10.0, 400.0), Circle(50.012, 10.0, 100.0)])
    runs = Nearby(tiles).runs(both)
    assert runs.rows.tolist() == _inside(tiles, both).tolist()
    assert (runs.starts[1:] > runs.stops[:-1]).all()
    assert runs.count < sum(Nearby(tiles).runs(part).count for part in both.parts)


def test_around_tiles_is_the_union_of_their_circles() -> None:
    tiles = _table(5000, 50.0, 10.0, 3000.0)
    rows, nearby = np.array([4, 5, 4999]), Nearby(tiles)
    circles = AnyOf([Circle(float(tiles.lat[row]), float(tiles.lon[row]), 90.0) for row in rows])
    assert nearby.around(rows, 90.0).tolist() == _inside(tiles, circles).tolist()
    assert nearby.around(rows[:0], 90.0).tolist() == []


def test_a_place_is_a_place() -> None:
    with pytest.raises(ParameterError, match=r"prior: lat 91, lon 0 is not a WGS84 position"):
        Nearby(_table(5, 50.0, 10.0, 100.0)).rows(91.0, 0.0, 10.0)
