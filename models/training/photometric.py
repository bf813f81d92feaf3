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
LEVELS = np.arange(256, dtype=np.float32) / np.float32(255)
NOISE = np.log(0.01), np.log(0.12)
"""Standard deviation of the noise, drawn evenly in its logarithm; of a range of 1."""


def change_colours(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Draw gamma, white balance, contrast, saturation, a mixing of channels, uneven light, noise, blur, compression.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        rng: decides which of them happen, and how strongly.

    Returns:
        (H, W, 3) uint8.
    """
    x = _tone(pixels, rng) if rng.random() < 0.7 else LEVELS[pixels]
    if rng.random() < 0.3:
        size = x.shape[:2]
        x = x * np.exp(0.25 * smooth_field((*size, 1), rng) + 0.07 * smooth_field((*size, 3), rng))
    if rng.random() < 0.25:
        x = x + rng.normal(0, np.exp(rng.uniform(*NOISE)), x.shape).astype(np.float32)
    picture = Image.fromarray((np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8))
    if rng.random() < 0.2:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.2))))
    if rng.random() < 0.4:
        picture = _compress(picture, int(rng.integers(30, 95)))
    return np.asarray(picture)


def smooth_field(shape: tuple[int, int, int], rng: np.random.Generator, finest_px: float = 60.0) -> Floats:
    """Draw a random field (H, W, C) of mean about 0 and deviation about 1 that changes over `finest_px` or more.

    Its left edge goes on where its right edge ends, as a panorama's does.
    """
    height, width, channels = shape
    grain = finest_px * float(np.exp(rng.uniform(0, 1.2)))
    coarse = rng.normal(0, 1.5, (channels, 2 + int(height / grain), 2 + int(width / grain))).astype(np.float32)
    thrice = (Image.fromarray(np.tile(layer, (1, 3))) for layer in coarse)
    layers = [layer.resize((3 * width, height), Image.Resampling.BICUBIC) for layer in thrice]
    return np.stack([np.asarray(layer)[:, width : 2 * width] for layer in layers], axis=2)


def veil(picture: Floats, rng: np.random.Generator) -> Floats:
    """Lay haze, frost, drops or dirt over a picture (H, W, 3) of 0 to 255: blobs of one colour, let through in part."""
    grain = float(np.exp(rng.uniform(np.log(4), np.log(90))))
    thick = smooth_field((*picture.shape[:2], 1), rng, grain) + float(rng.uniform(-1.2, 0.8))
    amount = np.clip(thick, 0, 1) * np.float32(rng.uniform(0.3, 0.95))
    colour = np.float32(rng.uniform(60, 255)) + rng.normal(0, 12, 3).astype(np.float32)
    return np.asarray(picture * (1 - amount) + np.clip(colour, 0, 255) * amount, np.float32)


def _tone(pixels: Pixels, rng: np.random.Generator) -> Floats:
    """Gamma, white balance, exposure and contrast are a table a channel; saturation and mixing one matrix."""
    table = np.clip(LEVELS, 1e-4, 1)[:, None] ** np.exp(rng.normal(0, 0.18))
    table = table * np.exp(rng.normal(0, 0.08, 3)) * np.exp(rng.normal(0, 0.1))
    shares = np.stack([np.bincount(pixels[..., c].ravel(), minlength=256) for c in range(3)], axis=1)
    mean = (table * shares).sum(0) / shares.sum(0)
    table = mean + (table - mean) * np.exp(rng.normal(0, 0.15))
    saturation = float(rng.uniform(0.3, 1.4)) if rng.random() < 0.9 else 0.0
    mixed = saturation * np.eye(3) + (1 - saturation) / 3
    if rng.random() < 0.2:
        mixed = mixed @ (np.eye(3) + rng.normal(0, 0.06, (3, 3))).T
    x = np.empty(pixels.shape, np.float32)
    for c in range(3):
        x[..., c] = table[:, c].astype(np.float32)[pixels[..., c]]
    return x @ mixed.astype(np.float32)


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
