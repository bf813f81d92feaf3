"""Azimuth columns taken apart: a similarity is the mean of one cosine a column, so each direction's share is exact.

Nothing is estimated: the photo's columns are laid onto the tile's at the shift where they fit best, and the inner
product, which the search ranked by, is written down before it is summed. As any two places agree somewhat, pictures
show how much more than at large each direction agrees. Columns have no rows and no distance, so a whole direction has
one value, from the lower edge of the photo to the upper one and from the camera to the tile's edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.tiles import Bounds
from models.bundle import GroundView
from models.camera import Camera, GroundInput
from models.columns import mean_cosine_scale, shifts, turned
from models.geo import Floats, enu_m, metres_per_degree, wrap_lon
from service.explaining.attention import TILE_SIDE, Attention, Columns, photo_shape
from service.explaining.directions import directions, middles

Float32s = NDArray[np.float32]


def taken_apart(
    columns: Float32s, described: Float32s, ground: GroundInput, at_large: float, place: tuple[float, float]
) -> Columns:
    """Write the similarity of a photo and a cell as a mean.

    Args:
        columns: (w, E), the photo's description.
        described: (W * E,), the cell's.
        ground: what the photo was described from.
        at_large: mean similarity of the photo to places at large.
        place: WGS84 lat and lon of the cell.
    """
    seen, channels = columns.shape
    total = described.size // channels
    first = float(ground.firsts[np.argmax(shifts(columns, total, ground.firsts) @ described)])
    back = turned(described, np.array([-first % total]), total)  # not the photo: its columns stay its own
    facing = back.reshape(total, channels)[:seen]
    products = np.einsum("ce,ce->c", columns.astype(np.float64), facing.astype(np.float64))
    cosines: Floats = products * mean_cosine_scale(seen, total) * seen
    step_deg = 360.0 / total
    return Columns(cosines, at_large, ground.left_deg, first * step_deg, step_deg, *place)


def contribution(
    found: Columns,
    camera: Camera,
    view: GroundView,
    size_px: tuple[int, int],
    bounds: Bounds,
) -> Attention:
    """Draw columns over the photo and over the tile.

    Args:
        camera: how the photo was taken.
        view: the canvas that it was projected onto.
        size_px: width and height of the upright photo.
        bounds: of the tile.
    """
    azimuth, elevation = directions(photo_shape(size_px), camera, size_px)
    inside = np.abs(elevation) <= view.vertical_fov_deg / 2
    photo = np.where(inside, _along(found, azimuth - found.left_deg), 0.0)
    return Attention("contribution", photo, _over_tile(found, bounds), found)


def _along(found: Columns, azimuth_deg: Floats) -> Floats:
    """Give `more` at azimuths from the first column's left edge; 0 where nothing was seen."""
    column = (azimuth_deg % 360.0 // found.step_deg).astype(np.int64)
    padded = np.append(found.more, 0.0)
    drawn: Floats = padded[np.minimum(column, len(found.cosines))]
    return drawn


def _over_tile(found: Columns, bounds: Bounds) -> Floats:
    x, y = middles((TILE_SIDE, TILE_SIDE))
    lat = bounds.north + y * (bounds.south - bounds.north)
    lon = bounds.west + x * wrap_lon(bounds.east - bounds.west)
    everywhere = np.broadcast_arrays(lat, lon)
    east_m, north_m = enu_m(everywhere[0], everywhere[1], found.lat, found.lon)
    return _along(found, np.degrees(np.arctan2(east_m, north_m)) - found.north_deg)


def middle_and_side_m(bounds: Bounds) -> tuple[float, float, float]:
    """Give lat and lon of a tile's middle, and the ground length of its side."""
    lat = (bounds.south + bounds.north) / 2
    half_deg = float(wrap_lon(bounds.east - bounds.west)) / 2
    return (
        lat,
        float(wrap_lon(bounds.west + half_deg)),
        (bounds.north - bounds.south) * float(metres_per_degree(lat)[0]),
    )
