"""How each use of land builds: sizes, heights, facades, roofs."""

from typing import NamedTuple

from .architecture import Facade, Roof
from .districts import Use


class Habit(NamedTuple):
    """How a use builds: ranges in metres, storeys inclusive; wing is the chance of an L shape."""

    front: tuple[float, float]
    depth: tuple[float, float]
    setback: tuple[float, float]
    gap: tuple[float, float]
    storeys: tuple[int, int]
    facades: tuple[Facade, ...]
    roofs: tuple[Roof, ...]
    wing: float
    full: float


F, R = Facade, Roof
HABITS = {
    Use.CENTRE: Habit(
        (12, 30), (11, 15), (0.0, 0.4), (0.0, 0.2), (3, 8), (F.SHOPS, F.SHOPS, F.BANDS, F.GLASS, F.STONE, F.BRICK),
        (R.FLAT, R.FLAT, R.GABLE, R.HIP), 0.35, 0.93,
    ),
    Use.SLABS: Habit(
        (22, 55), (11, 14), (6, 16), (11, 26), (3, 12), (F.BALCONIES, F.WINDOWS, F.BALCONIES, F.BRICK),
        (R.FLAT, R.FLAT, R.FLAT, R.HIP), 0.25, 0.85,
    ),
    Use.HOUSES: Habit(
        (8, 13), (7.5, 11), (3, 7.5), (3, 8), (1, 2), (F.WINDOWS, F.WINDOWS, F.BRICK),
        (R.GABLE, R.HIP, R.GABLE, R.FLAT), 0.25, 0.9,
    ),
    Use.TERRACES: Habit(
        (6, 8.5), (9, 11.5), (1.5, 4), (0.0, 0.0), (2, 3), (F.BRICK, F.BRICK, F.WINDOWS, F.STONE),
        (R.GABLE, R.GABLE, R.GABLE, R.FLAT), 0.1, 0.92,
    ),
    Use.INDUSTRY: Habit(
        (26, 62), (20, 40), (7, 18), (8, 24), (2, 3), (F.SHED, F.SHED, F.BANDS),
        (R.FLAT, R.FLAT, R.GABLE), 0.2, 0.85,
    ),
    Use.SQUARE: Habit(
        (14, 26), (10, 14), (0.0, 0.5), (3, 30), (3, 6), (F.SHOPS, F.STONE, F.GLASS),
        (R.FLAT, R.HIP), 0.0, 0.18,
    ),
    Use.PARKING: Habit(
        (16, 30), (12, 18), (3, 8), (8, 30), (1, 2), (F.SHED, F.BANDS, F.SHOPS),
        (R.FLAT,), 0.0, 0.16,
    ),
    Use.CIVIC: Habit(
        (24, 44), (13, 20), (5, 12), (14, 30), (2, 4), (F.STONE, F.BRICK, F.BANDS, F.GLASS),
        (R.FLAT, R.HIP, R.GABLE), 0.6, 0.5,
    ),
    Use.FARMLAND: Habit(
        (12, 26), (9, 14), (6, 30), (20, 80), (1, 2), (F.SHED, F.BRICK, F.WINDOWS),
        (R.GABLE, R.GABLE, R.HIP), 0.4, 0.09,
    ),
    Use.WOODLAND: Habit(
        (9, 14), (8, 11), (10, 30), (30, 90), (1, 2), (F.WINDOWS, F.BRICK),
        (R.GABLE, R.HIP), 0.2, 0.06,
    ),
    Use.PARK: Habit(
        (7, 12), (6, 9), (6, 20), (30, 80), (1, 1), (F.SHED, F.BRICK),
        (R.HIP, R.FLAT), 0.0, 0.1,
    ),
}  # fmt: skip
