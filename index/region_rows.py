"""The rows of a region: those of its members, one member after another; and which of them are the same ground."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from index.hits import Int64s
from index.region_merge import SAME_M, same_ground
from index.region_plan import RegionPlan
from index.region_reach import holds
from index.search import Searcher
from models.geo import Floats, distance_m


class Part(NamedTuple):
    """Rows of one member among some of the region."""

    member: Searcher
    places: Int64s
    """Which of those that were asked for."""
    rows: Int64s
    """As the member numbers them."""


class Rows:
    """Numbers tiles: row r of member m is row `starts[m] + r`.

    Args:
        plan: the members.
        neighbours: of each, those that may hold the same ground.
        opened: gives a member by its number.
    """

    def __init__(
        self, plan: RegionPlan, neighbours: Sequence[Sequence[int]], opened: Callable[[int], Searcher]
    ) -> None:
        self._members, self.neighbours, self._opened = plan.members, neighbours, opened
        self.starts: Int64s = np.cumsum([0, *(member.manifest.count for member in plan.members)]).astype(np.int64)

    def owners(self, rows: Int64s) -> Int64s:
        """Give the number of the member of each row."""
        found: Int64s = np.searchsorted(self.starts, rows, side="right") - 1
        return found

    def parts(self, rows: Int64s) -> Iterator[Part]:
        """Give the rows member by member, in the order of members."""
        owner = self.owners(rows)
        for number in np.unique(owner).tolist():
            places = np.flatnonzero(owner == number)
            yield Part(self._opened(number), places, rows[places] - self.starts[number])

    def centres(self, rows: Int64s) -> tuple[Floats, Floats]:
        """Give lat and lon of the centres of tiles."""
        lat, lon = np.empty(len(rows)), np.empty(len(rows))
        for member, places, own in self.parts(rows):
            lat[places], lon[places] = member.centres(own)
        return lat, lon

    def once(self, rows: Int64s) -> Int64s:
        """Leave out, of rows that rise, those whose ground a member listed before has among them too."""
        owner, shared = self.owners(rows), np.zeros(len(rows), bool)
        if not any(self.neighbours[number] for number in np.unique(owner).tolist()):
            return rows
        lat, lon = self.centres(rows)
        for number in np.unique(owner).tolist():
            shared |= (owner != number) & self._inside(number, lat, lon)
        some = np.flatnonzero(shared)
        twice = some[same_ground(self._ids(rows[some]), lat[some], lon[some]) != np.arange(len(some))]
        found: Int64s = np.delete(rows, twice)
        return found

    def twins(self, rows: Int64s) -> Iterator[Part]:
        """Give the same tiles, by id and centre, as other members hold them."""
        owner = self.owners(rows)
        others = {other for number in np.unique(owner).tolist() for other in self.neighbours[number]}
        if not others:
            return
        lat, lon = self.centres(rows)
        for number in sorted(others):
            places = np.flatnonzero((owner != number) & self._inside(number, lat, lon))
            if not places.size:
                continue
            member, middle = self._opened(number), places[len(places) // 2]
            away_m = distance_m(lat[middle], lon[middle], lat[places], lon[places])
            near = member.rows_near(float(lat[middle]), float(lon[middle]), float(away_m.max()) + SAME_M)
            known = dict(zip(member.ids(near), near.tolist(), strict=True))
            own = np.array([known.get(name, -1) for name in self._ids(rows[places])], dtype=np.int64)
            places, own = places[own >= 0], own[own >= 0]
            same = distance_m(lat[places], lon[places], *member.centres(own)) <= SAME_M
            if same.any():
                yield Part(member, places[same], own[same])

    def _inside(self, number: int, lat: Floats, lon: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        manifest = self._members[number].manifest
        return holds(manifest.bounds, lat, lon, manifest.footprint_m / 2 + SAME_M)

    def _ids(self, rows: Int64s) -> list[str]:
        names = [""] * len(rows)
        for member, places, own in self.parts(rows):
            for place, name in zip(places.tolist(), member.ids(own), strict=True):
                names[place] = name
        return names
