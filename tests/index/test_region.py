"""A region answers as one index of the same tiles does, and opens no more of it than a question needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.areas import AnyOf, Box, Circle
from index.bundle import open_index
from index.hits import CellHits, Float32s, Hits
from index.polygon import Polygon
from index.region import Region
from index.region_file import write_region
from index.region_opening import open_region
from index.region_survey import survey
from index.search import Searcher
from models.columns import shifts
from models.errors import EncoderNonFinite, IndexMismatch, ParameterError
from models.geo import offset
from tests.index.made import unit_rows
from tests.index.regions import CHANNELS, COLUMNS, Tiles, grid, quarters, write_index

SIDE = 20
TILES = grid(SIDE)
WHEN = "2026-01-02T00:00:00Z"


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    base = tmp_path_factory.mktemp("region")
    return [write_index(base / f"m{n}", TILES.only(part)) for n, part in enumerate(quarters(SIDE))]


@pytest.fixture(scope="module")
def file(roots: list[Path]) -> Path:
    path = roots[0].parent / "region.json"
    write_region(path, survey("made", roots), WHEN)
    return path


@pytest.fixture
def region(file: Path) -> Region:
    return open_region(file)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return Searcher(open_index(write_index(tmp_path_factory.mktemp("one") / "whole", TILES)))


def photo(tile: int, turn: int = 0, noise: float = 0.3, tiles: Tiles = TILES) -> Float32s:
    """(8, 32): a tile's middle cell at all headings, blurred."""
    row = tiles.vectors[tile, 4].astype(np.float32)
    row = row + noise * unit_rows(1, len(row), seed=tile)[0]
    return shifts(np.roll(row.reshape(COLUMNS, CHANNELS), turn, axis=0), COLUMNS)


def ids(gallery: Region | Searcher, hits: Hits | CellHits) -> list[str]:
    return [gallery.tile(row).id for row in hits.rows.tolist()]


@pytest.mark.parametrize("tile", [0, 57, 209, 210, 399])
def test_everywhere_a_region_answers_as_one_index(region: Region, one: Searcher, tile: int) -> None:
    queries = photo(tile, turn=3)
    mine, theirs = region.search(queries, 20), one.search(queries, 20)
    assert ids(region, mine) == ids(one, theirs)
    assert ids(region, mine)[0] == f"t{tile}"
    np.testing.assert_allclose(mine.similarity, theirs.similarity, atol=1e-6)
    np.testing.assert_array_equal(mine.shift, theirs.shift)
    cells, their_cells = region.top_cells(queries, 100), one.top_cells(queries, 100)
    assert ids(region, cells) == ids(one, their_cells)
    np.testing.assert_array_equal(cells.cells, their_cells.cells)
    np.testing.assert_array_equal(
        region.described(cells.rows, cells.cells), one.described(their_cells.rows, their_cells.cells)
    )
    np.testing.assert_array_equal(
        region.cell_lat_lon(cells.rows, cells.cells), one.cell_lat_lon(their_cells.rows, their_cells.cells)
    )
    assert region.open_members == ("m0", "m1", "m2", "m3")


@pytest.mark.parametrize(("tile", "radius_m"), [(0, 70.0), (209, 100.0), (55, 1.0), (190, 330.0)])
def test_near_a_place_a_region_answers_as_one_index(region: Region, one: Searcher, tile: int, radius_m: float) -> None:
    lat, lon, queries = float(TILES.lat[tile]), float(TILES.lon[tile]), photo(tile)
    (mine, scanned), (theirs, their_scanned) = (g.search_near(queries, lat, lon, radius_m, 10) for g in (region, one))
    assert (ids(region, mine), scanned) == (ids(one, theirs), their_scanned)
    best, their_best = (g.top_cells_near(queries, lat, lon, radius_m, 30) for g in (region, one))
    assert ids(region, best) == ids(one, their_best)
    rows, their_rows = (g.rows_near(lat, lon, radius_m) for g in (region, one))
    order, their_order = (
        np.argsort([g.tile(row).id for row in found.tolist()]) for g, found in ((region, rows), (one, their_rows))
    )
    assert (np.diff(rows) > 0).all()
    np.testing.assert_allclose(
        region.evidence(queries, rows[order]).similarity,
        one.evidence(queries, their_rows[their_order]).similarity,
        atol=1e-6,
    )
    np.testing.assert_array_equal(region.centres(rows[order]), one.centres(their_rows[their_order]))
    assert [region.tile(row) for row in rows[order].tolist()] == [one.tile(r) for r in their_rows[their_order].tolist()]


