"""Rasters that say how much light reaches a place: shadow height of solid things, shade of trees, openness to the
sky.
"""

import numpy as np

from .kernel import kernel
from .noise import clamp, unit
from .solids import (
    COS,
    ELLIPSOID,
    F32,
    FAMILY,
    FOOT_U,
    FOOT_V,
    FRUSTUM,
    HIGH,
    I64,
    LOW,
    SEED,
    SIN,
    TOP_U,
    TOP_V,
    U8,
    Solids,
    X,
    Y,
)

CELL_M = 0.5


@kernel
def top_height(shape: F32, family: int, i: int, x: float, y: float) -> float:
    """Height of the upper surface of solid i above a world point, or -1 beside it."""
    dx = x - shape[i, X]
    dy = y - shape[i, Y]
    low = shape[i, LOW]
    high = shape[i, HIGH]
    if family == FRUSTUM:
        u = abs(dx * shape[i, COS] + dy * shape[i, SIN])
        v = abs(dy * shape[i, COS] - dx * shape[i, SIN])
        spare_u = shape[i, FOOT_U] - u
        spare_v = shape[i, FOOT_V] - v
        if spare_u < 0.0 or spare_v < 0.0:
            return -1.0
        lean_u = shape[i, FOOT_U] - shape[i, TOP_U]
        lean_v = shape[i, FOOT_V] - shape[i, TOP_V]
        share = 1.0
        if lean_u > 1e-6:
            share = min(share, spare_u / lean_u)
        if lean_v > 1e-6:
            share = min(share, spare_v / lean_v)
        return float(low + share * (high - low))
    gap = dx * dx + dy * dy
    foot = shape[i, FOOT_U]
    if gap >= foot * foot:
        return -1.0
    if family == ELLIPSOID:
        return float(0.5 * (low + high) + 0.5 * (high - low) * np.sqrt(1.0 - gap / (foot * foot)))
    share = min((foot - np.sqrt(gap)) / max(foot - shape[i, TOP_U], 1e-6), 1.0)
    return float(low + share * (high - low))


@kernel
def raise_heights(heights: F32, shape: F32, kind: I64, frustums: bool) -> None:
    """Lift a (n, n) raster of 0.5 m cells to the tops of all frustums, or of all round solids."""
    n = heights.shape[0]
    for i in range(shape.shape[0]):
        if (kind[i, FAMILY] == FRUSTUM) != frustums:
            continue
        reach = np.hypot(shape[i, FOOT_U], shape[i, FOOT_V])
        x = shape[i, X]
        y = shape[i, Y]
        for row in range(max(int((y - reach) / CELL_M), 0), min(int((y + reach) / CELL_M), n - 1) + 1):
            for col in range(max(int((x - reach) / CELL_M), 0), min(int((x + reach) / CELL_M), n - 1) + 1):
                top = top_height(shape, kind[i, FAMILY], i, (col + 0.5) * CELL_M, (row + 0.5) * CELL_M)
                if top > heights[row, col]:
                    heights[row, col] = top


@kernel
def _sweep(heights: F32, shadow: F32, forward: bool, drift: float, drop: float) -> None:
    """Carry shadows from row to row; drift: columns per row towards the sun, drop: metres per row."""
    n = heights.shape[0]
    for k in range(1, n):
        row = n - 1 - k if forward else k
        sunward = row + 1 if forward else row - 1
        for col in range(n):
            at = col + drift
            base = int(np.floor(at))
            part = at - base
            a = min(max(base, 0), n - 1)
            b = min(max(base + 1, 0), n - 1)
            first = max(heights[sunward, a], shadow[sunward, a])
            second = max(heights[sunward, b], shadow[sunward, b])
            shadow[row, col] = max(first * (1.0 - part) + second * part - drop, 0.0)


