"""Trees, hedges and flower beds."""

from enum import IntEnum

import numpy as np

from .materials import Material
from .palettes import RARE
from .plot import Plot
from .solids import BARK, HEDGE, LEAF, NEEDLE, Point


class Species(IntEnum):
    """Shape of a tree."""

    ROUND = 0
    BROAD = 1
    COLUMN = 2
    CONIFER = 3
    SMALL = 4
    BUSH = 5
    WILD = 6


def plant_tree(plot: Plot, at: Point, species: Species, size: float = 1.0, low: bool = False) -> None:
    """Plant one tree if its trunk finds room; size scales the species' usual height.

    low lets its crown begin near the ground where nobody walks; other crowns begin above a camera.
    """
    with plot.solids.one_thing():
        _plant_tree(plot, at, species, size, low)


def _plant_tree(plot: Plot, at: Point, species: Species, size: float, low: bool) -> None:
    rng = plot.rng
    if not (1.0 < at[0] < plot.size_m - 1.0 and 1.0 < at[1] < plot.size_m - 1.0):
        return
    city = plot.character
    size *= rng.uniform(0.75, 1.25) * city.tree_scale ** (0.4 if species in (Species.BUSH, Species.SMALL) else 1.0)
    if species not in (Species.BUSH, Species.COLUMN) and rng.random() < 0.5 * city.conifers:
        species = Species.CONIFER
    seed = 8 * int(rng.integers(1, 2**27))
    if species == Species.CONIFER:
        _conifer(plot, at, size, seed)
        return
    if species == Species.BUSH:
        radius = 0.9 * size
        plot.solids.ellipsoid(at, radius, (-0.3, 1.5 * size), LEAF, _green(plot), seed)
        plot.take_disc(at[0], at[1], radius, 3)
        return
    radius, height, base = {
        Species.ROUND: (2.9, 8.6, 2.9),
        Species.BROAD: (4.4, 11.5, 3.4),
        Species.COLUMN: (1.5, 11.0, 2.7),
        Species.SMALL: (1.7, 5.2, 2.6),
        Species.WILD: (3.4, 9.5, 2.4),
    }[species]
    radius, base = radius * size, max(base * size, 2.7)
    if low and plot.free(at[0], at[1], 0.0, radius, radius):
        base *= city.crown_base
        if base < 2.6:
            plot.take_disc(at[0], at[1], 0.9 * radius, 3)
    _leafy(plot, at, (radius, base, max(height * size, 5.0)), _green(plot), seed, species)


def _green(plot: Plot) -> tuple[float, ...]:
    rng, greens = plot.rng, plot.character.palette.greens
    base = np.array(RARE[rng.integers(len(RARE))] if rng.random() < 0.06 else greens[rng.integers(len(greens))])
    return tuple(float(v) for v in np.clip(base * rng.uniform(0.78, 1.25) + rng.normal(0.0, 0.02, 3), 0.03, 0.9))


def _leafy(
    plot: Plot, at: Point, size: tuple[float, float, float], colour: tuple[float, ...], seed: int, species: Species
) -> None:
    """Trunk and a crown of one main ellipsoid and a few lobes; size is crown radius, crown base, height."""
    rng, (radius, base, height) = plot.rng, size
    trunk = 0.1 + 0.05 * radius
    plot.solids.cone(
        at, (trunk * 1.25, trunk * 0.7), (0.0, base + 0.35 * (height - base)), BARK, (0.33, 0.27, 0.22), seed
    )
    plot.take_disc(at[0], at[1], trunk + 0.55, 3)
    lobes = 0 if species == Species.COLUMN else 1 if species == Species.WILD else int(rng.integers(2, 6))
    plot.solids.ellipsoid(at, radius * (0.84 if lobes else 1.0), (base, height), LEAF, colour, seed)
    for lobe in range(lobes):
        turn = rng.uniform(0.0, 2.0 * np.pi)
        r = radius * rng.uniform(0.45, 0.68)
        reach = (radius - 0.55 * r) * rng.uniform(0.75, 1.0)
        low = base + rng.uniform(0.0, 0.5) * (height - base) - 0.1
        top = low + r * rng.uniform(1.3, 1.8)
        tint = tuple(float(v) for v in np.array(colour) * rng.uniform(0.88, 1.12))
        centre = (at[0] + reach * np.cos(turn), at[1] + reach * np.sin(turn))
        plot.solids.ellipsoid(centre, r, (max(low, min(base, 2.5)), max(top, low + 1.0)), LEAF, tint, seed + lobe + 1)


def _conifer(plot: Plot, at: Point, size: float, seed: int) -> None:
    rng = plot.rng
    height, radius = 9.5 * size, rng.uniform(1.5, 2.4) * size
    needles = plot.character.palette.needles
    colour = tuple(float(v) for v in np.array(needles[rng.integers(len(needles))]) * rng.uniform(0.85, 1.2))
    plot.solids.cone(at, (0.22, 0.1), (0.0, 0.5 * height), BARK, (0.30, 0.23, 0.19), seed)
    for tier, (low, high) in enumerate(((0.12, 0.55), (0.36, 0.78), (0.6, 1.0))):
        r = radius * (1.0 - 0.27 * tier)
        plot.solids.cone(at, (r, 0.12 * r), (low * height, high * height), NEEDLE, colour, seed + tier)
    plot.take_disc(at[0], at[1], radius + 0.3, 3)


def plant_hedge(plot: Plot, at: Point, angle: float, half_length_m: float, height_m: float) -> None:
    """Plant a hedge if the strip is free."""
    if plot.free(at[0], at[1], angle, half_length_m, 0.4):
        colour = tuple(float(v) for v in np.array(plot.character.palette.greens[plot.rng.integers(3)]) * 0.9)
        seed = int(plot.rng.integers(2**31))
        with plot.solids.one_thing():
            plot.solids.frustum(at, angle, (half_length_m, 0.4), (0.0, height_m), HEDGE, colour, seed=seed)
        plot.take(at[0], at[1], angle, half_length_m + 0.2, 0.5, 3)


def plant_bed(plot: Plot, at: Point, angle: float, half: tuple[float, float]) -> None:
    """Dig a flower bed."""
    if plot.free(at[0], at[1], angle, *half):
        plot.cover(at[0], at[1], angle, *half, Material.FLOWERS)
