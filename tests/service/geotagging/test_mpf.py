"""JPEGs with more pictures behind the first one (MPF): their places hold after the first one grew."""

from __future__ import annotations

import struct

import pytest

from service.errors import ExifUnusable
from service.geotagging.jpeg import with_position
from tests.service.geotagging.made import PLACEMENT, Made, directory, exif_block, jpeg, picture, segment

SECOND = picture((200, 10, 10))


def listing(sizes: tuple[int, int], offset: int) -> bytes:
    """An MPF segment of two pictures; the first one's offset is 0, as the format says."""
    entries = struct.pack(">IIIHH", 0x20030000, sizes[0], 0, 0, 0) + struct.pack(">IIIHH", 0, sizes[1], offset, 0, 0)
    fields = [(0xB000, 7, b"0100"), (0xB001, 4, struct.pack(">I", 2)), (0xB002, 7, entries)]
    return segment(0xE2, b"MPF\0MM\0*" + struct.pack(">I", 8) + directory(">", 8, fields))


def two_pictures(behind_exif: bool, wrong: int = 0) -> bytes:
    """Two pictures in a file, whose list stands behind the EXIF segment, as cameras write it, or before it."""
    where = "behind" if behind_exif else "before"
    bare = jpeg(Made("<").block(), **{where: listing((0, 0), 0)})
    header = bare.index(b"MPF\0") + 4
    whole = listing((len(bare), len(SECOND)), len(bare) - header + wrong)
    return jpeg(Made("<").block(), **{where: whole}, trailer=SECOND)


def pictures(data: bytes) -> list[bytes]:
    header = data.index(b"MPF\0") + 4
    at = data.index(b"\xb0\x02", header) + 8
    table = header + struct.unpack_from(">I", data, at)[0]
    found = []
    for row in (table, table + 16):
        size, offset = struct.unpack_from(">II", data, row + 4)
        start = header + offset if offset else 0
        found.append(data[start : start + size])
    return found


@pytest.mark.parametrize("behind_exif", [True, False])
def test_both_pictures_are_where_the_list_says(behind_exif: bool) -> None:
    before = two_pictures(behind_exif)
    after = with_position(before, PLACEMENT)
    assert pictures(before)[1] == SECOND
    assert pictures(after) == [after[: -len(SECOND)], SECOND]


@pytest.mark.parametrize("behind_exif", [True, False])
def test_nothing_but_the_list_changes(behind_exif: bool) -> None:
    before = two_pictures(behind_exif)
    after = with_position(before, PLACEMENT)
    (a, b), (c, d) = exif_block(before), exif_block(after)
    old, new = before[:a] + before[b:], after[:c] + after[d:]
    changed = [at for at, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    table = old.index(b"\x20\x03\0\0")
    assert changed
    assert all(table <= at < table + 32 for at in changed)


def test_a_list_that_does_not_hold_is_refused() -> None:
    with pytest.raises(ExifUnusable, match="not where"):
        with_position(two_pictures(True, wrong=5), PLACEMENT)


def test_a_list_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ExifUnusable):
        with_position(jpeg(None, behind=segment(0xE2, b"MPF\0MM\0*\0\0\0\x08\0\0\0\0\0\0")), PLACEMENT)
