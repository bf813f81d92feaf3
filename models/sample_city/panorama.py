"""Equirectangular panoramas, and where in them a world point appears."""

import math

import numpy as np

from .appearance import Appearance
from .city import City
from .columns import render_columns
from .errors import SampleCityError
from .scene import scene_of
from .sensor import compress, develop, dim_rims
from .solids import F64, U8

TURN = 1 << 40


def render_panorama(
    city: City,
    appearance: Appearance,
    x_m: float,
    y_m: float,
    heading_deg: float,
    width_px: int = 384,
    height_px: int = 96,
    vertical_fov_deg: float = 90.0,
    camera_height_m: float = 2.0,
    samples: int = 2,
) -> U8:
    """Render a panorama of 360 degrees.

    Args:
        x_m, y_m: camera in city metres. heading_deg: of the middle of the image, clockwise from true north.
        vertical_fov_deg: (0, 180], half above and half below the horizon, which is between the two middle rows.
        samples: rays per pixel and direction.

    Returns:
        (height_px, width_px, 3) uint8; azimuth grows to the right.
    """
    if not 0.0 < vertical_fov_deg <= 180.0:
        raise SampleCityError(f"vertical_fov_deg is {vertical_fov_deg}; it must be in (0, 180]")
    start = round((city.grid_heading_deg(heading_deg) / 360.0 - 0.5) * TURN)
    offsets = (2 * np.arange(width_px * samples, dtype=np.int64) + 1) * TURN // (2 * width_px * samples)
    turns = (start + offsets) % TURN // 1024 * 1024
    rows = height_px * samples
    elevation: F64 = math.radians(vertical_fov_deg) * (0.5 - (np.arange(rows, dtype=np.float64) + 0.5) / rows)
    light = render_columns(
        scene_of(city, appearance),
        world_camera(city, x_m, y_m, camera_height_m),
        np.asarray(turns * (2.0 * math.pi / TURN), np.float64),
        np.ones(width_px * samples),
        np.tan(elevation),
        math.radians(vertical_fov_deg) / rows,
        samples,
    )
    light = dim_rims(light, appearance.vignette, both_ways=False)
    keys = turns[::samples] >> 24
    return compress(
        develop(light, appearance, noise_salt(appearance, x_m, y_m), keys.astype(np.float32)), appearance.jpeg_quality
    )


def world_camera(city: City, x_m: float, y_m: float, height_m: float) -> tuple[float, float, float]:
    """Camera in world metres, within the world."""
    return float((x_m + city.margin_m) % city.size_m), float((y_m + city.margin_m) % city.size_m), float(height_m)


def noise_salt(appearance: Appearance, x_m: float, y_m: float) -> int:
    """Seed of the sensor noise of a picture taken at a place."""
    return (appearance.texture_seed * 31 + round(x_m * 64.0) * 7919 + round(y_m * 64.0) * 104729) % 2_147_483_647


def project_to_panorama(
    city: City,
    point_m: tuple[float, float, float],
    camera_m: tuple[float, float, float],
    heading_deg: float,
    width_px: int,
    height_px: int,
    vertical_fov_deg: float = 90.0,
) -> tuple[float, float]:
    """Pixel (column, row) of a world point (x, y, z in city metres); (0.0, 0.0) is the centre of the top left pixel.

    The column is in [-0.5, width_px - 0.5); a row outside [-0.5, height_px - 0.5) is above or below the picture.
    """
    dx, dy, dz = (p - c for p, c in zip(point_m, camera_m, strict=True))
    azimuth = math.degrees(math.atan2(dx, dy)) - city.grid_heading_deg(heading_deg)
    share = (azimuth / 360.0 + 0.5) % 1.0
    elevation = math.degrees(math.atan2(dz, math.hypot(dx, dy)))
    return share * width_px - 0.5, (0.5 - elevation / vertical_fov_deg) * height_px - 0.5
