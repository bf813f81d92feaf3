"""Indexes whose tiles are described at a grid of positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from index.build import build_index
from index.bundle import Index, open_index
from index.commands import command
from index.manifest import IndexManifest
from index.probes import make_probes
from index.search import Searcher
from models.artefact import write_manifest
from models.background import centre_and_spread
from models.bundle import ModelBundle
from models.cells import Cells
from models.columns import shifts
from models.encoder import FakeEncoder
from models.errors import IndexMismatch, ParameterError
from models.geo import distance_m, enu_m, offset
from tests.index.made import LAT, LON, Noise, make_index, on_grid, square_transform, unit_rows, write_tif

UTM = "EPSG:32633"
COLUMNS, CHANNELS, COUNT = 8, 3, 400
CELLS = Cells(per_side=3, spacing_m=8.0)
BEFORE_CELLS = "b227c40d4fbbf8307ae75d09eb88e57765d62f7639854bdb5f33d7f247b6184a"
Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


@pytest.fixture(scope="module")
def index() -> Index:
    """400 tiles of nine cells on a grid, described at random."""
    rows = unit_rows(COUNT * CELLS.count, COLUMNS * CHANNELS).reshape(COUNT, CELLS.count, -1)
    row, column = np.divmod(np.arange(COUNT), 20)
    return make_index(rows, *offset(LAT, LON, column * 24.0, row * 24.0), COLUMNS, CELLS)


@pytest.fixture(scope="module")
def searcher(index: Index) -> Searcher:
    return Searcher(index)


def _photo(seed: int, seen: int, firsts: Int64s | None = None) -> Float32s:
    columns = unit_rows(1, seen * CHANNELS, seed).reshape(seen, CHANNELS)
    return shifts(columns, COLUMNS, firsts)


def _every(index: Index, queries: Float32s) -> NDArray[np.float64]:
    """(N, C, S) inner products, one by one in float64."""
    return index.vectors.astype(np.float64) @ queries.astype(np.float64).T


PHOTOS = [
    _photo(1, 8),
    _photo(2, 2),
    _photo(3, 2, np.array([7, 0, 1])),
    _photo(4, 3, np.array([5])),
    unit_rows(3, 24, 5),
]


@pytest.mark.parametrize("queries", PHOTOS, ids=["whole", "narrow", "near a heading", "one heading", "unrelated"])
@pytest.mark.parametrize("k", [1, 10, 399, 500])
def test_the_best_tiles_are_those_of_brute_force(searcher: Searcher, index: Index, queries: Float32s, k: int) -> None:
    every = _every(index, queries)
    order = np.argsort(-every.max(axis=(1, 2)), kind="stable")[:k]
    hits = searcher.search(queries, k)
    assert hits.rows.tolist() == order.tolist()
    np.testing.assert_allclose(hits.similarity, every[order].max(axis=(1, 2)), atol=1e-6)
    assert hits.cells.tolist() == every[order].max(axis=2).argmax(axis=1).tolist()
    assert hits.shift.tolist() == every[order].max(axis=1).argmax(axis=1).tolist()


@pytest.mark.parametrize("queries", PHOTOS, ids=["whole", "narrow", "near a heading", "one heading", "unrelated"])
@pytest.mark.parametrize("k", [1, 100, 5000])
def test_the_best_cells_are_those_of_brute_force(searcher: Searcher, index: Index, queries: Float32s, k: int) -> None:
    every = _every(index, queries).reshape(-1, len(queries))
    order = np.argsort(-every.max(axis=1), kind="stable")[:k]
    rows, cells, similarity, shift = searcher.top_cells(queries, k)
    assert (rows * 9 + cells).tolist() == order.tolist()
    assert shift.tolist() == every[order].argmax(axis=1).tolist()
    np.testing.assert_allclose(similarity, every[order].max(axis=1), atol=1e-6)


@pytest.mark.parametrize("radius_m", [10.0, 100.0, 1000.0])
def test_near_a_place_it_is_brute_force_too(searcher: Searcher, index: Index, radius_m: float) -> None:
    lat, lon = (float(value) for value in offset(LAT, LON, 200.0, 300.0))
    inside = np.flatnonzero(distance_m(index.tiles.lat, index.tiles.lon, lat, lon) <= radius_m)
    every = _every(index, PHOTOS[1])[inside].max(axis=(1, 2))
    hits, scanned = searcher.search_near(PHOTOS[1], lat, lon, radius_m, 5)
    assert scanned == len(inside)
    assert hits.rows.tolist() == inside[np.argsort(-every)[:5]].tolist()


def test_tiles_that_are_one_cell_repeated_still_fill_the_list() -> None:
    """All cells of the best tile come before any of the second: a search for rows would find one tile only."""
    rows = np.repeat(unit_rows(60, 24)[:, None], 25, axis=1)
    index = make_index(rows, *offset(LAT, LON, np.arange(60) * 40.0, np.zeros(60)), 8, Cells(per_side=5, spacing_m=8.0))
    hits = Searcher(index).search(index.vectors[7, :1].astype(np.float32), 10)
    assert (hits.rows[0], hits.cells[0], len(set(hits.rows.tolist()))) == (7, 0, 10)


def test_evidence_is_every_cell_at_every_heading(searcher: Searcher, index: Index) -> None:
    rows = np.array([399, 3, 17])
    found = searcher.evidence(PHOTOS[1], rows)
    assert (found.similarity.shape, found.similarity.dtype.name) == ((3, 9, 8), "float32")
    np.testing.assert_allclose(found.similarity, _every(index, PHOTOS[1])[rows], atol=1e-6)
    assert searcher.evidence(PHOTOS[1], rows[:0]).similarity.shape == (0, 9, 8)


def test_the_background_is_that_of_the_whole_index(searcher: Searcher, index: Index) -> None:
    expected = centre_and_spread(_every(index, PHOTOS[1]).max(axis=2).ravel())
    assert searcher.background(PHOTOS[1]) == pytest.approx(expected, abs=1e-6)


def test_cells_lie_around_their_tiles(index: Index) -> None:
    lat, lon = index.cell_lat_lon(np.array([5])[:, None], np.arange(9)[None])
    east, north = enu_m(lat, lon, index.tiles.lat[5], index.tiles.lon[5])
    np.testing.assert_allclose(np.stack([east[0], north[0]], axis=1), CELLS.offsets_m, atol=1e-6)


def test_a_neighbourhood_is_all_that_lies_near_any_of_some_tiles(searcher: Searcher, index: Index) -> None:
    rows = searcher.neighbourhood(np.array([0, 200]), 30.0)
    tiles = index.tiles
    away = [distance_m(tiles.lat, tiles.lon, tiles.lat[row], tiles.lon[row]) for row in (0, 200)]
    assert rows.tolist() == np.flatnonzero(np.min(away, axis=0) <= 30.0).tolist()
    assert searcher.neighbourhood(rows[:0], 30.0).tolist() == []
    with pytest.raises(ParameterError):
        searcher.neighbourhood(rows, -1.0)


def test_an_index_with_cells_is_built_verified_and_searched(tmp_path: Path) -> None:
    encoder = FakeEncoder(cells=CELLS)
    build_index(Noise(count=30), encoder, tmp_path / "index", name="noise")
    index = open_index(tmp_path / "index", encoder)
    assert (index.vectors.shape, index.cell_count, index.manifest.cells) == ((30, 9, 32), 9, CELLS)
    rows, cells, _, _ = Searcher(index).top_cells(index.vectors[11, [4]].astype(np.float32), 1)
    assert (rows.tolist(), cells.tolist()) == ([11], [4])


def test_cells_lie_further_apart_in_larger_tiles(tmp_path: Path) -> None:
    """The network sees a picture; how much ground that is only the index knows."""
    build_index(Noise(count=3, footprint_m=96.0), FakeEncoder(cells=CELLS), tmp_path, name="noise")
    assert open_index(tmp_path).manifest.cells == Cells(per_side=3, spacing_m=12.0)


def test_rows_without_their_cells_are_refused(tmp_path: Path) -> None:
    build_index(Noise(count=30), FakeEncoder(cells=CELLS), tmp_path / "with", name="noise")
    folder = tmp_path / "with" / "gen-1"
    manifest = IndexManifest.model_validate_json((folder / "manifest.json").read_bytes())
    folder.chmod(0o755)
    (folder / "manifest.json").chmod(0o644)
    write_manifest(folder, manifest.model_copy(update={"cells": None}).signed())
    with pytest.raises(IndexMismatch, match=r"\(30, 9, 32\); the manifest says float16 \(30, 32\)"):
        open_index(folder)


def test_indexes_from_before_there_were_cells_keep_their_hash() -> None:
    manifest = make_index(unit_rows(3, 4), *offset(LAT, LON, np.arange(3.0), np.zeros(3))).manifest
    assert manifest.signed().sha256 == BEFORE_CELLS
    with_cells = manifest.model_copy(update={"cells": CELLS})
    assert with_cells.signed().sha256 != BEFORE_CELLS


def test_the_command_lays_tiles_so_that_cells_continue_each_other(tmp_path: Path, cells_bundle: ModelBundle) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 140, 140), dtype=np.uint8)
    source = write_tif(tmp_path / "a.tif", pixels, square_transform(UTM, *on_grid(50.0, 15.0, 24.0), 140, 1.0), UTM)
    arguments = ["build", "--source", source, "--bundle", cells_bundle.folder, "--out", tmp_path / "town"]
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    index = open_index(tmp_path / "town", cells_bundle)
    assert (index.manifest.stride_m, index.vectors.shape) == (24.0, (49, 9, 32))  # seven squares touch 140 m
    lat, lon = index.cell_lat_lon(np.arange(49)[:, None], np.arange(9)[None])
    apart = np.sort(distance_m(lat.ravel()[:, None], lon.ravel()[:, None], lat.ravel(), lon.ravel()), axis=1)
    np.testing.assert_allclose(apart[:, 1], 8.0, atol=0.01)
    told = CliRunner().invoke(command, ["info", "--index", str(tmp_path / "town")]).output
    assert "9 cells a tile, every 8 m" in told


def test_probes_ask_for_cells(index: Index) -> None:
    probes = make_probes(index.cell_rows)
    assert probes.rows.max() >= COUNT
    assert Searcher(index).probe_recall() == 1.0
