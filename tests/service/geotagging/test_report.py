"""The report: a table no spreadsheet runs, points on a map, and files that are left alone when nothing is new."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from service.geotagging.placement import Found
from service.geotagging.report import harmless, write_report
from service.geotagging.rows import Row, has_position, not_placed, placed
from service.geotagging.told import Told
from service.pictures.background import PlainGround
from tests.service.geotagging.made import PLACEMENT

TOLD = Told("ambiguous", "i@1", "m@1", "0.1", ((1.0, 2.0, 0.4), (-3.0, -4.0, 0.3)), 0.4)
ROWS = [
    placed("a, b.jpg", "placed", PLACEMENT, "a, b.jpg.xmp", is_new=True),
    has_position("there.jpg", Found(1.5, -2.5, "exif")),
    has_position("odd.jpg", Found(None, None, "exif")),
    not_placed("=1+1.jpg", TOLD),
    Row("-.png", "unreadable", "image_empty", "It is\nempty."),
]


def table(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as stream:
        return {row["photo"]: row for row in csv.DictReader(stream)}


def test_the_table_holds_every_photo(tmp_path: Path) -> None:
    write_report(tmp_path, ROWS, PlainGround(), "archive")
    rows = table(tmp_path)
    assert len(rows) == len(ROWS)
    first = rows["a, b.jpg"]
    assert (first["lat"], first["lon"], first["confidence"]) == ("-33.9163001", "151.3777002", "0.91")
    assert (first["radius_m_68"], first["radius_m_95"], first["heading_deg"]) == ("12.3", "33.3", "222.2")
    assert rows["'=1+1.jpg"]["candidates"] == "1.0000000 2.0000000 40%; -3.0000000 -4.0000000 30%"
    assert rows["'=1+1.jpg"]["lat"] == ""
    assert rows["odd.jpg"]["code"] == "position_unclear"
    assert "'-.png" in rows


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_is_a_formula(start: str) -> None:
    assert harmless(f"{start}cmd|' /C calc'!A0")[0] == "'"
    assert harmless(f"photo{start}") == f"photo{start}"


def test_geojson_holds_what_has_a_position(tmp_path: Path) -> None:
    write_report(tmp_path, ROWS, PlainGround(), "archive")
    document = json.loads((tmp_path / "results.geojson").read_bytes())
    first, second = document["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [151.3777002, -33.9163001]}
    assert first["properties"] | {"photo": "a, b.jpg", "radius_m_95": 33.3, "heading_deg": 222.2} == first["properties"]
    assert second["properties"] == {"photo": "there.jpg", "outcome": "has_position", "where": "exif"}


def test_what_is_not_new_is_left_alone(tmp_path: Path) -> None:
    assert write_report(tmp_path, ROWS, PlainGround(), "archive")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(before) == 3
    assert not write_report(tmp_path, ROWS, PlainGround(), "archive")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert write_report(tmp_path, ROWS[1:], PlainGround(), "archive")


def test_the_map_shows_the_ground_of_what_was_placed(tmp_path: Path) -> None:
    write_report(tmp_path, ROWS, PlainGround(), "archive")
    with Image.open(tmp_path / "map.png") as picture:
        colours = picture.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert (0x2A, 0x6F, 0xDB) in {colour for _, colour in colours}


def test_an_archive_without_positions_has_no_map(tmp_path: Path) -> None:
    write_report(tmp_path, ROWS[3:], PlainGround(), "archive")
    assert {path.name for path in tmp_path.iterdir()} == {"results.csv", "results.geojson"}
