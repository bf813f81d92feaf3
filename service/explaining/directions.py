"""Where each part of an upright photo looks: the way back from pixels to the canvas that a network saw."""

from __future__ import annotations

import math

import numpy as np

from models.camera import Camera
from models.geo import Floats


def middles(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Give the middles of the cells of a grid (h, w), as shares of the picture: x right (w,), y down (h, 1)."""
    down, right = shape
    return (np.arange(right) + 0.5) / right, ((np.arange(down) + 0.5) / down)[:, None]


def directions(shape: tuple[int, int], camera: Camera, size_px: tuple[int, int]) -> tuple[Floats, Floats]:
    """Say where the middles of a grid's cells look.

    Args:
        shape: (h, w) of a grid over the upright photo, edge to edge.
        camera: how the photo was taken; its heading does not matter.
        size_px: width and height of the photo.

    Returns:
        Azimuth from the photo's centre, clockwise, and elevation, both (h, w) degrees: the inverse of what
        `models.canvas` does with a canvas' columns and rows.
    """
    x, y = middles(shape)
    width, height = (max(1, side) for side in size_px)
    if camera.projection == "panorama":
        azimuth = np.broadcast_to((x - 0.5) * camera.fov_deg, shape)
        return azimuth, np.broadcast_to((0.5 - y) * camera.fov_deg * height / width, shape)
    focal = 0.5 / math.tan(math.radians(camera.fov_deg) / 2)  # in widths of the photo
    right, up = np.broadcast_arrays((x - 0.5) / focal, (0.5 - y) * height / width / focal)
    pitch, roll = math.radians(camera.pitch_deg), math.radians(camera.roll_deg)
    right, up = right * math.cos(roll) + up * math.sin(roll), up * math.cos(roll) - right * math.sin(roll)
    up, ahead = up * math.cos(pitch) + math.sin(pitch), math.cos(pitch) - up * math.sin(pitch)
    return np.degrees(np.arctan2(right, ahead)), np.degrees(np.arctan2(up, np.hypot(right, ahead)))
