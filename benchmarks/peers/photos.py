"""Photos that differ, made by code, of the size in bytes that a phone's have: hills of noise with edges in them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

OCTAVES, SHAPES, QUALITY = 7, 60, 88
ROUGHNESS = 0.75
"""Amplitude of each octave against the next coarser one; chosen for about 0.25 bytes a pixel."""


def make_photo(width_px: int, height_px: int, seed: int) -> bytes:
    """Give a JPEG of noise that falls off with frequency, as photos do, under some dozens of polygons."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height_px, width_px, 3), np.float32)
    for octave in range(OCTAVES):
        rows, columns = max(2, height_px >> octave), max(2, width_px >> octave)
        grid = rng.integers(0, 256, (rows, columns, 3), dtype=np.uint8)
        grown = Image.fromarray(grid).resize((width_px, height_px), Image.Resampling.BICUBIC)
        total += (np.asarray(grown, dtype=np.float32) - 127.5) * ROUGHNESS ** (OCTAVES - 1 - octave)
    picture = Image.fromarray(np.clip(total * (1 - ROUGHNESS) * 1.6 + 120, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture, "RGBA")
    for _ in range(SHAPES):
        corner, reach = rng.random(2) * (width_px, height_px), rng.random() * width_px / 6
        points = corner + rng.normal(0, reach, (4, 2))
        draw.polygon([(float(x), float(y)) for x, y in points], fill=(*rng.integers(0, 256, 3).tolist(), 150))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()
