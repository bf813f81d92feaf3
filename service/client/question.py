"""A question as plain values, and as what goes over the wire: a raw image body and query parameters.

Ranges are not checked here: the service knows them, and says which parameter is wrong.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO

MOST_IMAGE_BYTES = 64 * 1024 * 1024
"""No service can be set up to take more."""
Image = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, the file's bytes, or an open binary file."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Where the photo roughly is, WGS84 degrees and metres."""

    lat: float
    lon: float
    accuracy_m: float | None = None
    accuracy_percentile: float | None = None
    """What the accuracy means: 95 for browsers, 68 for Android and ARCore; the service assumes 68 and says so."""


@dataclass(frozen=True, slots=True)
class Camera:
    """What is known of the camera; degrees. A heading left out is searched and answered."""

    fov_deg: float | None = None
    projection: str | None = None
    """perspective or panorama."""
    heading_deg: float | None = None
    heading_accuracy_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look."""

    mode: str | None = None
    """auto, prior or global."""
    radius_m: float | None = None
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Exif:
    """What the photo's own EXIF may say; None leaves it to the service: no GPS, but the focal length."""

    use_gps_as_prior: bool | None = None
    use_focal_length: bool | None = None


def query_of(top_k: int | None, *groups: Prior | Camera | Search | Exif | None) -> dict[str, str]:
    """Give the flat query parameters of what was said."""
    said: dict[str, object] = {"top_k": top_k}
    for group in groups:
        if group is not None:
            said |= {each.name: getattr(group, each.name) for each in fields(group)}
    return {name: _text(value) for name, value in said.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def bytes_of(image: Image) -> bytes:
    """Read a photo whole, so that it can be sent again.

    Raises:
        ValueError: it has more bytes than any service takes.
        OSError: the file cannot be read.
    """
    if isinstance(image, str | os.PathLike):
        with Path(image).open("rb") as file:
            return bytes_of(file)
    data = bytes(image) if isinstance(image, bytes | bytearray | memoryview) else image.read(MOST_IMAGE_BYTES + 1)
    if not isinstance(data, bytes):
        raise ValueError("The image file was opened as text. Open it with mode 'rb'.")
    if len(data) > MOST_IMAGE_BYTES:
        raise ValueError(f"The image has more than {MOST_IMAGE_BYTES} bytes. Scale it down or compress it more.")
    return data


def media_type_of(data: bytes) -> str:
    """Name the type by the first bytes; what is none of these goes as JPEG, and the service says what is wrong."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"heim", b"heis", b"mif1"):
        return "image/heic"
    return "image/jpeg"
