"""Hashes and value noise: the same number for the same place and salt, on every machine."""

import math

from .kernel import kernel
from .solids import F32

GRAIN_CELLS = 256


@kernel
def mix(x: int, y: int, salt: int) -> int:
    """Hash three integers to 32 well-mixed bits."""
    h = (x * 374761393 + y * 668265263 + salt * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 2246822519) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 3266489917) & 0xFFFFFFFF
    return h ^ (h >> 16)


@kernel
def unit(x: int, y: int, salt: int) -> float:
    """Hash three integers to [0, 1)."""
    return mix(x, y, salt) / 4294967296.0


@kernel
def smooth(x: float, y: float, salt: int) -> float:
    """Value noise in [0, 1) with one random value per integer lattice point, smoothly interpolated."""
    fx = math.floor(x)
    fy = math.floor(y)
    ix = int(fx)
    iy = int(fy)
    u = x - fx
    v = y - fy
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    south = unit(ix, iy, salt) * (1.0 - u) + unit(ix + 1, iy, salt) * u
    north = unit(ix, iy + 1, salt) * (1.0 - u) + unit(ix + 1, iy + 1, salt) * u
    return south * (1.0 - v) + north * v


@kernel
def clamp(value: float, low: float, high: float) -> float:
    """Limit a number to [low, high]."""
    return min(max(value, low), high)


@kernel
def blotches(grain: F32, x: float, y: float, shift: float) -> float:
    """Value noise like `smooth`, from a (256, 256) table of random numbers; other shifts look at other parts of it."""
    fx = math.floor(x)
    fy = math.floor(y)
    ix = (int(fx) + 57 * int(shift)) & 255
    iy = (int(fy) + 31 * int(shift)) & 255
    jx = (ix + 1) & 255
    jy = (iy + 1) & 255
    u = x - fx
    v = y - fy
    u = u * u * (3.0 - 2.0 * u)
    v = v * v * (3.0 - 2.0 * v)
    south = grain[iy, ix] * (1.0 - u) + grain[iy, jx] * u
    north = grain[jy, ix] * (1.0 - u) + grain[jy, jx] * u
    return float(south * (1.0 - v) + north * v)


@kernel
def speck(grain: F32, x: float, y: float, shift: float) -> float:
    """One random number of [0, 1) per unit square, from the same table."""
    return float(grain[(math.floor(y) + 31 * int(shift)) & 255, (math.floor(x) + 57 * int(shift)) & 255])


@kernel
def phase(x: float, period: float) -> float:
    """Remainder of x by a period, in [0, period), for x of either sign."""
    return x - period * math.floor(x / period)
