"""Where an index has imagery: few boxes that hold every tile, and the tile at a place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.build import build_index
from index.bundle import open_index
from index.coverage import MOST_SQUARES, Coverage, boxes, holds
from index.search import Searcher
from index.tiles import Bounds
from models.encoder import FakeEncoder
from models.geo import offset
from tests.service.world import PaintedTiles


def grid(east_m: list[float], north_m: list[float], turn_deg: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    x, y = (axis.ravel() for axis in np.meshgrid(east_m, north_m))
    turn = np.radians(turn_deg)
    return offset(48.0, 9.0, x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn))


def area_m2(box: Bounds) -> float:
    per_lat, per_lon = 111_200.0, 111_320.0 * np.cos(np.radians(48.0))
    return float((box.north - box.south) * per_lat * (box.east - box.west) * per_lon)


def test_a_rectangle_of_tiles_is_one_box() -> None:
    lats, lons = grid([64.0 * n for n in range(8)], [64.0 * n for n in range(5)])
    found = boxes(lats, lons, 64.0)
    assert len(found) == 1
    assert all(holds(found[0], lat, lon) for lat, lon in zip(lats, lons, strict=True))


@pytest.mark.parametrize("turn_deg", [0.0, 1.0, 17.0, 45.0])
def test_every_tile_is_held_whatever_the_turn_of_the_grid_and_not_much_else(turn_deg: float) -> None:
    lats, lons = grid([32.0 * n for n in range(30)], [32.0 * n for n in range(30)], turn_deg)
    found = boxes(lats, lons, 32.0)
    assert all(any(holds(box, lat, lon) for box in found) for lat, lon in zip(lats, lons, strict=True))
    inside = 900 * 32.0**2
    assert 0.99 * inside < sum(area_m2(box) for box in found) < 1.35 * inside


def test_a_hole_and_an_island_stay_apart() -> None:
    lats, lons = grid([64.0 * n for n in range(12)], [64.0 * n for n in range(12)])
    hole = (lats > lats.mean() - 0.0013) & (lats < lats.mean() + 0.0013)
    hole &= (lons > lons.mean() - 0.002) & (lons < lons.mean() + 0.002)
    far_lat, far_lon = offset(48.0, 9.0, 5000.0, 5000.0)
    lats, lons = np.append(lats[~hole], far_lat), np.append(lons[~hole], far_lon)
    found = boxes(lats, lons, 64.0)
    assert not any(holds(box, float(np.mean(lats[:-1])), float(np.mean(lons[:-1]))) for box in found)
    assert any(holds(box, float(far_lat), float(far_lon)) for box in found)
    assert not any(holds(box, *(float(v) for v in offset(48.0, 9.0, 2500.0, 2500.0))) for box in found)


def test_scattered_tiles_make_no_endless_outline() -> None:
    rng = np.random.default_rng(5)
    lats, lons = offset(48.0, 9.0, rng.uniform(0, 90_000, 60_000), rng.uniform(0, 90_000, 60_000))
    assert len(boxes(lats, lons, 30.0)) <= MOST_SQUARES


def test_across_the_antimeridian() -> None:
    assert holds(Bounds(179.9, -1.0, -179.9, 1.0), 0.0, 180.0)
    assert holds(Bounds(179.9, -1.0, -179.9, 1.0), 0.0, -179.95)
    assert not holds(Bounds(179.9, -1.0, -179.9, 1.0), 0.0, 0.0)
    lats, lons = offset(np.zeros(4), np.full(4, 179.9999), np.array([0.0, 64.0, 128.0, 192.0]), np.zeros(4))
    found = boxes(lats, lons, 64.0)
    assert all(any(holds(box, lat, lon) for box in found) for lat, lon in zip(lats, lons, strict=True))


def test_the_tile_at_a_place(tmp_path: Path) -> None:
    build_index(PaintedTiles(), FakeEncoder(), tmp_path, name="painted")
    index = open_index(tmp_path)
    coverage = Coverage(Searcher(index))
    for row in (0, len(index) // 2, len(index) - 1):
        facts = coverage.at(float(index.tiles.lat[row]), float(index.tiles.lon[row]))
        assert facts is not None
        assert facts.id == index.tiles.id[row]
        assert facts.resolution_m == index.tiles.ground_resolution_m[row]
    west, south, east, north = index.manifest.bounds
    assert coverage.at(north + 0.01, (west + east) / 2) is None
    assert coverage.at((south + north) / 2, east + 0.01) is None
    outline = coverage.outline()
    assert all(
        any(holds(box, lat, lon) for box in outline.boxes)
        for lat, lon in zip(index.tiles.lat, index.tiles.lon, strict=True)
    )
    assert outline.resolution_m == np.median(index.tiles.ground_resolution_m)
    about = Searcher(index).about
    assert outline.area_km2 == pytest.approx(len(index) * about.cells * about.spacing_m**2 / 1e6)
