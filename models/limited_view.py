"""Limited field of view and unknown orientation: turn a panorama by an angle, then keep its first columns.

Source: the protocol of Shi et al., "Where am I looking at?" (CVPR 2020), with the rounding of TransGeo (CVPR 2022).
There the angle is drawn anew at every evaluation; here it belongs to the query, so that a recall can be measured twice.
"""

from __future__ import annotations

import hashlib
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError

Pixel = TypeVar("Pixel", bound=np.generic)


def view_width(width_px: int, fov_deg: float) -> int:
    """Columns that `fov_deg` of a panorama of `width_px` covers, rounded down: 154 of 616 for 90 degrees.

    Raises:
        UsageError: a field of view outside (0, 360], or one of less than a column.
    """
    kept = int(fov_deg / 360 * width_px) if 0 < fov_deg <= 360 else 0
    if kept < 1:
        raise UsageError(
            f"A field of view of {fov_deg:g} degrees keeps no column of a panorama {width_px} px wide; "
            "give one in (0, 360]."
        )
    return kept


def source_columns(width_px: int, angle_deg: int, fov_deg: float) -> NDArray[np.int64]:
    """Column of the panorama that each column of the view shows.

    Args:
        width_px: width W of the panorama.
        angle_deg: turn to the right, in [0, 360); it is rounded down to s = int(angle / 360 * W) columns.
        fov_deg: field of view in (0, 360]; 360 only turns.

    Returns:
        (int(fov / 360 * W),): (j - s) mod W for column j.

    Raises:
        UsageError: an angle or a field of view out of range.
    """
    if not 0 <= angle_deg < 360:
        raise UsageError(f"A panorama was to be turned by {angle_deg} degrees; give an angle in [0, 360).")
    shift = int(angle_deg / 360 * width_px)
    return (np.arange(view_width(width_px, fov_deg)) - shift) % width_px


def limited_view(pixels: NDArray[Pixel], angle_deg: int, fov_deg: float) -> NDArray[Pixel]:
    """Cut what a camera of `fov_deg` sees out of a panorama turned by `angle_deg`.

    Args:
        pixels: (..., H, W) whole panorama, 360 degrees wide, at the size the network takes.
        angle_deg, fov_deg: as in `source_columns`.

    Returns:
        (..., H, int(fov / 360 * W)), a copy.

    Raises:
        UsageError: an angle or a field of view out of range.
    """
    cut: NDArray[Pixel] = np.take(pixels, source_columns(pixels.shape[-1], angle_deg, fov_deg), axis=-1)
    return cut


def query_angle(seed: int, index: int, *, reading: int = 0) -> int:
    """Draw the angle of a query, the same whenever it is asked for, on any machine and with any library.

    Args:
        seed: of the whole protocol.
        index: of the query in its split.
        reading: 0 for evaluation; while training, the epoch, so that every reading is turned anew.

    Returns:
        Whole degrees in [0, 360), evenly spread.
    """
    digest = hashlib.sha256(f"{int(seed)}/{int(index)}/{int(reading)}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 360
