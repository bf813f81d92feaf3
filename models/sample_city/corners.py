"""Round off the corners of carriageways where streets meet."""

import numpy as np

from .plot import Plot
from .solids import F64
from .street_sizes import StreetClass
from .streets import Junction, Street

ARM_M = 9.0


def round_corners(plot: Plot, streets: list[Street], surface: list[int]) -> None:
    """Fill the inner corners of every junction of two streets for cars with a concave fillet of asphalt."""
    for index, street in enumerate(streets):
        for junction in street.junctions:
            other = streets[junction.street]
            if junction.street < index or max(street.rank, other.rank) > StreetClass.LANE:
                continue
            back = next((j for j in other.junctions if j.street == index), None)
            if back is not None:
                _fill(plot, (street, junction), (other, back), surface[junction.street])


def _arms(street: Street, station: float) -> list[F64]:
    """Unit directions (2,) in which a street leaves a junction."""
    here, _ = street.at(station)
    ends = [station + way * ARM_M for way in (1.0, -1.0)]
    reached = [street.at(end)[0] - here for end in ends if 0.0 <= end <= street.length_m]
    return [step / np.hypot(*step) for step in reached]


def _fill(plot: Plot, first: tuple[Street, Junction], second: tuple[Street, Junction], material: int) -> None:
    node, _ = first[0].at(first[1].station_m)
    radius = 2.2 + 0.35 * min(first[0].half_width_m, second[0].half_width_m)
    for a in _arms(first[0], first[1].station_m):
        for b in _arms(second[0], second[1].station_m):
            sine = abs(float(a[0] * b[1] - a[1] * b[0]))
            if sine < 0.4:
                continue
            corner = node + (a * second[0].half_width_m + b * first[0].half_width_m) / sine
            t = np.linspace(0.0, 1.0, 9)[:, None]
            bend = (
                (1.0 - t) ** 2 * (corner + radius * a)
                + 2.0 * t * (1.0 - t) * (corner + 0.12 * radius * (a + b))
                + t**2 * (corner + radius * b)
            )
            plot.cover_polygon(np.concatenate([[corner - 0.6 * (a + b)], bend]), material)
