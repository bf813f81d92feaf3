"""Lamp posts, traffic signs and lights, bollards, benches, bus shelters."""

import numpy as np

from .districts import Use
from .plot import Plot
from .solids import PANEL, PLAIN, SIGN, WOOD
from .street_sizes import StreetClass
from .streets import Block, Street

GREY = (0.45, 0.46, 0.47)
DARK = (0.16, 0.17, 0.18)
TIMBER = (0.36, 0.29, 0.22)
SIGN_COLOURS = ((0.75, 0.12, 0.12), (0.10, 0.25, 0.62), (0.90, 0.90, 0.88), (0.93, 0.76, 0.12))


def furnish_streets(plot: Plot, streets: list[Street]) -> None:
    """Stand lamps at even distances, signs and signals at junctions, shelters along the big streets."""
    for street in streets:
        if street.pavement_m < 0.9:
            continue
        _lamps(plot, street)
        _corners(plot, street)
        if street.rank <= StreetClass.COLLECTOR and plot.rng.random() < 0.4:
            _shelter(plot, street)
        if street.rank == StreetClass.PEDESTRIAN or plot.rng.random() < 0.12:
            _bollards(plot, street)


def _post(plot: Plot, x: float, y: float, radius: float, height: float, colour: tuple[float, float, float]) -> None:
    plot.solids.cone((x, y), (radius, 0.8 * radius), (0.0, height), PLAIN, colour)
    plot.take_disc(x, y, 0.45, 3)


def _lamps(plot: Plot, street: Street) -> None:
    rng = plot.rng
    spacing, side = rng.uniform(22.0, 34.0), rng.choice([-1.0, 1.0])
    height = 8.0 if street.rank <= StreetClass.COLLECTOR else 5.0
    if plot.character.poles and street.rank >= StreetClass.RESIDENTIAL:
        _poles(plot, street, side)
        return
    for k, station in enumerate(np.arange(spacing / 2.0, street.length_m, spacing)):
        if not street.clear_of_junctions(float(station), 2.0):
            continue
        way = side * (-1.0) ** k if street.rank <= StreetClass.COLLECTOR else side
        (x, y), angle = street.beside(float(station), way * (street.half_width_m + 0.55))
        _post(plot, x, y, 0.09, height, GREY)
        inward = angle - way * np.pi / 2.0
        arm = 0.9 if height > 6.0 else 0.25
        head = (x + arm * np.cos(inward), y + arm * np.sin(inward))
        plot.solids.frustum(head, inward, (arm, 0.12), (height - 0.1, height + 0.12), PLAIN, DARK)


def _poles(plot: Plot, street: Street, side: float) -> None:
    """Wooden poles with a crossbar, as carry wires in many suburbs."""
    for station in np.arange(12.0, street.length_m, 36.0):
        if street.clear_of_junctions(float(station), 2.0):
            (x, y), angle = street.beside(float(station), side * (street.half_width_m + 0.7))
            _post(plot, x, y, 0.15, 9.5, TIMBER)
            plot.solids.frustum((x, y), angle + np.pi / 2.0, (1.1, 0.07), (8.7, 8.9), PLAIN, TIMBER)


def _corners(plot: Plot, street: Street) -> None:
    rng = plot.rng
    for junction in street.crossings:
        for way in (1.0, -1.0):
            station = junction.station_m + way * (junction.half_width_m + 4.6)
            if not 0.0 < station < street.length_m or rng.random() < 0.35:
                continue
            (x, y), angle = street.beside(station, way * (street.half_width_m + 0.7))
            if street.rank == StreetClass.ARTERIAL:
                _post(plot, x, y, 0.08, 3.4, DARK)
                plot.solids.frustum((x, y), angle, (0.16, 0.16), (2.5, 3.4), PLAIN, (0.08, 0.09, 0.09))
                lamp = ((0.85, 0.1, 0.08), (0.1, 0.7, 0.25))[rng.integers(2)]
                plot.solids.frustum((x, y), angle, (0.18, 0.1), (3.1, 3.3), PLAIN, lamp)
            else:
                _post(plot, x, y, 0.045, 2.7, GREY)
                colour = SIGN_COLOURS[rng.integers(len(SIGN_COLOURS))]
                plot.solids.frustum((x, y), angle, (0.04, 0.33), (2.05, 2.7), SIGN, colour)


def _shelter(plot: Plot, street: Street) -> None:
    station = plot.rng.uniform(0.2, 0.8) * street.length_m
    (x, y), angle = street.beside(station, street.half_width_m + street.pavement_m - 0.6)
    if street.pavement_m < 2.4 or not street.clear_of_junctions(station, 8.0):
        return
    back = (x - 0.55 * np.sin(angle), y + 0.55 * np.cos(angle))
    plot.solids.frustum(back, angle, (2.0, 0.05), (0.1, 2.3), PANEL, (0.35, 0.45, 0.48))
    plot.solids.frustum((x, y), angle, (2.2, 0.8), (2.3, 2.45), PLAIN, (0.30, 0.33, 0.36))
    plot.solids.frustum(back, angle, (1.5, 0.2), (0.4, 0.5), WOOD, (0.45, 0.32, 0.2))
    plot.take(x, y, angle, 2.3, 0.9, 3)


def _bollards(plot: Plot, street: Street) -> None:
    way = plot.rng.choice([-1.0, 1.0])
    for station in np.arange(8.0, min(street.length_m - 8.0, 60.0), 2.2):
        if street.clear_of_junctions(float(station), 2.0):
            (x, y), _ = street.beside(float(station), way * (street.half_width_m + 0.45))
            _post(plot, x, y, 0.07, 0.95, DARK)


def furnish_blocks(plot: Plot, blocks: list[Block]) -> None:
    """Benches and lamps in parks and on squares."""
    rng = plot.rng
    for block in blocks:
        if block.use not in (Use.PARK, Use.SQUARE, Use.CIVIC):
            continue
        middle = block.outline.mean(axis=0)
        for _ in range(int(rng.integers(4, 12))):
            rim = block.outline[rng.integers(len(block.outline))]
            x, y = middle + rng.uniform(0.15, 0.85) * (rim - middle)
            angle = rng.uniform(0.0, np.pi)
            if not plot.free(x, y, angle, 1.0, 0.6):
                continue
            if rng.random() < 0.3:
                _post(plot, x, y, 0.07, 4.2, GREY)
                plot.solids.ellipsoid((x, y), 0.22, (4.1, 4.6), PLAIN, (0.92, 0.92, 0.86))
            else:
                plot.solids.frustum((x, y), angle, (0.9, 0.25), (0.38, 0.48), WOOD, (0.46, 0.33, 0.2))
                back = (x - 0.25 * np.sin(angle), y + 0.25 * np.cos(angle))
                plot.solids.frustum(back, angle, (0.9, 0.04), (0.48, 0.9), WOOD, (0.42, 0.30, 0.18))
                plot.take(x, y, angle, 1.0, 0.5, 3)
