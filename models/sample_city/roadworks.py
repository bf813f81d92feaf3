"""Lay the streets on the ground: pavements, kerbs, carriageways, cycle lanes, verges, the river."""

import numpy as np

from .corners import round_corners
from .countryside import lay_out_fields
from .districts import Use
from .materials import Material
from .paint import paint_path
from .plot import FREE_CELL_M, GROUND_CELL_M, Plot
from .solids import F64
from .street_sizes import StreetClass
from .streets import Block, Street

VERGE_START_M, SHOULDER_M = 0.35, 1.2
CYCLE_LANE_M = 1.6
BASE = {
    Use.CENTRE: (Material.PAVING, Material.CONCRETE, Material.GRASS),
    Use.SLABS: (Material.GRASS, Material.GRASS, Material.MEADOW),
    Use.HOUSES: (Material.GRASS, Material.GRASS, Material.MEADOW),
    Use.TERRACES: (Material.GRASS, Material.GRAVEL, Material.GRASS),
    Use.INDUSTRY: (Material.CONCRETE, Material.YARD, Material.GRAVEL),
    Use.PARK: (Material.GRASS, Material.MEADOW, Material.GRASS),
    Use.SQUARE: (Material.PAVING, Material.PAVING_CHECKED, Material.PAVING_RED),
    Use.PARKING: (Material.YARD, Material.YARD, Material.GRAVEL),
    Use.FIELD: (Material.CROP, Material.SOIL, Material.MEADOW),
    Use.FARMLAND: (Material.GRASS, Material.MEADOW, Material.GRASS),
    Use.WOODLAND: (Material.FOREST_FLOOR, Material.FOREST_FLOOR, Material.MEADOW),
    Use.CIVIC: (Material.PAVING, Material.GRASS, Material.GRAVEL),
}


def cover_blocks(plot: Plot, blocks: list[Block]) -> None:
    """Give every block its base material."""
    for block in blocks:
        choices = BASE[block.use]
        plot.cover_polygon(block.outline, choices[plot.rng.integers(len(choices))])
        if block.use == Use.FARMLAND:
            lay_out_fields(plot, block)


def lay_river(plot: Plot) -> None:
    """Let a river wind through about every second city; later streets become bridges."""
    rng = plot.rng
    if rng.random() < 0.5 or plot.size_m < 500.0:
        return
    angle, width = rng.uniform(0.0, np.pi), rng.uniform(9.0, 19.0)
    along = np.arange(-0.8 * plot.size_m, 0.8 * plot.size_m, 3.0)
    offset = rng.uniform(0.1, 0.25) * plot.size_m * rng.choice([-1.0, 1.0])
    across = offset + 45.0 * np.sin(along / rng.uniform(90.0, 160.0) + rng.uniform(0.0, 6.0))
    c, s = np.cos(angle), np.sin(angle)
    path = np.stack([along * c - across * s, along * s + across * c], axis=1) + plot.size_m / 2.0
    for outer, material in ((width + 7.0, Material.MEADOW), (width + 1.2, Material.GRAVEL), (width, Material.WATER)):
        paint_path(plot.ground, GROUND_CELL_M, path, outer, int(material))
    paint_path(plot.taken, FREE_CELL_M, path, width + 7.0, 4)


def lay_streets(plot: Plot, streets: list[Street]) -> None:
    """Paint all pavements first, then all carriageways.

    A street ends on one that was cut before it and is painted later.
    """
    for street in streets:
        beside = SHOULDER_M if street.rural else street.pavement_m
        paint_path(plot.taken, FREE_CELL_M, street.path, street.half_width_m + beside, 1)
        _strip(plot, street.path, street.half_width_m + beside, _footway(street))
    for street in streets:
        if street.verge_m > 0.0:
            _strip(plot, street.path, street.half_width_m + VERGE_START_M + street.verge_m, Material.VERGE)
            _strip(plot, street.path, street.half_width_m + VERGE_START_M, _footway(street))
    for street in reversed(streets):
        _strip(plot, street.path, street.half_width_m, Material.CYCLE_LANE if street.cycle else _surface(street))
        if street.cycle:
            _strip(plot, street.path, street.half_width_m - CYCLE_LANE_M, _surface(street))
    round_corners(plot, streets, [int(_surface(street)) for street in streets])


def _strip(plot: Plot, path: F64, half_width_m: float, material: Material) -> None:
    paint_path(plot.ground, GROUND_CELL_M, path, half_width_m, int(material))


def _footway(street: Street) -> Material:
    if street.rural:
        return (Material.VERGE, Material.GRAVEL)[int(street.seed % 4 == 0)]
    return Material.PAVEMENT_RED if street.seed % 5 == 0 else Material.PAVEMENT


def _surface(street: Street) -> Material:
    if street.rank == StreetClass.PEDESTRIAN:
        return (Material.PAVING, Material.PAVING_RED, Material.COBBLES)[street.seed % 3]
    if street.rural:
        lane = street.rank >= StreetClass.RESIDENTIAL and street.seed % 3 == 0
        return Material.GRAVEL if lane else (Material.ASPHALT, Material.ASPHALT_WORN)[street.seed % 2]
    if street.rank == StreetClass.LANE:
        return (Material.ASPHALT_WORN, Material.COBBLES, Material.GRAVEL)[street.seed % 3]
    if street.rank == StreetClass.RESIDENTIAL:
        return (Material.ASPHALT_WORN, Material.ASPHALT, Material.ASPHALT_WORN, Material.COBBLES)[street.seed % 4]
    return (Material.ASPHALT, Material.ASPHALT_WORN)[int(street.seed % 4 == 0)]
