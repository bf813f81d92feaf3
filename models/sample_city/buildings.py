"""Put buildings along the sides of every block, as its use wants them."""

from collections.abc import Callable

import numpy as np

from .architecture import Design, Facade, Roof, design, erect
from .districts import Use
from .habits import HABITS, Habit
from .materials import Material
from .plot import Plot
from .solids import F64, WOOD
from .streets import Block, Side, Street


def build_blocks(plot: Plot, blocks: list[Block], streets: list[Street]) -> None:
    """Walk along every side of every block and build where there is room.

    The centre also grows towers and courtyard houses.
    """
    for block in blocks:
        habit = HABITS.get(block.use)
        if habit is None:
            continue
        if block.use == Use.CIVIC and plot.rng.random() < 0.5:
            _church(plot, block)
        character = _block_character(plot, habit)
        for side in block.sides:
            _build_side(plot, block, side, streets[side.street], character)


def _block_character(plot: Plot, habit: Habit) -> Habit:
    """Houses of one block resemble each other: narrow the choices."""
    rng = plot.rng
    keep = 1 + int(rng.random() < 0.6)
    facades = tuple(habit.facades[i] for i in rng.integers(len(habit.facades), size=keep))
    roofs = tuple(habit.roofs[i] for i in rng.integers(len(habit.roofs), size=keep))
    setback = rng.uniform(*habit.setback)
    city, homes = plot.character, habit.storeys[1] <= 2
    if homes and rng.random() < city.siding:
        facades = (Facade.SIDING,)
    setback *= city.setback_scale if habit.setback[1] > 1.0 else 1.0
    size = city.house_scale if homes else 1.0
    gap = city.gap_scale if habit.gap[0] > 1.0 else 1.0
    most = habit.storeys[1] if homes else max(round(habit.storeys[1] * city.storey_scale), habit.storeys[0])
    return habit._replace(
        facades=facades,
        roofs=roofs,
        setback=(setback, setback + 0.8 * float(habit.setback[1] > 1.0)),
        front=(habit.front[0] * size, habit.front[1] * size),
        depth=(habit.depth[0] * min(size, 1.25), habit.depth[1] * min(size, 1.25)),
        gap=(habit.gap[0] * gap, habit.gap[1] * gap),
        storeys=(min(habit.storeys[0], most), most),
    )


def _build_side(plot: Plot, block: Block, side: Side, street: Street, habit: Habit) -> None:
    rng = plot.rng
    steps = np.hypot(*np.diff(side.path, axis=0).T)
    stations = np.concatenate([[0.0], np.cumsum(steps)])
    edge = street.half_width_m + street.pavement_m + 0.3
    look: Design | None = None
    station = edge + rng.uniform(0.0, 4.0)
    while station < stations[-1] - edge:
        front, depth = rng.uniform(*habit.front), rng.uniform(*habit.depth)
        if rng.random() < habit.full:
            at, angle = _beside(
                side.path, stations, station + front / 2.0, edge + rng.uniform(*habit.setback) + depth / 2.0
            )
            room = 0.5 if habit.gap[0] > 1.0 else -0.9
            deep = 0.3 if habit.setback[0] > 1.0 else -0.7
            if plot.free(at[0], at[1], angle, front / 2.0 + room, depth / 2.0 + deep):
                if look is None or block.use != Use.TERRACES or rng.random() < 0.15:
                    look = _draw_design(plot, habit)
                with plot.solids.one_thing():
                    _raise(plot, block, at, angle, (front / 2.0, depth / 2.0), look, habit)
            else:
                front = 3.0
        station += front + rng.uniform(*habit.gap)


def _draw_design(plot: Plot, habit: Habit) -> Design:
    rng = plot.rng
    facade = habit.facades[rng.integers(len(habit.facades))]
    roof = habit.roofs[rng.integers(len(habit.roofs))]
    low, high = habit.storeys
    storeys = int(rng.integers(low, high + 1))
    if (
        facade in (Facade.BANDS, Facade.GLASS)
        and high >= 8
        and rng.random() < 0.25 * min(plot.character.storey_scale, 1.0)
    ):
        storeys = int(rng.integers(10, 19))
    storey = rng.uniform(3.4, 4.4) if facade == Facade.SHED else rng.uniform(2.8, 3.4)
    return design(plot, facade, roof if storeys < 8 else Roof.FLAT, storeys * storey + rng.uniform(0.4, 1.0))


