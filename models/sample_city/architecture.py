"""One building: walls, roof, chimneys and whatever stands on a flat roof."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from .plot import Plot
from .solids import PANEL, PLAIN, ROOF, WALL, Colour, Point


class Facade(IntEnum):
    """Style number of a wall; the surface shader knows how each looks."""

    WINDOWS = 0
    BRICK = 1
    BANDS = 2
    GLASS = 3
    BALCONIES = 4
    SHED = 5
    STONE = 6
    SHOPS = 7
    SIDING = 8


class Roof(IntEnum):
    """Shape of a roof."""

    FLAT = 0
    GABLE = 1
    HIP = 2


class Design(NamedTuple):
    """How a building looks: facade, roof shape, wall height, colours, and a stable number for its details."""

    facade: Facade
    roof: Roof
    height_m: float
    wall: Colour
    cover: Colour
    seed: int


def pick(rng: np.random.Generator, colours: tuple[Colour, ...], spread: float = 0.05) -> Colour:
    """One colour of a list, a little off."""
    base = np.array(colours[rng.integers(len(colours))])
    shift = (1.0 + rng.normal(0.0, spread, 3)) * (1.0 + rng.normal(0.0, 2.5 * spread))
    return tuple(float(v) for v in np.clip(base * shift, 0.05, 0.95))


def design(plot: Plot, facade: Facade, roof: Roof, height_m: float) -> Design:
    """Choose colours that suit a facade and a roof; the roof says nothing about the walls."""
    rng, colours = plot.rng, plot.character.palette
    clad = facade in (Facade.SHED, Facade.GLASS, Facade.BANDS)
    walls = colours.bricks if facade == Facade.BRICK else colours.cladding if clad else colours.plaster
    cover = colours.flat_roofs if roof == Roof.FLAT else colours.tiles
    return Design(facade, roof, height_m, pick(rng, walls), pick(rng, cover), int(rng.integers(1, 2**31)))


def erect(plot: Plot, centre: Point, angle: float, half: tuple[float, float], look: Design) -> None:
    """Put one block of a building on the plot; the roof's ridge runs along its longer side."""
    hu, hv = half
    if hv > hu:
        angle, hu, hv = angle + np.pi / 2.0, hv, hu
    plot.take(centre[0], centre[1], angle, hu, hv, 2)
    plot.solids.frustum(
        centre,
        angle,
        (hu, hv),
        (0.0, look.height_m),
        WALL,
        look.wall,
        look.cover,
        seed=look.seed,
        style=int(look.facade),
    )
    if look.roof == Roof.FLAT:
        _roofscape(plot, centre, angle, (hu, hv), look)
        return
    eaves = 0.45
    rise = (hv + eaves) * plot.rng.uniform(0.55, 0.95)
    ridge = hu + eaves if look.roof == Roof.GABLE else max(hu - hv, 0.0)
    plot.solids.frustum(
        centre, angle, (hu + eaves, hv + eaves), (look.height_m - 0.15, look.height_m + rise), ROOF, look.cover,
        top_half=(ridge, 0.0), seed=look.seed,
    )  # fmt: skip
    if plot.rng.random() < 0.75:
        _chimney(plot, centre, angle, (hu, hv), look.height_m + rise)
    if plot.rng.random() < 0.22:
        _solar(plot, centre, angle, hu, hv, look.height_m, rise)


def _offset(centre: Point, angle: float, u: float, v: float) -> tuple[float, float]:
    c, s = np.cos(angle), np.sin(angle)
    return float(centre[0] + c * u - s * v), float(centre[1] + s * u + c * v)


def _roofscape(plot: Plot, centre: Point, angle: float, half: tuple[float, float], look: Design) -> None:
    """Stair heads, air handlers and panels on a flat roof."""
    rng, (hu, hv) = plot.rng, half
    count = int(rng.integers(0, 3 + int(hu * hv / 160.0)))
    for _ in range(min(count, 9)):
        u, v = rng.uniform(-0.75, 0.75) * hu, rng.uniform(-0.7, 0.7) * hv
        size = (min(rng.uniform(0.7, 2.6), 0.3 * hu), min(rng.uniform(0.7, 1.8), 0.3 * hv))
        shade = rng.uniform(0.35, 0.9)
        top = look.height_m + rng.uniform(0.5, 2.6 if hu * hv > 60.0 else 0.9)
        plot.solids.frustum(
            _offset(centre, angle, u, v), angle, size, (look.height_m, top), PLAIN, (shade, shade, shade * 0.98)
        )
    if rng.random() < 0.15 and hv > 4.0:
        for v in np.arange(-hv + 2.0, hv - 1.5, 2.4):
            plot.solids.frustum(
                _offset(centre, angle, 0.0, float(v)),
                angle,
                (hu * 0.7, 0.7),
                (look.height_m, look.height_m + 0.4),
                PANEL,
                (0.13, 0.16, 0.27),
            )


def _chimney(plot: Plot, centre: Point, angle: float, half: tuple[float, float], ridge_m: float) -> None:
    u = plot.rng.uniform(-0.6, 0.6) * half[0]
    at = _offset(centre, angle, u, 0.12 * half[1])
    plot.solids.frustum(at, angle, (0.35, 0.35), (ridge_m - 2.2, ridge_m + 0.7), PLAIN, (0.45, 0.30, 0.25))


def _solar(plot: Plot, centre: Point, angle: float, hu: float, hv: float, height_m: float, rise_m: float) -> None:
    """A sloped array on one side of the roof: a sheared box is built from three low steps."""
    for share in (0.3, 0.45, 0.6):
        z = height_m - 0.15 + rise_m * (1.0 - share)
        at = _offset(centre, angle, 0.0, share * (hv + 0.45))
        half_v = 0.075 * (hv + 0.45)
        plot.solids.frustum(
            at, angle, (0.5 * hu, half_v), (z - 0.1, z + 0.12 + 0.05 * rise_m), PANEL, (0.12, 0.15, 0.26)
        )
