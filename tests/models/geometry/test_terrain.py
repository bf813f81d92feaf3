"""Heights of rasters whose ground is known: planes and steps, in several CRS, with holes, edges, units and faults."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine

from models.errors import GeoreferenceInvalid, SourceError
from models.geometry.terrain import Terrain

LAT, LON = 48.0, 9.0
EASTING, NORTHING = (float(v) for v in Transformer.from_crs(4326, 32632, always_xy=True).transform(LON, LAT))


def write(path: Path, heights: NDArray[Any], transform: Affine, crs: str | None = "EPSG:32632", **more: Any) -> Path:
    units, scales, offsets = more.pop("units", None), more.pop("scales", None), more.pop("offsets", None)
    shape = {"height": heights.shape[0], "width": heights.shape[1], "count": 1, "dtype": heights.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **shape, **more) as target:
        target.write(heights, 1)
        if units:
            target.units = [units]
        if scales:
            target.scales, target.offsets = [scales], [offsets]
    return path


def plane(tmp_path: Path, size: int = 200, pixel_m: float = 2.0, **more: Any) -> Path:
    """300 m in the middle, the origin; 0.10 m up for a metre east, 0.05 m down for one north; UTM 32."""
    west, north = EASTING - size * pixel_m / 2, NORTHING + size * pixel_m / 2
    centre = (np.arange(size) + 0.5) * pixel_m
    heights = 300.0 + 0.10 * (centre[None, :] - size * pixel_m / 2) - 0.05 * (size * pixel_m / 2 - centre[:, None])
    return write(tmp_path / "dem.tif", heights, Affine(pixel_m, 0, west, 0, -pixel_m, north), **more)


def lat_lon(east_m: float, north_m: float) -> tuple[float, float]:
    back = Transformer.from_crs(32632, 4326, always_xy=True)
    lon, lat = back.transform(EASTING + east_m, NORTHING + north_m)
    return float(lat), float(lon)


def test_between_pixels_a_plane_stays_a_plane(tmp_path: Path) -> None:
    terrain = Terrain(plane(tmp_path))
    for east, north in [(0.0, 0.0), (13.3, -7.9), (-150.7, 120.1)]:
        assert terrain.height_m(*lat_lon(east, north)) == pytest.approx(300 + 0.1 * east - 0.05 * north, abs=1e-5)


def test_the_slope_of_a_plane_is_its_own_and_leaves_nothing(tmp_path: Path) -> None:
    ground = Terrain(plane(tmp_path)).around(LAT, LON, 20.0)
    assert ground is not None
    assert ground.slope is not None
    assert (ground.slope.east, ground.slope.north) == pytest.approx((0.10, -0.05), abs=1e-4)
    assert ground.slope.roughness_m < 1e-3


def test_the_corners_of_a_terrace_are_rough(tmp_path: Path) -> None:
    """Steps of one metre every four metres: what a plane leaves is spread over a metre, evenly: 1 / sqrt(12)."""
    heights = np.tile(np.repeat(np.arange(50.0), 4), (200, 1))
    terrain = Terrain(write(tmp_path / "dem.tif", heights, Affine(1, 0, EASTING - 100, 0, -1, NORTHING + 100)))
    ground = terrain.around(LAT, LON, 40.0)
    assert ground is not None
    assert ground.slope is not None
    assert ground.slope.east == pytest.approx(0.25, abs=0.01)
    assert ground.slope.roughness_m == pytest.approx(1 / np.sqrt(12), abs=0.06)


@pytest.mark.parametrize("east_m", [-200.5, 200.5, 5000.0])
def test_outside_nothing_is_told(tmp_path: Path, east_m: float) -> None:
    assert Terrain(plane(tmp_path)).around(*lat_lon(east_m, 0.0), 10.0) is None


def test_within_the_outermost_half_pixel_the_edge_goes_on(tmp_path: Path) -> None:
    assert Terrain(plane(tmp_path)).height_m(*lat_lon(199.9, 0.0)) == pytest.approx(300 + 19.9, abs=1e-3)


def test_the_antipodes_are_outside_and_no_accident(tmp_path: Path) -> None:
    assert Terrain(plane(tmp_path)).around(-LAT, LON - 180.0, 10.0) is None


def test_a_hole_is_not_filled_and_does_not_leak(tmp_path: Path) -> None:
    heights = np.full((200, 200), 300.0, dtype=np.float32)
    heights[90:110, 90:110] = -9999.0
    path = write(tmp_path / "dem.tif", heights, Affine(2, 0, EASTING - 200, 0, -2, NORTHING + 200), nodata=-9999.0)
    terrain = Terrain(path)
    assert terrain.height_m(LAT, LON) is None
    assert terrain.height_m(*lat_lon(-20.5, 0.0)) == 300.0  # a quarter of the weight is the hole's
    beside = terrain.around(*lat_lon(-25.0, 0.0), 10.0)
    assert beside is not None
    assert beside.slope is not None
    assert beside.slope.roughness_m < 1e-9


def test_not_a_number_is_a_hole_too(tmp_path: Path) -> None:
    heights = np.full((20, 20), np.nan)
    assert (
        Terrain(write(tmp_path / "d.tif", heights, Affine(2, 0, EASTING - 20, 0, -2, NORTHING + 20))).around(
            LAT, LON, 5.0
        )
        is None
    )


def test_a_place_with_too_little_around_it_has_a_height_and_no_slope(tmp_path: Path) -> None:
    ground = Terrain(plane(tmp_path, size=8)).around(LAT, LON, 40.0)
    assert ground is not None
    assert ground.height_m == pytest.approx(300.0, abs=1e-5)
    assert ground.slope is None


def test_a_circle_wider_than_the_window_has_no_slope(tmp_path: Path) -> None:
    terrain = Terrain(plane(tmp_path, size=1200, pixel_m=0.5))
    narrow, wide = terrain.around(LAT, LON, 100.0), terrain.around(LAT, LON, 200.0)
    assert narrow is not None
    assert narrow.slope is not None
    assert wide is not None
    assert wide.slope is None


@pytest.mark.parametrize("west", [-180.0, 0.0, 100.0])
def test_degrees_count_from_anywhere(tmp_path: Path, west: float) -> None:
    """A world of whole degrees, as geoids come: 0 to 360, -180 to 180, or across the antimeridian."""
    lon = west + np.arange(360) + 0.5
    heights = np.tile(10 * np.cos(np.radians(lon)), (180, 1)).astype(np.float32)
    terrain = Terrain(write(tmp_path / "g.tif", heights, Affine(1, 0, west, 0, -1, 90), "EPSG:4326"))
    for at in (-170.25, -9.0, 0.25, 9.0, 90.0, 179.9):
        assert terrain.height_m(48.0, at) == pytest.approx(10 * np.cos(np.radians(at)), abs=2e-3)


def test_a_turned_raster_is_followed(tmp_path: Path) -> None:
    turned = (
        Affine.translation(EASTING, NORTHING) * Affine.rotation(30) * Affine.scale(2, -2) * Affine.translation(-50, -50)
    )
    columns, rows = np.meshgrid(np.arange(100) + 0.5, np.arange(100) + 0.5)
    x, y = turned * (columns, rows)
    heights = 300 + 0.1 * (np.asarray(x) - EASTING) - 0.05 * (np.asarray(y) - NORTHING)
    terrain = Terrain(write(tmp_path / "dem.tif", heights, turned))
    assert terrain.height_m(*lat_lon(13.3, -7.9)) == pytest.approx(300 + 1.33 + 0.395, abs=1e-5)


@pytest.mark.parametrize(
    ("more", "crs", "expected"),
    [
        ({}, "EPSG:32632", 1000.0),
        ({"units": "ft"}, "EPSG:32632", 304.8),
        ({"units": "US survey foot"}, "EPSG:32632", 1000 * 1200 / 3937),
        ({"scales": 0.1, "offsets": 5.0}, "EPSG:32632", 105.0),
        ({}, "EPSG:32632+5703", 1000.0),
        ({}, "EPSG:32632+6360", 1000 * 1200 / 3937),
    ],
)
def test_heights_are_metres_whatever_is_stored(tmp_path: Path, more: dict[str, Any], crs: str, expected: float) -> None:
    heights = np.full((20, 20), 1000, dtype=np.int16)
    path = write(tmp_path / "dem.tif", heights, Affine(2, 0, EASTING - 20, 0, -2, NORTHING + 20), crs, **more)
    terrain = Terrain(path)
    assert terrain.height_m(LAT, LON) == pytest.approx(expected)
    assert terrain.datum == ("orthometric" if "+" in crs else None)


def test_many_threads_are_answered_as_one(tmp_path: Path) -> None:
    terrain, found = Terrain(plane(tmp_path)), []
    places = [lat_lon(east, 3.0) for east in range(-100, 100)]

    def ask() -> None:
        found.append([terrain.height_m(*place) for place in places])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(each == found[0] for each in found)
    assert None not in found[0]


def test_files_that_are_no_dem_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("no raster")
    flat, there = np.zeros((20, 20), np.float32), Affine(2, 0, EASTING, 0, -2, NORTHING)
    with pytest.raises(SourceError, match="cannot be opened"):
        Terrain(tmp_path / "missing.tif")
    with pytest.raises(SourceError, match="cannot be opened"):
        Terrain(tmp_path / "text.tif")
    with pytest.raises(GeoreferenceInvalid, match="where on Earth"):
        Terrain(write(tmp_path / "nowhere.tif", flat, there, None))
    with pytest.raises(SourceError, match="known units"):
        Terrain(write(tmp_path / "fathoms.tif", flat, there, units="fathom"))
    with pytest.raises(SourceError, match="depths"):
        Terrain(write(tmp_path / "depths.tif", flat, there, "EPSG:32632+5715"))
    with pytest.raises(SourceError, match="complex64"):
        Terrain(write(tmp_path / "complex.tif", flat.astype(np.complex64), there))


def test_a_file_in_one_piece_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "width": 4200, "height": 4200, "count": 1, "dtype": "float32", "blockysize": 4200}
    where = {"crs": "EPSG:32632", "transform": Affine(1, 0, EASTING, 0, -1, NORTHING)}
    with rasterio.open(tmp_path / "one.tif", "w", **profile, **where, compress="deflate", SPARSE_OK=True):
        pass
    with pytest.raises(SourceError, match="TILED=YES"):
        Terrain(tmp_path / "one.tif")


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = plane(tmp_path, tiled=True, blockxsize=64, blockysize=64)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    with pytest.raises(SourceError, match="cannot be"):
        Terrain(path)


def test_a_file_cut_short_under_the_service_says_so(tmp_path: Path) -> None:
    path = plane(tmp_path, tiled=True, blockxsize=64, blockysize=64)
    terrain = Terrain(path)
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 4)
    with pytest.raises(SourceError, match="cannot be read"):
        terrain.around(*lat_lon(150.0, -150.0), 10.0)
