from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.datasets.own import own_pairs
from models.errors import DatasetError
from tests.models.datasets.made import made_pairs

HEADER = "ground,aerial,lat,lon,heading_deg,fov_deg,ground_resolution_m\n"


def _rows(tmp_path: Path, *rows: str) -> Path:
    path = made_pairs(tmp_path)
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def test_rows_of_one_aerial_file_share_its_place(tmp_path: Path) -> None:
    pairs = own_pairs(made_pairs(tmp_path))
    assert pairs.name == "pairs"
    assert [path.name for path in pairs.ground] == ["0.jpg", "1.jpg", "2.jpg"]
    assert pairs.aerial == (tmp_path / "a/a.png", tmp_path / "a/b.png")
    assert pairs.positive.tolist() == [0, 0, 1]


def test_cameras_are_what_the_file_says(tmp_path: Path) -> None:
    pairs = own_pairs(made_pairs(tmp_path))
    assert pairs.fov_deg.tolist() == [70.0, 60.0, 360.0]
    np.testing.assert_array_equal(pairs.heading_deg, [350.0, np.nan, 270.0])
    np.testing.assert_array_equal(pairs.ground_resolution_m, [0.2, 0.25])


def test_a_tile_lies_where_its_photos_were_taken(tmp_path: Path) -> None:
    positions = own_pairs(made_pairs(tmp_path)).positions
    assert positions is not None
    np.testing.assert_allclose(positions.aerial, [[48.001, 2.002], [np.nan, np.nan]])
    np.testing.assert_array_equal(positions.ground[2], [np.nan, np.nan])


def test_what_no_row_says_is_left_out(tmp_path: Path) -> None:
    pairs = own_pairs(_rows(tmp_path, "g/0.jpg,a/a.png,,,,,"))
    assert pairs.positions is None
    assert pairs.ground_resolution_m is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("g/0.jpg,a/a.png,91,2,,,", r"lat 91 of 0\.jpg is not in \[-90, 90\]"),
        ("g/0.jpg,a/a.png,1,200,,,", r"lon 200 of 0\.jpg is not in"),
        ("g/0.jpg,a/a.png,,,,0,", r"fov_deg 0 of 0\.jpg is not in \[1, 360\]"),
        ("g/0.jpg,a/a.png,,,,,-0.2", r"ground_resolution_m -0\.2 of 0\.jpg"),
        ("g/0.jpg,a/c.png,,,,,", r"1 file\(s\) that are not there"),
        ("g/0.jpg,a/a.png,x,,,,", "line 2: lat is not a number"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        own_pairs(_rows(tmp_path, row))


def test_one_file_has_one_resolution(tmp_path: Path) -> None:
    rows = ("g/0.jpg,a/a.png,,,,,0.2", "g/1.jpg,a/a.png,,,,,0.3")
    with pytest.raises(DatasetError, match=r"a\.png a ground_resolution_m of 0\.2 and of 0\.3; one file has one"):
        own_pairs(_rows(tmp_path, *rows))


def test_no_file_is_a_data_set_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        own_pairs(tmp_path / "nowhere.csv")
