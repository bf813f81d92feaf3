"""Land without buildings: parks, pitches, squares, yards, car parks."""

import numpy as np

from .districts import Use
from .materials import FIRST_LAND, Material
from .plants import plant_bed
from .plot import Plot
from .solids import F64, PLAIN
from .streets import Block

CONTAINERS = (
    (0.55, 0.16, 0.12),
    (0.14, 0.28, 0.45),
    (0.20, 0.40, 0.26),
    (0.70, 0.52, 0.16),
    (0.62, 0.63, 0.64),
    (0.35, 0.24, 0.18),
)


def random_point(plot: Plot, block: Block) -> F64:
    """Somewhere in the block, more often near its middle: between a point of the outline and the middle."""
    rim = block.outline[plot.rng.integers(len(block.outline))]
    middle: F64 = block.outline.mean(axis=0)
    return np.asarray(middle + np.sqrt(plot.rng.random()) * (rim - middle))


def lay_out_park(plot: Plot, block: Block) -> None:
    """A pond, winding paths, beds."""
    rng = plot.rng
    middle = block.outline.mean(axis=0)
    reach = 0.5 * np.sqrt(block.area_m2)
    if rng.random() < 0.55 and reach > 30.0:
        for _ in range(5):
            at = middle + rng.normal(0.0, 0.16 * reach, 2)
            plot.cover_disc(at[0], at[1], rng.uniform(0.12, 0.3) * reach, Material.WATER)
            plot.take_disc(at[0], at[1], 0.3 * reach, 4)
    surface = int(rng.choice([Material.GRAVEL, Material.SAND, Material.PAVING]))
    for _ in range(int(rng.integers(2, 5))):
        ends = block.outline[rng.integers(len(block.outline), size=2)]
        bend = (ends[0] + ends[1]) / 2.0 + rng.normal(0.0, 0.25 * reach, 2)
        t = np.linspace(0.0, 1.0, 40)[:, None]
        path = (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * bend + t**2 * ends[1]
        _lay_path(plot, path, rng.uniform(1.0, 1.8), surface)
    for _ in range(int(rng.integers(0, 6))):
        at = random_point(plot, block)
        plant_bed(plot, at, rng.uniform(0.0, np.pi), (rng.uniform(1.5, 5.0), rng.uniform(1.0, 2.0)))


def _lay_path(plot: Plot, path: F64, half_m: float, material: int) -> None:
    for point in path:
        plot.take_disc(point[0], point[1], half_m + 0.6, 3)
    for i in range(len(path) - 1):
        step = path[i + 1] - path[i]
        middle, angle = (path[i] + path[i + 1]) / 2.0, float(np.arctan2(step[1], step[0]))
        if plot.material(middle[0], middle[1]) != Material.WATER:
            plot.cover(middle[0], middle[1], angle, float(np.hypot(*step)) / 2.0 + 0.5, half_m, material)


def mark_pitch(plot: Plot, block: Block) -> None:
    """A sports ground with white lines and, now and then, a running track."""
    rng = plot.rng
    at = block.outline.mean(axis=0)
    step = block.sides[0].path[-1] - block.sides[0].path[0]
    angle = float(np.arctan2(step[1], step[0]))
    half = rng.uniform(0.2, 0.28) * np.sqrt(block.area_m2)
    hu, hv = min(half * 1.35, 50.0), min(half * 0.85, 32.0)
    if rng.random() < 0.5:
        plot.cover(at[0], at[1], angle, hu + 5.0, hv + 5.0, Material.TRACK)
    plot.cover(at[0], at[1], angle, hu + 1.5, hv + 1.5, Material.PITCH)
    plot.take(at[0], at[1], angle, hu + 5.0, hv + 5.0, 3)
    c, s = np.cos(angle), np.sin(angle)
    lines = [(0, hv, hu, 0.1), (0, -hv, hu, 0.1), (hu, 0, 0.1, hv), (-hu, 0, 0.1, hv), (0, 0, 0.1, hv)]
    for u, v, length, width in lines:
        plot.marks.append((at[0] + c * u - s * v, at[1] + s * u + c * v, angle, length, width, 0.0))


def pave_square(plot: Plot, block: Block) -> None:
    """A pattern of paving around a round bed or basin."""
    rng = plot.rng
    at = block.outline.mean(axis=0)
    reach = 0.5 * np.sqrt(block.area_m2)
    rings = (
        (0.42, Material.PAVING_RED),
        (0.36, Material.PAVING_CHECKED),
        (0.2, Material.PAVING),
        (0.12, Material.WATER),
    )
    if rng.random() < 0.5:
        rings = (
            (0.5, Material.PAVING_CHECKED),
            (0.3, Material.COBBLES),
            (0.15, Material.GRASS),
            (0.08, Material.FLOWERS),
        )
    for share, material in rings:
        plot.cover_disc(at[0], at[1], share * reach, material)
    plot.take_disc(at[0], at[1], 0.16 * reach, 3)


def fill_yard(plot: Plot, block: Block) -> None:
    """Patches of another surface, and on industrial land stacks of containers."""
    rng = plot.rng
    step = block.sides[0].path[-1] - block.sides[0].path[0]
    angle = float(np.arctan2(step[1], step[0]))
    surfaces = (
        Material.YARD,
        Material.GRAVEL,
        Material.PAVING,
        Material.CONCRETE,
        Material.GRASS,
        Material.PAVING_RED,
        Material.SOIL,
    )
    for _ in range(int(rng.integers(2, 7))):
        at = random_point(plot, block)
        half = rng.uniform(3.0, 13.0), rng.uniform(3.0, 9.0)
        if plot.free(at[0], at[1], angle, *half):
            plot.cover(at[0], at[1], angle, *half, surfaces[rng.integers(len(surfaces))])
    for _ in range(int(rng.integers(4, 16)) if block.use == Use.INDUSTRY else 0):
        at = random_point(plot, block)
        turn = angle + rng.choice([0.0, np.pi / 2.0])
        if plot.free(at[0], at[1], turn, 6.5, 1.6):
            colour = CONTAINERS[rng.integers(len(CONTAINERS))]
            plot.solids.frustum(at, turn, (6.05, 1.22), (0.0, 2.6 * int(rng.integers(1, 3))), PLAIN, colour)
            plot.take(at[0], at[1], turn, 6.1, 1.3, 2)


def mark_car_park(plot: Plot, block: Block) -> None:
    """Double rows of bays with an aisle between: all over a parking block, one or two lots elsewhere."""
    step = block.sides[0].path[-1] - block.sides[0].path[0]
    angle = float(np.arctan2(step[1], step[0]))
    if block.use == Use.PARKING:
        reach = 0.75 * np.sqrt(block.area_m2)
        _bays(plot, block.outline.mean(axis=0), angle, (reach, reach))
        return
    for _ in range(int(plot.rng.integers(1, 4))):
        _bays(plot, random_point(plot, block), angle, (plot.rng.uniform(9.0, 22.0), 8.0))


def _bays(plot: Plot, middle: F64, angle: float, reach: tuple[float, float]) -> None:
    """Bays of 2.6 by 5.2 m in runs of ten, wherever a run is still free land; reach is the half size of the lot."""
    c, s = np.cos(angle), np.sin(angle)
    run = min(13.0, reach[0])
    for v in np.arange(-reach[1] + 8.0, reach[1], 16.6):
        for u in np.arange(-reach[0] + run, reach[0], 2.0 * run + 2.0):
            x, y = middle[0] + c * u - s * v, middle[1] + s * u + c * v
            if not plot.free(x, y, angle, run, 7.8) or plot.material(x, y) < FIRST_LAND:
                continue
            plot.cover(x, y, angle, run + 0.3, 8.0, Material.YARD)
            plot.take(x, y, angle, run, 7.8, 3)
            for shift in np.arange(-run + 1.3, run - 1.2, 2.6):
                for row in (-5.2, 5.2):
                    at = (x + c * shift - s * row, y + s * shift + c * row)
                    plot.slots.append((*at, angle + np.pi / 2.0, 0.0))
                    line = (at[0] - c * 1.3, at[1] - s * 1.3)
                    plot.marks.append((*line, angle + np.pi / 2.0, 2.5, 0.06, 0.0))
