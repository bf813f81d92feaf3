"""What is written is what ExifTool and Exiv2 read, where they are installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from service.geotagging.jpeg import with_position
from service.geotagging.xmp import read_xmp, with_placement
from tests.service.geotagging.made import PLACEMENT, Made, jpeg
from tests.service.geotagging.test_mpf import SECOND, two_pictures
from tests.service.geotagging.test_xmp import EXISTING

needs_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="ExifTool is not installed")
needs_exiv2 = pytest.mark.skipif(shutil.which("exiv2") is None, reason="Exiv2 is not installed")


def exiftool(path: Path, *options: str) -> dict[str, Any]:
    done = subprocess.run(["exiftool", "-json", "-n", *options, path], capture_output=True, check=True, timeout=60)
    read: dict[str, Any] = json.loads(done.stdout)[0]
    return read


@needs_exiftool
@pytest.mark.parametrize("name", [name for name in EXISTING if name not in ("latin", "a mark of order")])
def test_exiftool_reads_the_sidecar(tmp_path: Path, name: str) -> None:
    path = tmp_path / "p.jpg.xmp"
    path.write_bytes(with_placement(EXISTING[name], PLACEMENT, "p.jpg"))
    read = exiftool(path)
    assert (read["GPSLatitude"], read["GPSLongitude"]) == pytest.approx((-33.9163001, 151.3777002), abs=1e-7)
    assert (read["GPSHPositioningError"], read["GPSImgDirection"]) == (12.3, 222.2)
    assert "Warning" not in read


@needs_exiftool
@pytest.mark.parametrize("made", [Made("<"), Made(">", gps=[], tags_behind=True)], ids=str)
def test_exiftool_reads_the_exif_and_nothing_else_changed(tmp_path: Path, made: Made) -> None:
    before, after = tmp_path / "a.jpg", tmp_path / "b.jpg"
    before.write_bytes(jpeg(made.block()))
    after.write_bytes(with_position(before.read_bytes(), PLACEMENT))
    old, new = (exiftool(path, "-G1", "-a", "-EXIF:all", "-ThumbnailImage", "-b") for path in (before, after))
    gps = {name.removeprefix("GPS:"): new.pop(name) for name in list(new) if name.startswith("GPS:")}
    assert {**new, "SourceFile": ""} == {**old, "SourceFile": ""}
    assert (gps["GPSLatitude"], gps["GPSLatitudeRef"]) == (pytest.approx(33.9163001, abs=1e-7), "S")


@needs_exiftool
def test_exiftool_finds_the_second_picture(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    path.write_bytes(with_position(two_pictures(True), PLACEMENT))
    done = subprocess.run(["exiftool", "-b", "-MPImage2", path], capture_output=True, check=True, timeout=60)
    assert done.stdout == SECOND


@needs_exiv2
@pytest.mark.parametrize("name", ["nothing", "darktable", "two descriptions"])
def test_exiv2_reads_it_and_what_it_saves_is_still_ours(tmp_path: Path, name: str) -> None:
    path = tmp_path / "p.jpg.xmp"
    path.write_bytes(with_placement(EXISTING[name], PLACEMENT, "p.jpg"))
    done = subprocess.run(["exiv2", "-px", path], capture_output=True, check=True, timeout=60, text=True)
    assert "Xmp.exif.GPSLatitude " in done.stdout
    assert done.stderr == ""
    subprocess.run(["exiv2", "-M", "set Xmp.xmp.Label red", path], check=True, timeout=60)
    saved = path.read_bytes()
    found = read_xmp(saved, "x")
    assert found is not None
    assert found.own == PLACEMENT
    assert b"red" in with_placement(saved, PLACEMENT, "p.jpg")
