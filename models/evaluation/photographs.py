"""Photos of a sample city as a service would receive them: pixels, and what is known of the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.preprocess import Camera
from models.sample_city import Appearance, City, render_panorama, render_photo

PANORAMA_PX = (384, 96)
PHOTO_PX = (200, 150)
PANORAMA_FOV_DEG = 90.0
WIDEST_PINHOLE_DEG = 120.0
CAMERA_HEIGHT_M = (1.5, 2.6)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a photo sees and what is known of it: horizontal field of view, and whether the heading is given."""

    fov_deg: float
    orientation: Literal["known", "unknown"]

    @property
    def name(self) -> str:
        return f"{self.fov_deg:g}-{self.orientation}"


@dataclass(frozen=True, slots=True)
class Shake:
    """How far a hand-held photo strays from a level camera of nominal field of view; zero for a tripod."""

    fov_deg: float = 0.0
    tilt_deg: float = 0.0


def photograph(
    city: City,
    setting: Setting,
    x_m: float,
    y_m: float,
    heading_deg: float,
    rng: np.random.Generator,
    shake: Shake | None = None,
) -> tuple[NDArray[np.uint8], Camera]:
    """Take one photo in a random light and season: a cut of a panorama above 120 degrees, a pinhole photo below.

    Args:
        city: the world; x_m, y_m in its frame.
        setting: field of view and orientation.
        heading_deg: true heading of the centre column.
        rng: draws appearance, camera height and shake.
        shake: spread of field of view (uniform) and of pitch and roll (normal), pinhole photos only; the camera that
            is returned knows the field of view but not the tilt.

    Returns:
        (H, W, 3) uint8 and the camera.
    """
    shake = shake or Shake()
    appearance = Appearance.draw(rng)
    height_m = float(rng.uniform(*CAMERA_HEIGHT_M))
    known = heading_deg if setting.orientation == "known" else None
    if setting.fov_deg > WIDEST_PINHOLE_DEG:
        width, height = PANORAMA_PX
        pixels = render_panorama(city, appearance, x_m, y_m, heading_deg, width, height, PANORAMA_FOV_DEG, height_m)
        half = round(setting.fov_deg / 360 * width / 2)
        return pixels[:, width // 2 - half : width // 2 + half], Camera("panorama", setting.fov_deg, known)
    fov = setting.fov_deg + float(rng.uniform(-shake.fov_deg, shake.fov_deg))
    pitch, roll = (float(v) for v in rng.normal(0, 1, 2) * shake.tilt_deg)
    width, height = PHOTO_PX
    pixels = render_photo(city, appearance, x_m, y_m, heading_deg, fov, width, height, height_m, pitch, roll)
    return pixels, Camera("perspective", fov, known)
