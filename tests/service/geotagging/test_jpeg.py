"""A position in the EXIF of a JPEG: every byte that can stay stays."""

from __future__ import annotations

import io
import itertools
import struct
from dataclasses import replace

import pytest
from PIL import Image

from service.errors import ExifFull, ExifUnusable
from service.geotagging.embedded import found_inside
from service.geotagging.jpeg import with_position
from tests.service.geotagging.made import (
    MAKER_NOTE,
    PLACEMENT,
    THUMBNAIL,
    Field,
    Made,
    everything,
    exif_block,
    jpeg,
    picture,
    segment,
)

DATE_ONLY = [(0, 1, b"\2\2\0\0"), (29, 2, b"2026:05:01\0"), (7, 5, struct.pack("<6I", 12, 1, 0, 1, 0, 1))]
GPS: list[tuple[list[Field] | None, int | None]] = [(None, None), ([], None), (None, 0), (None, 60000)]
"""Fields of a GPS directory, and a pointer where there is none: none, an empty one, one that leads nowhere."""
MADE = [
    Made(order, maker_note, thumbnail, gps, pointer, behind)
    for order, maker_note, thumbnail, (gps, pointer), behind in itertools.product(
        "<>", (True, False), (True, False), GPS, (True, False)
    )
]
AROUND = {
    "alone": {},
    "among other segments": {
        "before": segment(0xEE, b"Adobe"),
        "behind": segment(0xE2, b"ICC_PROFILE\0\1\1 colours") + b"\xff\xff" + segment(0xFE, b"a comment"),
        "trailer": b"a film that begins where the picture ends " * 50,
    },
}


def rest(data: bytes) -> bytes:
    """All of a JPEG but its EXIF segment."""
    start, end = exif_block(data)
    return data[:start] + data[end:]


@pytest.mark.parametrize("around", AROUND, ids=str)
@pytest.mark.parametrize("made", MADE, ids=str)
def test_nothing_else_changes(made: Made, around: str) -> None:
    before = jpeg(made.block(), **AROUND[around])
    after = with_position(before, PLACEMENT)
    assert rest(after) == rest(before)
    old, new = everything(before), everything(after)
    gps = new.pop("gps")
    old.pop("gps", None)
    assert new == old
    assert gps[1] == (2, 2, b"S\0")
    if made.maker_note:
        assert after.index(MAKER_NOTE) == before.index(MAKER_NOTE)
    if made.thumbnail:
        assert new["thumbnail"][0][2] == THUMBNAIL


@pytest.mark.parametrize("made", MADE[::5], ids=str)
def test_an_independent_reader_reads_it(made: Made) -> None:
    with Image.open(io.BytesIO(with_position(jpeg(made.block()), PLACEMENT))) as image:
        exif = image.getexif()
        gps = exif.get_ifd(0x8825)
        assert exif[0x010F] == "A maker of cameras"
    degrees = [float(d) + float(m) / 60 + float(s) / 3600 for d, m, s in (gps[2], gps[4])]
    assert degrees == pytest.approx([33.9163001, 151.3777002], abs=1e-7)
    assert (gps[1], gps[3], gps[16], float(gps[17])) == ("S", "E", "T", 222.2)
    assert (gps[18], float(gps[31])) == ("WGS-84", 12.3)


def test_a_picture_without_exif_gets_it_behind_jfif() -> None:
    before = picture()
    after = with_position(before, PLACEMENT)
    assert rest(after) == before
    assert exif_block(after)[0] == 4 + int.from_bytes(before[4:6], "big")
    assert list(everything(after)) == ["main", "gps"]


def test_what_the_camera_knew_of_the_time_stays() -> None:
    before = jpeg(Made("<", gps=DATE_ONLY).block())
    old, new = everything(before)["gps"], everything(with_position(before, PLACEMENT))["gps"]
    assert {tag: new[tag] for tag in old} == old
    assert set(new) - set(old) == {1, 2, 3, 4, 16, 17, 18, 27, 31}


