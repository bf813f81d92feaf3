"""Paint on the carriageway: centre and lane lines, zebra crossings, stop lines, arrows."""

import numpy as np

from .plot import Plot
from .street_sizes import StreetClass
from .streets import Street

WHITE, YELLOW, STONE, IRON = 0.0, 1.0, 2.0, 3.0
LINE_HALF_M = 0.1
ZEBRA_M = 3.2


def mark_streets(plot: Plot, streets: list[Street]) -> None:
    """Mark every street that carries cars."""
    for street in streets:
        _kerbs(plot, street)
        _manholes(plot, street)
        if street.rank >= StreetClass.LANE:
            continue
        _lines(plot, street)
        for junction in street.crossings:
            for way in (1.0, -1.0):
                start = junction.station_m + way * (junction.half_width_m + 1.6)
                end = start + way * 24.0
                if min(start, end) > 0.0 and max(start, end) < street.length_m:
                    _approach(plot, street, start, way)


def _dash(plot: Plot, street: Street, station: float, left: float, size: tuple[float, float], colour: float) -> None:
    """A rectangle along the street; size is half length and half width."""
    point, angle = street.beside(station, left)
    plot.marks.append((float(point[0]), float(point[1]), angle, *size, colour))


def _manholes(plot: Plot, street: Street) -> None:
    for station in np.arange(plot.rng.uniform(4.0, 20.0), street.length_m, plot.rng.uniform(18.0, 40.0)):
        _dash(plot, street, float(station), plot.rng.uniform(-0.5, 0.5) * street.half_width_m, (0.33, 0.33), IRON)


def _kerbs(plot: Plot, street: Street) -> None:
    """Kerb stones between junctions."""
    if street.pavement_m < 0.6:
        return
    for station in np.arange(1.0, street.length_m - 1.0, 2.0):
        if street.clear_of_junctions(float(station), 1.2):
            for left in (street.half_width_m + 0.05, -street.half_width_m - 0.05):
                _dash(plot, street, float(station), left, (1.06, 0.17), STONE)


def _lines(plot: Plot, street: Street) -> None:
    colour = YELLOW if street.yellow else WHITE
    solid_centre = street.seed % 3 == 0
    for station in np.arange(1.5, street.length_m - 1.5, 3.0):
        if not street.clear_of_junctions(float(station), 6.6):
            continue
        dashed = int(station / 3.0) % 3 == 0
        if street.lanes == 4:
            for left in (-0.16, 0.16):
                _dash(plot, street, station, left, (1.52, LINE_HALF_M), colour)
            if dashed:
                for left in (-3.3, 3.3):
                    _dash(plot, street, station, left, (1.5, LINE_HALF_M), WHITE)
            _dash(plot, street, station, 6.45, (1.52, LINE_HALF_M), WHITE)
            _dash(plot, street, station, -6.45, (1.52, LINE_HALF_M), WHITE)
        elif street.lanes == 2 and (dashed or (solid_centre and street.rank == StreetClass.COLLECTOR)):
            _dash(plot, street, station, 0.0, (1.52, LINE_HALF_M), colour)
        if street.rural and street.lanes == 2 and street.seed % 2:
            for left in (0.25 - street.half_width_m, street.half_width_m - 0.25):
                _dash(plot, street, station, left, (1.52, LINE_HALF_M), WHITE)


def _approach(plot: Plot, street: Street, start: float, way: float) -> None:
    """What lies before a junction, from the junction outwards: zebra, stop line, arrows.

    way is +1 or -1 along the street.
    """
    half = street.half_width_m
    rng = plot.rng
    usual = (0.85, 0.6, 0.22)[min(street.rank, 2)] * (0.35 if plot.character.is_open else 1.0)
    zebra = not street.rural and rng.random() < usual
    if zebra:
        for left in np.arange(-half + 0.5, half - 0.25, 1.0):
            _dash(plot, street, start + way * ZEBRA_M / 2.0, float(left), (ZEBRA_M / 2.0, 0.25), WHITE)
    stop = start + way * (ZEBRA_M + 1.0)
    if zebra or rng.random() < 0.6:
        _dash(plot, street, stop, way * half / 2.0, (0.22, half / 2.0 - 0.2), WHITE)
    if street.lanes == 4:
        for lane in (1.65, 4.95):
            _arrow(plot, street, stop + way * 8.0, way * lane, way)


def _arrow(plot: Plot, street: Street, station: float, left: float, way: float) -> None:
    """An arrow that points towards the junction, straight on or bent."""
    _dash(plot, street, station, left, (1.5, 0.09), WHITE)
    head, angle = street.beside(station - way * 1.6, left)
    for turn in (0.5, -0.5):
        x, y = head + 0.35 * way * np.array([np.cos(angle + turn), np.sin(angle + turn)])
        plot.marks.append((float(x), float(y), angle + turn, 0.5, 0.1, WHITE))
    if plot.rng.random() < 0.5:
        side = plot.rng.choice([-0.45, 0.45])
        _dash(plot, street, station + way * 0.2, left + side, (0.12, 0.5), WHITE)
