"""Bytes of a photo or tile into upright RGB pixels, with every bound checked before a pixel is decoded."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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

FORMATS = ("JPEG", "PNG", "WEBP")
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
MOST_BRANDS = 32
WHOLE_PX = 1 << 20
"""A `long_side_px` longer than any picture: nothing is decoded at a reduced scale."""
START_OF_SCAN = b"\xff\xda"
FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)
EXIF_ORIENTATION, EXIF_IFD, EXIF_FOCAL_35MM = 0x0112, 0x8769, 0xA405
GPS_IFD, GPS_LAT_REF, GPS_LAT, GPS_LON_REF, GPS_LON, GPS_ERROR_M = 0x8825, 1, 2, 3, 4, 31
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a picture may be; checked on the header, before decoding."""

    max_pixels: int = 24_000_000
    min_side_px: int = 32
    max_side_px: int = 12_000
    max_ratio: float = 20.0
    max_scans: int = 100


@dataclass(frozen=True, slots=True)
class GpsFix:
    """Position from EXIF, WGS84 degrees; `accuracy_m` where the camera wrote one (EXIF names no percentile)."""

    lat: float
    lon: float
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class Photo:
    """An upright picture and what its metadata says about the camera."""

    pixels: NDArray[np.uint8]
    """(H, W, 3) RGB, or where it was asked for (H, W, 4) RGBA; may be smaller than the file's own size (JPEG is decoded
    at a reduced scale)."""
    width_px: int
    height_px: int
    """Upright size of the file."""
    focal_35mm: float | None = None
    """35 mm equivalent focal length from EXIF, millimetres."""
    is_panorama: bool = False
    """True when the metadata declares an equirectangular projection."""
    gps: GpsFix | None = None

    @property
    def exif_fov_deg(self) -> float | None:
        """Horizontal field of view by the 35 mm equivalent (defined over the diagonal, CIPA DCG-001), if plausible."""
        if self.focal_35mm is None or not 4.0 <= self.focal_35mm <= 1200.0:
            return None
        half_diagonal = FULL_FRAME_DIAGONAL_MM / 2 / self.focal_35mm
        share = self.width_px / math.hypot(self.width_px, self.height_px)
        return math.degrees(2 * math.atan(half_diagonal * share))


def decode_photo(
    data: bytes,
    *,
    long_side_px: int = 1024,
    limits: ImageLimits | None = None,
    alpha: bool = False,
    shrink: bool = False,
) -> Photo:
    """Decode a JPEG, PNG, WebP or, where pillow-heif is installed, HEIC into upright RGB.

    Args:
        data: the whole file.
        long_side_px: a JPEG may be decoded at 1/2, 1/4 or 1/8 scale as long as its long side keeps this length.
        limits: bounds on the header; the defaults when None.
        alpha: keep transparency as a fourth channel, not premultiplied; 255 where the file has none.
        shrink: average pictures of other formats down by a whole factor too, as long as their long side keeps that
            length; a quarter of the memory for large ones.

    Raises:
        ImageError: of the kind that names the reason; nothing else leaves this function.
    """
    limits = limits or ImageLimits()
    if not data:
        raise ImageEmpty("The image is empty (0 bytes). Send the file's content.")
    sniffed = _sniff(data)
    if sniffed == "JPEG" and data.count(START_OF_SCAN) > limits.max_scans:
        raise ImageTooComplex(f"The JPEG has more than {limits.max_scans} scans. Save it again as a baseline JPEG.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(data, sniffed, long_side_px, limits, alpha, shrink)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooManyPixels(
            f"The image has more than {limits.max_pixels / 1e6:g} megapixels. Scale it down."
        ) from error
    except MemoryError:
        raise ImageTooComplex(
            f"The {sniffed} takes more memory to decode than a photo may. Save it again as a baseline JPEG."
        ) from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, ... on broken files
        raise ImageUndecodable(f"The {sniffed} image is damaged or incomplete. Send the original file.") from error


def _sniff(data: bytes) -> str:
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if _is_heic(data):
        return _heic()
    if len(data) < 12:
        raise ImageUndecodable(f"The image has only {len(data)} bytes. Send the whole file.")
    raise ImageTypeUnsupported("The content is not a JPEG, PNG or WebP image. Convert it to one of these.")


def _is_heic(data: bytes) -> bool:
    """By the brands that its first box declares; a picture sequence is one too, an AVIF is not."""
    if data[4:8] != b"ftyp":
        return False
    size = min(int.from_bytes(data[:4], "big"), 8 + 4 * MOST_BRANDS)
    return any(data[start : start + 4] in HEIC_BRANDS for start in range(8, size - 3, 4) if start != 12)


