"""Sheets that continue each other: tiles cross their edges, and imagery that grows leaves tiles where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject

from index.sources.cut import CutSource
from index.sources.mosaic import MOST_OPEN, Mosaic
from index.sources.opening import open_source
from index.sources.raster import RasterReader, read_raster
from index.tiles import BadTile, Tile
from tests.index.made import square_transform, write_tif

UTM, NEIGHBOUR = "EPSG:32633", "EPSG:32632"
LON = 15.003
Pixels = NDArray[np.uint8]


def _ground(size: int, seed: int = 1) -> Pixels:
    """Smooth noise, so that half a pixel more or less changes little."""
    coarse = np.random.default_rng(seed).integers(30, 226, (3, size // 8 + 2, size // 8 + 2)).astype(float)
    fine = np.kron(coarse, np.ones((8, 8)))
    for axis in (1, 2):
        fine = np.mean([np.roll(fine, n, axis) for n in range(8)], axis=0)
    return fine[:, :size, :size].astype(np.uint8)


def _write(path: Path, pixels: Pixels, whole: Affine, columns: slice, rows: slice = slice(None)) -> Path:
    path.parent.mkdir(exist_ok=True)
    part = pixels[:, rows, columns]
    return write_tif(path, part, whole @ Affine.translation(columns.start or 0, rows.start or 0), UTM)


def _tiles(*paths: Path, stride_m: float = 20.0) -> dict[str, Tile]:
    """By the end of their ids, which says where they are."""
    source = open_source(paths, footprint_m=80.0, size_px=64, stride_m=stride_m)
    found = list(source)
    assert not [tile for tile in found if isinstance(tile, BadTile)]
    named = {tile.id[tile.id.index("-z") + 1 :]: tile for tile in found if isinstance(tile, Tile)}
    assert len(named) == len(found)
    return named


@pytest.mark.parametrize("step", [1.0, 0.4])
def test_tiles_across_sheets_are_those_of_the_whole(tmp_path: Path, step: float) -> None:
    size = round(300 / step)
    whole, pixels = square_transform(UTM, 50.0, LON, size, step), _ground(size)
    one = _tiles(_write(tmp_path / "whole.tif", pixels, whole, slice(0, size)))
    edges, half = [0, size // 3, size // 3 + 61, size], size // 2 + 7
    for n in range(3):
        _write(tmp_path / "sheets" / f"{n}a.tif", pixels, whole, slice(edges[n], edges[n + 1]), slice(0, half))
        _write(tmp_path / "sheets" / f"{n}b.tif", pixels, whole, slice(edges[n], edges[n + 1]), slice(half, size))
    several = _tiles(tmp_path / "sheets")
    assert several.keys() == one.keys()
    assert len({tile.source for tile in several.values()}) >= 4
    for name, tile in several.items():
        assert (tile.lat, tile.lon) == (one[name].lat, one[name].lon)
        away = np.abs(tile.pixels.astype(int) - one[name].pixels)
        assert away.max() <= 24 / step
        assert away.mean() < 0.5


def test_a_tile_across_sheets_of_two_zones_is_read_from_both(tmp_path: Path) -> None:
    size, folder = 300, tmp_path / "sheets"
    whole, pixels = square_transform(UTM, 50.0, 12.003, size, 1.0), _ground(size)
    one = _tiles(_write(tmp_path / "whole.tif", pixels, whole, slice(0, size)))
    _write(folder / "east.tif", pixels, whole, slice(150, size))
    other = square_transform(NEIGHBOUR, 50.0, 12.003, 400, 1.0)
    warped = np.zeros((3, 400, 400), dtype=np.uint8)
    reproject(
        pixels, warped, src_transform=whole, src_crs=UTM, dst_transform=other, dst_crs=NEIGHBOUR,
        src_nodata=0, dst_nodata=0, resampling=Resampling.bilinear,
    )  # fmt: skip
    warped[:, :, 220:] = 0
    write_tif(folder / "west.tif", warped, other, NEIGHBOUR, nodata=0)
    source = open_source([folder], footprint_m=80.0, size_px=64, stride_m=20.0)
    assert source.name == "sheets (2 sheets, EPSG:32633, EPSG:32632, 1 m/px)"
    several = {t.id[t.id.index("-z") + 1 :]: t for t in source if isinstance(t, Tile)}
    both = one.keys() & several.keys()
    assert len(both) > 0.7 * len(one)
    inner = [name for name in both if abs(one[name].lon - 12.003) < 60 / 71_700 and abs(one[name].lat - 50) < 0.0008]
    assert len(inner) >= 12
    for name in inner:
        assert np.abs(several[name].pixels.astype(int) - one[name].pixels).mean() < 3


def test_a_pile_of_sheets_costs_what_covers_the_ground(tmp_path: Path) -> None:
    whole, pixels = square_transform(UTM, 50.0, LON, 200, 1.0), _ground(200)
    for n in range(12):
        _write(tmp_path / "pile" / f"{n:02d}.tif", pixels, whole, slice(0, 200))
    for n in range(1, 12):  # damaged, which only reading finds out
        data = (tmp_path / "pile" / f"{n:02d}.tif").read_bytes()
        (tmp_path / "pile" / f"{n:02d}.tif").write_bytes(data[: len(data) // 4])
    tiles = _tiles(tmp_path / "pile")
    assert {tile.source for tile in tiles.values()} == {"00.tif"}


def test_few_sheets_are_open_at_once(tmp_path: Path) -> None:
    whole, pixels = square_transform(UTM, 50.0, LON, 120, 1.0), _ground(120)
    paths = [_write(tmp_path / f"{n}.tif", pixels, whole, slice(n, n + 60)) for n in range(MOST_OPEN + 4)]
    mosaic = Mosaic.of([read_raster(path) for path in paths])
    with mosaic.open() as sheets:
        held = [sheets.reader(n) for n in range(len(paths))]
        assert all(isinstance(reader, RasterReader) for reader in held)
        closed = [reader.dataset.closed for reader in held if isinstance(reader, RasterReader)]
        assert closed == [True] * 4 + [False] * MOST_OPEN
        again = sheets.reader(0)
        assert isinstance(again, RasterReader)
        assert not again.dataset.closed
    assert again.dataset.closed


def test_where_a_sheet_lacks_imagery_the_next_one_shows(tmp_path: Path) -> None:
    whole, pixels = square_transform(UTM, 50.0, LON, 200, 1.0), np.maximum(_ground(200), 1)
    holed = pixels.copy()
    holed[:, 60:140, 60:140] = 0
    one = _tiles(_write(tmp_path / "whole.tif", pixels, whole, slice(0, 200)))
    (tmp_path / "sheets").mkdir()
    write_tif(tmp_path / "sheets" / "a.tif", holed, whole, UTM, nodata=0)
    write_tif(tmp_path / "sheets" / "b.tif", pixels, whole, UTM, nodata=0)
    several = _tiles(tmp_path / "sheets")
    assert {tile.source for tile in several.values()} == {"a.tif", "b.tif"}
    for name, tile in several.items():
        assert np.abs(tile.pixels.astype(int) - one[name].pixels).max() <= 4


@pytest.mark.parametrize("step", [1.0, 0.4])
def test_imagery_that_grows_leaves_its_inner_tiles_as_they_were(tmp_path: Path, step: float) -> None:
    size = round(400 / step)
    whole, pixels = square_transform(UTM, 50.0, LON, size, step), _ground(size)
    (tmp_path / "old").mkdir()
    inner = slice(size // 4 + 1, size // 4 * 3)
    old = _tiles(_write(tmp_path / "old" / "a.tif", pixels, whole, inner, inner))
    new = _tiles(_write(tmp_path / "a.tif", pixels, whole, slice(0, size)))
    assert old.keys() < new.keys()
    same = [np.array_equal(tile.pixels, new[name].pixels) for name, tile in old.items()]
    assert sum(same) >= 25
    for name, tile in old.items():
        assert tile.id == new[name].id
        assert (tile.lat, tile.lon) == (new[name].lat, new[name].lon)


def test_a_sheet_that_comes_besides_changes_only_the_tiles_that_it_touches(tmp_path: Path) -> None:
    whole, pixels = square_transform(UTM, 50.0, LON, 400, 1.0), _ground(400)
    _write(tmp_path / "sheets" / "a.tif", pixels, whole, slice(0, 250))
    old = _tiles(tmp_path / "sheets")
    _write(tmp_path / "sheets" / "b.tif", pixels, whole, slice(250, 400))
    new = _tiles(tmp_path / "sheets")
    with rasterio.open(tmp_path / "sheets" / "a.tif") as dataset:
        right = dataset.lnglat()[0] + 125 / 71_700
    for name, tile in old.items():
        if tile.lon < right - 42 / 71_700:
            assert tile.id == new[name].id
            assert np.array_equal(tile.pixels, new[name].pixels)
    assert sum(tile.source == "b.tif" for tile in new.values()) > 60


def test_sheets_that_are_to_be_credited_differently_say_so_tile_by_tile(tmp_path: Path) -> None:
    whole, pixels = square_transform(UTM, 50.0, LON, 300, 1.0), _ground(300)
    for n, (name, credit) in enumerate((("a.tif", "© West"), ("b.tif", "© East"))):
        path = _write(tmp_path / "sheets" / name, pixels, whole, slice(150 * n, 150 * n + 150))
        with rasterio.open(path, "r+") as dataset:
            dataset.update_tags(TIFFTAG_COPYRIGHT=credit, TIFFTAG_DATETIME=f"202{n}:05:13 10:20:30")
    tiles = _tiles(tmp_path / "sheets").values()
    assert {(tile.source, tile.attribution, tile.captured) for tile in tiles} == {
        ("a.tif", "© West", "2020-05-13"), ("b.tif", "© East", "2021-05-13"),
    }  # fmt: skip
    assert {tile.attribution for tile in _tiles(tmp_path / "sheets" / "a.tif").values()} == {None}


def test_the_count_of_many_sheets_is_reckoned_from_their_area(tmp_path: Path) -> None:
    whole, pixels = square_transform(UTM, 50.0, LON, 800, 1.0), _ground(800)
    for n in range(9 * 9):
        column, row = n % 9 * 85, n // 9 * 85
        _write(tmp_path / "s" / f"{n}.tif", pixels, whole, slice(column, column + 100), slice(row, row + 100))
    source = open_source([tmp_path / "s"], footprint_m=80.0, size_px=64, stride_m=20.0)
    assert isinstance(source, CutSource)
    (part,) = source._parts
    exact = sum(piece.count for piece in source.pieces())
    assert source.count == pytest.approx(exact, rel=0.05)
    assert part._count_by_area() == pytest.approx(exact, rel=0.15)


@pytest.mark.parametrize(
    ("crs", "lat", "lon", "step"),
    [
        pytest.param("EPSG:3857", -17.0, 180.0, 0.52, id="across the antimeridian"),
        pytest.param("EPSG:32633", 60.0, 12.0, 0.5, id="across two zones"),
        pytest.param("EPSG:4326", -45.0, -94.0, 0.7 / 111_000, id="degrees, in the south"),
        pytest.param("EPSG:4326", 0.0, 9.0, 0.5 / 111_000, id="across the equator"),
    ],
)
def test_two_sheets_are_one_anywhere(tmp_path: Path, crs: str, lat: float, lon: float, step: float) -> None:
    whole, pixels = square_transform(crs, lat, lon, 400, step), _ground(400)
    (tmp_path / "sheets").mkdir()
    for n, part in enumerate((slice(0, 151), slice(151, 400))):
        where = whole @ Affine.translation(part.start, 0)
        write_tif(tmp_path / "sheets" / f"{n}.tif", pixels[:, :, part], where, crs)
    one, several = _tiles(write_tif(tmp_path / "whole.tif", pixels, whole, crs)), _tiles(tmp_path / "sheets")
    assert several.keys() == one.keys()
    assert {tile.source for tile in several.values()} == {"0.tif", "1.tif"}
    for name, tile in several.items():
        assert np.abs(tile.pixels.astype(int) - one[name].pixels).mean() < 0.3
