"""Cutting a square of ground out of imagery that lies at any angle and scale, antialiased."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageStat

OPAQUE = 128
SEEN = [255 * (level >= OPAQUE) for level in range(256)]
"""By alpha: whether a pixel has imagery."""
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
    return cut_row(patch, place, [0], side_m, size_px)[0]


def cut_row(
    patch: Patch, place: Placement, offsets_px: Sequence[int], side_m: float, size_px: int
) -> list[tuple[NDArray[np.uint8], float]]:
    """Sample squares whose centres lie whole pixels of the output east of a place, as `cut_square` does."""
    return [fill(square) for square in sample_row(patch, place, offsets_px, side_m, size_px)]


def sample_row(
    patch: Patch, place: Placement, offsets_px: Sequence[int], side_m: float, size_px: int
) -> list[Image.Image]:
    """Sample the squares of `cut_row` as RGBa, transparent where there is no imagery.

    What neighbours have in common is sampled once.
    """
    metre = side_m / size_px
    finer = max(
        math.hypot(place.column_east, place.column_north) * metre / patch.across,
        math.hypot(place.row_east, place.row_north) * metre / patch.down,
    )
    samples = min(MOST_SAMPLES, max(1, math.ceil(finer / SHARP_ENOUGH)))
    step, half, first = metre / samples, side_m / 2, min(offsets_px)
    west = half - first * metre
    inverse = (
        place.column_east * step / patch.across,
        -place.column_north * step / patch.across,
        (place.column - place.column_east * west + place.column_north * half - patch.left) / patch.across,
        place.row_east * step / patch.down,
        -place.row_north * step / patch.down,
        (place.row - place.row_east * west + place.row_north * half - patch.top) / patch.down,
    )
    size = ((size_px + max(offsets_px) - first) * samples, size_px * samples)
    row = patch.image.transform(size, Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR)
    if samples > 1:
        row = row.reduce(samples)
    return [row.crop((left - first, 0, left - first + size_px, size_px)) for left in offsets_px]


def lay_over(top: Image.Image, bottom: Image.Image) -> Image.Image:
    """Put one RGBa image over another: the lower one shows where the upper one is transparent."""
    showing = Image.new("RGBa", bottom.size)
    showing.paste(bottom, mask=ImageChops.invert(top.getchannel("a")))
    return ImageChops.add(top, showing)


def seen_part(square: Image.Image) -> NDArray[np.bool_] | None:
    """Give (S, S) where an RGBa square has imagery; None: everywhere."""
    seen = np.asarray(square.getchannel("a")) >= OPAQUE
    return None if seen.all() else seen


def fill(square: Image.Image) -> tuple[NDArray[np.uint8], float]:
    """Give an RGBa square as `cut_square` does."""
    cut = square.convert("RGBA")
    seen, colours = cut.getchannel("A").point(SEEN), cut.convert("RGB")
    count = seen.histogram()[255]
    if 0 < count < cut.width * cut.height:
        mean = np.array(ImageStat.Stat(colours, seen).sum) / count
        filled = Image.new("RGB", cut.size, tuple(np.rint(mean).astype(int).tolist()))
        filled.paste(colours, mask=seen)
        colours = filled
    return np.array(colours), count / (cut.width * cut.height)
