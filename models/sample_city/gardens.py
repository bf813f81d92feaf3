"""What grows where: avenues, hedges and scattered trees."""

import numpy as np

from .countryside import plant_rims, plant_wood
from .districts import Use
from .grounds import fill_yard, lay_out_park, mark_car_park, mark_pitch, pave_square, random_point
from .materials import Material
from .plants import Species, plant_bed, plant_hedge, plant_tree
from .plot import Plot
from .streets import Block, Street

# trees per hectare and the species that a use likes
DENSITY = {
    Use.CENTRE: (22.0, (Species.SMALL, Species.ROUND)),
    Use.SLABS: (55.0, (Species.ROUND, Species.BROAD, Species.CONIFER, Species.BUSH)),
    Use.HOUSES: (62.0, (Species.WILD, Species.BROAD, Species.SMALL, Species.ROUND, Species.BUSH, Species.BUSH)),
    Use.TERRACES: (48.0, (Species.SMALL, Species.BUSH, Species.ROUND)),
    Use.INDUSTRY: (11.0, (Species.ROUND, Species.BUSH)),
    Use.PARK: (95.0, (Species.BROAD, Species.WILD, Species.BROAD, Species.CONIFER, Species.BUSH)),
    Use.SQUARE: (9.0, (Species.ROUND, Species.SMALL)),
    Use.PARKING: (14.0, (Species.SMALL, Species.ROUND)),
    Use.FIELD: (5.0, (Species.BUSH, Species.ROUND)),
    Use.FARMLAND: (1.5, (Species.BROAD, Species.ROUND)),
    Use.WOODLAND: (4.0, (Species.BUSH, Species.SMALL)),
    Use.CIVIC: (26.0, (Species.BROAD, Species.ROUND, Species.CONIFER)),
}


def plant_streets(plot: Plot, streets: list[Street]) -> None:
    """Line about half of the streets with trees of one species, on one side or both."""
    for street in streets:
        rng = plot.rng
        if street.pavement_m < 1.7 or rng.random() < 1.0 - 0.7 * min(plot.character.green, 1.3):
            continue
        species = (Species.ROUND, Species.SMALL, Species.BROAD, Species.COLUMN, Species.ROUND)[rng.integers(5)]
        spacing, size = rng.uniform(9.0, 19.0), rng.uniform(0.75, 1.1)
        inset = max(0.95, 0.35 + 0.5 * street.verge_m)
        ways = ((1.0, -1.0), (1.0,), (-1.0,))[rng.choice(3, p=[0.6, 0.2, 0.2])]
        for station in np.arange(spacing / 2.0, street.length_m, spacing):
            for way in ways:
                if rng.random() < 0.85 and street.clear_of_junctions(float(station), 7.0):
                    at, _ = street.beside(float(station + rng.normal(0.0, 0.4)), way * (street.half_width_m + inset))
                    plant_tree(plot, at, species, size)


def plant_blocks(plot: Plot, blocks: list[Block], streets: list[Street]) -> None:
    """Furnish the land that the buildings left."""
    plant_rims(plot)
    for block in blocks:
        if block.use == Use.PARK:
            lay_out_park(plot, block)
        elif block.use == Use.WOODLAND:
            plant_wood(plot, block)
        elif block.use == Use.FIELD and plot.rng.random() < 0.5:
            mark_pitch(plot, block)
        elif block.use in (Use.PARKING, Use.INDUSTRY, Use.SLABS):
            mark_car_park(plot, block)
        elif block.use == Use.SQUARE:
            pave_square(plot, block)
        if block.use in (Use.INDUSTRY, Use.CENTRE, Use.CIVIC):
            fill_yard(plot, block)
        if block.use in (Use.HOUSES, Use.TERRACES, Use.SLABS, Use.PARK, Use.CIVIC):
            _borders(plot, block, streets)
        _scatter(plot, block)


def _scatter(plot: Plot, block: Block) -> None:
    density, species = DENSITY[block.use]
    rng = plot.rng
    density *= rng.uniform(0.35, 1.5) * plot.character.green
    favourite = species[rng.integers(len(species))]
    for _ in range(int(rng.poisson(density * block.area_m2 / 10_000.0))):
        at = random_point(plot, block)
        if plot.free(at[0], at[1], 0.0, 1.4, 1.4) and plot.material(at[0], at[1]) not in (
            Material.PITCH,
            Material.WATER,
            Material.TRACK,
        ):
            kind = favourite if rng.random() < 0.4 else species[rng.integers(len(species))]
            plant_tree(plot, at, kind, rng.uniform(0.8, 1.2), low=True)
            if plot.material(at[0], at[1]) in (
                Material.PAVING,
                Material.PAVING_CHECKED,
                Material.CONCRETE,
                Material.YARD,
                Material.PAVING_RED,
            ):
                plot.cover_disc(at[0], at[1], 0.9, Material.SOIL)


def _borders(plot: Plot, block: Block, streets: list[Street]) -> None:
    """Hedges or flower beds along the pavement."""
    rng = plot.rng
    chance, height = rng.uniform(0.0, 0.8) * min(plot.character.green, 1.0), rng.uniform(0.7, 1.6)
    for side in block.sides:
        street = streets[side.street]
        if rng.random() < 0.3:
            continue
        for i in range(6, len(side.path) - 8, 3):
            step = side.path[i + 3] - side.path[i]
            angle = float(np.arctan2(step[1], step[0]))
            left = street.half_width_m + street.pavement_m + 0.75
            at = side.path[i] + step / 2.0 + left * np.array([-np.sin(angle), np.cos(angle)])
            if plot.material(at[0], at[1]) not in (Material.GRASS, Material.MEADOW):
                continue
            if rng.random() < chance:
                plant_hedge(plot, at, angle, float(np.hypot(*step)) / 2.0 - 0.05, height)
            elif rng.random() < 0.1:
                plant_bed(plot, at, angle, (2.4, 0.9))
