"""Sun, sky light and air of one moment, in linear light where white paper at noon is about 1."""

from typing import NamedTuple

import numpy as np

from .appearance import Appearance
from .solids import F64
from .weather import Season


class Light(NamedTuple):
    """Unit vector to the sun (ENU); RGB of sunlight, of light from the whole sky, of the haze; haze per metre.

    Snow in [0, 1].
    """

    sun_x: float
    sun_y: float
    sun_z: float
    sun_r: float
    sun_g: float
    sun_b: float
    sky_r: float
    sky_g: float
    sky_b: float
    haze_r: float
    haze_g: float
    haze_b: float
    haze_per_m: float
    snow: float
    cover: float
    night: float
    wet: float


LAMPS = np.array([0.20, 0.15, 0.09])


def _darken(light: F64, darkness: float) -> F64:
    """Daylight fades to a deep blue, and the lamps of the town take over."""
    if darkness <= 0.0:
        return light
    blue = np.array([0.75, 0.9, 1.25]) ** darkness
    return np.asarray(light * blue * (1.0 - 0.93 * darkness) ** 1.5 + 0.5 * darkness**2 * LAMPS)


def light_of(appearance: Appearance) -> Light:
    """Light of an appearance: a low sun is warmer and weaker, clouds turn the blue of the shadows to grey.

    Cameras open up when it is dark: about two thirds of the differences in brightness are taken back.
    """
    azimuth, elevation = np.radians(appearance.sun_azimuth_deg), np.radians(appearance.sun_elevation_deg)
    up = float(np.sin(elevation))
    cloud = appearance.cloud_cover
    sunny = 0.0 if cloud >= 0.85 else 1.0 - 0.35 * cloud
    warm = np.exp(-np.array([0.06, 0.16, 0.34]) / max(up, 0.12))
    sun = 1.18 * sunny * warm
    blue = np.array([0.30, 0.38, 0.50]) * (0.55 + 0.5 * up)
    grey = np.array([0.62, 0.63, 0.65]) * (0.6 + 0.35 * up)
    overcast = min(cloud / 0.9, 1.0) ** 2
    sky = blue * (1.0 - overcast) + grey * overcast
    haze = np.array([0.66, 0.75, 0.86]) * (1.0 - overcast) + np.array([0.72, 0.74, 0.76]) * overcast
    haze = haze * (0.55 + 0.45 * up) + 0.06 * sun
    bright = float(sun[1] * up + sky[1])
    sun, sky, haze = sun * (0.95 / bright) ** 0.65, sky * (0.95 / bright) ** 0.65, haze * (0.95 / bright) ** 0.2
    sun = sun * (1.0 - appearance.darkness) ** 2
    sky, haze = _darken(sky, appearance.darkness), _darken(haze, appearance.darkness)
    return Light(
        sun_x=float(np.sin(azimuth) * np.cos(elevation)),
        sun_y=float(np.cos(azimuth) * np.cos(elevation)),
        sun_z=up,
        sun_r=float(sun[0]),
        sun_g=float(sun[1]),
        sun_b=float(sun[2]),
        sky_r=float(sky[0]),
        sky_g=float(sky[1]),
        sky_b=float(sky[2]),
        haze_r=float(haze[0]),
        haze_g=float(haze[1]),
        haze_b=float(haze[2]),
        haze_per_m=appearance.haze_per_km / 1000.0,
        snow=1.0 if appearance.season == Season.SNOW else 0.0,
        cover=cloud,
        night=appearance.darkness,
        wet=appearance.wetness,
    )
