from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.warp import transform_bounds

from index.tiles import BadTile, Tile
from models.geo import distance_m, enu_m
from tests.index.made import compass_reading, cut_tiffs, square_transform, write_compass, write_tif

UTM = "EPSG:32633"
SIZE_PX = 64


def _cut(*paths: Path, footprint_m: float = 64.0, stride_m: float | None = None) -> list[Tile]:
    found = list(cut_tiffs(paths, footprint_m=footprint_m, size_px=SIZE_PX, stride_m=stride_m))
    assert not [bad for bad in found if isinstance(bad, BadTile)]
    return [tile for tile in found if isinstance(tile, Tile)]


def _noise(height: int, width: int, bands: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(1, 255, (bands, height, width), dtype=np.uint8)


@pytest.mark.parametrize(
    ("crs", "lat", "lon", "step", "size", "turn_deg"),
    [
        pytest.param(UTM, 50.0, 15.0, 0.5, 400, 0.0, id="on the central meridian"),
        pytest.param(UTM, 60.0, 21.0, 0.5, 400, 0.0, id="6 degrees off it"),
        pytest.param("EPSG:32719", -33.0, -72.0, 0.5, 400, 0.0, id="southern UTM"),
        pytest.param("EPSG:4326", 60.0, 25.0, 0.5 / 111_000, 800, 0.0, id="degrees"),
        pytest.param("EPSG:3857", 60.0, 25.0, 1.0, 400, 0.0, id="web Mercator"),
        pytest.param("EPSG:3035", 38.0, -9.0, 0.5, 400, 0.0, id="Lambert, 13 degrees of convergence"),
        pytest.param(UTM, 50.0, 15.0, 0.5, 400, 30.0, id="rotated"),
        pytest.param(UTM, 50.0, 15.0, 0.5, 400, 180.0, id="south up"),
        pytest.param(UTM, 50.0, 15.0, 0.2, 1000, 0.0, id="finer than the output"),
        pytest.param(UTM, 50.0, 15.0, 1.9, 110, 0.0, id="coarser than the output"),
    ],
)
def test_tiles_have_true_north_up_and_lie_where_they_say(
    tmp_path: Path, crs: str, lat: float, lon: float, step: float, size: int, turn_deg: float
) -> None:
    transform = square_transform(crs, lat, lon, size, step, turn_deg)
    path = write_compass(tmp_path / "compass.tif", crs, transform, lat, lon, size)
    tiles = _cut(path, footprint_m=40.0, stride_m=12.0)
    inner = [tile for tile in tiles if distance_m(tile.lat, tile.lon, lat, lon) < 20]
    assert len(inner) >= 4
    for tile in inner:
        east, north, turned, scale = compass_reading(tile.pixels, 40.0)
        expected = enu_m(tile.lat, tile.lon, lat, lon)
        assert (east, north) == pytest.approx([float(value) for value in expected], abs=0.25)
        assert abs(turned) < 0.2
        assert scale == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("crs", "step"), [(UTM, 0.5), ("EPSG:4326", 5e-6), ("EPSG:3857", 0.8)])
def test_bounds_are_those_of_rasterio(tmp_path: Path, crs: str, step: float) -> None:
    path = write_tif(tmp_path / "a.tif", _noise(300, 500), square_transform(crs, 55.0, 12.0, 400, step), crs)
    _check_bounds(path)


@pytest.mark.parametrize("name", ["201404_13SED190110_201404_0x1500m_CL_1.tif", "pix4d_alpha_nodata.tif"])
def test_real_orthophotos_have_the_bounds_of_rasterio(shared: Path, name: str) -> None:
    _check_bounds(shared / "real" / "geotiff" / name)


def _check_bounds(path: Path) -> None:
    source = cut_tiffs([path], footprint_m=30.0, size_px=SIZE_PX)
    with rasterio.open(path) as dataset:
        west, south, east, north = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds, densify_pts=21)
    assert distance_m(source.bounds.north, source.bounds.west, north, west) < 0.1
    assert distance_m(source.bounds.south, source.bounds.east, south, east) < 0.1


def test_bounds_of_a_rotated_raster_are_those_of_its_corners(tmp_path: Path) -> None:
    transform = square_transform(UTM, 50.0, 15.0, 400, 0.5, 45.0)
    source = cut_tiffs([write_tif(tmp_path / "a.tif", _noise(400, 400), transform, UTM)], footprint_m=64, size_px=64)
    half = float(distance_m(source.bounds.north, 15.0, source.bounds.south, 15.0)) / 2
    assert half == pytest.approx(100 * 2**0.5, rel=1e-3)


def test_tiles_lie_on_a_grid_in_metres(tmp_path: Path) -> None:
    transform = square_transform(UTM, 50.0, 15.0, 300, 1.0)
    tiles = _cut(write_tif(tmp_path / "a.tif", _noise(300, 300), transform, UTM), stride_m=50.0)
    assert len(tiles) in (25, 30, 36)
    first, second = tiles[0], tiles[1]
    assert distance_m(first.lat, first.lon, second.lat, second.lon) == pytest.approx(50.0, abs=1e-3)
    assert len({tile.id for tile in tiles}) == len(tiles)


def test_the_count_is_expected_beforehand(tmp_path: Path) -> None:
    transform = square_transform(UTM, 50.0, 15.0, 600, 1.0, 40.0)
    source = cut_tiffs([write_tif(tmp_path / "a.tif", _noise(600, 600), transform, UTM)], footprint_m=64, size_px=64)
    assert source.count == sum(1 for _ in source)


