"""The far skyline: hills, woods or buildings beyond what is modelled, as a function of the city."""

from typing import Final

import numpy as np

from .character import Character, Kind
from .solids import F32, F64

DIRECTIONS: Final = 2880


def draw_horizon(seed: int, city: Character) -> F32:
    """(DIRECTIONS, 4): slope of the skyline over the horizon and linear albedo, clockwise from grid north."""
    rng = np.random.default_rng([seed, 78])
    azimuth = np.arange(DIRECTIONS) * 2.0 * np.pi / DIRECTIONS
    hills = city.hills * np.maximum(_waves(rng, azimuth, 2, 7, 0.8) + 0.35, 0.0)
    woods = rng.uniform(0.008, 0.035) * np.clip(0.75 + 0.5 * _waves(rng, azimuth, 3, 12, 0.5), 0.1, 1.6)
    woods *= 0.72 + 0.28 * np.abs(_waves(rng, azimuth, 60, 400, 1.0))
    slope = np.maximum(hills, woods)
    colour = np.where((hills > woods)[:, None], (0.075, 0.10, 0.07), (0.045, 0.07, 0.03))
    if city.kind in (Kind.OLD_TOWN, Kind.CITY):
        colour = _add_blocks(rng, slope, colour)
    return np.concatenate([slope[:, None], colour], axis=1).astype(np.float32)


def _waves(rng: np.random.Generator, azimuth: F64, lowest: int, highest: int, spread: float) -> F64:
    """A random periodic function with mean 0 and a standard deviation of spread."""
    total = np.zeros(len(azimuth))
    for frequency in np.unique(rng.integers(lowest, highest + 1, 12)):
        total += np.sin(frequency * azimuth + rng.uniform(0.0, 2.0 * np.pi)) * rng.uniform(0.3, 1.0)
    return np.asarray(spread * total / max(float(total.std()), 1e-9))


def _add_blocks(rng: np.random.Generator, slope: F64, colour: F64) -> F64:
    """Raise boxes over the skyline, most of them low and in clusters."""
    colour = colour.copy()
    centres = rng.integers(DIRECTIONS, size=int(rng.integers(1, 6)))
    for _ in range(int(rng.integers(20, 160))):
        at = int(rng.choice(centres) + rng.normal(0.0, 160.0))
        span = np.arange(at, at + int(rng.integers(6, 45))) % DIRECTIONS
        top = rng.uniform(0.015, 0.05) + rng.exponential(0.015)
        rises = span[slope[span] < top]
        slope[rises] = top
        colour[rises] = rng.uniform(0.06, 0.4) * np.array([1.0, 0.98, 0.95])
    return colour
