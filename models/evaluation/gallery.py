"""Described tiles of known place in a flat frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gallery:
    """N tiles of C cells each."""

    rows: Float32s
    """(N, C, W * E)."""
    x_m: Floats
    y_m: Floats
    """(N,) centres, metres east and north."""
    offsets_m: Floats
    """(C, 2) metres east and north of the centre."""
    stride_m: float
    """Between neighbouring centres; 0 where they are no grid."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def cells(self) -> int:
        """Of the whole gallery: N * C."""
        return len(self.x_m) * len(self.offsets_m)

    @property
    def spacing_m(self) -> float:
        """Between neighbouring cells."""
        return self.stride_m if len(self.offsets_m) == 1 else float(self.offsets_m[1, 0] - self.offsets_m[0, 0])

    def covers(self, x_m: Floats, y_m: Floats) -> NDArray[np.bool_]:
        """Say of each place whether a tile's centre lies within half a stride of it both ways."""
        away = np.maximum(np.abs(self.x_m - x_m[:, None]), np.abs(self.y_m - y_m[:, None]))
        return np.asarray(away.min(axis=1) <= self.stride_m / 2)

    def position_m(self, tile: Int64s, cell: Int64s) -> tuple[Floats, Floats]:
        """Give x and y of cells."""
        return self.x_m[tile] + self.offsets_m[cell, 0], self.y_m[tile] + self.offsets_m[cell, 1]

    def middle(self) -> Gallery:
        """The same tiles with their middle cell alone."""
        cell = len(self.offsets_m) // 2
        return replace(self, rows=self.rows[:, cell : cell + 1], offsets_m=self.offsets_m[cell : cell + 1])

    def nearest(self, count: int, x_m: float, y_m: float) -> Gallery:
        """The tiles whose centres lie nearest to a point, in their order here; all if there are no more."""
        away = np.maximum(np.abs(self.x_m - x_m), np.abs(self.y_m - y_m))
        kept = np.sort(np.argsort(away, kind="stable")[:count])
        return replace(self, rows=self.rows[kept], x_m=self.x_m[kept], y_m=self.y_m[kept])
