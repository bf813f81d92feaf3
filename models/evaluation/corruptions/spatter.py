"""Drops on the lens: clear water up to severity 3, mud above."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from models.evaluation.corruptions.kernels import Floats, as_floats, scale_of, soften

WATER = np.array([175, 238, 238], dtype=np.float32) / 255
MUD = np.array([63, 42, 20], dtype=np.float32) / 255
WATER_OPACITY = 0.4
WATER_SHINE, MUD_SHINE = 0.9, 0.25
LENS_PX = 9.0
LARGEST_PX = 14.0
RIM = (0.35, 0.55)
"""Thickness at which a drop begins to show and at which it is whole."""


class Splash(NamedTuple):
    """How much of the lens is covered, by drops of lognormal radius: median and spread of the logarithm.

    ImageNet-C thresholds blurred noise; drops that are drawn look like drops. Its change from water to mud is kept.
    """

    covered: float
    radius_px: float
    spread: float
    muddy: bool = False


SPLASHES = (
    Splash(0.05, 3.5, 0.55),
    Splash(0.13, 3.5, 0.55),
    Splash(0.24, 3.5, 0.55),
    Splash(0.2, 1.6, 0.75, muddy=True),
    Splash(0.35, 1.6, 0.8, muddy=True),
)


def spatter(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Let drops of water or mud fall on the lens."""
    splash, scale = SPLASHES[severity - 1], scale_of(pixels.shape)
    thickness = _drops(pixels.shape, splash, rng)
    mask = np.clip((thickness - RIM[0]) / (RIM[1] - RIM[0]), 0, 1)[..., None]
    slope_y, slope_x = (np.gradient(thickness, axis=axis) * np.float32(scale) for axis in (0, 1))
    shine = -(slope_y + slope_x)[..., None]  # a drop turns the view over: its bright side is away from the sky
    if splash.muddy:
        drops = MUD + MUD_SHINE * shine
    else:
        seen = _through(pixels, slope_y, slope_x)
        drops = seen + WATER_OPACITY * (WATER - seen) + WATER_SHINE * shine
    spattered: Floats = pixels + mask * (drops - pixels)
    return spattered


def _drops(shape: tuple[int, ...], splash: Splash, rng: np.random.Generator) -> Floats:
    """Draw drops until about the share is covered: (H, W), 0 clear to 1, soft at the rims; they wrap sideways."""
    (height, width), scale = shape[:2], scale_of(shape)
    area = -np.log(1 - splash.covered) * height * width
    mean_area = np.pi * (splash.radius_px * scale) ** 2 * np.exp(2 * splash.spread**2)
    sizes, places = rng.spawn(2)  # two streams, so that more drops of one seed begin with the same drops
    radius = sizes.lognormal(0, splash.spread, 8 + int(4 * area / mean_area)) * splash.radius_px
    radius = np.minimum(radius, LARGEST_PX) * scale
    radius = radius[: 1 + int(np.searchsorted(np.cumsum(np.pi * radius**2), area))]
    y, x = (places.random((len(radius), 2)) * (height, width)).T
    layer = Image.new("L", (width, height))
    draw = ImageDraw.Draw(layer)
    for cy, cx, r in zip(y.tolist(), x.tolist(), radius.tolist(), strict=True):
        for turn in (-width, 0, width):
            if -r < cx + turn < width + r:
                draw.ellipse((cx + turn - r, cy - r, cx + turn + r, cy + r), fill=255)
    return as_floats(soften(np.asarray(layer), min(1.2, splash.radius_px / 2) * scale))


def _through(pixels: Floats, slope_y: Floats, slope_x: Floats) -> Floats:
    """Bend the view through the slopes of the drops."""
    height, width = pixels.shape[:2]
    bend = LENS_PX * scale_of(pixels.shape)
    row = np.arange(height)[:, None] + np.rint(slope_y * bend).astype(np.int64)
    column = np.arange(width)[None] + np.rint(slope_x * bend).astype(np.int64)
    bent: Floats = pixels[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    return bent
