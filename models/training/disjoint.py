"""Batches in which no two pairs show the same ground."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError

Rows = NDArray[np.int64]
TRIES = 32


class Exclusion:
    """Which pairs must not stand in one batch: a pair never twice, and never two that share a tile.

    Args:
        pairs: number N of training pairs.
        conflicts: (N, k) ids of the k tiles each pair belongs to, any integers: 4 with VIGOR, the positive and the
            semi-positives; 1 where several photos share a tile. None where every pair has a tile of its own.

    Raises:
        UsageError: `conflicts` of another shape.
    """

    def __init__(self, pairs: int, conflicts: NDArray[np.integer] | None = None) -> None:
        tiles = np.arange(pairs)[:, None] if conflicts is None else np.asarray(conflicts)
        if tiles.ndim != 2 or len(tiles) != pairs:
            raise UsageError(f"Tile ids of shape {tiles.shape} were given for {pairs} pairs; give ({pairs}, k).")
        self.pairs, self.tiles = pairs, tiles

    def deal(self, rng: np.random.Generator, size: int, batches: int) -> Iterator[Batch]:
        """Shuffle the rows and deal them out, each once; one that does not fit waits for the next batch.

        A batch that none of the rows left fits into is filled up with rows that were dealt before. Where even those do
        not fit it is given short: `complete` makes up for that.
        """
        queue = deque(rng.permutation(self.pairs).tolist())
        for _ in range(batches):
            batch, later = Batch(self), []
            while queue and len(batch.rows) < size:
                row = queue.popleft()
                if not batch.add(row):
                    later.append(row)
            queue.extendleft(reversed(later))
            batch.fill(rng, size)
            yield batch

    def complete(self, rng: np.random.Generator, batch: Batch, size: int) -> Rows:
        """Give the rows of a batch of `size`, filled up at random or, where it cannot be, drawn anew.

        Raises:
            UsageError: no such batch is found in 32 attempts.
        """
        for _ in range(TRIES):
            if batch.fill(rng, size):
                return np.array(batch.rows, dtype=np.int64)
            batch = Batch(self)
        raise UsageError(
            f"No batch of {size} pairs without a common tile was found among {self.pairs} pairs; give a smaller batch."
        )


class Batch:
    """A batch being filled."""

    def __init__(self, exclusion: Exclusion) -> None:
        self.exclusion = exclusion
        self.rows: list[int] = []
        self.taken: set[int] = set()

    def add(self, row: int) -> bool:
        """Take a row in, unless it shares a tile with one that is there."""
        tiles = self.exclusion.tiles[row].tolist()
        if not self.taken.isdisjoint(tiles):
            return False
        self.rows.append(row)
        self.taken.update(tiles)
        return True

    def add_first(self, rows: Iterable[int]) -> bool:
        """Take the first of `rows` in that fits."""
        return any(self.add(row) for row in rows)

    def fill(self, rng: np.random.Generator, size: int) -> bool:
        """Take random rows in until there are `size`; False if none fits before that."""
        while len(self.rows) < size:
            if not (self.add_first(rng.integers(self.exclusion.pairs, size=TRIES).tolist()) or self._add_free(rng)):
                return False
        return True

    def _add_free(self, rng: np.random.Generator) -> bool:
        free = np.flatnonzero(~np.isin(self.exclusion.tiles, list(self.taken)).any(axis=1))
        return len(free) > 0 and self.add(int(rng.choice(free)))
