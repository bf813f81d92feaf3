"""A city at one moment: what the renderers of both views read."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .appearance import Appearance
from .buckets import Buckets, bounding_boxes, bucket
from .changes import change
from .city import City
from .light import Light, light_of
from .materials import PAVED, ground_colours, linear
from .noise import GRAIN_CELLS
from .shadows import CELL_M, cast_tree_shade, openness, raise_heights, shadow_heights
from .sky import paint_sky
from .solids import F32, HEDGE, I64, LEAF, NEEDLE, SEED, SKIN, U8, Solids, join
from .traffic import cars_of
from .weather import Season

SOLID_CELL_M = 8.0
AUTUMN = np.array([(0.62, 0.32, 0.08), (0.66, 0.48, 0.10), (0.55, 0.20, 0.09), (0.50, 0.40, 0.14)], np.float32)
TWIGS = np.array([0.30, 0.26, 0.23], np.float32)
# share of leafy crowns that have turned, share of their leaves that have fallen
FOLIAGE = {
    Season.SPRING: (0.0, 0.05),
    Season.SUMMER: (0.0, 0.0),
    Season.DRY: (0.15, 0.03),
    Season.AUTUMN: (0.75, 0.12),
    Season.WINTER: (1.0, 0.62),
    Season.SNOW: (1.0, 0.62),
}


class Scene(NamedTuple):
    """Arrays of one moment, in world metres; colours are linear light.

    Attributes:
        size_m: side of the world, which repeats beyond. static: number of solids that are no cars (they come first).
        shape, kind, colour: as in Solids. porosity: (n,) share of a crown that lets light through.
        cells: solids by 8 m cells. ground, marks, mark_cells: as in City. materials: (k, 3).
        shadow: (m, m) uint16, centimetres below which a 0.5 m cell is in shadow. shade: (m, m) uint8 under trees.
        open: (m / 2, m / 2) uint8, 1 m cells. sky: see paint_sky. turn: cosine and sine of the angle of joints,
            furrows and stripes. wear: see Character. horizon: see draw_horizon. grain: (256, 256) random numbers of
            this moment; grain_shape: the same of the city, for the outlines of crowns.
    """

    size_m: float
    static: int
    shape: F32
    kind: I64
    colour: F32
    porosity: F32
    cells: Buckets
    ground: U8
    marks: F32
    mark_cells: Buckets
    materials: F32
    shadow: npt.NDArray[np.uint16]
    shade: U8
    open: U8
    sky: F32
    light: Light
    turn: tuple[float, float]
    wear: float
    horizon: F32
    grain: F32
    grain_shape: F32


def scene_of(city: City, appearance: Appearance) -> Scene:
    """Prepare a moment; the last few are remembered, about 40 MB each for a city of 1 km, whatever the camera."""
    return _scene_of(city, appearance.moment())


@lru_cache(maxsize=4)
def _scene_of(city: City, appearance: Appearance) -> Scene:
    light = light_of(appearance)
    standing = change(city.solids, appearance.changed_share, appearance.change_seed)
    solids = join(standing, cars_of(city.slots, city.seed, appearance.car_seed))
    colour, porosity = dress(solids, appearance)
    cells = round(city.size_m / CELL_M)
    shadow, shade = np.zeros((cells, cells), np.uint16), np.zeros((cells, cells), np.uint8)
    if light.sun_r > 0.0:
        heights = np.zeros((cells, cells), np.float32)
        raise_heights(heights, solids.shape, solids.kind, True)
        shadow = (100.0 * shadow_heights(heights, (light.sun_x, light.sun_y, light.sun_z))).astype(np.uint16)
        flat = float(np.hypot(light.sun_x, light.sun_y))
        away = (-light.sun_x / flat, -light.sun_y / flat)
        cast_tree_shade(
            shade, solids.shape, solids.kind, porosity, *away, flat / light.sun_z, appearance.texture_seed % 9973
        )
    return Scene(
        size_m=city.size_m,
        static=len(standing.shape),
        shape=solids.shape,
        kind=solids.kind,
        colour=colour,
        porosity=porosity,
        cells=bucket(bounding_boxes(solids.shape), city.size_m, SOLID_CELL_M),
        ground=city.ground,
        marks=city.marks,
        mark_cells=city.mark_buckets,
        materials=_materials(city, appearance),
        shadow=shadow,
        shade=shade,
        open=_openness(city),
        sky=paint_sky(light, appearance.sky_seed, appearance.sky_gain),
        light=light,
        turn=city.grain_turn,
        wear=city.character.wear,
        horizon=city.horizon,
        grain_shape=np.random.default_rng([city.seed, 74]).random((GRAIN_CELLS, GRAIN_CELLS), np.float32),
        grain=np.random.default_rng([appearance.texture_seed, 73]).random((GRAIN_CELLS, GRAIN_CELLS), np.float32),
    )


def _materials(city: City, appearance: Appearance) -> F32:
    """(k, 3) linear colours of the ground: of the season, off by the moment's shift, darker where it is wet."""
    table = linear(ground_colours(appearance.season, city.character.palette.ground))
    table *= _shifts(len(table), appearance)
    table[PAVED] *= np.float32(1.0 - 0.5 * appearance.wetness)
    return np.asarray(table, np.float32)


def _shifts(count: int, appearance: Appearance) -> F32:
    """(count, 3) factors on colours: mostly brighter or darker, a third of it another hue."""
    rng = np.random.default_rng([appearance.texture_seed, 75])
    tones, hues = rng.standard_normal((count, 1)), rng.standard_normal((count, 3))
    return np.asarray(np.exp(appearance.colour_shift * (tones + 0.35 * hues)), np.float32)


@lru_cache(maxsize=4)
def _openness(city: City) -> U8:
    return openness(city.solids, round(city.size_m / CELL_M))


def dress(solids: Solids, appearance: Appearance) -> tuple[F32, F32]:
    """Linear colours (n, 6) and porosity (n,) of all solids in a season: leaves turn and fall."""
    colour = solids.colour.copy()
    porosity = np.zeros(len(colour), np.float32)
    turned, fallen = FOLIAGE[appearance.season]
    leafy = solids.kind[:, SKIN] == LEAF
    seed = solids.kind[:, SEED].astype(np.int64)
    fate = ((seed // 8 * 7919) % 1009) / 1009.0
    changed = leafy & (fate < turned)
    tint = AUTUMN[(seed // 8) % len(AUTUMN)] if fallen < 0.5 else np.broadcast_to(TWIGS, (len(seed), 3))
    share = (0.55 + 0.45 * fate if fallen < 0.5 else np.full(len(fate), 0.95))[:, None]
    mixed = colour[:, :3] + share * (tint - colour[:, :3])
    colour[changed, :3] = mixed[changed]
    porosity[changed] = fallen
    if appearance.season == Season.SPRING:
        colour[leafy, :3] = colour[leafy, :3] * np.array([1.15, 1.22, 0.95], np.float32)
    if appearance.season == Season.SNOW:
        evergreen = (solids.kind[:, SKIN] == NEEDLE) | (solids.kind[:, SKIN] == HEDGE)
        colour[evergreen, :3] += np.float32(0.25) * (1.0 - colour[evergreen, :3])
    shade = linear(colour)
    if appearance.colour_shift > 0.0:
        shade = np.minimum(shade * np.tile(_shifts(len(shade), appearance), 2), np.float32(0.95))
    return shade, porosity
