"""When photos were taken, by EXIF and by name."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from service.track_files.photo_time import read_photo_time, time_in_name

AT = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)


def photo(exif: dict[int, Any] | None = None, gps: dict[int, Any] | None = None, kind: str = "JPEG") -> bytes:
    image, tags = Image.new("RGB", (40, 40)), Image.Exif()
    tags[0x110] = "camera"  # without a tag of its own Pillow leaves them all out of a PNG
    tags.get_ifd(0x8769).update(exif or {})
    tags.get_ifd(0x8825).update(gps or {})
    stream = io.BytesIO()
    image.save(stream, kind, exif=tags)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_original_time_with_offset_and_fraction(kind: str) -> None:
    found = read_photo_time(photo({0x9003: "2026:11:21 22:23:10", 0x9011: "+02:00", 0x9291: "25"}, kind=kind))
    assert found is not None
    assert (found.moment, found.zone) == (AT + timedelta(seconds=0.25), "told")


def test_without_offset_the_clock_of_the_gps_tells_the_zone() -> None:
    gps = {29: "2026:11:21", 7: (20.0, 21.0, 40.5)}
    found = read_photo_time(photo({0x9003: "2026:11:22 01:53:10"}, gps))
    assert found is not None
    assert (found.moment, found.zone) == (AT, "by gps")


@pytest.mark.parametrize(
    "gps", [{}, {29: "2026:11:21", 7: (20.0, 30.6, 0.0)}, {29: "2025:11:21", 7: (20.0, 23.0, 0.0)}]
)
def test_else_the_zone_is_the_assumed_one(gps: dict[int, Any]) -> None:
    data = photo({0x9003: "2026:11:21 21:23:10"}, gps)
    found = read_photo_time(data, assumed=timezone(timedelta(hours=1)))
    assert found is not None
    assert (found.moment, found.zone) == (AT, "assumed")


def test_the_time_of_scanning_counts_where_there_is_no_other() -> None:
    found = read_photo_time(photo({0x9003: "0000:00:00 00:00:00", 0x9004: "2026:11:21 20:23:10", 0x9012: "+00:00"}))
    assert found is not None
    assert found.moment == AT


@pytest.mark.parametrize(
    ("name", "fraction", "zone"),
    [
        ("IMG_20261121_202310.jpg", 0.0, "assumed"),
        ("PXL_20261121_202310250.jpg", 0.25, "told"),
        ("2026-11-21T20-23-10Z.jpg", 0.0, "told"),
        ("2026-11-21 20.23.10.jpg", 0.0, "assumed"),
        ("Screenshot 2026-11-21 at 20.23.10.png", 0.0, "assumed"),
        ("20261121202310_frame.png", 0.0, "assumed"),
        (f"frame-{AT.timestamp():.0f}.jpg", 0.0, "told"),
        (f"{AT.timestamp() + 0.5:.3f}".replace(".", "") + ".jpg", 0.5, "told"),
    ],
)
def test_times_in_names(name: str, fraction: float, zone: str) -> None:
    found = read_photo_time(photo(), name)
    assert found is not None
    assert (found.moment, found.zone) == (AT + timedelta(seconds=fraction), zone)


@pytest.mark.parametrize(
    "name", ["0007.jpg", "IMG_2026.jpg", "20261341_202310.jpg", "frame_000000000012.jpg", "x" * 300]
)
def test_names_without_a_time(name: str) -> None:
    assert time_in_name(name) is None


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"no photo", photo({0x9003: "yesterday"})])
def test_photos_that_do_not_say(data: bytes) -> None:
    assert read_photo_time(data) is None


def test_a_real_camera_whose_gps_is_a_day_ahead_tells_no_zone(shared: Path) -> None:
    found = read_photo_time((shared / "real" / "exif" / "DSCN0010.jpg").read_bytes())
    assert found is not None
    assert (found.moment, found.zone) == (datetime(2008, 10, 22, 16, 28, 39, tzinfo=UTC), "assumed")
