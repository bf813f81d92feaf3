"""Parts of the city with a character of their own."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .character import Character
from .solids import F64


class Use(IntEnum):
    """What a block is used for."""

    CENTRE = 0
    SLABS = 1
    HOUSES = 2
    TERRACES = 3
    INDUSTRY = 4
    PARK = 5
    SQUARE = 6
    PARKING = 7
    FIELD = 8
    CIVIC = 9
    FARMLAND = 10
    WOODLAND = 11


# area of a block in square metres below which it is not divided further
BLOCK_AREA = {
    Use.CENTRE: 5200.0, Use.SLABS: 13000.0, Use.HOUSES: 7600.0, Use.TERRACES: 6200.0, Use.INDUSTRY: 21000.0,
    Use.FARMLAND: 26000.0, Use.WOODLAND: 21000.0,
}  # fmt: skip

# what else stands in a district of each character
BLOCK_MIX: dict[Use, dict[Use, float]] = {
    Use.CENTRE: {Use.CENTRE: 0.74, Use.SQUARE: 0.08, Use.PARK: 0.05, Use.PARKING: 0.06, Use.CIVIC: 0.07},
    Use.SLABS: {Use.SLABS: 0.66, Use.PARK: 0.1, Use.PARKING: 0.09, Use.CIVIC: 0.07, Use.FIELD: 0.04, Use.SQUARE: 0.04},
    Use.HOUSES: {Use.HOUSES: 0.78, Use.PARK: 0.06, Use.FIELD: 0.08, Use.CIVIC: 0.04, Use.TERRACES: 0.04},
    Use.TERRACES: {Use.TERRACES: 0.72, Use.HOUSES: 0.1, Use.PARK: 0.08, Use.SQUARE: 0.04, Use.CIVIC: 0.06},
    Use.FARMLAND: {Use.FARMLAND: 0.8, Use.WOODLAND: 0.12, Use.HOUSES: 0.06, Use.INDUSTRY: 0.02},
    Use.WOODLAND: {Use.WOODLAND: 0.74, Use.FARMLAND: 0.16, Use.HOUSES: 0.1},
    Use.INDUSTRY: {Use.INDUSTRY: 0.68, Use.PARKING: 0.12, Use.FIELD: 0.14, Use.PARK: 0.06},
}
CHARACTERS = list(BLOCK_AREA)
RURAL = (Use.FARMLAND, Use.WOODLAND)
# how much likelier each is at the rim of the world than in the middle: weight = a + b * outward
OUTWARD = np.array([(1.3, -1.0), (1.0, 0.0), (0.6, 0.6), (1.0, 0.0), (0.5, 0.8), (0.5, 0.8), (0.5, 0.8)])


@dataclass(frozen=True)
class Districts:
    """Nearest seed decides: seeds (k, 2) plan metres, characters k."""

    seeds: F64
    characters: tuple[Use, ...]
    block_scale: float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator, half_side_m: float, city: Character) -> "Districts":
        """Draw one seed per 9 hectares; the centre is likelier in the middle, houses, industry and fields outside."""
        count = max(4, round((2.0 * half_side_m) ** 2 / 90000.0))
        seeds = rng.uniform(-half_side_m, half_side_m, (count, 2))
        characters = []
        for seed in seeds:
            outward = min(float(np.hypot(*seed)) / (0.7 * half_side_m), 1.0)
            weights = np.array(city.districts) * (OUTWARD[:, 0] + OUTWARD[:, 1] * outward)
            characters.append(CHARACTERS[rng.choice(len(CHARACTERS), p=weights / weights.sum())])
        return cls(seeds, tuple(characters), city.block_scale)

    def character(self, point: F64) -> Use:
        """Character of the district around one plan point (2,)."""
        return self.characters[int(np.argmin(((self.seeds - point) ** 2).sum(axis=1)))]

    def block_area_m2(self, point: F64) -> float:
        """Area below which a block around one plan point is not divided further."""
        return BLOCK_AREA[self.character(point)] * self.block_scale

    def use(self, point: F64, rng: np.random.Generator) -> Use:
        """Draw the use of the block around one plan point."""
        mix = BLOCK_MIX[self.character(point)]
        return list(mix)[rng.choice(len(mix), p=np.array(list(mix.values())))]
