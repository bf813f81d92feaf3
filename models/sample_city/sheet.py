"""A picture that shows what the sample city is: both views of a few places side by side."""

import numpy as np

from .aerial import render_tile
from .appearance import Appearance
from .city import City
from .panorama import render_panorama
from .photo import render_photo
from .places import draw_places
from .solids import U8

TILE_PX = 128
FOOTPRINT_M = 64.0


def contact_sheet(city: City, rows: int, rng: np.random.Generator) -> U8:
    """One place a row: tile of 64 m, the same tile at another time, panorama, photo; each in an appearance of its own.

    Returns:
        (rows * 128, 938, 3) uint8.
    """
    places = draw_places(city, rows, rng)
    return np.concatenate([_row(city, float(x), float(y), rng) for x, y in zip(places.x_m, places.y_m, strict=True)])


def _row(city: City, x: float, y: float, rng: np.random.Generator) -> U8:
    looks = [Appearance.draw(rng) for _ in range(4)]
    tiles = [render_tile(city, look, x, y, FOOTPRINT_M, TILE_PX) for look in looks[:2]]
    panorama = render_panorama(city, looks[2], x, y, 0.0, 4 * TILE_PX, TILE_PX, 90.0, 2.0)
    photo = render_photo(city, looks[3], x, y, float(rng.uniform(0.0, 360.0)), 75.0, 170, TILE_PX, 1.7)
    return np.concatenate([*tiles, panorama, photo], axis=1)
