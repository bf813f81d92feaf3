"""Sets of tiles as runs of rows: what an area is in an index whose rows follow the Hilbert curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
        return cls(rows[np.concatenate([[0], ends + 1])], rows[np.concatenate([ends, [len(rows) - 1]])] + 1)

    @classmethod
    def union(cls, many: Sequence[Runs]) -> Runs:
        """Make runs of the rows of any of several."""
        if len(many) == 1:
            return many[0]
        starts = np.concatenate([NO_ROWS, *(runs.starts for runs in many)])
        stops = np.concatenate([NO_ROWS, *(runs.stops for runs in many)])
        order = np.argsort(starts)
        starts, reach = starts[order], np.maximum.accumulate(stops[order])
        apart = np.flatnonzero(starts[1:] > reach[:-1])
        if not starts.size:
            return cls(starts, reach)
        return cls(starts[np.concatenate([[0], apart + 1])], reach[np.concatenate([apart, [len(reach) - 1]])])

    @property
    def count(self) -> int:
        """Rows in all."""
        return int((self.stops - self.starts).sum())

    @property
    def rows(self) -> Int64s:
        """(count,) the rows themselves, rising."""
        lengths = self.stops - self.starts
        before = np.cumsum(lengths) - lengths
        return np.repeat(self.starts - before, lengths) + np.arange(int(lengths.sum()))

    def times(self, cells: int) -> Runs:
        """Give the runs of the cells of these tiles, where cell c of tile r is row `r * cells + c`."""
        return self if cells == 1 else Runs(self.starts * cells, self.stops * cells)

    def cut(self, most: int) -> Iterator[Runs]:
        """Cut into parts of `most` rows, one after another; the last may be shorter, and none is empty."""
        if self.count <= most:
            if len(self):
                yield self
            return
        ends = np.cumsum(self.stops - self.starts)
        before = ends - (self.stops - self.starts)
        for start in range(0, int(ends[-1]), most):
            stop = min(start + most, int(ends[-1]))
            first, last = np.searchsorted(ends, start, "right"), np.searchsorted(ends, stop, "left")
            starts, stops = self.starts[first : last + 1].copy(), self.stops[first : last + 1].copy()
            starts[0] += start - before[first]
            stops[-1] -= ends[last] - stop
            yield Runs(starts, stops)

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[slice]:
        return (slice(start, stop) for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True))
