"""Sets of tiles as runs of rows: what an area is in an index whose rows follow the Hilbert curve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from index.hits import NO_ROWS, Int64s


@dataclass(frozen=True, slots=True)
class Runs:
    """Rows [start, stop) of tiles; runs rise, hold at least one row each and do not touch."""

    starts: Int64s
    stops: Int64s
    """(R,) each."""

    @classmethod
    def of(cls, rows: Int64s) -> Runs:
        """Make runs of rows that rise, none twice."""
        if not rows.size:
            return cls(NO_ROWS, NO_ROWS)
        ends = np.flatnonzero(np.diff(rows) != 1)
        return cls(rows[np.r_[0, ends + 1]], rows[np.r_[ends, len(rows) - 1]] + 1)

    @property
    def count(self) -> int:
        """Rows in all."""
        return int((self.stops - self.starts).sum())

    @property
    def rows(self) -> Int64s:
        """(count,) the rows themselves, rising."""
        parts = [NO_ROWS, *(np.arange(run.start, run.stop) for run in self)]
        return np.concatenate(parts)

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[slice]:
        return (slice(start, stop) for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True))
