"""Perspective photographs, and where in them a world point appears."""

import math
from typing import NamedTuple

import numpy as np

from .appearance import Appearance
from .city import City
from .columns import render_columns
from .errors import SampleCityError
from .panorama import noise_salt, world_camera
from .scene import scene_of
from .sensor import compress, develop, dim_rims
from .solids import F32, F64, U8


class _Pinhole(NamedTuple):
    """Square pixels; focal length in pixels; pitch upwards and clockwise roll of the camera, radians."""

    width_px: int
    height_px: int
    focal_px: float
    pitch: float
    roll: float

    def directions(self) -> F64:
        """(H, W, 2) azimuth from the heading, and elevation, of every pixel centre; radians."""
        u, v = np.meshgrid(
            np.arange(self.width_px) + 0.5 - 0.5 * self.width_px, 0.5 * self.height_px - np.arange(self.height_px) - 0.5
        )
        right, up = np.cos(self.roll) * u + np.sin(self.roll) * v, np.cos(self.roll) * v - np.sin(self.roll) * u
        ahead = self.focal_px * np.cos(self.pitch) - up * np.sin(self.pitch)
        rise = self.focal_px * np.sin(self.pitch) + up * np.cos(self.pitch)
        return np.stack([np.arctan2(right, ahead), np.arctan2(rise, np.hypot(right, ahead))], axis=-1)

    def pixel(self, right: float, ahead: float, rise: float) -> tuple[float, float] | None:
        """(column, row) of a vector in metres, or None behind the camera."""
        along = ahead * math.cos(self.pitch) + rise * math.sin(self.pitch)
        up = rise * math.cos(self.pitch) - ahead * math.sin(self.pitch)
        if along <= 1e-9:
            return None
        u, v = right * self.focal_px / along, up * self.focal_px / along
        u, v = math.cos(self.roll) * u - math.sin(self.roll) * v, math.cos(self.roll) * v + math.sin(self.roll) * u
        return u + 0.5 * self.width_px - 0.5, 0.5 * self.height_px - v - 0.5


def _pinhole(fov_deg: float, width_px: int, height_px: int, pitch_deg: float, roll_deg: float) -> _Pinhole:
    if not 0.0 < fov_deg <= 150.0:
        raise SampleCityError(f"fov_deg is {fov_deg}; a photo sees more than 0 and at most 150 degrees")
    focal = 0.5 * width_px / math.tan(math.radians(fov_deg) / 2.0)
    return _Pinhole(width_px, height_px, focal, math.radians(pitch_deg), math.radians(roll_deg))


def render_photo(
    city: City,
    appearance: Appearance,
    x_m: float,
    y_m: float,
    heading_deg: float,
    fov_deg: float,
    width_px: int,
    height_px: int,
    camera_height_m: float = 1.7,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
    samples: int = 2,
) -> U8:
    """Render what a pinhole camera with square pixels sees.

    Args:
        x_m, y_m: camera in city metres. heading_deg: of the optical axis, clockwise from true north.
        fov_deg: horizontal, (0, 150]. pitch_deg: upwards. roll_deg: clockwise turn of the camera about its axis.
        samples: rays per pixel and direction.

    Returns:
        (height_px, width_px, 3) uint8.
    """
    lens = _pinhole(fov_deg, width_px, height_px, pitch_deg, roll_deg)
    heading = math.radians(city.grid_heading_deg(heading_deg))
    camera = world_camera(city, x_m, y_m, camera_height_m)
    level = pitch_deg == 0.0 and roll_deg == 0.0
    light = (_level if level else _tilted)(city, appearance, camera, heading, lens, samples)
    light = dim_rims(light, appearance.vignette, both_ways=True)
    image = develop(light, appearance, (noise_salt(appearance, x_m, y_m) + round(4096.0 * heading)) % 2_147_483_647)
    return compress(image, appearance.jpeg_quality)


def _level(
    city: City, appearance: Appearance, camera: tuple[float, float, float], heading: float, lens: _Pinhole, samples: int
) -> F32:
    """Columns of a level picture are vertical planes already."""
    u = (np.arange(lens.width_px * samples) + 0.5) / samples - 0.5 * lens.width_px
    v = 0.5 * lens.height_px - (np.arange(lens.height_px * samples) + 0.5) / samples
    scales = 1.0 / np.hypot(1.0, u / lens.focal_px)
    azimuths = heading + np.arctan(u / lens.focal_px)
    pixel = 1.0 / (lens.focal_px * samples)
    return render_columns(scene_of(city, appearance), camera, azimuths, scales, v / lens.focal_px, pixel, samples)


def _tilted(
    city: City, appearance: Appearance, camera: tuple[float, float, float], heading: float, lens: _Pinhole, samples: int
) -> F32:
    """Render the part of the sphere that the picture needs, evenly in azimuth and elevation, and resample it
    bilinearly.
    """
    angles = lens.directions()
    step = 1.0 / (lens.focal_px * samples)
    (left, bottom), (right, top) = angles.min(axis=(0, 1)) - 2.0 * step, angles.max(axis=(0, 1)) + 2.0 * step
    limit = 0.5 * math.pi - 1e-3
    azimuths = np.arange(left, right, step)
    elevations = np.clip(np.arange(top, bottom, -step), -limit, limit)
    elevations -= np.arange(len(elevations)) * 1e-12
    sphere = render_columns(
        scene_of(city, appearance), camera, heading + azimuths, np.ones(len(azimuths)), np.tan(elevations), step, 1
    )
    light = np.zeros((lens.height_px, lens.width_px, 3), np.float32)
    for offset in _grid(samples):
        light += _sample(sphere, (angles[..., 0] - left) / step + offset[0], (top - angles[..., 1]) / step + offset[1])
    return light / np.float32(samples * samples)


def _grid(samples: int) -> list[tuple[float, float]]:
    """Offsets of the sub-samples of a pixel, in steps of the sphere."""
    shifts = [k - 0.5 * (samples - 1) for k in range(samples)]
    return [(a, b) for a in shifts for b in shifts]


def _sample(picture: F32, column: F64, row: F64) -> F32:
    """Bilinear values at fractional (column, row); centres at whole numbers."""
    height, width = picture.shape[:2]
    c0, r0 = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    u, v = (column - c0)[..., None].astype(np.float32), (row - r0)[..., None].astype(np.float32)
    c0, c1 = np.clip(c0, 0, width - 1), np.clip(c0 + 1, 0, width - 1)
    r0, r1 = np.clip(r0, 0, height - 1), np.clip(r0 + 1, 0, height - 1)
    upper = picture[r0, c0] * (1 - u) + picture[r0, c1] * u
    return np.asarray(upper * (1 - v) + (picture[r1, c0] * (1 - u) + picture[r1, c1] * u) * v, np.float32)


def project_to_photo(
    city: City,
    point_m: tuple[float, float, float],
    camera_m: tuple[float, float, float],
    heading_deg: float,
    fov_deg: float,
    width_px: int,
    height_px: int,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
) -> tuple[float, float] | None:
    """Pixel (column, row) of a world point (x, y, z in city metres), or None if it is behind the camera.

    (0.0, 0.0) is the centre of the top left pixel; the result may lie outside the picture.
    """
    lens = _pinhole(fov_deg, width_px, height_px, pitch_deg, roll_deg)
    heading = math.radians(city.grid_heading_deg(heading_deg))
    east, north, rise = (p - c for p, c in zip(point_m, camera_m, strict=True))
    right = east * math.cos(heading) - north * math.sin(heading)
    ahead = east * math.sin(heading) + north * math.cos(heading)
    return lens.pixel(right, ahead, rise)
