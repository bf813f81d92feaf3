"""The same ground in two members counts once, other ground under the same id twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index.region import Region
from index.region_file import write_region
from index.region_opening import open_region
from index.region_survey import survey
from tests.index.regions import Tiles, grid, write_index
from tests.index.test_region import WHEN, ids, photo

SIDE = 12
ROW, COLUMN = np.divmod(np.arange(SIDE * SIDE), SIDE)
WHOLE = grid(SIDE)
SHARED = 6 * SIDE + 6
"""A tile of the columns that both members hold."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """West holds columns 0 to 7, east 5 to 11, where its imagery shows something else."""
    base = tmp_path_factory.mktemp("overlap")
    other = Tiles(WHOLE.ids, WHOLE.lat, WHOLE.lon, grid(SIDE, seed=5).vectors)
    west = write_index(base / "west", WHOLE.only(np.flatnonzero(COLUMN <= 7)))
    east = write_index(base / "east", other.only(np.flatnonzero(COLUMN >= 5)))
    write_region(base / "region.json", survey("both", [west, east]), WHEN)
    return base / "region.json"


@pytest.fixture
def region(file: Path) -> Region:
    return open_region(file)


@pytest.mark.parametrize("seed", [0, 5])
def test_rankings_keep_the_better_of_two(region: Region, seed: int) -> None:
    shown = Tiles(WHOLE.ids, WHOLE.lat, WHOLE.lon, grid(SIDE, seed=seed).vectors)
    queries = photo(SHARED, noise=0.2, tiles=shown)
    hits = region.search(queries, SIDE * SIDE + 50)
    found = ids(region, hits)
    assert found[0] == f"t{SHARED}"
    assert hits.similarity[0] > 0.9, "that of the member whose imagery is the photo's"
    assert len(found) == len(set(found)) == SIDE * SIDE
    near, scanned = region.search_near(queries, float(WHOLE.lat[SHARED]), float(WHOLE.lon[SHARED]), 40.0, 20)
    assert (len(near), scanned) == (5, 10)
    cells = region.top_cells(queries, 2000)
    pairs = list(zip(ids(region, cells), cells.cells.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs) == SIDE * SIDE * 9


@pytest.mark.parametrize("seed", [0, 5])
def test_evidence_is_that_of_the_better_member_for_each_cell(region: Region, seed: int) -> None:
    """Each tile within 100 m is held against both members' rows by hand."""
    kinds = [grid(SIDE, seed=number).vectors.astype(np.float32) for number in (0, 5)]
    queries = photo(SHARED, noise=0.2, tiles=Tiles(WHOLE.ids, WHOLE.lat, WHOLE.lon, grid(SIDE, seed=seed).vectors))
    rows = region.rows_near(float(WHOLE.lat[SHARED]), float(WHOLE.lon[SHARED]), 100.0)
    found = region.evidence(queries, rows).similarity
    assert found[:, 4].max() > 0.9
    for place, row in enumerate(rows.tolist()):
        tile = int(region.tile(row).id[1:])
        held = [(COLUMN[tile] <= 7, kinds[0][tile]), (COLUMN[tile] >= 5, kinds[1][tile])]
        curves = np.stack([cells @ queries.T for is_held, cells in held if is_held])
        best = curves[curves.max(axis=2).argmax(axis=0), np.arange(9)]
        np.testing.assert_allclose(found[place], best, atol=1e-6)


def test_rows_near_name_each_ground_once_by_the_member_listed_first(region: Region) -> None:
    rows = region.rows_near(float(WHOLE.lat[SHARED]), float(WHOLE.lon[SHARED]), 100.0)
    inside = [region.tile(row).id for row in rows.tolist()]
    assert len(inside) == len(set(inside)) == 29
    assert inside.count(f"t{SHARED}") == 1
    assert rows[inside.index(f"t{SHARED}")] < 8 * SIDE
    everywhere = region.rows_near(float(WHOLE.lat[SHARED]), float(WHOLE.lon[SHARED]), 5000.0)
    assert sorted(region.tile(row).id for row in everywhere.tolist()) == sorted(WHOLE.ids)


def test_other_ground_under_the_same_id_is_another_tile(tmp_path: Path) -> None:
    here, there = write_index(tmp_path / "here", grid(3)), write_index(tmp_path / "there", grid(3, lat=50.001, seed=0))
    write_region(tmp_path / "region.json", survey("two", [here, there]), WHEN)
    region = open_region(tmp_path / "region.json")
    hits = region.search(photo(4, tiles=grid(3)), 2)
    assert sorted(ids(region, hits)) == ["here/t4", "there/t4"]
    assert hits.similarity[0] == pytest.approx(hits.similarity[1], abs=1e-6)


def test_many_threads_ask_a_region_with_room_for_one_member(file: Path, region: Region) -> None:
    small, numbers = open_region(file, max_open=1), list(range(0, SIDE * SIDE, 7))
    expected = [ids(region, region.search(photo(n, tiles=WHOLE), 3)) for n in numbers]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda n: ids(small, small.search(photo(n, tiles=WHOLE), 3)), numbers))
    assert found == expected
