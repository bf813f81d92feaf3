"""How the city looks at one moment to one camera: season, light, weather, sensor, traffic."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np


class Season(StrEnum):
    """What grows, falls or lies on the ground."""

    SPRING = "spring"
    SUMMER = "summer"
    DRY = "dry"
    AUTUMN = "autumn"
    WINTER = "winter"
    SNOW = "snow"


@dataclass(frozen=True)
class Appearance:
    """One moment and one camera; the two views of a pair are given different ones.

    Attributes:
        sun_azimuth_deg: clockwise from grid north. sun_elevation_deg: above the horizon.
        cloud_cover: [0, 1]; from 0.85 on the sky is overcast and nothing casts a shadow.
        colour_cast: gain of red, green, blue. exposure: gain of all. contrast, saturation: 1 is neutral.
        haze_per_km: extinction. noise_sigma: of 255. blur_px: standard deviation, output pixels.
        jpeg_quality: 1..95, or None for no compression.
        car_seed: which cars are where. sky_seed: the clouds. texture_seed: grain of every surface, and sensor noise.
    """

    season: Season = Season.SUMMER
    sun_azimuth_deg: float = 160.0
    sun_elevation_deg: float = 48.0
    cloud_cover: float = 0.3
    colour_cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    exposure: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    haze_per_km: float = 0.6
    noise_sigma: float = 0.0
    blur_px: float = 0.0
    jpeg_quality: int | None = None
    car_seed: int = 1
    sky_seed: int = 1
    texture_seed: int = 1

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Appearance":
        """Draw a random moment and camera."""
        seasons = list(Season)
        overcast = rng.random() < 0.27
        cast = rng.normal(0.0, 0.03, 3) + rng.normal(0.0, 0.05) * np.array([1.0, 0.0, -1.0])
        return cls(
            season=seasons[rng.choice(len(seasons), p=[0.2, 0.28, 0.16, 0.16, 0.12, 0.08])],
            sun_azimuth_deg=float(rng.uniform(80.0, 280.0)),
            sun_elevation_deg=float(rng.uniform(18.0, 62.0)),
            cloud_cover=float(rng.uniform(0.88, 1.0) if overcast else rng.uniform(0.0, 0.7)),
            colour_cast=(float(np.exp(cast[0])), float(np.exp(cast[1])), float(np.exp(cast[2]))),
            exposure=float(np.exp(rng.normal(0.0, 0.17))),
            contrast=float(rng.uniform(0.85, 1.2)),
            saturation=float(rng.uniform(0.65, 1.2)),
            haze_per_km=float(rng.uniform(0.2, 2.5)),
            noise_sigma=float(rng.uniform(0.0, 5.0)),
            blur_px=float(max(0.0, rng.normal(0.2, 0.25))),
            jpeg_quality=int(rng.integers(55, 95)),
            car_seed=int(rng.integers(1, 2**31)),
            sky_seed=int(rng.integers(1, 2**31)),
            texture_seed=int(rng.integers(1, 2**31)),
        )

    def moment(self) -> "Appearance":
        """The same moment through a neutral camera: what two photos must share to share their light and shadows."""
        return self.through(Appearance())

    def through(self, camera: "Appearance") -> "Appearance":
        """This moment as another camera sees it."""
        return replace(
            self,
            colour_cast=camera.colour_cast,
            exposure=camera.exposure,
            contrast=camera.contrast,
            saturation=camera.saturation,
            noise_sigma=camera.noise_sigma,
            blur_px=camera.blur_px,
            jpeg_quality=camera.jpeg_quality,
        )
