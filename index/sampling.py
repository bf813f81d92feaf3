"""Cutting a square of ground out of imagery that lies at any angle and scale, antialiased."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

OPAQUE = 128
SHARP_ENOUGH = 1.25
MOST_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of imagery in memory, perhaps scaled down, and where it lies in the pixel grid of the whole."""

    image: Image.Image
    """Mode RGBa (colours premultiplied by alpha); transparent where there is no imagery."""
    left: float = 0.0
    top: float = 0.0
    """Column and row of the whole at its upper left corner; pixel edges are whole numbers."""
    across: float = 1.0
    down: float = 1.0
    """Pixels of the whole in one pixel of the patch."""


@dataclass(frozen=True, slots=True)
class Placement:
    """How the ground around a centre lies in the pixel grid; affine, which is exact to millimetres over a tile."""

    column: float
    row: float
    """The centre."""
    column_east: float
    row_east: float
    """Pixels moved for a metre east."""
    column_north: float
    row_north: float
    """Pixels moved for a metre north."""

    @property
    def ground_resolution_m(self) -> float:
        """Metres per pixel: the side of a square as large as the pixel on the ground."""
        return 1.0 / math.sqrt(abs(self.column_east * self.row_north - self.column_north * self.row_east))


def make_patch(rgb: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Image.Image:
    """Join (H, W, 3) colours and (H, W) validity into an image for a Patch."""
    rgba = np.dstack([np.where(valid[..., None], rgb, 0), np.where(valid, 255, 0)]).astype(np.uint8)
    return Image.frombuffer("RGBa", (rgb.shape[1], rgb.shape[0]), rgba.tobytes(), "raw", "RGBa", 0, 1)


def cut_square(patch: Patch, place: Placement, side_m: float, size_px: int) -> tuple[NDArray[np.uint8], float]:
    """Sample a true-north-up square around a centre.

    Where the patch is finer than the output, several bilinear samples are averaged into a pixel. Pixels without
    imagery get the mean colour of those that have it.

    Returns:
        ((S, S, 3) uint8 RGB, share of the pixels that have imagery).
    """
    metre = side_m / size_px
    finer = max(
        math.hypot(place.column_east, place.column_north) * metre / patch.across,
        math.hypot(place.row_east, place.row_north) * metre / patch.down,
    )
    samples = min(MOST_SAMPLES, max(1, math.ceil(finer / SHARP_ENOUGH)))
    step, half = metre / samples, side_m / 2
    inverse = (
        place.column_east * step / patch.across,
        -place.column_north * step / patch.across,
        (place.column - place.column_east * half + place.column_north * half - patch.left) / patch.across,
        place.row_east * step / patch.down,
        -place.row_north * step / patch.down,
        (place.row - place.row_east * half + place.row_north * half - patch.top) / patch.down,
    )
    size = (size_px * samples, size_px * samples)
    cut = patch.image.transform(size, Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR)
    if samples > 1:
        cut = cut.reduce(samples)
    return _fill(cut.convert("RGBA"))


def _fill(cut: Image.Image) -> tuple[NDArray[np.uint8], float]:
    if cut.getextrema()[3][0] >= OPAQUE:  # type: ignore[index]  # one pair a band
        return np.array(cut.convert("RGB")), 1.0
    rgba = np.asarray(cut)
    seen = rgba[..., 3] >= OPAQUE
    pixels = np.ascontiguousarray(rgba[..., :3])
    share = float(seen.mean())
    if 0.0 < share < 1.0:
        pixels[~seen] = np.rint(pixels[seen].mean(axis=0)).astype(np.uint8)
    return pixels, share
