"""What Skyfix writes about a photo, and the mark by which a later run knows it again."""

from __future__ import annotations

from dataclasses import dataclass

from models.geo import distance_m

SAME_M = 0.5
"""Other programs write positions anew with fewer digits; what is no further off than this is still the same one."""
METHOD = "SKYFIX"
"""What GPSProcessingMethod says of a position that was found by comparing the photo with imagery."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A position with what it is worth, rounded as it is written, so that equal ones are written alike."""

    lat: float
    lon: float
    radius_m_68: float
    radius_m_95: float
    confidence: float
    """P(error <= 25 m)."""
    status: str
    index: str
    model: str
    version: str
    """Of the program."""
    heading_deg: float | None = None
    """Of the photo's centre column, clockwise from true north, in [0, 360)."""
    heading_accuracy_deg_68: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A position that is there already."""

    lat: float | None
    """None where something stands that is no position; it is somebody's all the same."""
    lon: float | None
    where: str
    """`exif`, `xmp` (inside the photo) or the name of a side-car."""
    own: Placement | None = None
    """What Skyfix wrote, where this is Skyfix's and nobody moved it since."""
    photo: str | None = None
    """Name of the photo that a side-car of Skyfix was written for."""


def is_wgs84(datum: str) -> bool:
    """Say whether a datum, as cameras spell it, is the one that positions are written in."""
    return "".join(c for c in datum.upper() if c.isalnum()) in ("", "WGS84", "WGS1984")


def unmoved(lat: float | None, lon: float | None, marked: Placement | None) -> Placement | None:
    """Give the mark if the position beside it is still the one that it was written with."""
    if marked is None or lat is None or lon is None:
        return None
    return marked if float(distance_m(lat, lon, marked.lat, marked.lon)) <= SAME_M else None
