from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from models.errors import (
    ImageAnimated,
    ImageBadDimensions,
    ImageEmpty,
    ImageError,
    ImageTooComplex,
    ImageTooManyPixels,
    ImageTooSmall,
    ImageTypeUnsupported,
    ImageUndecodable,
)
from models.image import UPRIGHT, ImageLimits, decode_photo

Pixels = NDArray[np.uint8]
ORIENTATION, EXIF_IFD, FOCAL_35MM, GPS_IFD = 0x0112, 0x8769, 0xA405, 0x8825
STORED_AS = UPRIGHT | {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""Undoes what UPRIGHT does: turns an upright picture into the one a tilted camera stores."""
LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "WEBP": {"lossless": True, "exact": True}}


@pytest.fixture
def gradient() -> Pixels:
    """48 wide, 40 high; no two corners alike, no symmetry."""
    row, column = np.mgrid[:40, :48]
    return np.stack([row * 6, column * 5, row + column], axis=2).astype(np.uint8)


def _file(pixels: Pixels | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(stream, kind, **options)
    return stream.getvalue()


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def _exif(tag: int, value: object, ifd: int | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif[tag if ifd is None else ifd] = value if ifd is None else {tag: value}
    return exif


def _scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is there `count` times."""
    data = _file(np.zeros((40, 40, 3), np.uint8), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


@pytest.mark.parametrize("kind", LOSSLESS)
def test_pixels_come_out_as_they_went_in(gradient: Pixels, kind: str) -> None:
    photo = decode_photo(_file(gradient, kind, **LOSSLESS[kind]))
    np.testing.assert_array_equal(photo.pixels, gradient)
    assert (photo.width_px, photo.height_px) == (48, 40)


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_gives_the_same_picture(gradient: Pixels, kind: str, orientation: int) -> None:
    stored = Image.fromarray(gradient)
    if orientation > 1:
        stored = stored.transpose(STORED_AS[orientation])
    photo = decode_photo(_file(stored, kind, exif=_exif(ORIENTATION, orientation), **LOSSLESS[kind]))
    np.testing.assert_array_equal(photo.pixels, gradient)
    assert (photo.width_px, photo.height_px) == (48, 40)


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_a_reduced_jpeg_is_upright_and_knows_its_own_size(orientation: int) -> None:
    tall = Image.fromarray(np.kron(np.arange(0, 240, 20, dtype=np.uint8)[:, None], np.ones((40, 160), np.uint8)))
    stored = tall if orientation == 1 else tall.transpose(STORED_AS[orientation])
    photo = decode_photo(_file(stored, "JPEG", exif=_exif(ORIENTATION, orientation)), long_side_px=200)
    assert (photo.width_px, photo.height_px) == (160, 480)
    assert photo.pixels.shape == (240, 80, 3)
    np.testing.assert_allclose(photo.pixels[10::20, 40, 0], np.arange(0, 240, 20), atol=4)


def test_a_large_png_keeps_its_size() -> None:
    assert decode_photo(_file(np.zeros((300, 600, 3), np.uint8)), long_side_px=100).pixels.shape == (300, 600, 3)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", ImageEmpty),
        (b"\x89PNG", ImageUndecodable),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ImageTypeUnsupported),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", ImageTypeUnsupported),
        (b"\xff\xd8\xff" + b"x" * 200, ImageUndecodable),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 " + b"\x00" * 20, ImageUndecodable),
        (_png_header(64, 64), ImageUndecodable),
        (_png_header(0, 64), ImageUndecodable),
        (_png_header(50_000, 50_000), ImageTooManyPixels),
        (_png_header(12_000, 12_000), ImageTooManyPixels),
        (_png_header(5_000, 4_801), ImageTooManyPixels),
        (_png_header(31, 31), ImageTooSmall),
        (_png_header(400, 31), ImageTooSmall),
        (_png_header(12_001, 1_000), ImageBadDimensions),
        (_png_header(32, 641), ImageBadDimensions),
    ],
)
def test_a_header_that_will_not_do(data: bytes, error: type[ImageError]) -> None:
    with pytest.raises(ImageError) as caught:
        decode_photo(data)
    assert type(caught.value) is error


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = _file(noise, kind)
    with pytest.raises(ImageUndecodable, match="damaged or incomplete"):
        decode_photo(data[: int(len(data) * share)])


def test_a_png_whose_pixels_are_damaged_is_refused() -> None:
    data = _file(np.full((64, 64, 3), 200, np.uint8))
    pixels = data.index(b"IDAT") + 4
    with pytest.raises(ImageUndecodable):
        decode_photo(data[:pixels] + b"\xff" * 30 + data[pixels + 30 :])


@pytest.mark.parametrize(("width", "height"), [(32, 32), (640, 32), (32, 640)])
def test_the_limits_themselves_are_allowed(width: int, height: int) -> None:
    assert decode_photo(_file(np.zeros((height, width, 3), np.uint8))).pixels.shape == (height, width, 3)


