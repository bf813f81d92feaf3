"""Upright pixels into the tensors that a bundle's networks take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.bundle import AerialView, AnyGroundView, Embedding, StretchedView
from models.camera import Camera, GroundInput
from models.canvas import canvas_input
from models.normalisation import normalise
from models.resize import stretch
from models.stretched import stretched_input


def ground_input(pixels: NDArray[np.uint8], camera: Camera, view: AnyGroundView, embedding: Embedding) -> GroundInput:
    """Make a photo ready for ground.onnx in the way its bundle asks for.

    Args:
        pixels: (H, W, 3) uint8 RGB, upright.
        camera: projection, field of view and, if known, heading and tilt.
        view: input of the bundle's ground network.
        embedding: layout of its descriptions.

    Raises:
        ParameterError: a stretched view takes one field of view only, and this photo has another.
    """
    if isinstance(view, StretchedView):
        return stretched_input(pixels, camera, view)
    return canvas_input(pixels, camera, view, embedding)


def aerial_input(pixels: NDArray[np.uint8], view: AerialView) -> NDArray[np.float32]:
    """Scale a north-up tile of the bundle's footprint to its input and normalise it.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Returns:
        (3, size_px, size_px) float32.
    """
    return normalise(stretch(pixels, view.size_px, view.size_px, view.resampling), view.mean, view.std)


def crop_to_footprint(
    pixels: NDArray[np.uint8], ground_resolution_m: float | None, footprint_m: float
) -> NDArray[np.uint8]:
    """Cut the central square of a ground length out of a north-up aerial image.

    Args:
        pixels: (H, W, 3) uint8.
        ground_resolution_m: metres per pixel; None takes the largest central square, whatever its length.
        footprint_m: side of the square on the ground.

    Returns:
        (S, S, 3) uint8; where the image is smaller than the footprint, its scale is kept and the rest takes
        its mean colour, as in an index.
    """
    height, width = pixels.shape[:2]
    side = min(height, width) if ground_resolution_m is None else max(1, round(footprint_m / ground_resolution_m))
    top, left = (height - side) // 2, (width - side) // 2
    inside = pixels[max(top, 0) : top + side, max(left, 0) : left + side]
    if inside.shape[:2] == (side, side):
        return inside
    square = np.empty((side, side, 3), dtype=np.uint8)
    square[:] = np.rint(inside.mean(axis=(0, 1)))
    row, column = max(-top, 0), max(-left, 0)
    square[row : row + inside.shape[0], column : column + inside.shape[1]] = inside
    return square
