"""The map of where places look alike: known by construction, bounded, always the same, verified like the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.aliasing_file import MemberAliasing, read_aliasing, write_aliasing
from index.aliasing_map import COMPARISONS, COMPARISONS_A_TILE, MOST_SAMPLED, make_aliasing, sampled_rows
from index.build import build_index
from index.bundle import Index, open_index
from index.manifest import ALIASING
from index.report.grid import MOST_BINS
from index.revise import add_tiles, remove_tiles, update_index
from index.search import Searcher
from models.artefact import MANIFEST, sha256_file
from models.cells import Cells
from models.encoder import FakeEncoder
from models.errors import ChecksumMismatch, FileMissing, IndexMismatch
from models.geo import Floats, distance_m, offset
from tests.index.made import LAT, LON, make_index, thaw, unit_rows
from tests.service.world import TILE_COUNT, PaintedTiles

SIDE, STEP_M = 20, 70.0
COLUMNS, SIZE = 8, 8 * 64
BLOCK, AWAY = 3, (12, 14)
"""Tiles along a side of two blocks, and by how many columns and rows the second lies from the first, at (2, 2)."""


def described(count: int, seed: int = 0, columns: int = COLUMNS) -> NDArray[np.float32]:
    """(count, SIZE), every column of norm 1 / sqrt(W)."""
    rows = unit_rows(count * columns, SIZE // columns, seed) / np.float32(columns**0.5)
    return rows.reshape(count, SIZE)


def blocks(columns: int = COLUMNS, cells: Cells | None = None) -> tuple[Index, dict[int, int]]:
    """Tiles on a grid, all of them different, but for two blocks; and by number the twin of each in a block.

    Nothing lies beside a tile: so a far one has to be half-way to the same to count as a twin.
    """
    inside = 1 if cells is None else cells.count
    vectors = described(SIDE * SIDE * inside, columns=columns).reshape(SIDE * SIDE, inside, SIZE)
    twins: dict[int, int] = {}
    for number in range(BLOCK * BLOCK):
        column, row = 2 + number % BLOCK, 2 + number // BLOCK
        one, other = row * SIDE + column, (row + AWAY[1]) * SIDE + column + AWAY[0]
        vectors[other] = vectors[one]
        twins |= {one: other, other: one}
    lat, lon = places()
    return make_index(vectors[:, 0] if cells is None else vectors, lat, lon, columns, cells), twins


def places() -> tuple[Floats, Floats]:
    number = np.arange(SIDE * SIDE)
    return offset(LAT, LON, number % SIDE * STEP_M, number // SIDE * STEP_M)


@pytest.mark.parametrize("columns", [COLUMNS, 1])
def test_only_two_blocks_that_are_the_same_look_alike(columns: int) -> None:
    index, twins = blocks(columns)
    found = make_aliasing(index)
    assert found is not None
    assert (found.sampled, found.tiles, len(found.squares)) == (SIDE * SIDE, SIDE * SIDE, SIDE * SIDE)
    lat, lon = places()
    alike = []
    for square in found.squares:
        away_m = distance_m(square.lat, square.lon, lat, lon)
        number = int(away_m.argmin())
        assert away_m[number] < found.bin_m
        if square.whole == 1.0:
            alike.append(number)
            twin = twins[number]
            assert distance_m(square.twin_lat, square.twin_lon, lat[twin], lon[twin]) < 1.0
        else:
            assert square.whole < 0.5
        assert (square.narrow is None) == (columns == 1)
        assert square.narrow is None or (square.narrow == 1.0) == (number in twins)
    assert sorted(alike) == sorted(twins)


def test_a_block_that_is_turned_is_as_alike() -> None:
    index, twins = blocks()
    numbers = [int(identifier) for identifier in index.tiles.id]
    rows = index.vectors.reshape(-1, COLUMNS, SIZE // COLUMNS).copy()
    turned = [row for row, number in enumerate(numbers) if number in twins and number > twins[number]]
    rows[turned] = np.roll(rows[turned], 3, axis=1)
    lat, lon = index.tiles.lat, index.tiles.lon
    found = make_aliasing(make_index(rows.reshape(-1, SIZE).astype(np.float32), lat, lon, COLUMNS))
    assert found is not None
    assert sum(square.whole == 1.0 for square in found.squares) == len(twins)


def test_cells_stand_for_their_tile() -> None:
    """A twin may be any cell of a tile; here the ground beside is as different as any, so every place has one."""
    index, _ = blocks(cells=Cells(per_side=3, spacing_m=10.0))
    found = make_aliasing(index)
    assert found is not None
    assert found.step_m == 10.0
    assert {square.whole for square in found.squares} == {1.0}


def test_where_nothing_lies_far_away_there_is_no_map() -> None:
    lat, lon = offset(LAT, LON, np.arange(4) * 20.0, np.zeros(4))
    assert make_aliasing(make_index(described(4), lat, lon, COLUMNS)) is None


@pytest.mark.parametrize(("count", "cells"), [(3, 1), (399, 25), (10_000, 1), (5_000_000, 25), (80_000_000, 81)])
def test_work_and_size_are_bounded(count: int, cells: int) -> None:
    rows = sampled_rows(count, cells)
    assert len(set(rows.tolist())) == len(rows) <= min(count, MOST_SAMPLED)
    assert (rows[0], rows[-1]) == (0, count - 1) or len(rows) == 1
    assert len(rows) * count * cells <= max(COMPARISONS, COMPARISONS_A_TILE * count)


def test_the_file_of_the_most_squares_is_small(tmp_path: Path) -> None:
    """As many tiles as are sampled, on the far side of the world, where numbers are long."""
    side = 40
    number = np.arange(side * side)
    lat, lon = offset(-55.123456, -168.123456, number % side * 1000.0, number // side * 1000.0)
    found = make_aliasing(make_index(described(side * side), lat, lon, COLUMNS))
    assert found is not None
    assert MOST_SAMPLED / 4 < len(found.squares) <= min(MOST_SAMPLED, MOST_BINS**2)
    write_aliasing(tmp_path / ALIASING, found)
    assert (tmp_path / ALIASING).stat().st_size < 60_000
    again = read_aliasing(tmp_path / ALIASING)
    assert len(again.squares) == len(found.squares)
    assert again.squares[5].twin_lon == pytest.approx(found.squares[5].twin_lon, abs=1e-5)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alike") / "index"
    build_index(PaintedTiles(), FakeEncoder(), path, name="painted", thumbnails=True)
    return path


def test_a_build_keeps_it_with_thumbnails_the_same_bytes_every_time(root: Path, tmp_path: Path) -> None:
    build_index(PaintedTiles(), FakeEncoder(), tmp_path / "again", name="painted", thumbnails=True)
    build_index(PaintedTiles(), FakeEncoder(), tmp_path / "plain", name="painted")
    one, other = open_index(root), open_index(tmp_path / "again")
    assert one.manifest.aliasing is not None
    assert one.manifest.aliasing.sampled == TILE_COUNT
    assert sha256_file(one.folder / ALIASING) == sha256_file(other.folder / ALIASING)
    assert Searcher(one).aliasing() == read_aliasing(one.folder / ALIASING)
    plain = open_index(tmp_path / "plain")
    assert plain.manifest.aliasing is None
    assert not (plain.folder / ALIASING).exists()
    assert Searcher(plain).aliasing() is None
    older = thaw(plain.folder, tmp_path / "gen-1") / MANIFEST
    older.write_text(older.read_text(encoding="utf-8").replace(' "aliasing": null,\n', ""), encoding="utf-8")
    assert "aliasing" not in older.read_text(encoding="utf-8")
    assert Searcher(open_index(older.parent)).aliasing() is None


def test_a_revision_makes_it_anew(tmp_path: Path) -> None:
    root = tmp_path / "index"
    build_index(PaintedTiles(), FakeEncoder(), root, name="painted", thumbnails=True)
    first = open_index(root)
    before = Searcher(first).aliasing()
    remove_tiles(root, ids=[f"t{number}" for number in range(6)])
    removed = Searcher(open_index(root)).aliasing()
    assert before is not None
    assert removed is not None
    assert removed.tiles == before.tiles - 6
    southernmost = min(square.lat for square in before.squares)
    assert all(square.lat > southernmost + 1e-4 for square in removed.squares)
    add_tiles(root, PaintedTiles(), FakeEncoder())
    added = open_index(root)
    assert added.manifest.generation == 3
    assert sha256_file(added.folder / ALIASING) == sha256_file(first.folder / ALIASING)
    assert update_index(root, PaintedTiles(), FakeEncoder()).unchanged


def test_a_damaged_or_missing_map_is_noticed(root: Path, tmp_path: Path) -> None:
    folder = thaw(open_index(root).folder, tmp_path / "gen-1")
    whole = (folder / ALIASING).read_bytes()
    (folder / ALIASING).write_bytes(whole.replace(b"0.", b"1.", 1))
    with pytest.raises(ChecksumMismatch, match="aliasing"):
        open_index(folder)
    with pytest.raises(ChecksumMismatch, match="aliasing"):
        MemberAliasing([(folder, open_index(root).manifest)]).joined()
    (folder / ALIASING).unlink()
    with pytest.raises(FileMissing, match="aliasing"):
        open_index(folder)
    for wrong in (b"{", b"[]", b'{"squares": [[1]]}', b'{"squares": []}'):
        (folder / ALIASING).write_bytes(wrong)
        with pytest.raises(IndexMismatch, match="no map"):
            read_aliasing(folder / ALIASING)


def test_members_are_one_map_and_a_coarser_one_where_there_is_much(root: Path, tmp_path: Path) -> None:
    remove_root = tmp_path / "other"
    build_index(PaintedTiles(), FakeEncoder(), remove_root, name="other", thumbnails=True)
    remove_tiles(remove_root, ids=["t0"])
    members = [(index.folder, index.manifest) for index in (open_index(root), open_index(remove_root))]
    joined = MemberAliasing(members).joined()
    parts = [read_aliasing(folder / ALIASING) for folder, _ in members]
    assert joined is not None
    assert joined.squares == parts[0].squares + parts[1].squares
    assert (joined.sampled, joined.tiles) == (2 * TILE_COUNT - 1, 2 * TILE_COUNT - 1)
    coarser = MemberAliasing(members, most=40).joined()
    assert coarser is not None
    assert len(coarser.squares) == TILE_COUNT, "the same ground twice is one square"
    assert max(each.whole for each in coarser.squares) == max(each.whole for each in joined.squares)
    assert MemberAliasing([]).joined() is None
