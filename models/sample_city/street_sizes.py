"""How wide the streets of each rank are, and what lies beside the carriageway."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from .character import Character
from .districts import RURAL, Use


class StreetClass(IntEnum):
    """Importance of a street, from many lanes to none."""

    ARTERIAL = 0
    COLLECTOR = 1
    RESIDENTIAL = 2
    LANE = 3
    PEDESTRIAN = 4


class Section(NamedTuple):
    """Cross-section of a street: metres, and lanes of both directions together, 0 where they are not marked."""

    half_width_m: float
    pavement_m: float
    lanes: int
    verge_m: float
    cycle: bool


def draw_section(rank: StreetClass, use: Use, city: Character, rng: np.random.Generator) -> Section:
    """Draw the cross-section of a street that runs through land of a use."""
    if use in RURAL:
        return _country_road(rank, city, rng)
    scale = city.street_scale
    if use == Use.HOUSES and rank in (StreetClass.RESIDENTIAL, StreetClass.LANE):
        half = scale * rng.uniform(2.9, 4.1)
        if not city.footways:
            return Section(half, 0.0, 0, 0.0, False)
        walk = rng.uniform(1.2, 1.8)
        return Section(half, walk + city.verge_m, 2 * int(rng.random() < 0.2), city.verge_m, False)
    if rank == StreetClass.ARTERIAL and city.is_open and rng.random() < 0.6:
        rank = StreetClass.COLLECTOR
    cycle = rank == StreetClass.ARTERIAL and rng.random() < 0.35
    half, pavement, lanes = {
        StreetClass.ARTERIAL: (6.6 + 1.7 * cycle, rng.uniform(3.0, 4.5), 4),
        StreetClass.COLLECTOR: (scale * rng.uniform(4.4, 5.4), rng.uniform(2.2, 3.5), 2),
        StreetClass.RESIDENTIAL: (scale * rng.uniform(3.0, 4.2), rng.uniform(1.6, 2.6), 2 * int(rng.random() < 0.4)),
        StreetClass.LANE: (scale * rng.uniform(2.0, 2.6), rng.uniform(0.0, 1.2), 0),
        StreetClass.PEDESTRIAN: (rng.uniform(3.5, 5.5), 0.5, 0),
    }[rank]
    grassy = pavement > 2.1 and rank != StreetClass.PEDESTRIAN and rng.random() < 0.45
    return Section(half, pavement, lanes, min(max(city.verge_m, 1.0), pavement - 1.1) if grassy else 0.0, cycle)


def _country_road(rank: StreetClass, city: Character, rng: np.random.Generator) -> Section:
    """Two lanes or one, no footway."""
    half, marked = {
        StreetClass.ARTERIAL: (rng.uniform(3.4, 5.0), 0.95),
        StreetClass.COLLECTOR: (rng.uniform(2.7, 3.6), 0.6),
    }.get(rank, (rng.uniform(1.7, 2.6), 0.1))
    return Section(half * min(max(city.street_scale, 0.9), 1.2), 0.0, 2 * int(rng.random() < marked), 0.0, False)
