"""A transformer's attention, laid over the photo as it was uploaded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.bundle import StretchedView
from models.camera import Camera
from models.geo import Floats
from service.explaining.attention import Attention, photo_shape
from service.explaining.directions import middles

Float32s = NDArray[np.float32]


def attention(found: Float32s, camera: Camera, view: StretchedView, size_px: tuple[int, int]) -> Attention:
    """Lay the map of a network's input over the upright photo.

    Args:
        found: (h, w) over the patches of the input, row by row.
        camera: how the photo was taken.
        view: how it was stretched.
        size_px: width and height of the photo.
    """
    return Attention("attention", over_photo(found, camera, view, size_px))


def over_photo(found: Float32s, camera: Camera, view: StretchedView, size_px: tuple[int, int]) -> Floats:
    """Undo `models.stretched.stretched_input` for the middles of a grid's cells: what was cut off is 0."""
    x, y = middles(photo_shape(size_px))
    width, height = (max(1, side) for side in size_px)
    if camera.projection == "panorama" and camera.fov_deg > view.fov_deg:
        kept = view.fov_deg / camera.fov_deg
        x, width = (x - 0.5) / kept + 0.5, round(width * kept)
    elif camera.fov_deg >= 360.0 and camera.heading_deg is not None:
        x = (x + camera.heading_deg / 360.0) % 1.0
    rows = min(1.0, round(view.panorama_aspect * width * 360.0 / view.fov_deg) / height)
    y = (y - 0.5) / rows + 0.5
    return sampled(found, x, y, (view.height_px, view.width_px))


def sampled(found: Float32s, x: Floats, y: Floats, input_px: tuple[int, int]) -> Floats:
    """Take the patches at shares of a network's input; 0 outside, and past the last whole patch.

    Args:
        found: (h, w) over square patches.
        x, y: shares of the input's width and height, broadcast against each other.
        input_px: its height and width.
    """
    down, right = found.shape
    patch = min(input_px[0] // down, input_px[1] // right)
    row, column = np.floor(y * input_px[0] / patch), np.floor(x * input_px[1] / patch)
    inside = (row >= 0) & (row < down) & (column >= 0) & (column < right)
    row, column = np.clip(row, 0, down - 1), np.clip(column, 0, right - 1)
    patches: Floats = found.astype(np.float64)[row.astype(np.int64), column.astype(np.int64)]
    return np.where(inside, patches, 0.0)
