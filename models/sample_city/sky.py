"""The sky of one moment as a picture: rows from the horizon up, columns clockwise from north."""

import numpy as np

from .kernel import kernel
from .light import Light
from .noise import clamp, smooth
from .solids import F32

ROWS, COLUMNS = 192, 1440
NIGHT_SKY = (0.006, 0.008, 0.014)


@kernel
def _paint(sky: F32, light: Light, salt: int) -> None:
    rows, columns = sky.shape[:2]
    overcast = clamp((light.cover - 0.7) / 0.2, 0.0, 1.0)
    for row in range(rows):
        elevation = (row + 0.5) / rows * 0.5 * np.pi
        up = np.sin(elevation)
        for col in range(columns):
            azimuth = (col + 0.5) / columns * 2.0 * np.pi
            east = np.sin(azimuth) * np.cos(elevation)
            north = np.cos(azimuth) * np.cos(elevation)
            low = (1.0 - up) ** 4
            r = 0.13 + low * (light.haze_r - 0.13)
            g = 0.30 + low * (light.haze_g - 0.30)
            b = 0.68 + low * (light.haze_b - 0.68)
            glow = max(east * light.sun_x + north * light.sun_y + up * light.sun_z, 0.0)
            shine = 0.25 * glow**8 + 0.9 * glow**180
            r += shine * light.sun_r
            g += shine * light.sun_g
            b += shine * light.sun_b
            x = 1.6 * east / (up + 0.14)
            y = 1.6 * north / (up + 0.14)
            cloud = 0.0
            weight = 0.5
            for octave in range(5):
                cloud += weight * smooth(x, y, salt + octave)
                x = 2.03 * x + 11.3
                y = 2.03 * y - 7.9
                weight *= 0.5
            edge = 0.78 - 0.62 * light.cover
            thick = clamp((cloud - edge) / 0.16, 0.0, 1.0)
            thick *= 1.0 - 0.5 * (1.0 - clamp(up / 0.06, 0.0, 1.0))
            thick = max(thick, overcast)
            grey = 0.62 + 0.5 * (0.62 - cloud) + 0.25 * (1.0 - overcast) * (1.0 - 0.6 * thick)
            tone = grey * (0.72 + 0.35 * light.sun_z)
            sky[row, col, 0] = r + thick * (tone + 0.12 * light.sun_r - r)
            sky[row, col, 1] = g + thick * (tone + 0.12 * light.sun_g - g)
            sky[row, col, 2] = b + thick * (tone * 1.03 + 0.12 * light.sun_b - b)


def paint_sky(light: Light, sky_seed: int, gain: float = 1.0) -> F32:
    """(ROWS, COLUMNS, 3) float32 linear light.

    Elevation 0 to 90 degrees, azimuth 0 to 360 clockwise from grid north.
    """
    sky = np.zeros((ROWS, COLUMNS, 3), np.float32)
    _paint(sky, light, sky_seed % 1_000_003)
    if light.night > 0.0:
        night = np.array(NIGHT_SKY, np.float32) + np.float32(0.4) * np.array(light[9:12], np.float32)
        sky += np.float32(light.night**0.5) * (0.04 * sky + night - sky)
    return sky * np.float32(gain)
