"""Places that a network can learn to recognise: coloured sectors of rings, seen from the ground and from above."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
SECTORS, RINGS = 12, 3
NOISE = 6
SKY = 255


def scene(seed: int) -> Pixels:
    """Draw a place: (SECTORS, RINGS, 3) colours, sector 0 from north clockwise, ring 0 at the camera."""
    return np.random.default_rng(seed).integers(0, 256, (SECTORS, RINGS, 3), dtype=np.uint8)


def panorama(place: Pixels, height: int, width: int, seed: int = 0) -> Pixels:
    """Look around: north in the middle, the horizon at half height, far rings above near ones, sky tinted by sector."""
    sector = _sector((np.arange(width) + 0.5) / width * 360.0 - 180.0)
    depth = (np.arange(height) + 0.5) / height * 2.0 - 1.0
    ring = ((1.0 - np.abs(depth)) * RINGS).astype(int)
    pixels = place[sector[None, :], ring[:, None]].astype(int)
    pixels[depth < 0] = (pixels[depth < 0] + SKY) // 2
    return _noisy(pixels, seed)


def tile(place: Pixels, size: int, seed: int = 1) -> Pixels:
    """Look down: north up, the camera in the middle, rings of equal width up to the edge."""
    along = (np.arange(size) + 0.5) / size * 2.0 - 1.0
    east, north = along[None, :], -along[:, None]
    sector = _sector(np.degrees(np.arctan2(east, north)))
    ring = np.minimum((np.hypot(east, north) * RINGS).astype(int), RINGS - 1)
    return _noisy(place[sector, ring].astype(int), seed)


def _sector(azimuth_deg: NDArray[np.float64]) -> NDArray[np.int64]:
    sector: NDArray[np.int64] = (azimuth_deg % 360.0 / 360.0 * SECTORS).astype(np.int64) % SECTORS
    return sector


def _noisy(pixels: NDArray[np.int64], seed: int) -> Pixels:
    noise = np.random.default_rng(seed).integers(-NOISE, NOISE + 1, pixels.shape)
    noisy: Pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return noisy