def test_in_areas_a_region_answers_as_one_index(region: Region, one: Searcher) -> None:
    lat, lon, queries = TILES.lat, TILES.lon, photo(209)
    corner = Circle(float(lat[0]), float(lon[0]), 60.0)
    triangle = Polygon(np.stack([lat[[0, 19, 399]], lon[[0, 19, 399]]], axis=1))
    far = Box(float(lon[0]) + 1, -10.0, float(lon[0]) + 2, 70.0)
    for area, opened in ((corner, 1), (AnyOf([corner, far]), 1), (triangle, 4), (AnyOf([triangle, corner]), 4)):
        (mine, scanned), (theirs, their_scanned) = (gallery.search_in(queries, area, 10) for gallery in (region, one))
        assert (ids(region, mine), scanned) == (ids(one, theirs), their_scanned)
        assert scanned == int(area.holds(lat, lon).sum()) > 0
        assert len(region.open_members) == opened
    assert region.search_in(queries, far, 5)[1] == 0


def test_the_background_is_that_of_one_index_and_opens_nothing(region: Region, one: Searcher) -> None:
    """3,600 cells: all of them are in the sample, so both measure the same numbers."""
    mine, theirs = region.background(photo(7)), one.background(photo(7))
    assert mine == pytest.approx(theirs, abs=1e-6)
    assert region.open_members == ()


def test_a_prior_opens_only_members_that_its_circle_reaches(region: Region) -> None:
    queries = photo(0)
    region.search_near(queries, float(TILES.lat[0]), float(TILES.lon[0]), 50.0, 5)
    assert list(region.open_members) == ["m0"]
    region.rows_near(float(TILES.lat[19]), float(TILES.lon[19]), 50.0)
    assert list(region.open_members) == ["m0", "m1"]
    far = offset(TILES.lat[0], TILES.lon[0], -5000.0, 0.0)
    assert region.search_near(queries, float(far[0]), float(far[1]), 50.0, 5)[1] == 0
    assert len(region.top_cells_near(queries, float(far[0]), float(far[1]), 50.0, 5).rows) == 0
    assert len(region.rows_near(float(far[0]), float(far[1]), 50.0)) == 0
    assert list(region.open_members) == ["m0", "m1"]


def test_what_makes_no_sense_is_refused_before_anything_is_opened(region: Region) -> None:
    queries = photo(0)
    for wrong in (
        lambda: region.search(queries, 0),
        lambda: region.search_near(queries, 91.0, 0.0, 10.0, 5),
        lambda: region.rows_near(0.0, 0.0, -1.0),
        lambda: region.top_cells_near(queries, 0.0, 0.0, float("nan"), 5),
    ):
        with pytest.raises(ParameterError):
            wrong()
    with pytest.raises(IndexMismatch, match="made takes queries of"):
        region.top_cells(queries[:, :5], 5)
    with pytest.raises(EncoderNonFinite):
        region.background(np.full_like(queries, np.nan))
    assert region.open_members == ()


def test_a_region_is_about_all_of_its_members(region: Region, one: Searcher, file: Path) -> None:
    mine, theirs = region.about, one.about
    assert (mine.title, mine.tiles, mine.cells) == ("made", SIDE * SIDE, 9)
    assert (mine.footprint_m, mine.spacing_m) == (theirs.footprint_m, theirs.spacing_m)
    assert mine.bounds == pytest.approx(theirs.bounds, abs=1e-9)
    assert mine.attribution == "Nobody"
    largest = file.parent.stat()
    assert mine.stored_bytes > largest.st_size
    west, south, east, north = mine.bounds
    assert west < mine.middle[1] < east
    assert south < mine.middle[0] < north


def test_with_room_for_one_member_the_answers_are_the_same(file: Path, one: Searcher) -> None:
    small, queries = open_region(file, max_open=1), photo(123)
    for _ in range(2):
        assert ids(small, small.search(queries, 9)) == ids(one, one.search(queries, 9))
        assert len(small.open_members) == 1


def test_a_folder_of_indexes_is_a_region_whose_ids_name_the_member(
    roots: list[Path], one: Searcher, tmp_path: Path
) -> None:
    base = tmp_path / "land"
    base.mkdir()
    for root in roots:
        (base / root.name).symlink_to(root)
    found, queries = open_region(base), photo(210)
    assert (found.about.title, found.about.tiles) == ("land", SIDE * SIDE)
    assert [name.split("/")[1] for name in ids(found, found.search(queries, 5))] == ids(one, one.search(queries, 5))
    assert ids(found, found.search(queries, 1)) == ["m3/t210"]
    assert found.about.spacing_m == one.about.spacing_m
    assert found.background(queries) == pytest.approx(one.background(queries), abs=1e-6)


def test_the_background_of_more_cells_than_are_sampled_is_close(tmp_path: Path) -> None:
    """5,625 cells, of which each draws other 4,096: means differ by less than a twentieth of the spread."""
    tiles = grid(25)
    roots = [write_index(tmp_path / f"m{n}", tiles.only(part)) for n, part in enumerate(quarters(25))]
    write_region(tmp_path / "region.json", survey("made", roots), WHEN)
    mine = open_region(tmp_path / "region.json").background(photo(3))
    theirs = Searcher(open_index(write_index(tmp_path / "whole", tiles))).background(photo(3))
    assert mine.mean == pytest.approx(theirs.mean, abs=0.05 * theirs.std)
    assert mine.std == pytest.approx(theirs.std, rel=0.05)
