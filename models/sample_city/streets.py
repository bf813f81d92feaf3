"""Streets and blocks in world metres: what the division of the plan becomes on the ground."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .character import Character
from .districts import RURAL, Districts, Use
from .division import ARTERIAL_AREA_M2, COLLECTOR_AREA_M2, Cell, Cut, divide
from .solids import F64
from .street_sizes import StreetClass, draw_section
from .warp import Warp

STEP_M = 2.0


class Junction(NamedTuple):
    """Where another street meets: distance along this street, half width of the other's carriageway, number of the
    other.
    """

    station_m: float
    half_width_m: float
    street: int


@dataclass(frozen=True)
class Street:
    """One street.

    Attributes:
        path: (n, 2) world metres, about STEP_M apart. stations: (n,) distance along it.
        half_width_m: of the carriageway; the pavement on either side is pavement_m wide and has a strip of grass
            of verge_m unless that is 0. rural: a country road.
        lanes: both directions together; 0 means unmarked. yellow: colour of the centre line. cycle: coloured
            cycle lanes.
        seed: stable number for decisions along the street.
    """

    path: F64
    stations: F64
    rank: StreetClass
    half_width_m: float
    pavement_m: float
    lanes: int
    yellow: bool
    cycle: bool
    verge_m: float
    rural: bool
    seed: int
    junctions: tuple[Junction, ...] = ()

    @cached_property
    def crossings(self) -> tuple[Junction, ...]:
        """Junctions with the widest street of each place only, in order."""
        widest: dict[float, Junction] = {}
        for junction in self.junctions:
            place = round(junction.station_m, 3)
            if place not in widest or widest[place].half_width_m < junction.half_width_m:
                widest[place] = junction
        return tuple(widest.values())

    @property
    def length_m(self) -> float:
        return float(self.stations[-1])

    def at(self, station_m: float) -> tuple[F64, float]:
        """Point (2,) and direction (radians anticlockwise from east) at a distance along the street."""
        i = int(np.clip(np.searchsorted(self.stations, station_m) - 1, 0, len(self.path) - 2))
        step = self.path[i + 1] - self.path[i]
        share = (station_m - self.stations[i]) / max(float(self.stations[i + 1] - self.stations[i]), 1e-9)
        return self.path[i] + share * step, float(np.arctan2(step[1], step[0]))

    def beside(self, station_m: float, left_m: float) -> tuple[F64, float]:
        """The same, moved to the left of the direction by left_m."""
        point, angle = self.at(station_m)
        return point + left_m * np.array([-np.sin(angle), np.cos(angle)]), angle

    def clear_of_junctions(self, station_m: float, gap_m: float) -> bool:
        """Is this station at least gap_m outside every junction?"""
        return all(abs(station_m - j.station_m) > j.half_width_m + gap_m for j in self.crossings)


class Side(NamedTuple):
    """One side of a block: path (n, 2) along the street's centre line, block to the left.

    Street index, -1 at the rim.
    """

    path: F64
    street: int


@dataclass(frozen=True)
class Block:
    """Land between streets: outline (n, 2) anticlockwise along the centre lines, its sides, area and use."""

    outline: F64
    sides: tuple[Side, ...]
    area_m2: float
    use: Use


def lay_out(size_m: float, rng: np.random.Generator, city: Character) -> tuple[list[Street], list[Block]]:
    """Lay out the streets and blocks that touch a square world of side size_m."""
    warp = Warp.draw(rng, size_m / 2.0)
    half_side = 0.71 * size_m + 90.0
    districts = Districts.draw(rng, half_side, city)
    cuts, cells = divide(half_side, districts, rng)
    streets = [_street(cut, warp, districts, city, rng) for cut in cuts]
    streets = [_with_junctions(i, streets, cuts) for i in range(len(streets))]
    blocks = [_block(cell, warp, districts, rng) for cell in cells]
    return streets, [b for b in blocks if _touches(b.outline, size_m)]


def _touches(points: F64, size_m: float) -> bool:
    return bool((points.min(axis=0) < size_m).all() and (points.max(axis=0) > 0.0).all())


def _dense(a: F64, b: F64, warp: Warp) -> F64:
    count = max(2, int(np.hypot(*(b - a)) / STEP_M) + 1)
    return warp(a + np.linspace(0.0, 1.0, count)[:, None] * (b - a))


def _rank(cut: Cut, use: Use, rng: np.random.Generator) -> StreetClass:
    if cut.area_m2 > ARTERIAL_AREA_M2:
        return StreetClass.ARTERIAL
    if cut.area_m2 > COLLECTOR_AREA_M2:
        return StreetClass.COLLECTOR
    if use == Use.CENTRE and rng.random() < 0.2:
        return StreetClass.PEDESTRIAN
    if use in (Use.HOUSES, Use.TERRACES) and rng.random() < 0.22:
        return StreetClass.LANE
    return StreetClass.RESIDENTIAL


def _street(cut: Cut, warp: Warp, districts: Districts, city: Character, rng: np.random.Generator) -> Street:
    path = _dense(cut.start, cut.end, warp)
    steps = np.hypot(*np.diff(path, axis=0).T)
    use = districts.character((cut.start + cut.end) / 2.0)
    rank = _rank(cut, use, rng)
    section = draw_section(rank, use, city, rng)
    return Street(
        path=path,
        stations=np.concatenate([[0.0], np.cumsum(steps)]),
        rank=rank,
        half_width_m=section.half_width_m,
        pavement_m=section.pavement_m,
        lanes=section.lanes,
        yellow=bool(rng.random() < 0.35),
        cycle=section.cycle,
        verge_m=section.verge_m,
        rural=use in RURAL,
        seed=int(rng.integers(1, 2**31)),
    )


def _with_junctions(index: int, streets: list[Street], cuts: list[Cut]) -> Street:
    street, cut = streets[index], cuts[index]
    span = float(np.hypot(*(cut.end - cut.start)))
    junctions = []
    for other, neighbour in enumerate(cuts):
        if other == index:
            continue
        for end in (neighbour.start, neighbour.end):
            if any(node is end for node in cut.nodes):
                junctions.append((float(np.hypot(*(end - cut.start))) / span, streets[other].half_width_m, other))
        for end in (cut.start, cut.end):
            if any(node is end for node in neighbour.nodes):
                junctions.append((float(np.hypot(*(end - cut.start))) / span, streets[other].half_width_m, other))
    shares = np.linspace(0.0, 1.0, len(street.path))
    found = []
    for share, half_width_m, other in sorted(set(junctions)):
        found.append(Junction(float(np.interp(share, shares, street.stations)), half_width_m, other))
    return replace(street, junctions=tuple(found))


def _block(cell: Cell, warp: Warp, districts: Districts, rng: np.random.Generator) -> Block:
    sides = []
    for i, owner in enumerate(cell.owners):
        sides.append(Side(_dense(cell.corners[i], cell.corners[(i + 1) % len(cell.corners)], warp), owner))
    use = districts.use(cell.middle(), rng)
    return Block(np.concatenate([side.path for side in sides]), tuple(sides), cell.area(), use)
