"""The view from above: a true orthophoto of one moment, and tiles cut from it."""

import math

import numpy as np

from .appearance import Appearance
from .city import City
from .errors import SampleCityError
from .kernel import kernel
from .noise import blotches, speck
from .scene import Scene, scene_of
from .sensor import compress, develop
from .shade import GROUND, shade
from .shadows import top_height
from .solids import ELLIPSOID, F32, FAMILY, FOOT_U, FOOT_V, I64, LEAF, SEED, SKIN, U8, X, Y

Bounds = tuple[float, float, float, float]
NATIVE_M = 0.25
BAND_PX = 512


@kernel
def _tops(scene: Scene, order: I64, west: float, north: float, step: float, top: F32, hit: I64) -> None:
    rows, columns = top.shape
    for i in order:
        family = scene.kind[i, FAMILY]
        foot_u = scene.shape[i, FOOT_U]
        foot_v = scene.shape[i, FOOT_V]
        reach = math.hypot(foot_u, foot_v) if family == 0 else foot_u
        first = max(int((north - scene.shape[i, Y] - reach) / step - 0.5), 0)
        last = min(int((north - scene.shape[i, Y] + reach) / step + 0.5), rows - 1)
        left = max(int((scene.shape[i, X] - reach - west) / step - 0.5), 0)
        right = min(int((scene.shape[i, X] + reach - west) / step + 0.5), columns - 1)
        for row in range(first, last + 1):
            y = north - (row + 0.5) * step
            for col in range(left, right + 1):
                x = west + (col + 0.5) * step
                z = top_height(scene.shape, family, i, x, y)
                if z <= top[row, col]:
                    continue
                if family == ELLIPSOID and scene.kind[i, SKIN] == LEAF:
                    dx = x - scene.shape[i, X]
                    dy = y - scene.shape[i, Y]
                    lumps = blotches(scene.grain_shape, 1.3 * dx, 1.3 * dy, scene.kind[i, SEED])
                    leaf = speck(scene.grain_shape, 4.0 * dx, 4.0 * dy, scene.kind[i, SEED])
                    rim = 1.0 - (dx * dx + dy * dy) / (foot_u * foot_u)
                    if rim < 0.55 * lumps * (0.6 + 0.6 * leaf) or leaf < 1.15 * scene.porosity[i]:
                        continue
                top[row, col] = z
                hit[row, col] = i


@kernel
def _look_down(west: float, north: float, step: float, top: F32, rays: F32) -> None:
    for row in range(top.shape[0]):
        for col in range(top.shape[1]):
            rays[row, col, 0] = west + (col + 0.5) * step
            rays[row, col, 1] = north - (row + 0.5) * step
            rays[row, col, 2] = max(top[row, col], 0.0)
            rays[row, col, 3] = 0.0


def render_orthophoto(
    city: City, appearance: Appearance, ground_resolution_m: float = NATIVE_M, bounds_m: Bounds | None = None
) -> U8:
    """Render a true orthophoto: roofs over their footprints, crowns over the ground.

    Args:
        ground_resolution_m: metres per pixel.
        appearance: seen by day, whatever its darkness.
        bounds_m: west, south, east, north in city metres, within the margin; None is the whole extent.

    Returns:
        (H, W, 3) uint8, north up: the centre of pixel (row, col) is at x = west + (col + 0.5) ground_resolution_m,
        y = north - (row + 0.5) ground_resolution_m.
    """
    west, south, east, north = bounds_m or (0.0, 0.0, city.extent_m, city.extent_m)
    if not (ground_resolution_m > 0.0 and west < east and south < north):
        raise SampleCityError(f"bounds_m {bounds_m} at {ground_resolution_m} m per pixel hold no pixel")
    if min(west, south) < -city.margin_m or max(east, north) > city.extent_m + city.margin_m:
        raise SampleCityError(
            f"bounds_m {bounds_m} leave the city, which ends {city.margin_m} m beyond [0, {city.extent_m}]"
        )
    appearance = appearance.by_day()
    scene = scene_of(city, appearance)
    rows, columns = round((north - south) / ground_resolution_m), round((east - west) / ground_resolution_m)
    image = np.empty((rows, columns, 3), np.uint8)
    for start in range(0, rows, BAND_PX):
        count = min(BAND_PX, rows - start)
        edge = north - start * ground_resolution_m
        light = _band(scene, west + city.margin_m, edge + city.margin_m, ground_resolution_m, (count, columns))
        band = develop(light, appearance, (appearance.texture_seed + 7 * start) % 2_147_483_647)
        image[start : start + count] = compress(band, appearance.jpeg_quality)
    return image