def _heic() -> str:
    """Make Pillow read HEIC with one thread, or say that it cannot."""
    try:
        import pillow_heif
    except ModuleNotFoundError:
        raise ImageTypeUnsupported(
            "HEIC is not read here, as the `heic` extra is not installed. Send a JPEG, PNG or WebP."
        ) from None
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener(thumbnails=False)
    return "HEIF"


def _decode(data: bytes, sniffed: str, long_side_px: int, limits: ImageLimits, alpha: bool, shrink: bool) -> Photo:
    with Image.open(io.BytesIO(data), formats=FORMATS if sniffed in FORMATS else (sniffed,)) as image:
        _check_header(image, sniffed, limits)
        width, height = image.size
        if sniffed == "JPEG":
            ratio = min(1.0, long_side_px / max(width, height))
            image.draft("RGB", (math.ceil(width * ratio), math.ceil(height * ratio)))
        image.load()  # before the metadata: for those of a PNG Pillow loads it too, and damage would go unheard
        orientation, focal = _read_exif(image)
        gps = _read_gps(image)
        is_panorama = b"equirectangular" in _xmp(image)
        whole = image if alpha or not shrink else _shrunk(image, max(1, max(width, height) // long_side_px))
        upright = whole.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else whole
        pixels = np.asarray(upright.convert("RGBA")) if alpha else _rgb(upright)
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    return Photo(pixels, width, height, focal, is_panorama, gps)


def _check_header(image: Image.Image, sniffed: str, limits: ImageLimits) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise ImageUndecodable(f"The image says it is {width} x {height} pixels. Send the original file.")
    if width * height > limits.max_pixels:
        raise ImageTooManyPixels(
            f"The image is {width} x {height} pixels; at most {limits.max_pixels / 1e6:g} megapixels are accepted. "
            "Scale it down."
        )
    if min(width, height) < limits.min_side_px:
        raise ImageTooSmall(f"The image is {width} x {height} pixels; each side needs {limits.min_side_px}.")
    longest, ratio = max(width, height), max(width, height) / min(width, height)
    if longest > limits.max_side_px or ratio > limits.max_ratio:
        raise ImageBadDimensions(
            f"The image is {width} x {height} pixels; a side has at most {limits.max_side_px} "
            f"and the sides a ratio of at most {limits.max_ratio:g}. Crop or scale it."
        )
    if sniffed in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
        raise ImageAnimated(f"The {sniffed} is animated. Send one still picture.")


def _read_exif(image: Image.Image) -> tuple[int, float | None]:
    """Orientation (1 when unknown) and 35 mm focal length; broken metadata counts as absent."""
    orientation, focal = 1, None
    try:
        exif = image.getexif()
        orientation = int(exif.get(EXIF_ORIENTATION, 1))
        focal = float(exif.get_ifd(EXIF_IFD).get(EXIF_FOCAL_35MM, 0)) or None
    except Exception:  # any damage in EXIF must not cost the picture
        pass
    return orientation, focal if focal is not None and math.isfinite(focal) else None


def _read_gps(image: Image.Image) -> GpsFix | None:
    """Position from EXIF; broken, impossible and 0, 0 positions count as absent."""
    try:
        gps = image.getexif().get_ifd(GPS_IFD)
        lat = _degrees(gps[GPS_LAT], str(gps[GPS_LAT_REF]) == "S")
        lon = _degrees(gps[GPS_LON], str(gps[GPS_LON_REF]) == "W")
        error_m = float(gps.get(GPS_ERROR_M, 0.0))
    except Exception:  # any damage in EXIF must not cost the picture
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180) or lat == lon == 0.0:
        return None
    return GpsFix(lat, lon, error_m if math.isfinite(error_m) and error_m > 0 else None)


def _degrees(sexagesimal: tuple[float, float, float], is_negative: bool) -> float:
    degrees, minutes, seconds = (float(part) for part in sexagesimal)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if is_negative else value


def _xmp(image: Image.Image) -> bytes:
    for key in ("xmp", "XML:com.adobe.xmp"):
        value = image.info.get(key)
        if value:
            return value if isinstance(value, bytes) else str(value).encode()
    return b""


def _shrunk(image: Image.Image, factor: int) -> Image.Image:
    if factor == 1 or image.size[0] <= factor or image.size[1] <= factor or image.mode.startswith("I"):
        return image
    return (image if image.mode in ("RGB", "L") else image.convert("RGB")).reduce(factor)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):
        grey = np.clip(np.asarray(image) // 257, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)
