"""What cameras, weather and compression do to a picture, drawn at random: the same scene, never the same colours.

Drawn apart for both views and strongly, so that no colour and no sharpness can be relied on.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def change_colours(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw gamma, white balance, contrast, saturation, a mixing of channels, noise, blur and compression.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        rng: decides which of them happen, and how strongly.

    Returns:
        (H, W, 3) uint8.
    """
    x: Floats = pixels.astype(np.float32) / np.float32(255)
    if rng.random() < 0.7:
        x = _tone(x, rng)
    if rng.random() < 0.2:
        x = x + rng.normal(0, rng.uniform(0.01, 0.04), x.shape).astype(np.float32)
    picture = Image.fromarray((np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8))
    if rng.random() < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.2))))
    if rng.random() < 0.4:
        picture = _compress(picture, int(rng.integers(30, 95)))
    return np.asarray(picture)


def _tone(x: Floats, rng: np.random.Generator) -> Floats:
    x = np.clip(x, 1e-4, 1) ** float(np.exp(rng.normal(0, 0.18)))
    x = x * (np.exp(rng.normal(0, 0.08, 3)) * np.exp(rng.normal(0, 0.1))).astype(np.float32)
    mean = x.mean((0, 1), keepdims=True)
    x = mean + (x - mean) * float(np.exp(rng.normal(0, 0.15)))
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * (float(rng.uniform(0.3, 1.4)) if rng.random() < 0.9 else 0.0)
    if rng.random() < 0.2:
        x = x @ (np.eye(3) + rng.normal(0, 0.06, (3, 3))).T.astype(np.float32)
    return x.astype(np.float32)


def _compress(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def degrade_tile(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Take resolution from half of the tiles, down to 45 %, and change the colours of all."""
    size = pixels.shape[0]
    if rng.random() < 0.5:
        coarse = round(rng.uniform(0.45, 1) * size)
        picture = Image.fromarray(pixels).resize((coarse, coarse), Image.Resampling.BOX)
        pixels = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    return change_colours(pixels, rng)
