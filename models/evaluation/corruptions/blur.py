"""Blurs of the lens, of what is in front of it, and of the movement of the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.evaluation.corruptions.kernels import Floats, as_bytes, as_floats, convolve, disc, scale_of, soften, streak

DEFOCUS_RADIUS_SOFTEN_PX = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))
GLASS_SIGMA_REACH_PX_PASSES = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
MOTION_RADIUS_SIGMA_PX = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
MOTION_ANGLE_DEG = 45.0
ZOOM = (1.10, 1.15, 1.20, 1.24, 1.30)
ZOOM_HALVINGS = 6


def defocus_blur(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:  # noqa: ARG001
    """Put the lens out of focus: every point becomes a disc."""
    radius, softened = DEFOCUS_RADIUS_SOFTEN_PX[severity - 1]
    scale = scale_of(pixels.shape)
    return convolve(pixels, disc(radius * scale, softened * scale))


def glass_blur(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Look through frosted glass: neighbouring patches of the picture trade places between two blurs.

    One gather by the sum of the displacements of all passes stands for the passes of swaps.
    """
    sigma, reach, passes = GLASS_SIGMA_REACH_PX_PASSES[severity - 1]
    scale = scale_of(pixels.shape)
    blurred = soften(as_bytes(pixels), sigma * scale)
    height, width = pixels.shape[:2]
    bound = (reach + 0.5) * scale
    y, x = (_grain(rng.uniform(-bound, bound, (passes, height, width)).sum(0), scale) for _ in range(2))
    row = np.clip(np.arange(height)[:, None] + y, 0, height - 1)
    column = np.clip(np.arange(width)[None] + x, 0, width - 1)
    return as_floats(soften(blurred[row, column], sigma * scale))


def _grain(field: NDArray[np.float64], scale: float) -> NDArray[np.int64]:
    """Round to whole pixels; on a large picture, stretch the part that fits so that its grain is `scale` pixels."""
    height, width = field.shape
    rows = (np.arange(height) / max(scale, 1)).astype(np.int64)
    columns = (np.arange(width) / max(scale, 1)).astype(np.int64)
    return np.rint(field[rows[:, None], columns]).astype(np.int64)


def motion_blur(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Move the camera while the shutter is open, in a direction within 45 degrees of the horizontal."""
    radius, sigma = MOTION_RADIUS_SIGMA_PX[severity - 1]
    scale = scale_of(pixels.shape)
    angle = float(rng.uniform(-MOTION_ANGLE_DEG, MOTION_ANGLE_DEG))
    return convolve(pixels, streak(2 * radius * scale, sigma * scale, angle))


def zoom_blur(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:  # noqa: ARG001
    """Move towards the centre of the picture while the shutter is open.

    The mean over 64 magnifications from 1 to the full one: each round averages the picture with itself magnified,
    by 1/2, 1/4, ... of the way.
    """
    height, width = pixels.shape[:2]
    picture = Image.fromarray(as_bytes(pixels))
    for halving in range(1, ZOOM_HALVINGS + 1):
        keep = ZOOM[severity - 1] ** (-(0.5**halving))
        left, top = width * (1 - keep) / 2, height * (1 - keep) / 2
        nearer = picture.resize((width, height), Image.Resampling.BILINEAR, (left, top, width - left, height - top))
        picture = Image.blend(picture, nearer, 0.5)
    return as_floats(np.asarray(picture))
