"""How the tiles of training cities were last described, kept as negatives for later batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Places = NDArray[np.int64]
"""(N, 2): which city, which place of it."""


class TileMemory:
    """The latest description of each place.

    Args:
        places: of each city.
        shape: (W, E) of a description.
    """

    def __init__(self, places: Sequence[int], shape: tuple[int, int]) -> None:
        self._first = np.concatenate([[0], np.cumsum(places)])
        self._columns = np.zeros((int(self._first[-1]), *shape), np.float16)
        self._known = np.zeros(len(self._columns), np.bool_)

    def note(self, places: Places, columns: NDArray[np.float32]) -> None:
        """Remember the descriptions (N, W * E) of these places."""
        rows = self._first[places[:, 0]] + places[:, 1]
        self._columns[rows] = columns.reshape(-1, *self._columns.shape[1:])
        self._known[rows] = True

    def recall(self, cities: NDArray[np.int64]) -> tuple[Places, NDArray[np.float16]]:
        """Give the places of some cities that were described yet, and their descriptions (N, W, E)."""
        rows = [
            self._first[city] + np.flatnonzero(self._known[self._first[city] : self._first[city + 1]])
            for city in cities
        ]
        places = [
            np.stack([np.full(len(r), city), r - self._first[city]], axis=1)
            for city, r in zip(cities, rows, strict=True)
        ]
        return np.concatenate(places), self._columns[np.concatenate(rows)]

    def state(self) -> dict[str, Any]:
        return {"columns": torch.from_numpy(self._columns), "known": torch.from_numpy(self._known)}

    def restore(self, state: dict[str, Any]) -> None:
        self._columns[:] = state["columns"].numpy()
        self._known[:] = state["known"].numpy()
