"""What a camera and its software do: contrast, resolution, compression."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from models.evaluation.corruptions.kernels import Floats, as_bytes, as_floats, scale_of

CONTRAST_KEPT = (0.4, 0.3, 0.2, 0.1, 0.05)
PIXELATE_SIDE = (0.6, 0.5, 0.4, 0.3, 0.25)
JPEG_QUALITY = (25, 18, 15, 10, 7)


def contrast(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:  # noqa: ARG001
    """Pull every channel towards its mean."""
    mean = pixels.mean((0, 1))
    flatter: Floats = (pixels - mean) * np.float32(CONTRAST_KEPT[severity - 1]) + mean
    return flatter


def pixelate(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:  # noqa: ARG001
    """Average blocks of pixels: as many blocks a side as the reference size has, however large the picture."""
    share = PIXELATE_SIDE[severity - 1] / max(scale_of(pixels.shape), 1.0)
    blocks = pixels
    for axis in (0, 1):
        length = pixels.shape[axis]
        count = max(1, round(length * share))
        first = np.ceil(np.arange(count) * length / count - 0.5).astype(np.int64)  # by the centres of the pixels
        sizes = np.diff(first, append=length)
        means = np.add.reduceat(blocks, first, axis) / np.expand_dims(sizes, (1 - axis, 2))
        blocks = np.repeat(means.astype(np.float32), sizes, axis)
    return blocks


def jpeg_compression(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:  # noqa: ARG001
    """Compress as JPEG and decode again."""
    file = BytesIO()
    Image.fromarray(as_bytes(pixels)).save(file, format="JPEG", quality=JPEG_QUALITY[severity - 1])
    return as_floats(np.asarray(Image.open(file).convert("RGB")))
