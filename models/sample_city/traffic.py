"""Cars: where they may stand, and which of them are there at one moment."""

import numpy as np

from .plot import Plot
from .solids import BUS, CAR_BODY, CAR_CABIN, F32, SolidList, Solids
from .street_sizes import StreetClass
from .streets import Street

PARKED, MOVING, MOVING_WIDE = 0.0, 1.0, 2.0
PAINTS = (
    (0.85, 0.86, 0.87), (0.72, 0.73, 0.74), (0.14, 0.14, 0.15), (0.35, 0.36, 0.38), (0.60, 0.10, 0.10),
    (0.13, 0.22, 0.45), (0.25, 0.36, 0.55), (0.20, 0.30, 0.22), (0.55, 0.48, 0.36), (0.80, 0.62, 0.12),
    (0.90, 0.91, 0.92), (0.10, 0.11, 0.14),
)  # fmt: skip
# saloon, hatchback, estate: half length, half cabin, cabin's shift, height of the bonnet and of the roof
BODIES = ((2.25, 1.25, -0.25, 0.86, 1.45), (2.0, 1.25, -0.45, 0.86, 1.5), (2.3, 1.45, -0.5, 0.98, 1.68))
BUS_PAINTS = ((0.80, 0.70, 0.15), (0.70, 0.12, 0.12), (0.88, 0.88, 0.86), (0.20, 0.42, 0.30))


def mark_slots(plot: Plot, streets: list[Street]) -> None:
    """Note the places at the kerb and in the lanes where cars may be, on the side that the city drives on."""
    for street in streets:
        if street.rank > StreetClass.LANE:
            continue
        keep = -1.0 if plot.character.left_hand else 1.0
        parking = (
            street.half_width_m >= 3.4
            and not street.rural
            and street.rank in (StreetClass.COLLECTOR, StreetClass.RESIDENTIAL)
        )
        lanes = (1.65, 4.95) if street.lanes == 4 else (0.5 * street.half_width_m * 0.75,)
        for way in (1.0, -1.0):
            if parking and (street.seed >> int(way > 0)) % 3:
                for station in np.arange(6.0, street.length_m - 6.0, 6.2):
                    if street.clear_of_junctions(float(station), 8.5):
                        _slot(plot, street, float(station), -keep * way * (street.half_width_m - 1.0), way, PARKED)
            for lane in lanes:
                wide = street.rank == StreetClass.ARTERIAL and lane > 3.0
                for station in np.arange(8.0, street.length_m - 8.0, 17.0):
                    _slot(plot, street, float(station), -keep * way * lane, way, MOVING_WIDE if wide else MOVING)


def _slot(plot: Plot, street: Street, station: float, left: float, way: float, kind: float) -> None:
    (x, y), angle = street.beside(station, left)
    if 3.0 < x < plot.size_m - 3.0 and 3.0 < y < plot.size_m - 3.0:
        plot.slots.append((float(x), float(y), angle + (np.pi if way < 0 else 0.0), kind))


def cars_of(slots: F32, city_seed: int, car_seed: int) -> Solids:
    """The cars of one moment.

    Half of the parked cars belong to the city and stay; the others, and all moving ones, are drawn from car_seed.

    Args:
        slots: (n, 4) x, y, angle, kind.
    """
    stay, go = np.random.default_rng([city_seed, 71]), np.random.default_rng([car_seed, 72])
    solids = SolidList()
    for x, y, angle, kind in slots.tolist():
        stays, fixed, fresh = stay.random(2), stay.integers(2**31), go.random(4)
        if kind == PARKED:
            lasting = stays[0] < 0.5
            present = stays[1] < 0.62 if lasting else fresh[0] < 0.62
            seed = int(fixed) if lasting else int(fresh[1] * 2**31)
            shift = 0.6 * ((seed % 97) / 97.0 - 0.5)
        else:
            present, seed, shift = fresh[0] < 0.24, int(fresh[1] * 2**31), 7.0 * (fresh[2] - 0.5)
        if present:
            at = (x + shift * np.cos(angle), y + shift * np.sin(angle))
            if kind == MOVING_WIDE and seed % 7 == 0:
                _park_bus(solids, at, angle, seed)
            else:
                _park_car(solids, at, angle, seed)
    return solids.table()


def _park_bus(solids: SolidList, at: tuple[float, float], angle: float, seed: int) -> None:
    paint = BUS_PAINTS[seed // 7 % len(BUS_PAINTS)]
    solids.frustum(at, angle, (5.8, 1.25), (0.0, 3.0), BUS, paint, (0.86, 0.86, 0.84), (5.75, 1.2), seed)


def _park_car(solids: SolidList, at: tuple[float, float], angle: float, seed: int) -> None:
    paint = tuple(v * (0.9 + 0.2 * (seed % 11) / 11.0) for v in PAINTS[seed // 11 % len(PAINTS)])
    model = seed % 10
    if model < 2:
        solids.frustum(at, angle, (2.55, 0.98), (0.0, 1.15), CAR_BODY, paint, paint, (2.5, 0.95), seed)
        box = _along(at, angle, -0.45)
        solids.frustum(box, angle, (2.05, 0.95), (1.15, 2.2), CAR_CABIN, paint, paint, (1.75, 0.82), seed, 1)
        return
    half_length, cabin, back, low, height = BODIES[model % 3]
    top = (half_length - 0.1, 0.84)
    solids.frustum(at, angle, (half_length, 0.9), (0.0, low), CAR_BODY, paint, paint, top, seed)
    centre = _along(at, angle, back)
    solids.frustum(centre, angle, (cabin, 0.82), (low, height), CAR_CABIN, paint, paint, (cabin * 0.66, 0.64), seed, 0)


def _along(at: tuple[float, float], angle: float, distance: float) -> tuple[float, float]:
    return at[0] + distance * np.cos(angle), at[1] + distance * np.sin(angle)
