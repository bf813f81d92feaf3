"""A square of ground seen from above, against a raster whose colours tell the position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from index.sampling import Placement
from index.sources.blocks import window_around
from index.sources.from_above import look_from_above
from index.sources.raster import read_raster
from models.errors import SourceError
from tests.index.made import LEVELS_PER_M, square_transform, write_compass, write_tif

LAT, LON = 50.0, 15.3


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3857"])
def test_the_square_lies_where_it_was_asked_for(tmp_path: Path, crs: str) -> None:
    file = write_compass(tmp_path / "c.tif", crs, square_transform(crs, LAT, LON, 200, 0.5, 20.0), LAT, LON, 200)
    seen = np.asarray(look_from_above([file], LAT, LON, 40.0, 80).image, dtype=np.float64)
    metres = (np.arange(80) + 0.5) / 80 * 40.0 - 20.0
    assert seen.shape == (80, 80, 4)
    assert np.abs(seen[..., 0] - (128 + LEVELS_PER_M * metres[None, :])).max() < 2.5
    assert np.abs(seen[..., 1] - (128 - LEVELS_PER_M * metres[:, None])).max() < 2.5
    assert (seen[..., 3] == 255).all()


def test_beyond_the_imagery_nothing_is_seen(tmp_path: Path) -> None:
    where = square_transform("EPSG:32633", LAT, LON, 20, 1.0)
    file = write_tif(tmp_path / "c.tif", np.full((3, 20, 20), 200, np.uint8), where, "EPSG:32633")
    alpha = np.asarray(look_from_above([file], LAT, LON, 400.0, 400).image.getchannel("A"))
    assert 390 <= (alpha > 128).sum() <= 410
    assert not np.asarray(look_from_above([file], LAT + 1, LON, 400.0, 400).image.getchannel("A")).any()


def test_the_upper_sheet_covers_the_lower_and_both_are_credited(tmp_path: Path) -> None:
    where = square_transform("EPSG:32633", LAT, LON, 40, 1.0)
    files = []
    for name, level, owner in (("a", 250, "A"), ("b", 10, "B")):
        files.append(write_tif(tmp_path / f"{name}.tif", np.full((3, 40, 40), level, np.uint8), where, "EPSG:32633"))
        with rasterio.open(files[-1], "r+") as dataset:
            dataset.update_tags(TIFFTAG_COPYRIGHT=owner)
    seen = look_from_above(files, LAT, LON, 20.0, 20)
    assert np.asarray(seen.image)[10, 10].tolist() == [250, 250, 250, 255]
    assert seen.attribution == "A; B"


def test_however_large_the_imagery_is_it_is_read_at_the_size_of_the_picture(tmp_path: Path) -> None:
    where = Affine(0.1, 0, 500_000.0, 0, -0.1, 5_600_000.0)
    options = {"tiled": True, "blockxsize": 512, "blockysize": 512, "sparse_ok": True, "compress": "deflate"}
    size = 200_000
    with rasterio.open(
        tmp_path / "country.tif", "w", driver="GTiff", count=3, height=size, width=size, dtype="uint8",
        transform=where, crs="EPSG:32633", BIGTIFF="YES", **options,
    ):  # fmt: skip
        pass
    sheet = read_raster(tmp_path / "country.tif")
    lat, lon = (np.array([degrees]) for degrees in sheet.grid.middle)
    place = Placement(*sheet.grid.placements(lat, lon, 10_000.0)[0].tolist())
    window, across, down = window_around(sheet, [place], 20_000.0, 1400)
    assert window.width > 190_000
    assert max(window.width / across, window.height / down) < 1.1 * 1400 * 2**0.5


def test_what_is_no_imagery_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.tif").write_bytes(b"no TIFF")
    with pytest.raises(SourceError, match="not a GeoTIFF"):
        look_from_above([tmp_path / "x.tif"], LAT, LON, 40.0, 80)
