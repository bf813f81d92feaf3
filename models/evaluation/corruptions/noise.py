"""Noise of the sensor: independent in every pixel and channel, so its grain is that of the picture it is given."""

from __future__ import annotations

import numpy as np

from models.evaluation.corruptions.kernels import Floats

GAUSSIAN_SIGMA = (0.08, 0.12, 0.18, 0.26, 0.38)
SHOT_PHOTONS = (60.0, 25.0, 12.0, 5.0, 3.0)
IMPULSE_SHARE = (0.03, 0.06, 0.09, 0.17, 0.27)
SPECKLE_SIGMA = (0.15, 0.2, 0.35, 0.45, 0.6)


def gaussian_noise(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Add normal noise, as in low light."""
    return pixels + GAUSSIAN_SIGMA[severity - 1] * rng.standard_normal(pixels.shape, dtype=np.float32)


def shot_noise(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Count photons: Poisson noise, whose variance is the brightness."""
    photons = SHOT_PHOTONS[severity - 1]
    return (rng.poisson(pixels * photons) / photons).astype(np.float32)


def impulse_noise(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Replace a share of the values by black or white in equal parts, as bit errors do."""
    share = IMPULSE_SHARE[severity - 1]
    draw = rng.random(pixels.shape, dtype=np.float32)
    return np.where(draw < share, np.float32(0) + (draw < share / 2), pixels)


def speckle_noise(pixels: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Add normal noise in proportion to the brightness."""
    return pixels * (1 + SPECKLE_SIGMA[severity - 1] * rng.standard_normal(pixels.shape, dtype=np.float32))
