"""Photos as published networks take them: a whole panorama, or the middle of one, stretched to a fixed size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.bundle import StretchedView
from models.camera import Camera, GroundInput
from models.errors import ParameterError
from models.normalisation import normalise
from models.resize import stretch

Pixels = NDArray[np.uint8]
FOV_TOLERANCE = 0.1
"""A photo may see this much more or less than the network's field of view, as a share of it."""


def stretched_input(pixels: Pixels, camera: Camera, view: StretchedView) -> GroundInput:
    """Cut, turn and stretch a photo.

    A panorama that sees more than the network takes gives its middle. With a known heading a full panorama is turned
    until north stands in its middle, as in the data sets of the published networks.

    Raises:
        ParameterError: the photo's field of view is not the network's.
    """
    pixels, fov_deg = _cut_to_fov(pixels, camera, view)
    if abs(fov_deg - view.fov_deg) > FOV_TOLERANCE * view.fov_deg:
        raise ParameterError(
            "camera.fov_deg",
            f"this model takes photos of {view.fov_deg:g} degrees and the photo has {fov_deg:g}. "
            "Send such a photo or a wider panorama, or serve a model for any field of view.",
        )
    if fov_deg >= 360.0 and camera.heading_deg is not None:
        pixels = np.roll(pixels, round(camera.heading_deg / 360.0 * pixels.shape[1]), axis=1)
    resized = stretch(middle_rows(pixels, view), view.height_px, view.width_px, view.resampling)
    return GroundInput(normalise(resized, view.mean, view.std), 1, np.array([0.0]), 0.0)


def full_panorama(pixels: Pixels, view: StretchedView) -> NDArray[np.float32]:
    """Stretch a panorama to the width from which the data sets' protocols cut: (3, height_px, panorama_width_px)."""
    height, width = pixels.shape[:2]
    rows = pixels[_middle(height, round(view.panorama_aspect * width))]
    return normalise(stretch(rows, view.height_px, view.panorama_width_px, view.resampling), view.mean, view.std)


def middle_rows(pixels: Pixels, view: StretchedView) -> Pixels:
    """Cut a photo that is taller than those of the training set to its middle rows."""
    height, width = pixels.shape[:2]
    return pixels[_middle(height, round(view.panorama_aspect * width * 360.0 / view.fov_deg))]


def _middle(length: int, wanted: int) -> slice:
    start = max(0, (length - wanted) // 2)
    return slice(start, start + min(length, max(1, wanted)))


def _cut_to_fov(pixels: Pixels, camera: Camera, view: StretchedView) -> tuple[Pixels, float]:
    if camera.projection != "panorama" or camera.fov_deg <= view.fov_deg:
        return pixels, camera.fov_deg
    width = pixels.shape[1]
    return pixels[:, _middle(width, round(view.fov_deg / camera.fov_deg * width))], view.fov_deg
