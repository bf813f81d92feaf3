"""Which tiles of a zoom there are: a sorted set of addresses that may lie across the antimeridian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.sources.tile_store import Addresses


@dataclass(frozen=True, slots=True)
class TileSet:
    """Tiles in the box that holds all of them; columns and rows count from its upper left corner."""

    x: int
    y: int
    """Address of the upper left corner."""
    columns: int
    rows: int
    _keys: NDArray[np.int64]
    """(N,) row * columns + column, ascending."""

    @classmethod
    def of(cls, addresses: Addresses, zoom: int) -> TileSet:
        """Lay the box over (N, 2) x and y, N at least 1, starting after the widest gap between columns."""
        around = 1 << zoom
        x = np.unique(addresses[:, 0])
        gaps = np.diff(np.append(x, x[0] + around))
        widest = int(np.argmax(gaps))
        first = int(x[(widest + 1) % len(x)]) if gaps[widest] > gaps[-1] else int(x[0])
        column = (addresses[:, 0] - first) % around
        top = int(addresses[:, 1].min())
        row = addresses[:, 1] - top
        columns, rows = int(column.max()) + 1, int(row.max()) + 1
        return cls(first, top, columns, rows, np.unique(row * columns + column))

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def middle(self) -> tuple[float, float]:
        """Column and row (edges at whole numbers) of the median tile."""
        row = self._keys // self.columns
        column = self._keys % self.columns
        return float(np.median(column)) + 0.5, float(np.median(row)) + 0.5

    def has(self, column: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say whether tiles are there, by places in the box; places that are not finite or outside: no."""
        with np.errstate(invalid="ignore"):
            inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        key = np.where(inside, np.floor(row) * self.columns + np.floor(column), -1).astype(np.int64)
        found = np.searchsorted(self._keys, key)
        there: NDArray[np.bool_] = self._keys[np.minimum(found, len(self._keys) - 1)] == key
        return there

    def at(self, number: int) -> tuple[int, int]:
        """Give (column, row) of one tile."""
        return int(self._keys[number] % self.columns), int(self._keys[number] // self.columns)

    def first(self, count: int) -> list[tuple[int, int]]:
        """List (column, row) of some tiles."""
        return [(int(key % self.columns), int(key // self.columns)) for key in self._keys[:count]]

    def within(self, left: float, top: float, right: float, bottom: float) -> list[tuple[int, int]]:
        """List (column, row) of the tiles that a part of the box touches, row by row."""
        low, high = self._runs(left, top, right, bottom)
        keys = [self._keys[a:b] for a, b in zip(low, high, strict=True)]
        return [(int(key % self.columns), int(key // self.columns)) for run in keys for key in run]

    def any_within(self, left: float, top: float, right: float, bottom: float) -> bool:
        low, high = self._runs(left, top, right, bottom)
        return bool((high > low).any())

    def _runs(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give where the tiles of each row begin and end among the keys."""
        first, last = max(0, int(np.floor(left))), min(self.columns, int(np.ceil(right)))
        rows = np.arange(max(0, int(np.floor(top))), min(self.rows, int(np.ceil(bottom))))
        if first >= last:
            rows = rows[:0]
        low = np.searchsorted(self._keys, rows * self.columns + first)
        return low, np.searchsorted(self._keys, rows * self.columns + last)
