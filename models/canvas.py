"""The canvas that any photo is projected onto.

Columns are azimuths, rows elevations, both linear; a full panorama is `width_px` wide and spans 360 degrees, its left
edge looks north once the heading is known, the horizon lies in the middle of its height. A photo is projected by its
field of view; only the description columns that it saw are cut out and encoded.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.bundle import Embedding, GroundView
from models.camera import Camera, GroundInput
from models.columns import first_columns_near

Floats = NDArray[np.float64]


def canvas_input(pixels: NDArray[np.uint8], camera: Camera, view: GroundView, embedding: Embedding) -> GroundInput:
    """Project a photo onto the canvas and cut out the columns that it saw.

    Args:
        pixels: (H, W, 3) uint8 RGB, upright.
        camera: projection, field of view and, if known, heading and tilt.
        view: input of the bundle's ground network.
        embedding: layout of its descriptions.
    """
    total = embedding.columns
    column_deg = 360.0 / total
    seen = min(total, max(1, round(camera.fov_deg / column_deg))) if view.any_width else total
    whole = seen == total
    span_deg = seen * column_deg
    if camera.heading_deg is None:
        left_deg, firsts = -span_deg / 2, embedding.turns
    else:
        first = 0 if whole else round((camera.heading_deg - span_deg / 2) / column_deg) % total
        left_deg = first * column_deg - camera.heading_deg
        firsts = _possible_firsts(first, camera, seen, embedding)
    per_deg = view.width_px / 360.0
    width = round(span_deg * per_deg)
    canvas_column = np.arange(-view.margin_px, width + view.margin_px, dtype=np.float64)
    azimuth = left_deg + (canvas_column + 0.5) / per_deg
    if not whole:
        edge = 0.5 / per_deg
        centred = (azimuth + 180.0) % 360.0 - 180.0
        inside = max(camera.fov_deg / 2 - edge, edge)
        azimuth = np.clip(centred, -inside, inside)
    return GroundInput(_project(pixels, camera, azimuth, view), seen, firsts, left_deg)


def _possible_firsts(first: int, camera: Camera, seen: int, embedding: Embedding) -> Floats:
    total = embedding.columns
    half_column = 180.0 / total
    if camera.heading_accuracy_deg is None or camera.heading_accuracy_deg <= half_column or total == 1:
        return np.array([float(first)])
    centre = (first + seen / 2) * 360.0 / total % 360.0
    return first_columns_near(centre, camera.heading_accuracy_deg, seen, total, embedding.turns_per_column)


def _project(pixels: NDArray[np.uint8], camera: Camera, azimuth: Floats, view: GroundView) -> NDArray[np.float32]:
    """Sample the photo at azimuths (degrees from its centre) and the canvas' elevations; unseen pixels become 0."""
    source = _reduce(pixels, camera, view)
    height, width = source.shape[:2]
    elevation = (0.5 - (np.arange(view.height_px) + 0.5) / view.height_px) * view.vertical_fov_deg
    if camera.projection == "panorama":
        per_deg = width / camera.fov_deg
        column = np.broadcast_to(azimuth * per_deg + width / 2, (elevation.size, azimuth.size))
        row = np.broadcast_to((height / 2 - elevation * per_deg)[:, None], column.shape)
        wraps = camera.fov_deg >= 359.5
    else:
        column, row = _pinhole(azimuth, elevation, camera, width, height)
        wraps = False
    inside = (row >= 0) & (row <= height)
    if not wraps:
        inside &= (column >= 0) & (column <= width)
    normalised = (_bilinear(source, column - 0.5, row - 0.5, wraps) / 255.0 - view.mean) / view.std
    return np.where(inside[..., None], normalised, 0.0).astype(np.float32).transpose(2, 0, 1)


def _reduce(pixels: NDArray[np.uint8], camera: Camera, view: GroundView) -> NDArray[np.uint8]:
    """Shrink a photo, antialiased, to about the resolution of the canvas at its centre."""
    height, width = pixels.shape[:2]
    per_deg = view.width_px / 360.0
    if camera.projection == "panorama":
        wanted = camera.fov_deg * per_deg
    else:
        wanted = 2 * math.tan(math.radians(camera.fov_deg) / 2) * math.degrees(1) * per_deg
    scale = wanted / width
    if scale >= 1.0:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def _pinhole(azimuth: Floats, elevation: Floats, camera: Camera, width: int, height: int) -> tuple[Floats, Floats]:
    """Columns and rows (pixel edges at integers) at which a tilted pinhole camera sees the given directions."""
    a, e = np.radians(azimuth)[None, :], np.radians(elevation)[:, None]
    right, up, ahead = np.sin(a) * np.cos(e), np.broadcast_to(np.sin(e), (e.size, a.size)), np.cos(a) * np.cos(e)
    pitch, roll = math.radians(camera.pitch_deg), math.radians(camera.roll_deg)
    up, ahead = up * math.cos(pitch) - ahead * math.sin(pitch), up * math.sin(pitch) + ahead * math.cos(pitch)
    right, up = right * math.cos(roll) - up * math.sin(roll), right * math.sin(roll) + up * math.cos(roll)
    focal = width / 2 / math.tan(math.radians(camera.fov_deg) / 2)
    depth = np.where(ahead > 1e-6, ahead, np.nan)
    return (
        np.nan_to_num(focal * right / depth + width / 2, nan=-1e9),
        np.nan_to_num(height / 2 - focal * up / depth, nan=-1e9),
    )


def _bilinear(source: NDArray[np.uint8], x: Floats, y: Floats, wraps: bool) -> Floats:
    """Interpolate (H, W, 3) at pixel-centre coordinates; columns wrap around or repeat the edge, rows repeat."""
    height, width = source.shape[:2]
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]

    def column(index: Floats) -> NDArray[np.int64]:
        whole = np.clip(index, -1e9, 1e9).astype(np.int64)
        return whole % width if wraps else np.clip(whole, 0, width - 1)

    def row(index: Floats) -> NDArray[np.int64]:
        return np.clip(index, 0, height - 1).astype(np.int64)

    left, right, top, bottom = column(x0), column(x0 + 1), row(y0), row(y0 + 1)
    upper = source[top, left] * (1 - fx) + source[top, right] * fx
    lower = source[bottom, left] * (1 - fx) + source[bottom, right] * fx
    blended: Floats = upper * (1 - fy) + lower * fy
    return blended
