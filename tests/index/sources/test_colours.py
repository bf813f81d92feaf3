from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from index.tiles import Tile
from models.errors import SourceError
from tests.index.made import cut_tiffs, on_grid, square_transform, write_tif

UTM = "EPSG:32633"


def _tile(tmp_path: Path, pixels: NDArray[Any], **options: Any) -> NDArray[np.uint8]:
    path = write_tif(
        tmp_path / "a.tif", pixels, square_transform(UTM, *on_grid(50.0, 15.0, 100.0), 64, 1.0), UTM, **options
    )
    (tile, *_) = cut_tiffs([path], footprint_m=60.0, size_px=60, stride_m=100.0)
    assert isinstance(tile, Tile)
    return tile.pixels


def _ramp(top: float, kind: str, bands: int = 3) -> NDArray[Any]:
    """Rises from west to east from 0 to `top`."""
    return np.broadcast_to(np.linspace(0, top, 64), (bands, 64, 64)).astype(kind)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    pixels = _tile(tmp_path, _ramp(255, "uint8", 1))
    assert (np.ptp(pixels, axis=2) == 0).all()
    assert pixels[30, 30, 0] == pytest.approx(130, abs=5)


@pytest.mark.parametrize(("top", "kind"), [(4095, "uint16"), (65535, "uint16"), (2000, "int16"), (0.4, "float32")])
def test_wide_values_are_stretched_between_their_percentiles(tmp_path: Path, top: float, kind: str) -> None:
    row = _tile(tmp_path, _ramp(top, kind))[30, :, 0].astype(int)
    assert (row[:1].max(), row[-1:].min()) == pytest.approx((0, 255), abs=6)
    assert row[30] == pytest.approx(127, abs=6)


def test_the_stretch_keeps_the_hue(tmp_path: Path) -> None:
    pixels = _ramp(4000, "uint16") * np.array([1.0, 0.5, 0.5])[:, None, None]
    red, green, _ = _tile(tmp_path, pixels.astype("uint16"))[30, 30].tolist()
    assert red == pytest.approx(2 * green, rel=0.1)


def test_nan_is_no_imagery(tmp_path: Path) -> None:
    pixels = _ramp(1.0, "float32").copy()
    pixels[:, :, :20] = np.nan
    tile = _tile(tmp_path, pixels)
    assert tile[:, :10].std() == pytest.approx(0.0, abs=0.5)


def test_a_near_infrared_band_is_no_alpha(tmp_path: Path) -> None:
    pixels = _ramp(255, "uint8", 4).copy()
    pixels[3] = 0
    assert np.ptp(_tile(tmp_path, pixels, photometric="RGB", ALPHA="NO")[30, :, 0]) > 200


def test_palettes_are_looked_up(tmp_path: Path) -> None:
    pixels = np.ones((1, 64, 64), dtype=np.uint8)
    pixels[:, :, 32:] = 2
    path = write_tif(
        tmp_path / "a.tif",
        pixels,
        square_transform(UTM, *on_grid(50.0, 15.0, 100.0), 64, 1.0),
        UTM,
        photometric="palette",
    )
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (10, 20, 30, 255), 2: (200, 100, 50, 255)})
    (tile, *_) = cut_tiffs([path], footprint_m=60.0, size_px=60, stride_m=100.0)
    assert isinstance(tile, Tile)
    assert tile.pixels[30, [5, 55]].tolist() == [[10, 20, 30], [200, 100, 50]]


def test_complex_values_are_no_colours(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no colours"):
        _tile(tmp_path, _ramp(1.0, "complex64"))


def test_a_file_of_nothing_but_nodata_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="every pixel is nodata"):
        _tile(tmp_path, _ramp(0, "uint16"), nodata=0)
