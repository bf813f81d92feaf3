"""Column descriptions: an embedding that keeps the compass.

A view is described by W azimuth columns of E channels. Column j of an aerial tile looks from the tile's centre into
the azimuths [j, j + 1) * 360 / W degrees clockwise from true north. A photo that saw w <= W columns is described by
those alone. Every column of a tile has the same norm; a photo's may weigh more where it has more to say. So the inner
product of a photo placed at column s with a tile is a weighted sum of the cosines of the columns that were seen, and
unseen columns, left at zero, say nothing. A plain vector is the case W = 1: no heading, same code.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Floats = NDArray[np.float64]
Turns = NDArray[np.floating] | NDArray[np.integer]
"""In columns, clockwise; multiples of one half."""
HALVES = 2
FEWEST_AROUND = 3
"""Steps of the smallest circle on which a step has two neighbours."""


def every_turn(total: int, per_column: int = 1) -> Floats:
    """List the turns that are tried around a circle of W columns, `per_column` for each: 0, 1 ... or 0, 0.5 ..."""
    return np.arange(total * per_column) / per_column


def place(columns: Float32s, first: float, total: int) -> Float32s:
    """Lay the seen columns of a photo onto the full circle.

    Args:
        columns: (w, E) float32, the columns a photo saw from left to right, w <= total.
        first: place in [0, total) of the photo's first column among the tile's, a multiple of half a column.
        total: W, columns of a full circle.

    Returns:
        (W * E,) float32, zero where nothing was seen; its norm is that of `columns`. Between columns, see `turned`.
    """
    seen, channels = columns.shape
    circle = np.zeros((total, channels), dtype=np.float32)
    circle[(int(first) + np.arange(seen)) % total] = columns
    laid: Float32s = turned(circle.reshape(-1), np.array([first % 1]), total)[0]
    return laid


def turned(row: Float32s, turns: Turns, total: int) -> Float32s:
    """Turn one description clockwise by several multiples of half a column: (W * E,) -> (S, W * E).

    By whole columns it is rolled. Between them it is read off the smoothest curve through its columns, the one without
    frequencies above W / 2 (Shannon); all that it sees is then spread over its neighbours, and a frequency of W / 2,
    which half a column turns to nothing, is lost.

    Raises:
        ValueError: a turn is no multiple of half a column.
    """
    halves = np.rint(np.asarray(turns) * HALVES).astype(np.int64)
    if not np.array_equal(halves, np.asarray(turns) * HALVES):
        raise ValueError("descriptions are turned by multiples of half a column")
    circle = row.reshape(total, -1)
    between = (half_turn(total) @ circle).astype(np.float32) if (halves % HALVES).any() else circle
    found = np.empty((len(halves), *circle.shape), dtype=np.float32)
    for number, half in enumerate(halves.tolist()):
        whole, rest = divmod(half, HALVES)
        found[number] = np.roll(between if rest else circle, whole, axis=0)
    return found.reshape(len(halves), -1)


@lru_cache(maxsize=8)
def half_turn(total: int) -> Floats:
    """Give the matrix (W, W) that turns a circle of columns clockwise by half of one."""
    frequency = np.arange(1, (total + 1) // 2)
    back = np.arange(total)[:, None] - np.arange(total) - 0.5
    kernel: Floats = 1.0 + 2.0 * np.cos(2 * np.pi / total * back[..., None] * frequency).sum(axis=-1)
    return kernel / total


def shifts(columns: Float32s, total: int, candidates: Turns | None = None) -> Float32s:
    """Lay the seen columns onto the circle once for every first column that is possible.

    Args:
        columns: (w, E) float32.
        total: W.
        candidates: first columns to try, in [0, W), multiples of one half; all W whole ones when None.

    Returns:
        (S, W * E) float32, one row a candidate, in their order. Searching them as a batch and keeping the best row
        is an exact search over headings.
    """
    return turned(place(columns, 0, total), every_turn(total) if candidates is None else candidates, total)


def centre_heading(first: NDArray[np.floating] | float, seen: int, total: int) -> Floats:
    """Give the heading (degrees, [0, 360)) of the centre of a photo whose first of `seen` columns is `first`."""
    return (np.asarray(first, dtype=np.float64) + seen / 2) * 360.0 / total % 360.0


def first_columns_near(heading_deg: float, accuracy_deg: float, seen: int, total: int, per_column: int = 1) -> Floats:
    """List the first columns whose centre heading lies within `accuracy_deg` of a heading, at least the nearest."""
    tried = every_turn(total, per_column)
    gap = np.abs((centre_heading(tried, seen, total) - heading_deg + 180.0) % 360.0 - 180.0)
    allowed = tried[gap <= accuracy_deg + 1e-9]
    return allowed if allowed.size else tried[[np.argmin(gap)]]


def refine_shift(curve: NDArray[np.floating], firsts: Turns | None = None, total: int | None = None) -> Floats:
    """Find the best shift finer than those tried: the top of the parabola through the best and its two neighbours.

    Args:
        curve: (..., S) similarities.
        firsts: (S,) shifts tried, in [0, W), no two alike, multiples of one half; S in equal steps around the circle,
            in order, when None.
        total: W; S when None.

    Returns:
        (...,) in [0, W), within half a step of the best shift tried. A step is half a column if any shift is one, else
        a column. Where a neighbour was not tried, or there are fewer than three steps, the best shift itself.
    """
    tried = curve.shape[-1]
    total = total or tried
    firsts = np.arange(tried) * (total / tried) if firsts is None else firsts
    step = 1.0 if (firsts % 1 == 0).all() else 1.0 / HALVES
    steps, place_in = round(total / step), np.rint(firsts / step).astype(np.int64)
    best = curve.argmax(axis=-1)
    place_of = np.full(steps, -1)
    place_of[place_in] = np.arange(tried)
    left, right = place_of[(place_in[best] - 1) % steps], place_of[(place_in[best] + 1) % steps]
    known = (left >= 0) & (right >= 0) & (steps >= FEWEST_AROUND)

    def at(places: NDArray[np.int64]) -> Floats:
        return np.take_along_axis(curve, places[..., None], axis=-1)[..., 0].astype(np.float64)

    below, top, above = at(np.maximum(left, 0)), at(best), at(np.maximum(right, 0))
    bend = np.where(known, 2 * top - below - above, 0.0)
    off = np.where(bend > 0, (above - below) / np.maximum(2 * bend, 1e-12), 0.0)
    refined: Floats = (firsts[best] + step * np.clip(off, -0.5, 0.5)) % total
    return np.where(refined == total, 0.0, refined)


def mean_cosine_scale(seen: int, total: int) -> float:
    """Factor that turns an inner product of unit-norm descriptions into the mean cosine of the seen columns.

    A tile's W columns have norm 1 / sqrt(W) each, a photo's w columns 1 / sqrt(w), so the inner product is
    sqrt(w / W) times that mean. Where a photo's columns differ in norm it is a mean by those weights, at most 1. At a
    turn between columns it is read off the curve through such means, and may lie a little above all of them.
    """
    return float(np.sqrt(total / seen))
