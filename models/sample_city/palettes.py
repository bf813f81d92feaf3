"""Colours of one city: what its builders, masons and gardeners have to hand. All are sRGB in [0, 1]."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .materials import SUMMER, Material
from .solids import F32, F64, Colour

PLASTER: Final = (
    (0.88, 0.86, 0.80), (0.92, 0.91, 0.89), (0.86, 0.77, 0.58), (0.83, 0.66, 0.42), (0.80, 0.58, 0.48),
    (0.72, 0.76, 0.70), (0.66, 0.72, 0.78), (0.78, 0.74, 0.70), (0.68, 0.66, 0.63), (0.85, 0.70, 0.66),
    (0.62, 0.70, 0.60), (0.55, 0.56, 0.58),
)  # fmt: skip
BRICKS: Final = ((0.58, 0.30, 0.23), (0.52, 0.36, 0.28), (0.66, 0.44, 0.32), (0.45, 0.27, 0.22), (0.70, 0.62, 0.50))
CLADDING: Final = ((0.62, 0.65, 0.68), (0.40, 0.47, 0.55), (0.74, 0.73, 0.70), (0.50, 0.56, 0.50), (0.66, 0.38, 0.30))
FLAT_ROOFS: Final = (
    (0.36, 0.36, 0.37), (0.52, 0.52, 0.52), (0.72, 0.72, 0.71), (0.85, 0.85, 0.84), (0.58, 0.52, 0.45),
    (0.42, 0.46, 0.35), (0.30, 0.30, 0.32), (0.52, 0.38, 0.33), (0.45, 0.53, 0.52), (0.64, 0.60, 0.56),
    (0.46, 0.45, 0.43), (0.60, 0.61, 0.62),
)  # fmt: skip
TERRACOTTA: Final = ((0.62, 0.30, 0.20), (0.52, 0.25, 0.19), (0.70, 0.42, 0.28), (0.60, 0.38, 0.30))
SHINGLES: Final = ((0.42, 0.41, 0.40), (0.50, 0.48, 0.46), (0.36, 0.33, 0.31), (0.46, 0.38, 0.32), (0.58, 0.56, 0.54))
SLATE: Final = ((0.30, 0.30, 0.33), (0.34, 0.39, 0.45), (0.42, 0.26, 0.22), (0.38, 0.38, 0.40))
METAL: Final = ((0.66, 0.68, 0.70), (0.56, 0.60, 0.60), (0.40, 0.48, 0.44), (0.78, 0.78, 0.76), (0.50, 0.28, 0.24))
TILES: Final = TERRACOTTA + SHINGLES + SLATE
GREENS: Final = ((0.30, 0.43, 0.17), (0.36, 0.48, 0.20), (0.26, 0.39, 0.19), (0.42, 0.50, 0.22), (0.36, 0.43, 0.25))
RARE: Final = ((0.38, 0.18, 0.18), (0.46, 0.46, 0.18), (0.62, 0.50, 0.52))
NEEDLES: Final = ((0.13, 0.25, 0.15), (0.18, 0.29, 0.21), (0.20, 0.27, 0.13))
# deep green woods, grey-green eucalypts, olive and dusty, fresh
LEAVES: Final = ((0.20, 0.32, 0.13), (0.40, 0.42, 0.31), (0.38, 0.38, 0.22), (0.38, 0.52, 0.20), (0.30, 0.43, 0.17))
LUSH: Final = ((0.27, 0.43, 0.17), (0.36, 0.46, 0.23), (0.42, 0.50, 0.24))
PARCHED: Final = ((0.64, 0.56, 0.35), (0.57, 0.52, 0.34), (0.60, 0.50, 0.38))
SOILS: Final = ((0.47, 0.37, 0.28), (0.60, 0.36, 0.23), (0.62, 0.54, 0.42), (0.33, 0.27, 0.22))
ASPHALT_TINTS: Final = ((1.0, 1.0, 1.04), (1.0, 1.0, 1.0), (1.05, 1.0, 0.95), (1.08, 0.99, 0.94))


def _summer() -> F32:
    return np.array([SUMMER[m] for m in Material], np.float32)


@dataclass(frozen=True, eq=False)
class Palette:
    """Lists that objects pick from; ground (k, 3) is the colour of every Material in summer."""

    plaster: tuple[Colour, ...] = PLASTER
    bricks: tuple[Colour, ...] = BRICKS
    cladding: tuple[Colour, ...] = CLADDING
    tiles: tuple[Colour, ...] = TILES
    flat_roofs: tuple[Colour, ...] = FLAT_ROOFS
    greens: tuple[Colour, ...] = GREENS
    needles: tuple[Colour, ...] = NEEDLES
    ground: F32 = field(default_factory=_summer)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Palette":
        """Draw the colours of a city: a few of every list, all off by one gain, one saturation and a little each."""
        themes = (TERRACOTTA, SHINGLES, SLATE, METAL, TILES)
        leaf = np.array(LEAVES[rng.integers(len(LEAVES))])
        greens = np.array(GREENS) * 0.4 + leaf * 0.6
        return cls(
            plaster=_vary(rng, PLASTER, int(rng.integers(3, 9)), 0.09),
            bricks=_vary(rng, BRICKS, int(rng.integers(2, 5)), 0.09),
            cladding=_vary(rng, CLADDING, int(rng.integers(2, 6)), 0.1),
            tiles=_vary(rng, themes[rng.choice(5, p=[0.25, 0.3, 0.2, 0.08, 0.17])], 4, 0.09),
            flat_roofs=_vary(rng, FLAT_ROOFS, int(rng.integers(3, 9)), 0.1),
            greens=_vary(rng, tuple(tuple(v) for v in greens), 5, 0.1),
            needles=_vary(rng, NEEDLES, 3, 0.12),
            ground=_ground(rng),
        )


def _vary(rng: np.random.Generator, colours: tuple[Colour, ...], keep: int, spread: float) -> tuple[Colour, ...]:
    """Keep some of the colours, distort all of them alike and each of them a little."""
    order = rng.permutation(len(colours))[:keep]
    table = np.array(colours, np.float64)[order]
    grey = table.mean(axis=1, keepdims=True)
    table = grey + rng.uniform(0.45, 1.35) * (table - grey)
    table *= np.exp(rng.normal(0.0, spread) + rng.normal(0.0, 0.4 * spread, 3))
    table *= np.exp(rng.normal(0.0, 0.5 * spread, table.shape))
    return tuple(tuple(float(v) for v in row) for row in np.clip(table, 0.04, 0.95))


def _ground(rng: np.random.Generator) -> F32:
    """(k, 3): asphalt from fresh to bleached, grass from lush to parched, soil brown, red or pale."""
    table = _summer().astype(np.float64)
    tint = np.array(ASPHALT_TINTS[rng.integers(len(ASPHALT_TINTS))])
    main = rng.uniform(0.24, 0.52)
    table[Material.ASPHALT] = main * tint
    table[Material.ASPHALT_WORN] = (main + rng.uniform(-0.03, 0.16)) * tint
    table[Material.YARD] = (main + rng.uniform(-0.08, 0.14)) * tint
    table[Material.PAVEMENT] = rng.uniform(0.45, 0.78) * (0.5 + 0.5 * tint)
    _turn_grass(rng, table)
    soil = np.array(SOILS[rng.integers(len(SOILS))])
    table[Material.SOIL] = soil
    table[Material.GRAVEL] = 0.6 * table[Material.GRAVEL] + 0.4 * (soil + 0.15)
    table[Material.FOREST_FLOOR] = 0.5 * table[Material.FOREST_FLOOR] + 0.5 * soil * 0.75
    table *= np.exp(rng.normal(0.0, 0.09, (len(table), 1)) + rng.normal(0.0, 0.035, table.shape))
    return np.asarray(np.clip(table, 0.05, 0.9), np.float32)


def _turn_grass(rng: np.random.Generator, table: F64) -> None:
    """All that is green becomes as dry as the city is."""
    dry = rng.beta(0.7, 1.3)
    lush, parched = np.array(LUSH[rng.integers(3)]), np.array(PARCHED[rng.integers(3)])
    shift = lush + dry * (parched - lush) - table[Material.GRASS]
    for material in (Material.VERGE, Material.GRASS, Material.MEADOW, Material.PITCH):
        watered = 0.35 if material == Material.PITCH else 1.0
        table[material] += watered * shift
    table[Material.MEADOW] += rng.uniform(-0.06, 0.06)
