"""How a report and a table name things."""

from __future__ import annotations

import math
from pathlib import Path

from PIL import ExifTags, Image

from models.datasets.pairset import PairSet
from models.evaluation.results import ProtocolResult

LOOKED_AT = 32
MAKER = ("Skyfix", "Sample City")
"""Camera that the sample city writes into its photos."""


def setting_words(result: ProtocolResult) -> str:
    """Name a row: field of view, heading, corruption."""
    fov = "unknown field of view" if result.fov_deg is None else f"{result.fov_deg:g}°"
    spoiled = "" if result.corruption is None else f", {result.corruption} {result.severity}"
    return f"{fov}, heading {result.orientation}{spoiled}"


def percent(share: float | None) -> str:
    """A share with two decimals of a percent, as publications print it; nothing for None."""
    return "" if share is None else f"{100 * share:.2f}"


def metres(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.1f} m"


def is_synthetic(pairs: PairSet) -> bool:
    """Tell whether the first photos were taken by the camera of the sample city."""
    return any(_maker(path) == MAKER for path in pairs.ground[:LOOKED_AT])


def _maker(path: Path) -> tuple[str, str]:
    try:
        with Image.open(path) as image:
            exif = image.getexif()
    except (OSError, SyntaxError, ValueError):
        return "", ""
    make, model = exif.get(ExifTags.Base.Make, ""), exif.get(ExifTags.Base.Model, "")
    return str(make).strip("\0 "), str(model).strip("\0 ")
