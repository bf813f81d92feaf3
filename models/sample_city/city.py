"""The city: everything that does not change between two visits."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .buckets import Buckets, bounding_boxes, bucket
from .buildings import build_blocks
from .character import Character
from .errors import SampleCityError
from .furniture import furnish_blocks, furnish_streets
from .gardens import plant_blocks, plant_streets
from .georeference import Georeference
from .horizon import draw_horizon
from .markings import mark_streets
from .materials import Material
from .plot import Plot
from .roadworks import cover_blocks, lay_river, lay_streets
from .solids import F32, U8, Solids
from .streets import Street, lay_out
from .traffic import mark_slots

GENERATION = 2
"""Raised whenever a seed begins to give another city, or a city other pictures: what was rendered before is stale."""
MARGIN_M = 150.0
MARK_CELL_M = 2.0


@dataclass(frozen=True, eq=False)
class City:
    """One city; two cities are equal only if they are the same object.

    City metres: x east, y north, origin in the south-west corner, [0, extent_m]. World metres, used by the
        arrays: city metres plus margin_m, [0, size_m]; beyond that the world repeats.

    Attributes:
        ground: (n, n) uint8 Material, 0.25 m cells, row 0 is the south edge.
        taken: (n / 2, n / 2) uint8, 0.5 m cells: 0 free, 1 street, 2 building, 3 plant or furniture, 4 water.
        solids: all that stands, without cars. marks: (m, 6) x, y, cos, sin ... see Plot.marks, angle replaced by
            its cosine and sine.
        slots: (k, 4) where cars may be.
    """

    seed: int
    extent_m: float
    margin_m: float
    size_m: float
    ground: U8
    taken: U8
    solids: Solids
    marks: F32
    slots: F32
    streets: tuple[Street, ...]
    character: Character = field(default_factory=Character)
    georeference: Georeference = field(default_factory=lambda: Georeference.at(48.0, 9.0))

    @classmethod
    def generate(
        cls,
        seed: int,
        extent_m: float = 1000.0,
        georeference: Georeference | None = None,
        character: Character | None = None,
    ) -> "City":
        """Make the city of a seed; the same arguments give the same city. Its character follows from the seed too.

        Raises SampleCityError if extent_m is out of range.
        """
        if not 100.0 <= extent_m <= 5000.0:
            raise SampleCityError(f"extent_m is {extent_m}; a sample city is 100 to 5000 m wide")
        rng = np.random.default_rng([seed, 7])
        size = float(np.ceil((extent_m + 2.0 * MARGIN_M) / 8.0) * 8.0)
        character = character or Character.draw(np.random.default_rng([seed, 77]))
        streets, blocks = lay_out(size, rng, character)
        plot = Plot.empty(size, rng, int(Material.GRASS), character)
        cover_blocks(plot, blocks)
        lay_river(plot)
        lay_streets(plot, streets)
        mark_streets(plot, streets)
        mark_slots(plot, streets)
        furnish_streets(plot, streets)
        plant_streets(plot, streets)
        build_blocks(plot, blocks, streets)
        plant_blocks(plot, blocks, streets)
        furnish_blocks(plot, blocks)
        return cls(
            seed=seed,
            extent_m=float(extent_m),
            margin_m=MARGIN_M,
            size_m=size,
            ground=plot.ground,
            taken=plot.taken,
            solids=plot.solids.table(),
            marks=_mark_table(plot),
            slots=np.array(plot.slots, np.float32).reshape(-1, 4),
            streets=tuple(streets),
            character=character,
            georeference=georeference or Georeference.at(48.0, 9.0),
        )

    @cached_property
    def horizon(self) -> F32:
        """The far skyline; see draw_horizon."""
        return draw_horizon(self.seed, self.character)

    @cached_property
    def grain_turn(self) -> tuple[float, float]:
        """Cosine and sine of the angle along which paving, furrows and mown stripes run."""
        angle = np.random.default_rng([self.seed, 76]).uniform(0.0, 2.0 * np.pi)
        return float(np.cos(angle)), float(np.sin(angle))

    @cached_property
    def mark_buckets(self) -> Buckets:
        """Marks by 2 m cells."""
        shape = np.zeros((len(self.marks), 10), np.float32)
        shape[:, :6] = self.marks[:, :6]
        return bucket(bounding_boxes(shape), self.size_m, MARK_CELL_M)

    @cached_property
    def convergence_deg(self) -> float:
        """Azimuth of grid north from true north in the middle of the city.

        Over 1 km it changes by about 0.01 degrees.
        """
        return self.georeference.convergence_deg(self.extent_m / 2.0, self.extent_m / 2.0)

    def city_to_wgs84(self, x_m: float, y_m: float) -> tuple[float, float]:
        """City metres to (lat, lon)."""
        return self.georeference.city_to_wgs84(x_m, y_m)

    def wgs84_to_city(self, lat: float, lon: float) -> tuple[float, float]:
        """(lat, lon) to city metres (x, y)."""
        return self.georeference.wgs84_to_city(lat, lon)

    def grid_heading_deg(self, heading_deg: float) -> float:
        """Heading from true north to heading from grid north (the y axis)."""
        return heading_deg - self.convergence_deg


def _mark_table(plot: Plot) -> F32:
    """(m, 7): x, y, cos, sin, half length, half width, colour."""
    marks = np.array(plot.marks, np.float64).reshape(-1, 6)
    inside = (marks[:, :2] > 0.0).all(axis=1) & (marks[:, :2] < plot.size_m).all(axis=1)
    x, y, angle, length, width, colour = marks[inside].T
    return np.stack([x, y, np.cos(angle), np.sin(angle), length, width, colour], axis=1).astype(np.float32)
