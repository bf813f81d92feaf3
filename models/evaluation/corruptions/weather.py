"""Weather between the camera and the street: snow, fog and glaring light."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from models.evaluation.corruptions.fields import fractal
from models.evaluation.corruptions.kernels import Floats, convolve, scale_of, streak

FOG_DENSITY_DECAY = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (3.0, 1.5), (3.7, 1.4))
"""ImageNet-C has densities 2.5 and 3 at severities 4 and 5; with more the PSNR falls from 3 to 4 as well."""
FOG_GREY, FOG_PATCHES = 0.72, 0.12
BRIGHTER = (0.1, 0.2, 0.3, 0.4, 0.5)
GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)


class Snowfall(NamedTuple):
    """Normal noise of this mean and spread; what exceeds `least` is a flake of `flake_px`, drawn out by the wind."""

    mean: float
    spread: float
    flake_px: float
    least: float
    streak_px: float
    fade_px: float
    colour_kept: float


SNOW = (
    Snowfall(0.1, 0.3, 3.0, 0.5, 10, 4, 0.8),
    Snowfall(0.15, 0.3, 2.0, 0.5, 12, 4, 0.7),  # ImageNet-C: mean 0.2, which is as strong as severity 3
    Snowfall(0.55, 0.3, 4.0, 0.9, 12, 8, 0.7),
    Snowfall(0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    Snowfall(0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)


def snow(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Whiten the scene and let flakes fall through it, some with the wind and some against it."""
    fall = SNOW[severity - 1]
    whiter = np.maximum(pixels, (pixels @ GREY * 1.5 + 0.5)[..., None])
    scene = fall.colour_kept * pixels + (1 - fall.colour_kept) * whiter
    flakes = _flakes(pixels.shape, fall, rng)
    snowed: Floats = scene + (flakes + flakes[::-1, ::-1])[..., None]
    return snowed


def _flakes(shape: tuple[int, ...], fall: Snowfall, rng: np.random.Generator) -> Floats:
    """Draw a layer of falling flakes: (H, W), 0 is clear."""
    (height, width), scale = shape[:2], scale_of(shape)
    angle = float(rng.uniform(-135, -45))
    cell = max(fall.flake_px * scale, 1.0)
    grid = int(np.ceil(height / cell)), int(np.ceil(width / cell))
    noise = (fall.mean + fall.spread * rng.standard_normal(grid)).astype(np.float32)
    layer = np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BILINEAR))
    layer = np.where(layer < fall.least, 0, np.clip(layer, 0, 1)).astype(np.float32)
    return np.clip(convolve(layer, streak(2 * fall.streak_px * scale, fall.fade_px * scale, angle)), 0, 1)


def fog(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Lay patchy fog over the picture; the more there is, the less contrast is left."""
    density, decay = FOG_DENSITY_DECAY[severity - 1]
    height, width = pixels.shape[:2]
    veil = np.clip(FOG_GREY + FOG_PATCHES * fractal((height, width), decay, rng), 0, 1)
    foggy: Floats = (pixels + np.float32(density) * veil[..., None]) / np.float32(1 + density)
    return foggy


def brightness(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:  # noqa: ARG001
    """Raise the value of HSV, keeping hue and saturation: a black pixel turns grey."""
    value = pixels.max(2, keepdims=True)
    brighter = np.minimum(value + np.float32(BRIGHTER[severity - 1]), 1)
    raised: Floats = np.where(value > 0, pixels * (brighter / np.maximum(value, 1 / 512)), brighter)
    return raised
