"""How the city looks at one moment to one camera: season, light, weather, sensor, traffic."""

from dataclasses import dataclass, replace

import numpy as np

from .weather import Season, draw_camera, draw_moment


@dataclass(frozen=True)
class Appearance:
    """One moment and one camera; the two views of a pair are given different ones.

    Attributes:
        sun_azimuth_deg: clockwise from grid north. sun_elevation_deg: above the horizon.
        cloud_cover: [0, 1]; from 0.85 on the sky is overcast and nothing casts a shadow.
        darkness: [0, 1]: 0 day, 0.5 dusk, 1 night with lit windows. Pictures from above are taken by day all the same.
        wetness: [0, 1] of the paved ground. sky_gain: brightness of the sky over what is right for the ground.
        colour_shift: standard deviation of the logarithm by which every material and every solid differs in colour.
        colour_cast: gain of red, green, blue. hue_deg: turn of all hues. exposure: gain of all.
        gamma, contrast, saturation: 1 is neutral. veil: [0, 1) of grey air light over everything.
        vignette: [0, 1) of the light that is lost in the corners of a photo, and at the rims of a panorama.
        haze_per_km: extinction. noise_sigma: of 255. blur_px: standard deviation, output pixels.
        jpeg_quality: 1..95, or None for no compression.
        changed_share: of the buildings and plants that have gone or been replaced by others; change_seed: which.
        car_seed: which cars are where. sky_seed: the clouds. texture_seed: grain of every surface, and sensor noise.
    """

    season: Season = Season.SUMMER
    sun_azimuth_deg: float = 160.0
    sun_elevation_deg: float = 48.0
    cloud_cover: float = 0.3
    darkness: float = 0.0
    wetness: float = 0.0
    sky_gain: float = 1.0
    colour_shift: float = 0.0
    colour_cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    hue_deg: float = 0.0
    exposure: float = 1.0
    gamma: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    veil: float = 0.0
    vignette: float = 0.0
    haze_per_km: float = 0.6
    noise_sigma: float = 0.0
    blur_px: float = 0.0
    jpeg_quality: int | None = None
    changed_share: float = 0.0
    change_seed: int = 1
    car_seed: int = 1
    sky_seed: int = 1
    texture_seed: int = 1

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Appearance":
        """Draw a random moment and camera; three of four are ordinary days."""
        return cls(**draw_moment(rng), **draw_camera(rng))

    @property
    def is_ordinary_day(self) -> bool:
        """Daylight on dry ground without snow or fog."""
        return self.season != Season.SNOW and self.haze_per_km <= 4.0 and not (self.darkness or self.wetness)

    def moment(self) -> "Appearance":
        """The same moment through a neutral camera: what two photos must share to share their light and shadows."""
        return self.through(Appearance())

    def through(self, camera: "Appearance") -> "Appearance":
        """This moment as another camera sees it."""
        return replace(self, **{name: getattr(camera, name) for name in CAMERA})

    def by_day(self) -> "Appearance":
        """What an aircraft sees of this moment: it flies in daylight, below the clouds and above the fog."""
        return replace(self, darkness=0.0) if self.darkness else self


CAMERA = (
    "colour_cast",
    "hue_deg",
    "exposure",
    "gamma",
    "contrast",
    "saturation",
    "veil",
    "vignette",
    "noise_sigma",
    "blur_px",
    "jpeg_quality",
)
