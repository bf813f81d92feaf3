"""Rasters without a place, with blocks that burst, offsets to nowhere: refused, or a line each in the quarantine.

Numbers in comments are rows of the reliability list (G, tile sources).
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine

from index.sources.opening import open_source
from models.errors import GeoreferenceInvalid, SourceError
from tests.index.made import square_transform, write_tif
from tests.index.sources.odd import UTM, noise, noise_tif
from tests.index.sources.tiled import cut

# 141: georeference


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (Affine(1, 0, 500_000, 0, -1, float("nan")), "nowhere on Earth|no position"),
        (Affine(1, 0, float("inf"), 0, -1, 5_500_000), "nowhere on Earth|no position"),
        (Affine(1, 0, 5e8, 0, -1, 5e8), "nowhere on Earth"),
        (Affine(0, 0, 500_000, 0, 0, 5_500_000), "no position"),
    ],
)
def test_a_georeference_off_the_earth_is_refused(tmp_path: Path, transform: Affine, message: str) -> None:
    with pytest.raises(GeoreferenceInvalid, match=message):
        cut(noise_tif(tmp_path / "a.tif", transform=transform))


def test_degrees_beyond_the_pole_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GeoreferenceInvalid, match="nowhere on Earth"):
        cut(noise_tif(tmp_path / "a.tif", crs="EPSG:4326", transform=Affine(1e-5, 0, 9.0, 0, -1e-5, 95.0)))


def test_a_scan_with_control_points_only_is_refused(tmp_path: Path) -> None:
    points = [GroundControlPoint(r, c, 500_000 + c, 5_500_000 - r) for r, c in ((0, 0), (0, 99), (99, 0), (99, 99))]
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "width": 100, "height": 100, "count": 3, "dtype": "uint8", "crs": UTM}
    with rasterio.open(path, "w", gcps=points, **profile) as file:
        file.write(noise(100))
    with pytest.raises(GeoreferenceInvalid):
        cut(path)


def test_a_local_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GeoreferenceInvalid):
        cut(noise_tif(tmp_path / "a.tif", crs='LOCAL_CS["site",UNIT["metre",1]]'))


def test_rows_that_run_north_are_read_as_they_are(tmp_path: Path) -> None:
    where = square_transform(UTM, 50.0, 15.0, 120, 1.0)
    flipped = write_tif(tmp_path / "f.tif", noise(120)[:, ::-1], Affine(1, 0, where.c, 0, 1, where.f - 120), UTM)
    upright = cut(noise_tif(tmp_path / "u.tif"))[0]
    for one, other in zip(cut(flipped)[0], upright, strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1


# 148: GeoTIFFs


def test_tens_of_thousands_of_bands_are_no_obstacle(tmp_path: Path) -> None:
    where = square_transform(UTM, 50.0, 15.0, 2, 30.0)
    profile = {"driver": "GTiff", "width": 2, "height": 2, "count": 65_535, "dtype": "uint8", "transform": where}
    with rasterio.open(tmp_path / "a.tif", "w", crs=UTM, interleave="pixel", **profile):
        pass
    assert open_source([tmp_path / "a.tif"], footprint_m=640.0, size_px=64).count >= 1


def test_a_block_that_does_not_fit_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "width": 40_000, "height": 40_000, "count": 3, "dtype": "uint16", "crs": UTM}
    where = square_transform(UTM, 50.0, 15.0, 40_000, 0.5)
    tiles = {"tiled": True, "blockxsize": 39_936, "blockysize": 39_936, "compress": "lzma", "sparse_ok": True}
    with rasterio.open(tmp_path / "bomb.tif", "w", transform=where, bigtiff="yes", **tiles, **profile):
        pass
    noise_tif(tmp_path / "good.tif")
    tiles_found, (bad,), _ = cut(tmp_path)
    assert tiles_found
    assert bad.code == "source"
    assert "at most 536,870,912 are unpacked at once" in bad.reason


def _many_directories(count: int, loop: bool) -> bytes:
    """A TIFF of `count` images of 8 x 8, the last of which leads to none or back to the first."""
    tags = [
        (256, 3, 8),
        (257, 3, 8),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 3, 8),
        (279, 4, 64),
    ]
    step, out = 2 + 12 * len(tags) + 4, [b"II*\0", struct.pack("<I", 8)]
    entries = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags
    )
    for n in range(count):
        after = 8 + (n + 1) * step if n + 1 < count else 8 if loop else 0
        out.append(entries + struct.pack("<I", after))
    return b"".join(out)


@pytest.mark.parametrize("loop", [False, True])
def test_endless_directories_are_refused(tmp_path: Path, loop: bool) -> None:
    (tmp_path / "a.tif").write_bytes(_many_directories(200_000, loop))
    with pytest.raises(SourceError):
        cut(tmp_path / "a.tif")


def test_offsets_beyond_the_end_cost_the_tiles_that_lie_there(tmp_path: Path) -> None:
    path = noise_tif(tmp_path / "a.tif", 512, BIGTIFF="YES", tiled=True, blockxsize=64, blockysize=64)
    data = bytearray(path.read_bytes())
    with rasterio.open(path) as dataset:
        where = int(
            dataset.tags(1, ns="TIFF").get("BLOCK_OFFSET_7_7") or dataset.get_tag_item("BLOCK_OFFSET_7_7", "TIFF", 1)
        )
    at = data.index(struct.pack("<Q", where))
    data[at : at + 8] = struct.pack("<Q", 2**60)
    path.write_bytes(data)
    tiles, bad, _ = cut(path)
    assert {tile.code for tile in bad} == {"io_error"}
    assert 0 < len(bad) < len(tiles) / 4


def test_a_zip_by_another_name_is_no_geotiff(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.tif", "w") as archive:
        archive.write(noise_tif(tmp_path / "b" / "b.tif"), "b.tif")
    with pytest.raises(SourceError, match="is not a GeoTIFF that can be read"):
        cut(tmp_path / "a.tif")


@pytest.mark.parametrize("piece", ["/vsicurl/https://example.org/a.tif", "outer.vrt", "wms.tif"])
@pytest.mark.parametrize("inner", ["inner.vrt", "inner.tif"])
def test_a_mosaic_in_a_mosaic_is_looked_into(tmp_path: Path, piece: str, inner: str) -> None:
    text = "<VRTDataset><VRTRasterBand><SimpleSource><SourceFilename relativeToVRT='1'>{}</SourceFilename>"
    (tmp_path / "outer.vrt").write_text(text.format(inner))
    (tmp_path / inner).write_text(text.format(piece))
    (tmp_path / "wms.tif").write_text(" <GDAL_WMS><Service name='TMS'/></GDAL_WMS>")
    with pytest.raises(SourceError, match=r"must be files on this machine|or of itself|no VRT"):
        cut(tmp_path / "outer.vrt")
