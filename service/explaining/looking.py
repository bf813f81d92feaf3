"""A transformer's attention, laid over the photo as it was uploaded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.bundle import AnyGroundView, GroundView, StretchedView
from models.camera import Camera
from models.geo import Floats
from service.explaining.attention import TILE_SIDE, photo_shape
from service.explaining.directions import directions, middles

Float32s = NDArray[np.float32]


def over_photo(
    found: Float32s, camera: Camera, view: AnyGroundView, size_px: tuple[int, int], left_deg: float
) -> Floats:
    """Lay the map of a network's input over the upright photo; what did not come into it is 0.

    Args:
        found: (h, w) over the patches of the input, row by row.
        camera: how the photo was taken.
        view: how it became the input.
        size_px: width and height of the photo.
        left_deg: as in `models.camera.GroundInput`.
    """
    if isinstance(view, GroundView):
        return _over_canvas(found, camera, view, size_px, left_deg)
    return _over_stretched(found, camera, view, size_px)


def _over_canvas(
    found: Float32s, camera: Camera, view: GroundView, size_px: tuple[int, int], left_deg: float
) -> Floats:
    """Go by directions, as `models.canvas` does."""
    azimuth, elevation = directions(photo_shape(size_px), camera, size_px)
    column = (azimuth - left_deg) % 360.0 * view.width_px / 360.0 + view.margin_px
    width_px = view.width_px + 2 * view.margin_px
    return sampled(found, column / width_px, 0.5 - elevation / view.vertical_fov_deg, (view.height_px, width_px))


def _over_stretched(found: Float32s, camera: Camera, view: StretchedView, size_px: tuple[int, int]) -> Floats:
    """Undo `models.stretched.stretched_input` for the middles of a grid's cells."""
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


def over_tile(found: Float32s, size_px: int) -> Floats:
    """Lay the map (h, w) of a tile's input, `size_px` a side, over the tile."""
    return sampled(found, *middles((TILE_SIDE, TILE_SIDE)), (size_px, size_px))


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
