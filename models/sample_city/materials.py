"""What the ground is made of, and its colour in each season."""

from enum import IntEnum
from typing import Final

import numpy as np

from .solids import F32
from .weather import Season


class Material(IntEnum):
    """One byte of the ground raster.

    Everything before FIRST_LAND belongs to a street and is never painted over by land.
    """

    ASPHALT = 0
    ASPHALT_WORN = 1
    COBBLES = 2
    PAVEMENT = 3
    PAVEMENT_RED = 4
    KERB = 5
    CYCLE_LANE = 6
    VERGE = 7
    GRASS = 8
    MEADOW = 9
    SOIL = 10
    GRAVEL = 11
    WATER = 12
    PAVING = 13
    PAVING_CHECKED = 14
    YARD = 15
    CONCRETE = 16
    FLOWERS = 17
    CROP = 18
    SAND = 19
    PITCH = 20
    PAVING_RED = 21
    TRACK = 22
    STUBBLE = 23
    GREEN_CROP = 24
    FOREST_FLOOR = 25


FIRST_LAND: Final = int(Material.GRASS)

# sRGB of a summer's day
SUMMER = {
    Material.ASPHALT: (0.31, 0.31, 0.33),
    Material.ASPHALT_WORN: (0.42, 0.41, 0.41),
    Material.COBBLES: (0.46, 0.43, 0.40),
    Material.PAVEMENT: (0.62, 0.61, 0.59),
    Material.PAVEMENT_RED: (0.60, 0.47, 0.42),
    Material.KERB: (0.74, 0.73, 0.71),
    Material.CYCLE_LANE: (0.56, 0.30, 0.26),
    Material.VERGE: (0.37, 0.45, 0.24),
    Material.GRASS: (0.36, 0.46, 0.23),
    Material.MEADOW: (0.45, 0.49, 0.28),
    Material.SOIL: (0.47, 0.37, 0.28),
    Material.GRAVEL: (0.62, 0.57, 0.49),
    Material.WATER: (0.16, 0.26, 0.29),
    Material.PAVING: (0.66, 0.63, 0.58),
    Material.PAVING_CHECKED: (0.58, 0.57, 0.57),
    Material.YARD: (0.38, 0.38, 0.40),
    Material.CONCRETE: (0.60, 0.60, 0.58),
    Material.FLOWERS: (0.36, 0.38, 0.22),
    Material.CROP: (0.58, 0.54, 0.28),
    Material.SAND: (0.78, 0.71, 0.56),
    Material.PITCH: (0.31, 0.49, 0.25),
    Material.PAVING_RED: (0.60, 0.40, 0.33),
    Material.TRACK: (0.62, 0.32, 0.25),
    Material.STUBBLE: (0.70, 0.62, 0.42),
    Material.GREEN_CROP: (0.33, 0.46, 0.20),
    Material.FOREST_FLOOR: (0.36, 0.32, 0.22),
}
GREEN = (
    Material.VERGE,
    Material.GRASS,
    Material.MEADOW,
    Material.PITCH,
    Material.FLOWERS,
    Material.CROP,
    Material.GREEN_CROP,
)
PAVED = [int(m) for m in range(7)] + [13, 14, 15, 16, 21]  # what darkens and shines in the rain
TRAFFICKED = (Material.ASPHALT, Material.ASPHALT_WORN, Material.COBBLES, Material.CYCLE_LANE, Material.YARD)

# colour that green ground turns to, and how far
TURNED: dict[Season, tuple[tuple[float, float, float], float]] = {
    Season.SPRING: ((0.43, 0.56, 0.24), 0.5),
    Season.SUMMER: ((0.36, 0.46, 0.23), 0.0),
    Season.DRY: ((0.66, 0.58, 0.34), 0.72),
    Season.AUTUMN: ((0.50, 0.44, 0.22), 0.5),
    Season.WINTER: ((0.45, 0.43, 0.29), 0.7),
    Season.SNOW: ((0.90, 0.92, 0.96), 0.94),
}
SNOW = (0.88, 0.90, 0.94)


def ground_colours(season: Season, summer: F32) -> F32:
    """(number of materials, 3) sRGB in [0, 1] of the ground in a season, from the same in summer."""
    table = summer.copy()
    colour, share = TURNED[season]
    for material in GREEN:
        table[material] += np.float32(share) * (np.array(colour, np.float32) - table[material])
    if season == Season.SNOW:
        for material in Material:
            share = 0.12 if material in TRAFFICKED else 0.3 if material == Material.WATER else 0.72
            table[material] += np.float32(share) * (np.array(SNOW, np.float32) - table[material])
    return table


def linear(srgb: F32) -> F32:
    """Display values in [0, 1] to linear light."""
    return np.asarray(np.clip(srgb, 0.0, 1.0) ** np.float32(2.2), np.float32)
