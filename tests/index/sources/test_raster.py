from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import Affine

from models.errors import GeoreferenceInvalid, ImageryTooCoarse, SourceError
from tests.index.made import cut_tiffs, square_transform, write_tif

UTM = "EPSG:32633"


def _noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(1, 255, (3, height, width), dtype=np.uint8)


def test_no_crs_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", _noise(50, 50), Affine(1, 0, 4e5, 0, -1, 5e6), None)
    with pytest.raises(GeoreferenceInvalid, match=r"a\.tif names no coordinate.*gdal_edit\.py -a_srs"):
        cut_tiffs([path], footprint_m=64.0, size_px=64)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_crs_without_a_position_is_refused(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", _noise(50, 50), Affine.identity(), UTM)
    with pytest.raises(GeoreferenceInvalid, match="no position"):
        cut_tiffs([path], footprint_m=64.0, size_px=64)


@pytest.mark.parametrize("crs", ["EPSG:4326", UTM])
def test_metres_in_the_wrong_crs_are_refused(tmp_path: Path, crs: str) -> None:
    path = write_tif(tmp_path / "a.tif", _noise(50, 50), Affine(1, 0, 4e8, 0, -1, 5e8), crs)
    with pytest.raises(GeoreferenceInvalid, match="nowhere on Earth"):
        cut_tiffs([path], footprint_m=64.0, size_px=64)


def test_too_coarse_imagery_is_refused_with_the_figures(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", _noise(50, 50), square_transform(UTM, 50.0, 15.0, 50, 10.0), UTM)
    with pytest.raises(ImageryTooCoarse, match=r"10 m per pixel; the model needs 4 m"):
        cut_tiffs([path], footprint_m=64.0, size_px=64)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_tiff_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="not a GeoTIFF"):
        cut_tiffs([path], footprint_m=64.0, size_px=64)


def test_other_formats_are_not_opened_under_the_name_of_tiff(tmp_path: Path) -> None:
    Image.fromarray(_noise(64, 64).transpose(1, 2, 0)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    with pytest.raises(SourceError, match="not a GeoTIFF"):
        cut_tiffs([tmp_path / "a.tif"], footprint_m=64.0, size_px=64)