def test_a_direction_that_a_camera_measured_stays() -> None:
    compass = [(16, 2, b"M\0"), (17, 5, struct.pack("<2I", 90, 1))]
    new = everything(with_position(jpeg(Made("<", gps=compass).block()), PLACEMENT))["gps"]
    assert (new[16][2], new[17][2]) == (b"M\0", struct.pack("<2I", 90, 1))


def test_twins_in_a_damaged_directory_stay_twins() -> None:
    twins = [(0, 1, b"\2\2\0\0"), (29, 2, b"2026:05:01\0"), (29, 2, b"2026:05:02\0")]
    after = with_position(jpeg(Made("<", gps=twins).block()), PLACEMENT)
    found = found_inside(after)
    assert found is not None
    assert found.own == PLACEMENT
    assert with_position(after, PLACEMENT) == after


def test_another_datum_is_no_place_for_wgs84() -> None:
    with pytest.raises(ExifUnusable, match="datum"):
        with_position(jpeg(Made("<", gps=[(18, 2, b"TOKYO\0")]).block()), PLACEMENT)


@pytest.mark.parametrize("made", [Made("<"), Made(">", gps=[]), Made("<", gps=DATE_ONLY), None], ids=str)
def test_what_was_written_is_known_again_and_written_the_same(made: Made | None) -> None:
    once = with_position(picture() if made is None else jpeg(made.block()), PLACEMENT)
    found = found_inside(once)
    assert found is not None
    assert found.own == PLACEMENT
    assert with_position(once, PLACEMENT) == once


def test_renewing_does_not_let_a_file_grow() -> None:
    first = with_position(jpeg(Made("<", gps=DATE_ONLY).block()), PLACEMENT)
    other = replace(PLACEMENT, lat=52.5, heading_deg=None, heading_accuracy_deg_68=None)
    second = with_position(first, other)
    assert len(second) < len(first)
    assert 17 not in everything(second)["gps"]
    assert with_position(second, PLACEMENT) == first


def test_a_position_that_was_moved_is_no_longer_ours() -> None:
    written = with_position(jpeg(Made("<").block()), PLACEMENT)
    at = written.index(struct.pack("<6I", 33, 1, 54, 1, 586804, 10000))
    moved = written[:at] + struct.pack("<I", 34) + written[at + 4 :]
    found = found_inside(moved)
    assert found is not None
    assert found.own is None
    assert found.lat == pytest.approx(-34.9163001)


def test_a_full_segment_is_refused() -> None:
    block = Made("<").block()
    full = jpeg(block + bytes(65_527 - 100 - len(block)))
    with pytest.raises(ExifFull, match="65535"):
        with_position(full, PLACEMENT)


def test_the_fullest_segment_that_fits_is_written() -> None:
    block = Made("<").block()
    grown = len(with_position(jpeg(block), PLACEMENT)) - len(jpeg(block))
    filled = jpeg(block + bytes((65_527 - grown - len(block)) // 2 * 2 - len(block) % 2))
    assert everything(with_position(filled, PLACEMENT))["gps"][3][2] == b"E\0"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        jpeg(b"II*\0\xff\xff\0\0"),
        jpeg(b"no tiff at all"),
        jpeg(Made("<").block()[:20]),
        picture()[:10],
        picture()[:4] + b"\0\1" + picture()[6:],
    ],
    ids=range(8),
)
def test_damage_is_refused_and_holds_no_position(data: bytes) -> None:
    with pytest.raises(ExifUnusable):
        with_position(data, PLACEMENT)
    assert found_inside(data) is None


@pytest.mark.parametrize("cut", range(0, 700, 7))
def test_any_cut_block_is_written_or_refused(cut: int) -> None:
    block = Made(">", gps=DATE_ONLY).block()[:cut]
    try:
        after = with_position(jpeg(block), PLACEMENT)
    except ExifUnusable:
        return
    found = found_inside(after)
    assert found is not None
    assert found.own == PLACEMENT
