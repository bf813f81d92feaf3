from __future__ import annotations

import re
from pathlib import Path

import pytest

from index.sources.tile_list import ListedTile, find_list, read_list
from models.errors import SourceError

HEADER = "file,lat,lon,ground_resolution_m"


def _write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def test_a_row_is_a_tile(tmp_path: Path) -> None:
    path = _write(tmp_path / "tiles.csv", f"{HEADER},captured,id", "a/1.png,51.5,-0.1,0.48,2024-06,one")
    assert list(read_list(path)) == [ListedTile("one", "a/1.png", 51.5, -0.1, 0.48, "2024-06")]


def test_the_file_is_the_id_and_columns_come_in_any_order(tmp_path: Path) -> None:
    path = _write(tmp_path / "tiles.csv", "lon,lat,note,ground_resolution_m,file", "-0.1,51.5,hello,0.48,1.png")
    assert list(read_list(path)) == [ListedTile("1.png", "1.png", 51.5, -0.1, 0.48, None)]


def test_a_byte_order_mark_and_empty_lines_do_not_matter(tmp_path: Path) -> None:
    path = _write(tmp_path / "tiles.csv", HEADER, "", "1.png,51.5,-0.1,0.48", "", encoding="utf-8-sig")
    assert len(list(read_list(path))) == 1


@pytest.mark.parametrize(
    ("row", "code", "reason"),
    [
        ("1.png,51.5,-0.1", "row_invalid", "3 cells, the header 4"),
        ("1.png,51.5,-0.1,0.48,5", "row_invalid", "5 cells"),
        ("1.png,north,-0.1,0.48", "row_invalid", "lat is not a number"),
        ("1.png,nan,-0.1,0.48", "georef_invalid", "lat is nan"),
        ("1.png,91,-0.1,0.48", "georef_invalid", r"lat is 91, not in \[-90, 90\]"),
        ("1.png,51.5,181,0.48", "georef_invalid", "lon is 181"),
        ("1.png,51.5,-0.1,0", "georef_invalid", "not above 0"),
        ("1.png,51.5,-0.1,inf", "georef_invalid", "ground_resolution_m is inf"),
        (",51.5,-0.1,0.48", "row_invalid", "empty"),
        ("a\x07.png,51.5,-0.1,0.48", "row_invalid", "not printable"),
        ("x" * 201 + ",51.5,-0.1,0.48", "row_invalid", "longer than 200"),
        ("x" * 200_000 + ",51.5,-0.1,0.48", "row_invalid", "1 cells"),
    ],
)
def test_a_bad_row_is_told_and_passed_over(tmp_path: Path, row: str, code: str, reason: str) -> None:
    path = _write(tmp_path / "tiles.csv", HEADER, row, "good.png,51.5,-0.1,0.48")
    bad, good = read_list(path)
    assert isinstance(good, ListedTile)
    assert not isinstance(bad, ListedTile)
    line, error = bad
    assert (line, error.code) == (2, code)
    assert re.search(reason, str(error))


def test_a_tile_may_have_its_own_attribution(tmp_path: Path) -> None:
    rows = ("1.png,51.5,-0.1,0.48,© Survey", "2.png,51.5,-0.1,0.48,", "3.png,51.5,-0.1,0.48,a\x07b")
    one, two, bad = read_list(_write(tmp_path / "tiles.csv", f"{HEADER},attribution", *rows))
    assert isinstance(one, ListedTile)
    assert isinstance(two, ListedTile)
    assert (one.attribution, two.attribution) == ("© Survey", None)
    assert not isinstance(bad, ListedTile)


def test_a_date_is_a_date(tmp_path: Path) -> None:
    path = _write(tmp_path / "tiles.csv", f"{HEADER},captured", "1.png,51.5,-0.1,0.48,last summer")
    assert not isinstance(next(read_list(path)), ListedTile)


@pytest.mark.parametrize("header", ["", "file,lat,lon", "file,lat,lat,lon,ground_resolution_m", "a,b", "\0"])
def test_a_bad_header_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(SourceError, match="it needs file, lat, lon, ground_resolution_m"):
        list(read_list(_write(tmp_path / "tiles.csv", header, "1.png,51.5,-0.1,0.48")))


def test_the_list_is_tiles_csv_or_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds 0 CSV files"):
        find_list(tmp_path)
    only = _write(tmp_path / "a.csv", HEADER)
    assert find_list(tmp_path) == only
    assert find_list(only) == only
    _write(tmp_path / "b.csv", HEADER)
    with pytest.raises(SourceError, match="holds 2 CSV files"):
        find_list(tmp_path)
    assert find_list(_write(tmp_path / "tiles.csv", HEADER)) == tmp_path / "tiles.csv"
