"""The streets of a sample city as a graph that a vehicle can drive on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageError
from models.sample_city import City
from models.sample_city.street_sizes import StreetClass
from models.sample_city.streets import Street

Floats = NDArray[np.float64]
SAME_PLACE_M = 2.0
"""Junctions nearer than this are one: the warp of the plan moves the ends of streets by less."""
SHORTEST_M = 4.0


@dataclass(frozen=True, slots=True)
class Road:
    """A street between two neighbouring junctions, in one direction.

    Attributes:
        path: (n, 2) centre line in city metres, from node `start` to node `end`.
        width_m: between the outer edges of the pavements.
    """

    start: int
    end: int
    path: Floats
    rank: StreetClass
    width_m: float

    def reversed(self) -> Road:
        return Road(self.end, self.start, self.path[::-1], self.rank, self.width_m)


@dataclass(frozen=True, slots=True)
class Roads:
    """Both directions of every road: number 2 k and 2 k + 1 are one another's way back."""

    roads: tuple[Road, ...]
    leaving: tuple[tuple[int, ...], ...]
    """By node: the roads that begin there."""

    def after(self, road: int) -> list[int]:
        """Roads to go on with: the way back only where nothing else leaves."""
        leaving = self.leaving[self.roads[road].end]
        return [other for other in leaving if other != road ^ 1] or [road ^ 1]


def lay_roads(city: City, inset_m: float) -> Roads:
    """Connect what lies at least `inset_m` within the city; of several parts the longest, of that no blind alley.

    Raises:
        UsageError: no street lies there.
    """
    nodes: list[Floats] = []
    one_way = [road for street in city.streets for road in _pieces(street, city, inset_m, nodes)]
    kept = _without_blind_alleys(_longest_part(one_way))
    if not kept:
        raise UsageError(
            f"No street of this city lies {inset_m:g} m within its {city.extent_m:g} m; take a larger extent."
        )
    both = [way for road in kept for way in (road, road.reversed())]
    leaving: list[list[int]] = [[] for _ in nodes]
    for number, road in enumerate(both):
        leaving[road.start].append(number)
    return Roads(tuple(both), tuple(map(tuple, leaving)))


def _pieces(street: Street, city: City, inset_m: float, nodes: list[Floats]) -> Iterator[Road]:
    """Cut a street at its junctions; what leaves the inner square is left out."""
    if street.rank == StreetClass.PEDESTRIAN:
        return
    stations = [junction.station_m for junction in street.crossings]
    for low, high in pairwise(stations):
        if high - low < SHORTEST_M:
            continue
        inner = street.stations[(street.stations > low + 0.1) & (street.stations < high - 0.1)]
        path = np.array([street.at(at)[0] for at in (low, *inner, high)]) - city.margin_m
        if path.min() >= inset_m and path.max() <= city.extent_m - inset_m:
            width = 2 * (street.half_width_m + street.pavement_m)
            yield Road(_node(path[0], nodes), _node(path[-1], nodes), path, street.rank, width)


def _node(point: Floats, nodes: list[Floats]) -> int:
    """Number of the node at a point, a new one if there is none."""
    for number, other in enumerate(nodes):
        if np.hypot(*(point - other)) < SAME_PLACE_M:
            return number
    nodes.append(point)
    return len(nodes) - 1


def _longest_part(roads: Sequence[Road]) -> list[Road]:
    """Keep the connected part with the most metres of street."""
    part: dict[int, int] = {}
    for road in roads:
        a, b = part.setdefault(road.start, road.start), part.setdefault(road.end, road.end)
        part = {node: a if name == b else name for node, name in part.items()}
    metres: dict[int, float] = {}
    for road in roads:
        metres[part[road.start]] = metres.get(part[road.start], 0.0) + path_length_m(road.path)
    longest = max(metres, key=lambda name: metres[name], default=-1)
    return [road for road in roads if part[road.start] == longest]


def _without_blind_alleys(roads: Sequence[Road]) -> list[Road]:
    """Take away roads that end at a node of their own, again and again; all, if nothing would be left."""
    kept = list(roads)
    while True:
        ends = [node for road in kept for node in (road.start, road.end)]
        through = [road for road in kept if ends.count(road.start) > 1 and ends.count(road.end) > 1]
        if len(through) == len(kept):
            return kept or list(roads)
        kept = through


def path_length_m(path: Floats) -> float:
    return float(np.hypot(*np.diff(path, axis=0).T).sum())


def random_route(roads: Roads, length_m: float, rng: np.random.Generator) -> list[int]:
    """Drive on at random from anywhere until the route is long enough; U-turns only at the end of a blind alley."""
    route = [int(rng.integers(len(roads.roads)))]
    driven = path_length_m(roads.roads[route[0]].path)
    while driven < length_m:
        route.append(int(rng.choice(roads.after(route[-1]))))
        driven += path_length_m(roads.roads[route[-1]].path)
    return route
