"""Street-level places from which the city can be photographed."""

from dataclasses import dataclass

import numpy as np

from .city import City
from .errors import SampleCityError
from .materials import Material
from .plot import FREE_CELL_M, GROUND_CELL_M
from .solids import F64
from .street_sizes import StreetClass
from .streets import Street

PAVED = (
    Material.PAVING,
    Material.PAVING_CHECKED,
    Material.PAVING_RED,
    Material.GRAVEL,
    Material.YARD,
    Material.CONCRETE,
    Material.SAND,
)
UNTRODDEN = (Material.WATER, Material.FLOWERS)

CLEAR_M = 0.6
MOST_MISSES, PATIENCE = 12_000, 3_000
OPEN_SHARE = 0.25


@dataclass(frozen=True)
class Places:
    """Arrays (n,): position in city metres; direction of the street, degrees clockwise from true north, [0, 360).

    On squares and yards, where there is no street, the direction is any.
    """

    x_m: F64
    y_m: F64
    street_heading_deg: F64

    def __len__(self) -> int:
        return len(self.x_m)


def draw_places(city: City, count: int, rng: np.random.Generator, min_separation_m: float = 18.0) -> Places:
    """Draw places on streets, squares and yards, min_separation_m apart, clear of all that stands there for good.

    Where these hold too few, as in the country, some places are in fields and gardens.

    Cars may come closer: the renderer leaves out a car that would stand on the camera.

    Raises:
        SampleCityError: the streets hold fewer places; the message says how many.
    """
    streets = [s for s in city.streets if s.length_m > 1.0]
    weights = np.array([s.length_m * (0.5 if s.rank == StreetClass.ARTERIAL else 1.0) for s in streets])
    weights /= weights.sum()
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    found: list[tuple[float, float, float]] = []
    misses = 0
    while len(found) < count and misses < MOST_MISSES:
        misses += 1
        street = streets[rng.choice(len(streets), p=weights)]
        if rng.random() < OPEN_SHARE or misses > PATIENCE:
            x, y, heading = _somewhere_open(city, rng)
        else:
            x, y, heading = _somewhere_on(city, street, rng)
        if _usable(city, x, y, misses > PATIENCE) and _apart(taken, x, y, min_separation_m):
            found.append((x, y, heading))
            misses = min(misses, PATIENCE + 1)
    if len(found) < count:
        raise SampleCityError(
            f"found room for {len(found)} places {min_separation_m} m apart in a city of {city.extent_m} m,"
            f" {count} were wanted;"
            " ask for fewer, closer together, or a larger city"
        )
    x_m, y_m, headings = np.array(found, np.float64).reshape(-1, 3).T
    return Places(x_m, y_m, headings)


def _somewhere_on(city: City, street: Street, rng: np.random.Generator) -> tuple[float, float, float]:
    reach = street.half_width_m + street.pavement_m - 0.5
    point, angle = street.beside(rng.uniform(0.0, street.length_m), rng.uniform(-reach, reach))
    heading = (90.0 - np.degrees(angle) + city.convergence_deg) % 360.0
    return float(point[0]) - city.margin_m, float(point[1]) - city.margin_m, float(heading)


def _somewhere_open(city: City, rng: np.random.Generator) -> tuple[float, float, float]:
    """A point off the streets; not usable unless it happens to be on a square or a yard."""
    x, y = rng.uniform(0.0, city.extent_m, 2)
    return float(x), float(y), float(rng.uniform(0.0, 360.0))


def _usable(city: City, x: float, y: float, anywhere: bool) -> bool:
    if not (0.0 <= x <= city.extent_m and 0.0 <= y <= city.extent_m):
        return False
    col, row = (x + city.margin_m) / FREE_CELL_M, (y + city.margin_m) / FREE_CELL_M
    reach = CLEAR_M / FREE_CELL_M
    around = city.taken[int(row - reach) : int(row + reach) + 1, int(col - reach) : int(col + reach) + 1]
    if (around == 1).all():
        return True
    cell = city.ground[int((y + city.margin_m) / GROUND_CELL_M), int((x + city.margin_m) / GROUND_CELL_M)]
    return bool((around == 0).all() and (cell in PAVED or (anywhere and cell not in UNTRODDEN)))


def _apart(taken: dict[tuple[int, int], list[tuple[float, float]]], x: float, y: float, separation: float) -> bool:
    """Is nothing within the separation? If so, note the place."""
    size = max(separation, 1.0)
    i, j = int(x / size), int(y / size)
    for a in (i - 1, i, i + 1):
        for b in (j - 1, j, j + 1):
            if any(np.hypot(x - p, y - q) < separation for p, q in taken.get((a, b), [])):
                return False
    taken.setdefault((i, j), []).append((x, y))
    return True
