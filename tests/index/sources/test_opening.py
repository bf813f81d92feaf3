from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index.sources.cut import CutSource
from index.sources.folder import FolderSource
from index.sources.opening import open_source
from index.tiles import TileSource
from models.errors import SourceError, UsageError
from tests.index.made import square_transform, write_tif

UTM = "EPSG:32633"


def _tif(path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (3, 80, 80), dtype=np.uint8)
    return write_tif(path, pixels, square_transform(UTM, 50.0, 15.0, 80, 1.0), UTM)


def _open(*paths: Path, stride_m: float | None = None) -> TileSource:
    return open_source(paths, footprint_m=64.0, size_px=64, stride_m=stride_m)


def test_one_and_several_tiffs(tmp_path: Path) -> None:
    one, other = _tif(tmp_path / "a.tif"), _tif(tmp_path / "b.TIFF")
    assert isinstance(_open(one, stride_m=20.0), CutSource)
    assert _open(one, other).count == 2 * _open(one).count
    assert _open(tmp_path).count == _open(one).count


def test_a_folder_with_a_csv_holds_tiles(tmp_path: Path) -> None:
    (tmp_path / "tiles.csv").write_text("file,lat,lon,ground_resolution_m\n")
    _tif(tmp_path / "a.tif")
    assert isinstance(_open(tmp_path), FolderSource)
    assert isinstance(_open(tmp_path / "tiles.csv"), FolderSource)


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.tif does not exist"):
        _open(tmp_path / "nowhere.tif")


def test_an_empty_folder_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no imagery\. It may hold GeoTIFFs"):
        _open(tmp_path)


def test_a_capture_date_is_a_date(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'last summer' is no capture date"):
        open_source([_tif(tmp_path / "a.tif")], footprint_m=64.0, size_px=64, captured="last summer")


def test_kinds_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "tiles.csv").write_text("file,lat,lon,ground_resolution_m\n")
    with pytest.raises(UsageError, match="must all be imagery to cut"):
        _open(_tif(tmp_path / "a.tif"), tmp_path / "tiles.csv")


def test_tiles_that_come_ready_cut_have_no_stride(tmp_path: Path) -> None:
    (tmp_path / "tiles.csv").write_text("file,lat,lon,ground_resolution_m\n")
    with pytest.raises(UsageError, match="ready cut"):
        _open(tmp_path, stride_m=10.0)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    with pytest.raises(SourceError, match="same name"):
        _open(_tif(tmp_path / "a.tif"), _tif(tmp_path / "sub" / "a.tif"))
