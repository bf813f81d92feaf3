"""Photos of a sample city as a service would receive them: pixels, and what is known of the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.camera import Camera
from models.sample_city import Appearance, City, render_panorama, render_photo

Photo = tuple[NDArray[np.uint8], Camera]
"""(H, W, 3) and what is known of the camera."""
PANORAMA_PX = (384, 96)
PHOTO_PX = (200, 150)
PANORAMA_FOV_DEG = 90.0
WIDEST_PINHOLE_DEG = 120.0
WHOLE_CIRCLE_DEG = 360.0
CAMERA_HEIGHT_M = (1.5, 2.6)
MOMENTS = 12
"""Times of visit shared by the photos of a city: another season, sun and traffic means rendering its shadows anew."""


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


def draw_moments(rng: np.random.Generator, count: int = MOMENTS) -> list[Appearance]:
    """Draw the times at which a city is visited."""
    return [Appearance.draw(rng) for _ in range(count)]


def photograph_places(
    city: City,
    setting: Setting,
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    heading_deg: NDArray[np.float64],
    seed: list[int],
    shake: Shake | None = None,
    seen_at: Callable[[Appearance], Appearance] = lambda moment: moment,
) -> list[Photo]:
    """Take one photo a place, at one of a few moments and each through a camera of its own.

    Args:
        city: the world; x_m, y_m (P,) in its frame.
        setting: field of view and orientation.
        heading_deg: (P,) true headings of the centre columns.
        seed: of everything drawn here; photo i depends on it and on i alone.
        shake: as in `photograph`.
        seen_at: what to make of a drawn moment; places, poses and cameras stay the same.
    """
    moments = [seen_at(moment) for moment in draw_moments(np.random.default_rng(seed))]
    photos: dict[int, Photo] = {}
    for m, moment in enumerate(moments):
        for i in range(m, len(x_m), len(moments)):
            rng = np.random.default_rng([*seed, i])
            pose = float(x_m[i]), float(y_m[i]), float(heading_deg[i])
            photos[i] = photograph(city, moment.through(Appearance.draw(rng)), setting, pose, rng, shake)
    return [photos[i] for i in range(len(x_m))]


def photograph(
    city: City,
    appearance: Appearance,
    setting: Setting,
    pose: tuple[float, float, float],
    rng: np.random.Generator,
    shake: Shake | None = None,
) -> Photo:
    """Take one photo: a cut of a panorama above 120 degrees, a pinhole photo below.

    Args:
        city: the world.
        appearance: moment and camera.
        setting: field of view and orientation.
        pose: x_m, y_m and true heading of the centre column in degrees.
        rng: draws camera height and shake.
        shake: spread of field of view (uniform) and of pitch and roll (normal), pinhole photos only; the camera that
            is returned knows the field of view but not the tilt.

    Returns:
        (H, W, 3) uint8 and the camera.
    """
    shake = shake or Shake()
    x_m, y_m, heading_deg = pose
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