def test_limits_can_be_narrowed(gradient: Pixels) -> None:
    with pytest.raises(ImageTooManyPixels, match=r"0\.0019 megapixels"):
        decode_photo(_file(gradient), limits=ImageLimits(max_pixels=1_900))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_moving_picture_is_refused(gradient: Pixels, kind: str) -> None:
    frames = [Image.fromarray(255 - gradient)]
    with pytest.raises(ImageAnimated, match=kind):
        decode_photo(_file(gradient, kind, save_all=True, append_images=frames, duration=100))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(gradient: Pixels, kind: str) -> None:
    with pytest.raises(ImageTypeUnsupported):
        decode_photo(_file(gradient, kind))


def test_a_scan_bomb_is_refused_before_decoding() -> None:
    with pytest.raises(ImageTooComplex, match="100 scans"):
        decode_photo(_scans(101))


def test_a_progressive_jpeg_is_fine() -> None:
    assert decode_photo(_scans(1)).pixels.max() == 0


def test_the_first_frame_of_a_double_picture_counts(gradient: Pixels) -> None:
    smooth = np.full((64, 64, 3), 200, np.uint8)
    data = _file(smooth, "MPO", save_all=True, append_images=[Image.fromarray(gradient)])
    assert np.abs(decode_photo(data).pixels.astype(int) - 200).max() <= 2


@pytest.mark.parametrize(
    ("mode", "value", "rgb"),
    [
        ("I;16", 257 * 90, (90, 90, 90)),
        ("L", 90, (90, 90, 90)),
        ("RGBA", (10, 20, 30, 128), (10, 20, 30)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_every_mode_becomes_rgb(mode: str, value: Any, rgb: tuple[int, ...]) -> None:
    assert decode_photo(_file(Image.new(mode, (40, 40), value))).pixels[20, 20].tolist() == list(rgb)


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    red = decode_photo(_file(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG"))
    np.testing.assert_allclose(red.pixels[20, 20], (255, 0, 0), atol=3)


@pytest.mark.parametrize("exif", [b"Exif\x00\x00garbage", b"Exif\x00\x00II*\x00\xff\xff\xff\xff", b""])
def test_broken_metadata_does_not_cost_the_picture(gradient: Pixels, exif: bytes) -> None:
    photo = decode_photo(_file(gradient, exif=exif))
    np.testing.assert_array_equal(photo.pixels, gradient)
    assert (photo.focal_35mm, photo.gps) == (None, None)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_impossible_orientation_counts_as_upright(gradient: Pixels, orientation: int) -> None:
    photo = decode_photo(_file(gradient, exif=_exif(ORIENTATION, orientation)))
    np.testing.assert_array_equal(photo.pixels, gradient)


@pytest.mark.parametrize(
    ("size", "focal", "fov"),
    [
        ((60, 40), 28, 65.47),  # 36 mm wide on full frame
        ((64, 48), 28, 63.44),  # 4:3: as long a diagonal, a narrower frame
        ((48, 64), 28, 49.74),  # the same, upright
        ((60, 40), 50, 39.60),
        ((60, 40), 2, None),
        ((60, 40), 0, None),
    ],
)
def test_focal_length_gives_the_field_of_view(size: tuple[int, int], focal: int, fov: float | None) -> None:
    photo = decode_photo(_file(Image.new("RGB", size), exif=_exif(FOCAL_35MM, focal, EXIF_IFD)))
    assert photo.exif_fov_deg == (None if fov is None else pytest.approx(fov, abs=0.01))


@pytest.mark.parametrize(
    ("refs", "lat", "lon", "found"),
    [
        ("NE", (48, 30, 36), (2, 21, 0), (48.51, 2.35)),
        ("SW", (33, 52, 0), (151, 12, 36), (-33.866_667, -151.21)),
        ("NE", (0, 0, 0), (0, 0, 0), None),
        ("NE", (91, 0, 0), (0, 0, 0), None),
    ],
)
def test_gps_comes_from_exif(
    refs: str, lat: tuple[float, ...], lon: tuple[float, ...], found: tuple[float, float] | None
) -> None:
    exif = Image.Exif()
    exif[GPS_IFD] = {1: refs[0], 2: lat, 3: refs[1], 4: lon, 31: 7.5}
    fix = decode_photo(_file(Image.new("RGB", (40, 40)), exif=exif)).gps
    assert (fix and (fix.lat, fix.lon, fix.accuracy_m)) == (found and (*map(pytest.approx, found), 7.5))


def _declared(projection: str, kind: str) -> bytes:
    xmp = f"<rdf:RDF><GPano:ProjectionType>{projection}</GPano:ProjectionType></rdf:RDF>"
    blank = Image.new("RGB", (80, 40))
    if kind == "JPEG":
        return _file(blank, kind, xmp=xmp.encode())
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp)
    return _file(blank, kind, pnginfo=text)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(("projection", "is_panorama"), [("equirectangular", True), ("cylindrical", False)])
def test_a_declared_panorama_is_known(kind: str, projection: str, is_panorama: bool) -> None:
    assert decode_photo(_declared(projection, kind)).is_panorama is is_panorama
