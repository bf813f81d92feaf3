"""The building site: rasters and lists that the makers of streets, buildings and plants share."""

from dataclasses import dataclass, field

import numpy as np

from .character import Character
from .materials import FIRST_LAND
from .paint import paint_disc, paint_polygon, paint_rectangle, rectangle_touches
from .solids import F64, U8, SolidList

GROUND_CELL_M = 0.25
FREE_CELL_M = 0.5


@dataclass
class Plot:
    """World under construction.

    Attributes:
        size_m: side of the square world. ground: (n, n) uint8 materials, 0.25 m cells, row 0 south.
        taken: (n / 2, n / 2) uint8, 0.5 m cells: 1 street, 2 building, 3 plant or furniture, 4 water; 0 is free.
        marks: rectangles of paint: x, y, angle, half length, half width, colour (0 white, 1 yellow, 2 kerb
            stone, 3 iron).
        rims: ends (2,) of the lines between fields.
        slots: places for cars: x, y, angle, kind (0 parked, 1 moving, 2 moving and wide enough for a bus).
    """

    size_m: float
    ground: U8
    taken: U8
    rng: np.random.Generator
    character: Character = field(default_factory=Character)
    solids: SolidList = field(default_factory=SolidList)
    marks: list[tuple[float, float, float, float, float, float]] = field(default_factory=list)
    slots: list[tuple[float, float, float, float]] = field(default_factory=list)
    rims: list[tuple[F64, F64]] = field(default_factory=list)

    @classmethod
    def empty(cls, size_m: float, rng: np.random.Generator, material: int, character: Character) -> "Plot":
        """A bare world; size_m must be a multiple of 8."""
        cells = round(size_m / GROUND_CELL_M)
        ground, taken = np.full((cells, cells), material, np.uint8), np.zeros((cells // 2, cells // 2), np.uint8)
        return cls(size_m, ground, taken, rng, character)

    def free(self, x: float, y: float, angle: float, half_u: float, half_v: float) -> bool:
        """Is a turned rectangle inside the world and on land that nobody uses?"""
        return not rectangle_touches(self.taken, FREE_CELL_M, x, y, angle, half_u, half_v)

    def take(self, x: float, y: float, angle: float, half_u: float, half_v: float, value: int) -> None:
        """Use up a turned rectangle of land."""
        paint_rectangle(self.taken, FREE_CELL_M, x, y, angle, half_u, half_v, value, 0)

    def take_disc(self, x: float, y: float, radius_m: float, value: int) -> None:
        """Use up a disc of land."""
        paint_disc(self.taken, FREE_CELL_M, x, y, radius_m, value, 0)

    def cover(self, x: float, y: float, angle: float, half_u: float, half_v: float, material: int) -> None:
        """Lay a material on a turned rectangle of land; streets stay."""
        paint_rectangle(self.ground, GROUND_CELL_M, x, y, angle, half_u, half_v, int(material), FIRST_LAND)

    def cover_disc(self, x: float, y: float, radius_m: float, material: int) -> None:
        """Lay a material on a disc of land; streets stay."""
        paint_disc(self.ground, GROUND_CELL_M, x, y, radius_m, int(material), FIRST_LAND)

    def cover_polygon(self, outline: F64, material: int) -> None:
        """Lay a material inside a polygon, whatever is there."""
        paint_polygon(self.ground, GROUND_CELL_M, np.ascontiguousarray(outline), int(material), np.empty(len(outline)))

    def material(self, x: float, y: float) -> int:
        """Material at a point; points outside count as the nearest cell."""
        last = len(self.ground) - 1
        row, col = min(max(int(y / GROUND_CELL_M), 0), last), min(max(int(x / GROUND_CELL_M), 0), last)
        return int(self.ground[row, col])
