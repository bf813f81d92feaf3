"""Pictures that are odd, but legal or at least harmless: each is answered, or refused for what it is."""

from __future__ import annotations

import io
import math
import struct
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.image import UPRIGHT
from tests.service.conftest import WHOLE_CIRCLE, Client, check_problem
from tests.service.world import encode, panorama

STORED_AS = UPRIGHT | {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
ORIENTATION, GPS_IFD, EXIF_IFD = 0x0112, 0x8825, 0x8769
PIXELS = panorama(7)
GREY = np.full((64, 64, 3), 128, np.uint8)


def app1(body: bytes) -> bytes:
    """The photo with a segment of metadata that nobody's library would write."""
    data = encode(PIXELS, "JPEG", quality=95)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def ifd_that_loops() -> bytes:
    """EXIF whose list of tags says that the next one is itself, with a GPS list that is the same again."""
    entry = struct.pack(">HHII", GPS_IFD, 4, 1, 8) + struct.pack(">HHII", EXIF_IFD, 4, 1, 8)
    return b"Exif\x00\x00MM\x00*\x00\x00\x00\x08" + struct.pack(">H", 2) + entry + struct.pack(">I", 8)


def exif_of(*tags: tuple[int, Any], gps: dict[int, Any] | None = None) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in tags:
        exif[tag] = value
    if gps is not None:
        exif[GPS_IFD] = gps
    return exif


def jpeg(exif: Image.Exif) -> bytes:
    return encode(PIXELS, "JPEG", quality=95, exif=exif)


def without_denominators() -> bytes:
    """GPS whose every 7/1 has become 7/0."""
    data = jpeg(exif_of(gps={1: "N", 2: (7, 7, 7), 3: "E", 4: (7, 7, 7)}))
    for order in "<>":
        data = data.replace(struct.pack(f"{order}II", 7, 1), struct.pack(f"{order}II", 7, 0))
    return data


def many_frames() -> bytes:
    """An MPO, as phones write them: the photo, and something else after it."""
    stream = io.BytesIO()
    more = [Image.fromarray(GREY).resize((512, 256))]
    Image.fromarray(PIXELS).save(stream, "MPO", quality=95, save_all=True, append_images=more)
    return stream.getvalue()


HARMLESS = {
    "EXIF that loops": app1(ifd_that_loops()),
    "64 kB of junk": app1(b"Exif\x00\x00" + b"\xaa" * 65_000),
    "orientation 0": jpeg(exif_of((ORIENTATION, 0))),
    "orientation 9": jpeg(exif_of((ORIENTATION, 9))),
    "orientation 99": jpeg(exif_of((ORIENTATION, 99))),
    "GPS of zero denominators": without_denominators(),
    "GPS of one number": jpeg(exif_of(gps={1: "N", 2: 1.0, 3: "E", 4: 2.0})),
    "a ZIP at its end": encode(PIXELS, "JPEG", quality=95) + b"PK\x03\x04" + b"\x00" * 100,
    "HTML at its end": encode(PIXELS, "JPEG", quality=95) + b"<script>alert(1)</script>",
    "another thumbnail": app1(b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00" + encode(GREY, "JPEG")),
    "many frames, MPO": many_frames(),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_beside_the_pixels_changes_nothing(client: Client, name: str) -> None:
    response = client.raw(HARMLESS[name], "image/jpeg", **WHOLE_CIRCLE)
    assert response.status_code == 200, response.text
    assert response.json()["candidates"][0]["tile"]["id"] == "t7"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_the_same_place(client: Client, orientation: int) -> None:
    stored = Image.fromarray(PIXELS)
    if orientation > 1:
        stored = stored.transpose(STORED_AS[orientation])
    photo = encode(np.asarray(stored), "JPEG", quality=95, exif=exif_of((ORIENTATION, orientation)))
    assert client.raw(photo, "image/jpeg", **WHOLE_CIRCLE).json()["candidates"][0]["tile"]["id"] == "t7"


def test_gps_in_exif_neither_helps_nor_shows(client: Client) -> None:
    """Promise P19: same pixels, four metadata, one answer."""
    places = [None, (52.5, 13.4), (-33.5, -70.25), (0.0001, 179.9)]
    answers = []
    for place in places:
        gps = place and {
            1: "N" if place[0] >= 0 else "S",
            2: (abs(place[0]), 0, 0),
            3: "E" if place[1] >= 0 else "W",
            4: (abs(place[1]), 0, 0),
        }
        answers.append(client.raw(encode(PIXELS, "PNG", exif=exif_of(gps=gps)), **WHOLE_CIRCLE).json())
    for one, other in pairwise(answers):
        assert (one["candidates"], one["search"]) == (other["candidates"], other["search"])
    assert len({answer.get("status") for answer in answers}) == 1
    assert [len(answer["notices"]) - len(answers[0]["notices"]) for answer in answers] == [0, 1, 1, 1]


NOISE: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (256, 512, 3), dtype=np.uint8)


@pytest.mark.parametrize("pixels", [GREY * 0, GREY * 0 + 255, NOISE], ids=["black", "white", "noise"])
def test_pictures_of_nothing_are_answered_with_numbers(client: Client, pixels: NDArray[np.uint8]) -> None:
    answer = client.raw(encode(pixels)).json()
    assert all(math.isfinite(candidate["similarity"]) for candidate in answer["candidates"])


def box(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + b"\x00\x00\x00\x00" + brand + b"mif1" + b"\x00" * 80


FOREIGN = {
    "PPM": encode(GREY, "PPM"),
    "ICO": encode(GREY, "ICO"),
    "JPEG 2000": encode(GREY, "JPEG2000"),
    "DDS": encode(GREY, "DDS"),
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n",
    "SVG": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
    "PSD": b"8BPS\x00\x01" + b"\x00" * 40,
    "FITS": b"SIMPLE  =                    T" + b" " * 50,
    "QOI": b"qoif" + b"\x00" * 20,
    "AVIF": box(b"avif"),
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "ELF": b"\x7fELF\x02\x01\x01" + b"\x00" * 40,
    "ZIP": b"PK\x03\x04" + b"\x00" * 40,
    "JSON": b'{"image": "none of it"}',
    "HTML": b"<!doctype html><html><body>",
    "noise": bytes(range(200, 256)) * 4,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_no_other_format_is_even_tried(client: Client, name: str) -> None:
    check_problem(client.raw(FOREIGN[name], "image/jpeg"), 415, "image_type_unsupported")


def damaged() -> dict[str, bytes]:
    """JPEGs that say of themselves what no decoder here does, and files with a wrong byte where it counts."""
    data = encode(PIXELS, "JPEG")
    frame = data.index(b"\xff\xc0")
    tables, png = data.index(b"\xff\xc4"), encode(PIXELS)
    return {
        "12 bits": data[: frame + 4] + b"\x0c" + data[frame + 5 :],
        "lossless JPEG": data[:frame] + b"\xff\xc3" + data[frame + 2 :],
        "Huffman table of nonsense": data[: tables + 5] + b"\xff" * 16 + data[tables + 21 :],
        "zlib of nonsense": png[: png.index(b"IDAT") + 4] + b"\xff" * 30 + png[png.index(b"IDAT") + 34 :],
        "99 % of a JPEG": data[: len(data) * 99 // 100],
        "80 % of a PNG": png[: len(png) * 80 // 100],
        "only its magic": data[:3],
        "one byte": b"\xff",
    }


@pytest.mark.parametrize("name", damaged())
def test_a_damaged_picture_is_refused(client: Client, name: str) -> None:
    check_problem(client.raw(damaged()[name], "image/jpeg"), 422, "image_undecodable")