def _raise(
    plot: Plot, block: Block, at: F64, angle: float, half: tuple[float, float], look: Design, habit: Habit
) -> None:
    """Build, and behind it perhaps a wing; houses get a drive, sheds and hedged gardens come with the plants."""
    rng = plot.rng
    hu, hv = half
    erect(plot, at, angle, half, look)
    c, s = np.cos(angle), np.sin(angle)
    if rng.random() < habit.wing:
        wing_u, wing_v = hu * rng.uniform(0.35, 0.5), hv * rng.uniform(0.6, 1.1)
        u = (hu - wing_u) * rng.choice([-1.0, 1.0])
        v = hv + wing_v + 0.1
        x, y = at[0] + c * u - s * v, at[1] + s * u + c * v
        if plot.free(x + s * -0.9, y + c * 0.9, angle, wing_u, wing_v - 0.9):
            height = look.height_m * (1.0 if look.roof != Roof.FLAT or rng.random() < 0.6 else 0.55)
            erect(plot, (x, y), angle, (wing_u, wing_v), look._replace(height_m=height))
    if block.use in (Use.SLABS, Use.HOUSES, Use.CIVIC, Use.TERRACES):
        u = rng.uniform(-0.6, 0.6) * hu
        path = rng.choice([Material.PAVING, Material.GRAVEL, Material.CONCRETE])
        x, y = at[0] + c * u, at[1] + s * u
        reach = 0.5 * habit.setback[1] + 2.0
        plot.cover(x + s * (hv + reach), y - c * (hv + reach), angle, rng.uniform(0.6, 1.1), reach + 0.5, path)
    if block.use in (Use.HOUSES, Use.TERRACES):
        _garden(plot, at, angle, half)
    if block.use == Use.HOUSES:
        side = rng.choice([-1.0, 1.0])
        x, y = at[0] + c * side * (hu + 2.0), at[1] + s * side * (hu + 2.0)
        drive = rng.choice([Material.CONCRETE, Material.GRAVEL, Material.PAVING_RED, Material.YARD])
        reach = 0.5 * (habit.setback[1] + hv) + 1.5
        plot.cover(x + s * reach, y - c * reach, angle, rng.uniform(1.4, 2.8), reach + 0.5, drive)
        if plot.free(x, y, angle, 1.4, 2.5):
            erect(plot, (x, y), angle, (1.5, 2.8), design(plot, Facade.SHED, Roof.FLAT, 2.6))
        plot.slots.append((x + s * (hv + 2.0), y - c * (hv + 2.0), angle + np.pi / 2.0, 0.0))


def _garden(plot: Plot, at: F64, angle: float, half: tuple[float, float]) -> None:
    """A plot behind the house with ground of its own, a terrace, perhaps a shed and a bed."""
    rng, (hu, hv) = plot.rng, half
    c, s = np.cos(angle), np.sin(angle)
    length = rng.uniform(4.0, 8.0)

    def behind(u: float, v: float) -> tuple[float, float]:
        return float(at[0] + c * u - s * (hv + v)), float(at[1] + s * u + c * (hv + v))

    ground = rng.choice(
        [Material.GRASS, Material.MEADOW, Material.VERGE, Material.SOIL, Material.GRAVEL], p=[0.4, 0.25, 0.15, 0.1, 0.1]
    )
    if plot.free(*behind(0.0, length), angle, hu, length - 1.0):
        plot.cover(*behind(0.0, length), angle, hu, length, Material.GRASS if ground == Material.VERGE else ground)
        plot.cover(
            *behind(0.0, 1.5),
            angle,
            hu * rng.uniform(0.3, 0.9),
            1.5,
            rng.choice([Material.PAVING, Material.PAVING_RED, Material.CONCRETE]),
        )
        if rng.random() < 0.45:
            plot.cover(
                *behind(rng.uniform(-0.6, 0.6) * hu, length * 1.4),
                angle,
                hu * 0.3,
                1.2,
                rng.choice([Material.FLOWERS, Material.SOIL]),
            )
    if rng.random() < plot.character.fences:
        _fence(plot, behind, angle, (hu + 1.5, length))
    shed = behind(rng.choice([-0.6, 0.6]) * hu, 2.0 * length - 1.5)
    if rng.random() < 0.4 and plot.free(*shed, angle, 1.8, 1.6):
        erect(plot, shed, angle, (1.6, 1.3), design(plot, Facade.SHED, rng.choice([Roof.FLAT, Roof.GABLE]), 2.3))


def _fence(
    plot: Plot, behind: Callable[[float, float], tuple[float, float]], angle: float, half: tuple[float, float]
) -> None:
    """Boards on three sides of a garden, wherever nothing stands."""
    hu, length = half
    shade = plot.rng.uniform(0.25, 0.85)
    colour = (shade, shade * 0.92, shade * 0.82)
    for u, v, turn, reach in (
        (-hu, length, 0.5 * np.pi, length),
        (hu, length, 0.5 * np.pi, length),
        (0.0, 2.0 * length, 0.0, hu),
    ):
        at = behind(u, v)
        if plot.free(*at, angle + turn, reach - 0.5, 0.1):
            plot.solids.frustum(at, angle + turn, (reach, 0.05), (0.0, 1.7), WOOD, colour)
            plot.take(*at, angle + turn, reach, 0.3, 3)


def _church(plot: Plot, block: Block) -> None:
    """A nave and a tower with a spire."""
    rng = plot.rng
    at, angle = block.outline.mean(axis=0), rng.uniform(0.0, np.pi)
    if not plot.free(at[0], at[1], angle, 17.0, 8.0):
        return
    look = design(plot, rng.choice([Facade.STONE, Facade.BRICK]), Roof.GABLE, rng.uniform(8.0, 11.0))
    tower = at + 14.5 * np.array([np.cos(angle), np.sin(angle)])
    with plot.solids.one_thing():
        erect(plot, at, angle, (12.0, 6.0), look)
        erect(plot, tower, angle, (2.9, 2.9), look._replace(roof=Roof.HIP, height_m=rng.uniform(18.0, 26.0)))


def _beside(path: F64, stations: F64, station: float, left_m: float) -> tuple[F64, float]:
    """Point to the left of a path and the path's direction there, averaged over 12 m."""
    ends = np.clip([station - 6.0, station + 6.0, station], 0.0, stations[-1])
    x, y = np.interp(ends, stations, path[:, 0]), np.interp(ends, stations, path[:, 1])
    angle = float(np.arctan2(y[1] - y[0], x[1] - x[0]))
    return np.array([x[2] - np.sin(angle) * left_m, y[2] + np.cos(angle) * left_m]), angle