def _band(scene: Scene, west: float, north: float, step: float, size: tuple[int, int]) -> F32:
    top, hit = np.full(size, -1.0, np.float32), np.full(size, GROUND, np.int64)
    y, reach = scene.shape[:, Y], np.hypot(scene.shape[:, FOOT_U], scene.shape[:, FOOT_V])
    order = np.flatnonzero((y - reach < north) & (y + reach > north - size[0] * step)).astype(np.int64)
    _tops(scene, order, west, north, step, top, hit)
    rays = np.empty((*size, 4), np.float32)
    _look_down(west, north, step, top, rays)
    picture = np.zeros((*size, 3), np.float32)
    shade(scene, hit, rays, 1.0, 0.0, step, 1, picture)
    return picture


@kernel
def _average(picture: U8, left: float, top: float, scale: float, tile: U8) -> None:
    """Mean over the (scale x scale) source pixels under every output pixel, edges weighted by their share."""
    rows, columns = picture.shape[:2]
    size = tile.shape[0]
    norm = 1.0 / (scale * scale)
    for row in range(size):
        y0 = top + row * scale
        y1 = y0 + scale
        for col in range(size):
            x0 = left + col * scale
            x1 = x0 + scale
            r = 0.0
            g = 0.0
            b = 0.0
            for i in range(math.floor(y0), math.ceil(y1)):
                high = min(i + 1.0, y1) - max(float(i), y0)
                source = min(max(i, 0), rows - 1)
                for j in range(math.floor(x0), math.ceil(x1)):
                    weight = high * (min(j + 1.0, x1) - max(float(j), x0))
                    across = min(max(j, 0), columns - 1)
                    r += weight * picture[source, across, 0]
                    g += weight * picture[source, across, 1]
                    b += weight * picture[source, across, 2]
            tile[row, col, 0] = np.uint8(min(r * norm + 0.5, 255.0))
            tile[row, col, 1] = np.uint8(min(g * norm + 0.5, 255.0))
            tile[row, col, 2] = np.uint8(min(b * norm + 0.5, 255.0))


def _reduce(picture: U8, left: float, top: float, scale: float, size_px: int) -> U8:
    tile = np.empty((size_px, size_px, 3), np.uint8)
    _average(picture, left, top, scale, tile)
    return tile


class AerialView:
    """The orthophoto of one moment, rendered once at 0.25 m with the margin around it, and tiles of it."""

    def __init__(self, city: City, appearance: Appearance) -> None:
        low, high = -city.margin_m, city.extent_m + city.margin_m
        self.city = city
        self.picture = render_orthophoto(city, appearance, NATIVE_M, (low, low, high, high))

    def tile(self, x_m: float, y_m: float, footprint_m: float, size_px: int) -> U8:
        """(size_px, size_px, 3) uint8: the square of side footprint_m centred on a place in city metres, north up."""
        west = x_m - footprint_m / 2.0 + self.city.margin_m
        north = self.city.extent_m + self.city.margin_m - (y_m + footprint_m / 2.0)
        return _reduce(self.picture, west / NATIVE_M, north / NATIVE_M, footprint_m / size_px / NATIVE_M, size_px)


def render_tile(city: City, appearance: Appearance, x_m: float, y_m: float, footprint_m: float, size_px: int) -> U8:
    """One tile without an AerialView: renders only the pixels that it needs. For many tiles make the view once."""
    half = footprint_m / 2.0
    steps = math.ceil(footprint_m / size_px / NATIVE_M)
    fine = footprint_m / (size_px * steps)
    picture = render_orthophoto(city, appearance, fine, (x_m - half, y_m - half, x_m + half, y_m + half))
    return _reduce(picture, 0.0, 0.0, float(steps), size_px)


def project_to_ortho(
    point_m: tuple[float, float, float], bounds_m: Bounds, ground_resolution_m: float
) -> tuple[float, float]:
    """Pixel (column, row) of a world point in city metres; (0.0, 0.0) is the centre of the top left pixel.

    Height plays no part.
    """
    return (point_m[0] - bounds_m[0]) / ground_resolution_m - 0.5, (
        bounds_m[3] - point_m[1]
    ) / ground_resolution_m - 0.5
