from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import SourceError
from models.pairs import read_pairs

FULL = "ground,aerial,lat,lon,heading_deg,fov_deg,ground_resolution_m\n"


def _write(folder: Path, text: str | bytes) -> Path:
    for name in ("g.jpg", "a.png"):
        (folder / name).touch()
    path = folder / "pairs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_full_row(tmp_path: Path) -> None:
    (pair,) = read_pairs(_write(tmp_path, FULL + "g.jpg,a.png,48.5,-2.25,275,70,0.2\n"))
    assert (pair.ground, pair.aerial) == (tmp_path / "g.jpg", tmp_path / "a.png")
    assert (pair.lat, pair.lon, pair.heading_deg, pair.fov_deg, pair.ground_resolution_m) == (48.5, -2.25, 275, 70, 0.2)


@pytest.mark.parametrize("text", ["ground,aerial\ng.jpg,a.png\n", FULL + "g.jpg,a.png,,,,,\n", FULL + "g.jpg,a.png\n"])
def test_what_is_absent_is_unknown(tmp_path: Path, text: str) -> None:
    (pair,) = read_pairs(_write(tmp_path, text))
    assert pair.lat is pair.lon is pair.heading_deg is pair.fov_deg is pair.ground_resolution_m is None


def test_spreadsheets_may_write_a_mark_blanks_and_more_columns(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbfnote,ground,aerial,lat\r\n"a, b", g.jpg ,a.png, 4.5 \r\n'
    (pair,) = read_pairs(_write(tmp_path, text))
    assert (pair.ground.name, pair.lat) == ("g.jpg", 4.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ground,lat\ng.jpg,1\n", "no column 'aerial'"),
        ("", "no column 'ground'"),
        (FULL, "no pairs, only a header"),
        (FULL + "g.jpg,a.png,north,2,,,\n", "line 2: lat is not a number"),
        (FULL + "g.jpg,a.png,1,2,,,\ng.jpg,a.png,1,nan,,,\n", "line 3: lon is not a number"),
        (FULL + "g.jpg,a.png,1,2,,inf,\n", "line 2: fov_deg is not a number"),
        (FULL + "g.jpg,,1,2,,,\n", "line 2: aerial is empty"),
        (FULL + "g.jpg,b.png,,,,,\nx.jpg,a.png,,,,,\n", r"2 file\(s\) that are not there; the first is .*b\.png"),
        (b"ground,aerial\n\xff\xfe,a.png\n", "cannot be read"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_pairs(_write(tmp_path, text))


def test_no_file_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_pairs(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("fov", "projection", "fov_deg"),
    [("", "panorama", 360.0), ("360", "panorama", 360.0), ("70", "perspective", 70.0)],
)
@pytest.mark.parametrize(("known", "heading"), [(True, 10.0), (False, None)])
def test_a_pair_knows_its_camera(
    tmp_path: Path, fov: str, projection: str, fov_deg: float, known: bool, heading: float | None
) -> None:
    (pair,) = read_pairs(_write(tmp_path, FULL + f"g.jpg,a.png,,,370,{fov},\n"))
    camera = pair.camera(heading_known=known)
    assert (camera.projection, camera.fov_deg, camera.heading_deg) == (projection, fov_deg, heading)
