from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from models.errors import PathUnsafe, SourceError
from models.geo import distance_m, enu_m
from tests.index.made import compass_reading, square_transform, write_compass, write_tif
from tests.index.sources.tiled import cut, png

UTM = "EPSG:32633"
SIDE = 120
PIECE = (
    "<SimpleSource><SourceFilename relativeToVRT='1'>{file}</SourceFilename><SourceBand>{band}</SourceBand>"
    "<SrcRect xOff='0' yOff='0' xSize='{side}' ySize='{side}'/>"
    "<DstRect xOff='{left}' yOff='0' xSize='{side}' ySize='{side}'/></SimpleSource>"
)


def _mosaic(folder: Path, files: list[str]) -> Path:
    """A VRT as gdalbuildvrt writes it, pieces of half a metre side by side, the middle of all at 50 N 15 E."""
    transform = square_transform(UTM, 50.0, 15.0, SIDE, 0.5)
    west = transform.c - SIDE / 4 * (len(files) - 1)
    bands = "".join(
        f"<VRTRasterBand dataType='Byte' band='{band}'><ColorInterp>{colour}</ColorInterp><NoDataValue>0</NoDataValue>"
        + "".join(
            PIECE.format(file=file, band=band, side=SIDE, left=place * SIDE) for place, file in enumerate(files) if file
        )
        + "</VRTRasterBand>"
        for band, colour in enumerate(("Red", "Green", "Blue"), start=1)
    )
    (folder / "mosaic.vrt").write_text(
        f"<VRTDataset rasterXSize='{SIDE * len(files)}' rasterYSize='{SIDE}'><SRS>{UTM}</SRS>"
        f"<GeoTransform>{west}, 0.5, 0, {transform.f}, 0, -0.5</GeoTransform>{bands}</VRTDataset>"
    )
    return folder / "mosaic.vrt"


def _pieces(folder: Path, count: int) -> list[str]:
    transform = square_transform(UTM, 50.0, 15.0, SIDE, 0.5)
    for place in range(count):
        shifted = Affine.translation((place - (count - 1) / 2) * SIDE / 2, 0) @ transform
        write_compass(folder / f"{place}.tif", UTM, shifted, 50.0, 15.0, SIDE)
    return [f"{place}.tif" for place in range(count)]


def test_tiles_span_the_pieces_of_a_mosaic(tmp_path: Path) -> None:
    tiles, bad, source = cut(_mosaic(tmp_path, _pieces(tmp_path, 2)), stride_m=10.0)
    assert not bad
    assert source.name == "mosaic.vrt (EPSG:32633, 0.5 m/px)"
    nearest = min(tiles, key=lambda tile: float(distance_m(tile.lat, tile.lon, 50.0, 15.0)))
    assert distance_m(nearest.lat, nearest.lon, 50.0, 15.0) < 8
    east, north, turned, scale = compass_reading(nearest.pixels, 40.0)
    expected = enu_m(nearest.lat, nearest.lon, 50.0, 15.0)
    assert (east, north) == pytest.approx([float(value) for value in expected], abs=0.2)
    assert (abs(turned), scale) == pytest.approx((0.0, 1.0), abs=0.2)


def test_a_hole_in_a_mosaic_is_nodata(tmp_path: Path) -> None:
    files = _pieces(tmp_path, 3)
    tiles, bad, _ = cut(_mosaic(tmp_path, [files[0], "", files[2]]))
    assert {tile.code for tile in bad} == {"tile_blank"}
    assert all(abs(tile.lon - 15.0) > 0.0003 for tile in tiles)


def test_a_mosaic_without_one_of_its_pieces_is_refused(tmp_path: Path) -> None:
    files = _pieces(tmp_path, 2)
    mosaic = _mosaic(tmp_path, files)
    (tmp_path / files[0]).unlink()
    with pytest.raises(SourceError, match=r"mosaic\.vrt refers to 0\.tif, which is not there"):
        cut(mosaic)


def test_a_damaged_piece_costs_its_tiles(tmp_path: Path) -> None:
    files = _pieces(tmp_path, 3)
    mosaic = _mosaic(tmp_path, files)
    (tmp_path / files[0]).write_bytes(b"II*\0")
    tiles, bad, _ = cut(mosaic)
    assert tiles
    assert "io_error" in {tile.code for tile in bad}


@pytest.mark.parametrize("file", ["/vsicurl/https://example.org/a.tif", "https://example.org/a.tif", "/vsizip/a.zip"])
def test_a_mosaic_of_what_is_elsewhere_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(PathUnsafe, match=r"refers to .* must be files on this machine"):
        cut(_mosaic(tmp_path, [file]))


def test_what_is_no_mosaic_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.vrt").write_bytes(png(np.zeros((64, 64, 3), dtype=np.uint8)))
    with pytest.raises(SourceError, match="not a VRT that can be read"):
        cut(tmp_path / "a.vrt")


def _tif(path: Path, lon: float = 15.0, step: float = 0.5, crs: str | None = UTM) -> Path:
    pixels = np.random.default_rng(0).integers(1, 255, (3, 100, 100), dtype=np.uint8)
    return write_tif(path, pixels, square_transform(UTM, 50.0, lon, 100, step), crs)


def test_one_bad_file_of_a_folder_is_listed_and_the_rest_is_cut(tmp_path: Path) -> None:
    _tif(tmp_path / "good.tif")
    _tif(tmp_path / "nowhere.tif", crs=None)
    _tif(tmp_path / "coarse.tif", lon=15.1, step=30.0)
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    tiles, bad, source = cut(tmp_path)
    assert {tile.source for tile in tiles} == {"good.tif"}
    assert {tile.id: tile.code for tile in bad} == {
        "nowhere.tif": "georef_invalid", "broken.tif": "source", "coarse.tif": "imagery_too_coarse",
    }  # fmt: skip
    assert sum("is left out" in notice for notice in source.notices) == 3


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"TIFFTAG_DATETIME": "2016:05:13 10:20:30"}, "2016-05-13"),
        ({"TIFFTAG_DATETIME": "0000:00:00 00:00:00"}, None),
        ({"TIFFTAG_DATETIME": "last summer"}, None),
        ({}, None),
    ],
)
def test_the_date_comes_from_the_file(tmp_path: Path, tags: dict[str, str], expected: str | None) -> None:
    with rasterio.open(_tif(tmp_path / "a.tif"), "r+") as dataset:
        dataset.update_tags(**tags)
    tiles, _, _ = cut(tmp_path / "a.tif")
    assert tiles[0].captured == expected