def test_the_same_file_gives_the_same_tiles(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", _noise(200, 200), square_transform(UTM, 50.0, 15.0, 200, 1.0), UTM)
    for one, other in zip(_cut(path), _cut(path), strict=True):
        assert (one.id, one.lat, one.lon) == (other.id, other.lat, other.lon)
        assert np.array_equal(one.pixels, other.pixels)


def test_reading_by_blocks_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tif(tmp_path / "a.tif", _noise(400, 400), square_transform(UTM, 50.0, 15.0, 400, 0.4), UTM)
    together = {tile.id: tile.pixels for tile in _cut(path)}
    monkeypatch.setattr("index.sources.orthophoto.BLOCK_TILES", 1)
    alone = _cut(path)
    assert len(alone) == len(together)
    for tile in alone:
        assert np.abs(tile.pixels.astype(int) - together[tile.id]).max() <= 1


def test_overviews_are_used_for_fine_imagery(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", _noise(1024, 1024), square_transform(UTM, 50.0, 15.0, 1024, 0.1), UTM)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8], Resampling.average)
    assert len(_cut(path, footprint_m=60.0)) >= 9


def test_nodata_beyond_half_is_blank_and_within_it_filled(tmp_path: Path) -> None:
    pixels = _noise(300, 300)
    pixels[:, :, :150] = 0
    path = write_tif(tmp_path / "a.tif", pixels, square_transform(UTM, 50.0, 15.0, 300, 1.0), UTM, nodata=0)
    found = list(cut_tiffs([path], footprint_m=64.0, size_px=64, stride_m=16.0))
    bad = [tile for tile in found if isinstance(tile, BadTile)]
    good = [tile for tile in found if isinstance(tile, Tile)]
    assert {tile.code for tile in bad} == {"tile_blank"}
    assert all(tile.lon > 15.0 - 1e-5 for tile in good)
    assert abs(len(bad) - len(good)) <= 16
    edge = min(good, key=lambda tile: tile.lon)
    assert edge.pixels[:, 0].std(axis=0).max() == 0
    assert edge.pixels[:, 0].min() > 100


@pytest.mark.parametrize("kind", ["band", "mask"])
def test_alpha_is_honoured(tmp_path: Path, kind: str) -> None:
    alpha = np.zeros((300, 300), dtype=np.uint8)
    alpha[:150] = 255
    transform = square_transform(UTM, 50.0, 15.0, 300, 1.0)
    if kind == "band":
        pixels = np.concatenate([_noise(300, 300), alpha[None]])
        path = write_tif(tmp_path / "a.tif", pixels, transform, UTM, photometric="RGB", ALPHA="YES")
    else:
        path = write_tif(tmp_path / "a.tif", _noise(300, 300), transform, UTM, alpha=alpha)
    tiles = [tile for tile in cut_tiffs([path], footprint_m=64.0, size_px=64) if isinstance(tile, Tile)]
    assert tiles
    assert all(tile.lat > 50.0 - 1e-5 for tile in tiles)


def test_a_raster_smaller_than_a_tile_is_one_tile_with_a_notice(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "small.tif", _noise(60, 120), square_transform(UTM, 50.0, 15.0, 90, 0.3), UTM)
    source = cut_tiffs([path], footprint_m=64.0, size_px=64)
    (tile,) = _cut(path)
    (notice,) = source.notices
    assert notice.startswith("small.tif covers 36 m x 18 m, less than a tile of 64 m")
    assert tile.pixels[:10].std() < 60
    assert tile.pixels[32, 20:44].std() > 10


def test_a_narrow_strip_is_one_row_of_tiles(tmp_path: Path) -> None:
    transform = square_transform(UTM, 50.0, 15.0, 0, 1.0)
    tiles = _cut(write_tif(tmp_path / "a.tif", _noise(30, 400), transform, UTM), stride_m=32.0)
    assert len(tiles) == 12


def test_several_sheets_are_one_source(tmp_path: Path) -> None:
    paths = [
        write_tif(tmp_path / f"{name}.tif", _noise(100, 100), square_transform(UTM, 50.0, lon, 100, 1.0), UTM)
        for name, lon in (("west", 15.0), ("east", 15.01))
    ]
    source = cut_tiffs(paths, footprint_m=64.0, size_px=64)
    tiles = _cut(*paths)
    assert {tile.source for tile in tiles} == {"west.tif", "east.tif"}
    assert source.bounds.west < 15.0 < 15.01 < source.bounds.east
    assert source.name == "west.tif (EPSG:32633, 1 m/px), east.tif (EPSG:32633, 1 m/px)"


def test_the_copyright_of_the_file_is_its_attribution(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", _noise(100, 100), square_transform(UTM, 50.0, 15.0, 100, 1.0), UTM)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(TIFFTAG_COPYRIGHT="© Land survey")
    assert cut_tiffs([path], footprint_m=64.0, size_px=64).attribution == "© Land survey"


def test_a_truncated_file_loses_only_the_tiles_in_the_missing_part(tmp_path: Path) -> None:
    path = write_tif(
        tmp_path / "a.tif", _noise(512, 512), square_transform(UTM, 50.0, 15.0, 512, 1.0), UTM,
        tiled=True, blockxsize=64, blockysize=64,
    )  # fmt: skip
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    found = list(cut_tiffs([path], footprint_m=64.0, size_px=64))
    bad = [tile for tile in found if isinstance(tile, BadTile)]
    assert {tile.code for tile in bad} == {"io_error"}
    assert 0.3 < len(bad) / len(found) < 0.6


def test_colour_bands_are_found_by_their_marks(tmp_path: Path) -> None:
    pixels = np.stack([np.full((100, 100), value, dtype=np.uint8) for value in (10, 20, 30, 40)])
    path = write_tif(tmp_path / "a.tif", pixels, square_transform(UTM, 50.0, 15.0, 100, 1.0), UTM)
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.undefined]
    assert _cut(path)[0].pixels[32, 32].tolist() == [30, 20, 10]
