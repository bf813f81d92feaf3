"""Pictures that continue each other, as the sheets of a survey do: seen together, opened a few at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from index.sources.imagery import Imagery, ImageryReader
from index.tiles import Bounds, fold_lon, union
from models.geo import Floats, wrap_lon

MOST_OPEN = 16
MARGIN_DEG = 1e-4
"""By which a sheet may lie outside the box around points of its edge."""
SHOWN_SHEETS, SHOWN_PLACES = 64, 64
PLASTIC = 0.7548776662466927
"""Multiples of it and of its square fill a plane evenly, however many there are."""
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mosaic:
    """One picture, or several that are one together; where they overlap the earlier one is seen."""

    sheets: tuple[Imagery, ...]
    name: str
    """For people, without the sheets' common properties; that of the only sheet is not used."""
    boxes: Floats = field(repr=False)
    """(N, 4) west, south, width and north of the sheets, degrees."""

    @classmethod
    def of(cls, sheets: Sequence[Imagery], name: str = "") -> Mosaic:
        boxes = [sheet.grid.bounds for sheet in sheets]
        table = np.array([(box.west, box.south, box.width_deg, box.north) for box in boxes], dtype=np.float64)
        return cls(tuple(sheets), name, table)

    @property
    def title(self) -> str:
        if len(self.sheets) == 1:
            return self.sheets[0].title
        codes = list(dict.fromkeys(sheet.grid.code for sheet in self.sheets))
        sizes = [sheet.ground_resolution_m for sheet in self.sheets[:SHOWN_SHEETS]]
        size = f"{min(sizes):.3g}" if max(sizes) < 1.01 * min(sizes) else f"{min(sizes):.3g} to {max(sizes):.3g}"
        return f"{self.name} ({len(self.sheets)} sheets, {', '.join(codes[:3])}, {size} m/px)"

    @property
    def bounds(self) -> Bounds:
        return union(self.each_bounds())

    def each_bounds(self) -> Iterator[Bounds]:
        for west, south, width, north in self.boxes.tolist():
            yield Bounds(west, south, float(fold_lon(west + width)), north)

    def near(self, lat: Floats, lon: Floats, reach_deg: tuple[float, float]) -> Ints:
        """Give the numbers of the sheets whose boxes touch that around positions, widened north and east, ascending."""
        high, wide = (reach + MARGIN_DEG for reach in reach_deg)
        west, south, width, north = self.boxes.T
        middle = float(lon.flat[0])
        along = wrap_lon(lon - middle)
        low, end = middle + along.min() - wide, along.max() - along.min() + 2 * wide
        meets = ((west - low) % 360.0 <= end) | ((low - west) % 360.0 <= width)
        return np.flatnonzero(meets & (south <= lat.max() + high) & (north >= lat.min() - high))

    def area_share(self) -> float:
        """Give the share, (0, 1], of the sheets' ground that is left where what overlaps counts once."""
        if len(self.sheets) == 1:
            return 1.0
        chosen = np.unique(np.linspace(0, len(self.sheets) - 1, SHOWN_SHEETS).astype(np.int64))
        shares = []
        for turn, number in enumerate(chosen):
            grid, places = self.sheets[number].grid, np.arange(SHOWN_PLACES) + turn * SHOWN_PLACES
            column, row = places * PLASTIC % 1.0, places * PLASTIC**2 % 1.0
            lat, lon = grid.position(column * grid.width, row * grid.height)
            times = np.zeros(len(lat))
            for other in self.near(lat, lon, (0.0, 0.0)):
                times += self.sheets[other].covers(*self.sheets[other].grid.pixel(lat, lon))
            shares.append(float((1.0 / np.maximum(times, 1.0)).mean()))
        return float(np.mean(shares))

    @contextmanager
    def open(self) -> Iterator[OpenSheets]:
        sheets = OpenSheets(self.sheets)
        try:
            yield sheets
        finally:
            sheets.close()


class OpenSheets:
    """Readers of sheets, opened when they are asked for; where there are many the one used longest ago is closed."""

    def __init__(self, sheets: Sequence[Imagery]) -> None:
        self._sheets = sheets
        self._held: OrderedDict[int, tuple[ExitStack, ImageryReader]] = OrderedDict()

    def reader(self, number: int) -> ImageryReader:
        """Give a reader that may be used until the next one is asked for.

        Raises:
            SourceError: the sheet cannot be opened any more.
        """
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number][1]
        while len(self._held) >= MOST_OPEN:
            self._close_oldest()
        stack = ExitStack()
        reader = stack.enter_context(self._sheets[number].open())
        self._held[number] = (stack, reader)
        return reader

    def close(self) -> None:
        while self._held:
            self._close_oldest()

    def _close_oldest(self) -> None:
        _, (stack, _) = self._held.popitem(last=False)
        stack.close()
