"""Inner products of descriptions: fast and nearly right, or slow and the same on every machine.

Headings are searched by turning: a photo laid at column 0 of W is turned by 0, 0.5 ... W - 0.5 columns, and its
similarity to a tile is the largest of the products. A plain vector is W = 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.columns import half_turn

Float32s = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Real = TypeVar("Real", np.float32, np.float64)


def every_turned(rows: NDArray[Real], columns: int, turns: int) -> Iterator[NDArray[Real]]:
    """Turn (N, W * E) descriptions around their circle of W columns in so many equal steps, W or 2 W; 1: not at all."""
    circles = rows.reshape(len(rows), columns, -1)
    ways = [circles]
    if turns > columns:
        between = sum(np.roll(circles, step, axis=1) * share for step, share in enumerate(half_turn(columns)[:, 0]))
        ways.append(np.asarray(between, dtype=rows.dtype))
    for shift in range(turns):
        whole, way = divmod(shift, len(ways))
        yield np.roll(ways[way], whole, axis=1).reshape(rows.shape)


def products(
    queries: NDArray[Real], references: NDArray[Real], columns: int, turns: int, cells: int = 1
) -> NDArray[Real]:
    """Multiply every query with every reference.

    Args:
        queries: (B, W * E).
        references: (N * C, W * E).
        columns: W.
        turns: 1, or W or 2 W to search the heading.
        cells: C, rows of a reference.

    Returns:
        (B, N), the best over turns and cells, within `rounding_error` of the true value.
    """
    best = np.full((len(queries), len(references)), -np.inf, dtype=queries.dtype)
    for turned in every_turned(queries, columns, turns):
        np.maximum(best, turned @ references.T, out=best)
    return best if cells == 1 else best.reshape(len(queries), -1, cells).max(axis=2)


def rounding_error(queries: NDArray[Real], references: NDArray[Real]) -> float:
    """Bound how far `products` and `paired_products` may lie apart, whatever the order of summation.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: |error| <= D u / (1 - D u) |x| |y|.
    """
    unit = float(np.finfo(queries.dtype).eps) / 2
    longest = float(np.linalg.norm(queries, axis=1).max() * np.linalg.norm(references, axis=1).max())
    share = (queries.shape[1] + 3) * unit  # one for rounding what was turned
    return float(1.01 * longest * (share / (1 - share) + queries.shape[1] * 2.0**-53))


def paired_products(
    queries: Float32s, references: Float32s, columns: int, turns: int, cells: int = 1
) -> tuple[Floats, Ints]:
    """Multiply query i with reference i in float64, in an order that no library or block size changes.

    Products of float32 values are exact in float64; each row is then summed by itself, so equal rows give equal bits.

    Args:
        queries: (P, W * E).
        references: (P * C, W * E).
        columns, turns, cells: as in `products`.

    Returns:
        (P,) best product and (P,) the first of the turns that gives it, in the first such cell.
    """
    left, right = queries.astype(np.float64), references.astype(np.float64).reshape(len(queries), cells, -1)
    every = [(turned[:, None] * right).sum(axis=2) for turned in every_turned(left, columns, turns)]
    flat = np.stack(every, axis=2).reshape(len(queries), -1)  # (P, C * S)
    return flat.max(axis=1), flat.argmax(axis=1) % turns


def rows_of(references: Ints, cells: int) -> Ints:
    """Give the rows of references: (P,) -> (P * C,)."""
    return (references[:, None] * cells + np.arange(cells)).ravel()