def shadow_heights(heights: F32, sun: tuple[float, float, float]) -> F32:
    """Height below which each 0.5 m cell is in shadow, (n, n) metres, for a unit vector towards the sun."""
    east, north, up = sun
    across = abs(east) > abs(north)
    main, other = (east, north) if across else (north, east)
    field = np.ascontiguousarray(heights.T) if across else heights
    shadow = np.zeros_like(field)
    drift = other / abs(main)
    drop = CELL_M * float(np.hypot(1.0, drift)) * up / float(np.hypot(east, north))
    _sweep(field, shadow, main > 0.0, drift, drop)
    return np.ascontiguousarray(shadow.T) if across else shadow


@kernel
def cast_tree_shade(
    shade: U8, shape: F32, kind: I64, porosity: F32, sx: float, sy: float, cot: float, salt: int
) -> None:
    """Stamp the shadows of round solids on flat ground.

    (sx, sy) points away from the sun, cot: metres per metre of height.
    """
    n = shade.shape[0]
    for i in range(shape.shape[0]):
        family = kind[i, FAMILY]
        if family == FRUSTUM:
            continue
        radius = shape[i, FOOT_U]
        low = max(shape[i, LOW], 0.0)
        high = shape[i, HIGH]
        half = 0.5 * (high - low) * cot
        middle = 0.5 * (low + high) * cot
        long = np.sqrt(radius * radius + half * half) if family == ELLIPSOID else half + radius
        cx = shape[i, X] + sx * middle
        cy = shape[i, Y] + sy * middle
        reach = max(long, radius) + CELL_M
        for row in range(max(int((cy - reach) / CELL_M), 0), min(int((cy + reach) / CELL_M), n - 1) + 1):
            for col in range(max(int((cx - reach) / CELL_M), 0), min(int((cx + reach) / CELL_M), n - 1) + 1):
                dx = (col + 0.5) * CELL_M - cx
                dy = (row + 0.5) * CELL_M - cy
                along = dx * sx + dy * sy
                across = abs(dy * sx - dx * sy)
                if family == ELLIPSOID:
                    depth = 1.0 - (along / long) ** 2 - (across / radius) ** 2
                    dapple = 1.0 - 0.45 * unit(col, row, salt + kind[i, SEED])
                    dark = clamp(3.0 * depth, 0.0, 1.0) * dapple * (1.0 - porosity[i])
                else:
                    share = clamp((along + half) / max(2.0 * half, 1e-6), 0.0, 1.0)
                    width = radius + share * (shape[i, TOP_U] - radius)
                    most = 0.0 if abs(along) > half + width else min(1.0, 2.0 * width / CELL_M)
                    dark = clamp((width - across) / CELL_M + 0.5, 0.0, most)
                value = int(235.0 * max(dark, 0.0))
                if value > shade[row, col]:
                    shade[row, col] = value


def openness(solids: Solids, cells: int) -> U8:
    """Share of sky seen from the ground, (cells / 2, cells / 2) uint8, 1 m cells: low beside walls and trees."""
    walls, crowns = np.zeros((cells, cells), np.float32), np.zeros((cells, cells), np.float32)
    raise_heights(walls, solids.shape, solids.kind, True)
    raise_heights(crowns, solids.shape, solids.kind, False)
    coarse = (walls + 0.5 * crowns)[::2, ::2]
    blurred = _box_blur(_box_blur(np.minimum(coarse, 25.0), 5), 3)
    return np.asarray(255.0 / (1.0 + 0.085 * blurred), np.uint8)


def _box_blur(field: F32, radius: int) -> F32:
    for axis in (0, 1):
        sums = np.cumsum(field, axis=axis, dtype=np.float64)
        padded = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), sums], axis=axis)
        index = np.arange(field.shape[axis])
        high, low = np.minimum(index + radius + 1, len(index)), np.maximum(index - radius, 0)
        field = ((np.take(padded, high, axis) - np.take(padded, low, axis)) / (2 * radius + 1)).astype(np.float32)
    return field
