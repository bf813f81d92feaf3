"""Frost on the glass in front of the camera, grown from a seed: feathers of ice over a thin uneven film."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.evaluation.corruptions.fields import fractal
from models.evaluation.corruptions.kernels import REFERENCE_SIDE_PX, Floats, convolve, gaussian, scale_of

PICTURE_ICE = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))
"""Weight of the picture and of the ice before it, those of ImageNet-C, which lays photographs of frost there."""
FEATHERS = (22, 30, 38, 46, 56)
"""Stems in a square of the reference side: the window freezes over with severity."""
TINT = np.array([0.86, 0.94, 1.0], dtype=np.float32)
STEM_PX, JOINTS = 75.0, 18
BARB_DEG, BARB_SHARE, TWIGS = 58.0, 0.4, 6
STEM_WEIGHT, BARB_WEIGHT, TWIG_WEIGHT = 1.6, 0.7, 0.4
LINE_PX = 0.5


class Needles(NamedTuple):
    """Straight pieces of ice, (N,) complex numbers x + iy in pixels: where each starts, and the way to its tip."""

    foot: NDArray[np.complex128]
    reach: NDArray[np.complex128]


def frost(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Look through a frozen window: the picture dims and ice shines in front of it."""
    kept, ice = PICTURE_ICE[severity - 1]
    height, width = pixels.shape[:2]
    window = _window((height, width), FEATHERS[severity - 1], rng)
    frozen: Floats = pixels * np.float32(kept) + np.float32(ice) * window[..., None] * TINT
    return frozen


def _window(shape: tuple[int, int], feathers: int, rng: np.random.Generator) -> Floats:
    """Draw a frozen window: (H, W), 0 clear to 1 white."""
    scale = scale_of(shape)
    film = np.clip(0.5 + 0.2 * fractal(shape, 1.45, rng), 0, 1)
    stems, joint = _stems(shape, feathers, rng)
    barbs = _sprout(stems, BARB_SHARE * STEM_PX * scale * (1.05 - joint) ** 0.8, rng)
    twigs = _sprout(_cut(barbs, TWIGS), np.full(len(barbs.foot) * TWIGS, STEM_PX / JOINTS * scale), rng)
    drawn = _draw(stems, STEM_WEIGHT, shape) + _draw(barbs, BARB_WEIGHT, shape) + _draw(twigs, TWIG_WEIGHT, shape)
    ice = 1 - np.exp(-np.float32(scale) * np.maximum(convolve(drawn, gaussian(LINE_PX * max(scale, 1.0))), 0))
    window: Floats = np.clip(0.4 * film + ice * (0.25 + 0.75 * film), 0, 1)
    return window


def _stems(shape: tuple[int, int], feathers: int, rng: np.random.Generator) -> tuple[Needles, NDArray[np.float64]]:
    """Grow bent stems as chains of needles; also how far along its stem each needle is, 0 to 1."""
    height, width = shape
    scale = scale_of(shape)
    count = max(4, round(feathers * height * width / (REFERENCE_SIDE_PX * scale) ** 2))
    joint = (np.arange(JOINTS) + 0.5) / JOINTS
    # A row of draws a stem: more stems of one seed begin with the same stems.
    turn, row, column, bend, size = np.split(rng.random((count, 5)), 5, axis=1)
    heading = 2 * np.pi * turn + 3.0 * (bend - 0.5) * joint
    reach = STEM_PX * scale / JOINTS * np.exp(1.6 * (size - 0.5)) * np.exp(1j * heading)
    root = column * width + 1j * row * height
    return Needles((root + np.cumsum(reach, 1) - reach).ravel(), reach.ravel()), np.tile(joint, count)


def _sprout(needles: Needles, length: NDArray[np.float64], rng: np.random.Generator) -> Needles:
    """Grow two needles of about this length from the foot of each, one to either side."""
    side = np.repeat([1.0, -1.0], len(length))
    angle = side * np.deg2rad(rng.normal(BARB_DEG, 5.0, len(side)))
    grown = np.tile(length, 2) * rng.uniform(0.35, 1.1, len(side))
    direction = np.tile(needles.reach / np.abs(needles.reach), 2) * np.exp(1j * angle)
    return Needles(np.tile(needles.foot, 2), direction * grown)


def _cut(needles: Needles, parts: int) -> Needles:
    """Cut every needle into pieces of one length; the pieces of a needle stay together."""
    step = np.repeat(needles.reach / parts, parts)
    return Needles(np.repeat(needles.foot, parts) + step * np.tile(np.arange(parts), len(needles.foot)), step)


def _draw(needles: Needles, weight: float, shape: tuple[int, int]) -> Floats:
    """Sum the length of needles in every pixel, times a weight: (H, W); they wrap around sideways."""
    points = np.ceil(np.abs(needles.reach)).astype(np.int64)
    first = np.repeat(np.cumsum(points) - points, points)
    share = (np.arange(len(first)) - first) / np.repeat(points, points)
    at = np.repeat(needles.foot, points) + np.repeat(needles.reach, points) * share
    row, column = np.rint(at.imag).astype(np.int64), np.rint(at.real).astype(np.int64) % shape[1]
    kept = (row >= 0) & (row < shape[0])
    length = np.repeat(np.abs(needles.reach) / points, points)
    cells = np.bincount((row * shape[1] + column)[kept], weight * length[kept], shape[0] * shape[1])
    return cells.reshape(shape).astype(np.float32)
