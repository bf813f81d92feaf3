"""Grids laid over pictures: bright where they say much, dark and grey where they say nothing."""

from __future__ import annotations

import numpy as np
from PIL import Image

from models.geo import Floats
from service.explaining.attention import shades

DARK, GREY, TINT = 0.58, 0.75, 0.22
"""What says nothing loses so much of its light and of its colour; what says most gets so much of the tint."""
WARM = (255, 176, 32)


def shaded(picture: Image.Image, share: Floats) -> Image.Image:
    """Shade an RGB picture by shares (height, width) from 0 to 1."""
    colour = np.asarray(picture.convert("RGB")).astype(np.float32)
    level = share.astype(np.float32)[..., None]
    plain = colour @ np.array([0.299, 0.587, 0.114], np.float32)
    washed = colour + (plain[..., None] - colour) * GREY * (1 - level)
    light = washed * (1 - DARK * (1 - level))
    warm = np.array(WARM, np.float32)
    toned = light + (warm - light) * TINT * level**2
    return Image.fromarray(np.round(np.clip(toned, 0, 255)).astype(np.uint8))


def tinted(picture: Image.Image, share: Floats) -> Image.Image:
    """Tint plain ground, that is light anyway, by shares (height, width) from 0 to 1."""
    mask = Image.fromarray(np.round(160 * share).astype(np.uint8))
    return Image.composite(Image.new("RGB", picture.size, WARM), picture.convert("RGB"), mask)


def stretched(grid: Floats, largest: float, size_px: tuple[int, int], *, smooth: bool) -> Floats:
    """Stretch a grid over a picture of (width, height); shares of the largest, 0 to 1."""
    way = Image.Resampling.BICUBIC if smooth else Image.Resampling.BILINEAR
    image = Image.fromarray(shades(grid, largest)).resize(size_px, way)
    return np.asarray(image).astype(np.float64) / 255


def looked_up(grid: Floats, x: Floats, y: Floats) -> Floats:
    """Interpolate a grid at shares of its picture's width and height; 0 outside the picture."""
    down, right = grid.shape
    inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
    column, row = np.clip(x * right - 0.5, 0, right - 1), np.clip(y * down - 0.5, 0, down - 1)
    left, top = np.minimum(column.astype(np.int64), right - 2), np.minimum(row.astype(np.int64), down - 2)
    across, below = column - left, row - top
    upper = grid[top, left] * (1 - across) + grid[top, left + 1] * across
    lower = grid[top + 1, left] * (1 - across) + grid[top + 1, left + 1] * across
    found: Floats = upper * (1 - below) + lower * below
    return np.where(inside, found, 0.0)
