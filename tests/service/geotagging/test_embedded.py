"""Positions inside photos of every kind are found, and damage is no position."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from service.geotagging.embedded import found_inside
from service.geotagging.jpeg import with_position
from service.geotagging.xmp import with_placement
from tests.service.geotagging.made import PLACEMENT, Made, exif_block, jpeg, segment

JPEG = with_position(jpeg(Made("<").block()), PLACEMENT)
EXIF = JPEG[exif_block(JPEG)[0] + 4 : exif_block(JPEG)[1]]
XMP = with_placement(None, PLACEMENT, "p.jpg")


def saved(kind: str, **options: bytes) -> bytes:
    stream = io.BytesIO()
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    Image.new("RGB", (64, 64), (90, 100, 110)).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_exif_of_every_kind_is_read(kind: str) -> None:
    found = found_inside(saved(kind, exif=EXIF))
    assert found is not None
    assert (found.where, found.own) == ("exif", PLACEMENT)
    assert found_inside(saved(kind)) is None


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "HEIF"])
def test_xmp_of_every_kind_is_read(kind: str) -> None:
    found = found_inside(saved(kind, xmp=XMP))
    assert found is not None
    assert (found.where, found.own) == ("xmp", PLACEMENT)


@pytest.mark.parametrize("is_packed", [True, False])
def test_xmp_of_a_png_is_read(is_packed: bool) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=is_packed)
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "PNG", pnginfo=info)
    found = found_inside(stream.getvalue())
    assert found is not None
    assert found.own == PLACEMENT


def test_a_position_of_nonsense_is_somebodys() -> None:
    found = found_inside(jpeg(Made("<", gps=[(2, 5, bytes(24))]).block()))
    assert found is not None
    assert (found.lat, found.own) == (None, None)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_any_cut_file_is_read_without_an_error(kind: str) -> None:
    whole = saved(kind, exif=EXIF)
    for end in range(0, len(whole), 11):
        found_inside(whole[:end])


def test_damaged_xmp_is_no_position() -> None:
    assert found_inside(jpeg(None, behind=segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x"))) is None
