"""How a photo was taken, and a photo that is ready for a ground network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import ParameterError

Projection = Literal["perspective", "panorama"]
MIN_FOV_DEG = 10.0
MAX_PERSPECTIVE_FOV_DEG = 150.0


@dataclass(frozen=True, slots=True)
class Camera:
    """How a photo was taken, as far as it is known.

    Raises:
        ParameterError: a value out of range, with the request field as pointer.
    """

    projection: Projection = "perspective"
    fov_deg: float = 70.0
    """Horizontal field of view: 10 to 150 for perspective, 10 to 360 for panorama."""
    heading_deg: float | None = None
    """True heading of the centre column, clockwise from north; None: unknown."""
    heading_accuracy_deg: float | None = None
    """Half width of the headings to try around `heading_deg`; None: take it as exact."""
    pitch_deg: float = 0.0
    """Upward tilt of the optical axis."""
    roll_deg: float = 0.0
    """Clockwise turn of the camera about its axis, seen from behind it."""

    def __post_init__(self) -> None:
        top = 360.0 if self.projection == "panorama" else MAX_PERSPECTIVE_FOV_DEG
        _in_range("camera.fov_deg", self.fov_deg, MIN_FOV_DEG, top)
        if self.heading_deg is not None and not 0.0 <= self.heading_deg < 360.0:
            raise ParameterError("camera.heading_deg", f"{self.heading_deg:g} is not in [0, 360).")
        if self.heading_accuracy_deg is not None:
            _in_range("camera.heading_accuracy_deg", self.heading_accuracy_deg, 0.0, 180.0)
            if self.heading_deg is None:
                raise ParameterError("camera.heading_accuracy_deg", "was given without heading_deg.")
        _in_range("camera.pitch_deg", self.pitch_deg, -60.0, 60.0)
        _in_range("camera.roll_deg", self.roll_deg, -180.0, 180.0)


def _in_range(pointer: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ParameterError(pointer, f"{value:g} is not in [{low:g}, {high:g}].")


@dataclass(frozen=True, slots=True)
class GroundInput:
    """One photo ready for ground.onnx."""

    pixels: NDArray[np.float32]
    """(3, height_px, columns seen * column width + 2 * margin), normalised."""
    seen: int
    """Description columns that the network will give."""
    firsts: NDArray[np.float64]
    """Columns of the tile that the photo's first column may look along, multiples of one half: a single whole one when
    the heading is known."""
    left_deg: float
    """Azimuth of the first column's left edge from the photo's centre, so that placing the photo at column f means
    that its centre heads f * 360 / W - left_deg."""
