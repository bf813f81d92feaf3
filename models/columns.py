"""Column descriptions: an embedding that keeps the compass.

A view is described by W azimuth columns of E channels. Column j of an aerial tile looks from the tile's centre into
the azimuths [j, j + 1) * 360 / W degrees clockwise from true north. A photo that saw w <= W columns is described by
those alone. Every column of a tile has the same norm; a photo's may weigh more where it has more to say. So the inner
product of a photo placed at column s with a tile is a weighted sum of the cosines of the columns that were seen, and
unseen columns, left at zero, say nothing. A plain vector is the case W = 1: no heading, same code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]


def place(columns: Float32s, first: int, total: int) -> Float32s:
    """Lay the seen columns of a photo onto the full circle.

    Args:
        columns: (w, E) float32, the columns a photo saw from left to right, w <= total.
        first: index in [0, total) of the tile column that the photo's first column looks along.
        total: W, columns of a full circle.

    Returns:
        (W * E,) float32, zero where nothing was seen; its norm is that of `columns`.
    """
    seen, channels = columns.shape
    circle = np.zeros((total, channels), dtype=np.float32)
    circle[(first + np.arange(seen)) % total] = columns
    return circle.reshape(-1)


def shifts(columns: Float32s, total: int, candidates: NDArray[np.int64] | None = None) -> Float32s:
    """Lay the seen columns onto the circle once for every first column that is possible.

    Args:
        columns: (w, E) float32.
        total: W.
        candidates: first columns to try, in [0, W); all W when None.

    Returns:
        (S, W * E) float32, one row a candidate, in their order. Searching them as a batch and keeping the best row
        is an exact search over headings.
    """
    firsts = np.arange(total) if candidates is None else candidates
    return np.stack([place(columns, int(first), total) for first in firsts])


def centre_heading(first: NDArray[np.int64] | int, seen: int, total: int) -> NDArray[np.float64]:
    """Give the heading (degrees, [0, 360)) of the centre of a photo whose first of `seen` columns is `first`."""
    return (np.asarray(first, dtype=np.float64) + seen / 2) * 360.0 / total % 360.0


def first_columns_near(heading_deg: float, accuracy_deg: float, seen: int, total: int) -> NDArray[np.int64]:
    """List the first columns whose centre heading lies within `accuracy_deg` of a heading; never fewer than one."""
    headings = centre_heading(np.arange(total), seen, total)
    gap = np.abs((headings - heading_deg + 180.0) % 360.0 - 180.0)
    allowed = np.flatnonzero(gap <= accuracy_deg + 1e-9)
    return allowed if allowed.size else np.array([int(np.argmin(gap))])


def mean_cosine_scale(seen: int, total: int) -> float:
    """Factor that turns an inner product of unit-norm descriptions into the mean cosine of the seen columns.

    A tile's W columns have norm 1 / sqrt(W) each, a photo's w columns 1 / sqrt(w), so the inner product is
    sqrt(w / W) times that mean. Where a photo's columns differ in norm it is a mean by those weights, at most 1.
    """
    return float(np.sqrt(total / seen))


def refine_shift(
    curve: NDArray[np.floating], firsts: NDArray[np.int64] | None = None, total: int | None = None
) -> NDArray[np.float64]:
    """Find the best shift finer than a column: the top of the parabola through the best and its two neighbours.

    Args:
        curve: (..., S) similarities.
        firsts: (S,) shifts tried, in [0, W), no two alike; all W, in order, when None.
        total: W; S when None.

    Returns:
        (...,) in [0, W), within half a column of the best shift tried. Where a neighbour was not tried, or there are
        fewer than three columns, the best shift itself.
    """
    tried = curve.shape[-1]
    total = total or tried
    firsts = np.arange(tried) if firsts is None else firsts
    best = curve.argmax(axis=-1)
    place_of = np.full(total, -1)
    place_of[firsts] = np.arange(tried)
    left, right = place_of[(firsts[best] - 1) % total], place_of[(firsts[best] + 1) % total]
    known = (left >= 0) & (right >= 0) & (total >= 3)

    def at(places: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.take_along_axis(curve, places[..., None], axis=-1)[..., 0].astype(np.float64)

    below, top, above = at(np.maximum(left, 0)), at(best), at(np.maximum(right, 0))
    bend = np.where(known, 2 * top - below - above, 0.0)
    step = np.where(bend > 0, (above - below) / np.maximum(2 * bend, 1e-12), 0.0)
    refined: NDArray[np.float64] = (firsts[best] + np.clip(step, -0.5, 0.5)) % total
    return np.where(refined == total, 0.0, refined)


def heading_spread_deg(curve: NDArray[np.floating], sharpness: float) -> NDArray[np.float64]:
    """Say how far headings stray from the best one, if exp(sharpness * similarity) is how likely each is.

    Args:
        curve: (..., W) similarities at all shifts.
        sharpness: from calibration; 0 makes every heading as likely as any other.

    Returns:
        (...,) degrees: root of the mean squared angle to the refined peak; 104 where nothing is known, and never below
        that of a whole column, 360 / W / sqrt(12).
    """
    total = curve.shape[-1]
    weight = np.exp(sharpness * (curve - curve.max(axis=-1, keepdims=True)).astype(np.float64))
    gap = (np.arange(total) - refine_shift(curve)[..., None] + total / 2) % total - total / 2
    variance = (weight * gap**2).sum(axis=-1) / weight.sum(axis=-1)
    spread: NDArray[np.float64] = np.sqrt(np.maximum(variance, 1 / 12)) * 360.0 / total
    return spread
