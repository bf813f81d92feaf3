"""What moments and cameras are like, and how often."""

from enum import StrEnum
from typing import Any

import numpy as np


class Season(StrEnum):
    """What grows, falls or lies on the ground."""

    SPRING = "spring"
    SUMMER = "summer"
    DRY = "dry"
    AUTUMN = "autumn"
    WINTER = "winter"
    SNOW = "snow"


ORDINARY = {Season.SPRING: 0.2, Season.SUMMER: 0.36, Season.DRY: 0.17, Season.AUTUMN: 0.15, Season.WINTER: 0.12}
# what a day may be instead of ordinary
EVENTS = {"": 0.76, "night": 0.05, "dusk": 0.05, "fog": 0.05, "rain": 0.05, "snow": 0.04}
SOUTHERN_SHARE = 0.3


def draw_moment(rng: np.random.Generator) -> dict[str, Any]:
    """Draw season, weather and light: the fields of an Appearance that belong to the moment."""
    event = list(EVENTS)[rng.choice(len(EVENTS), p=list(EVENTS.values()))]
    season = list(ORDINARY)[rng.choice(len(ORDINARY), p=list(ORDINARY.values()))]
    overcast = rng.random() < 0.33 or event in ("fog", "rain", "snow")
    azimuth = rng.uniform(80.0, 280.0) + 180.0 * (rng.random() < SOUTHERN_SHARE)
    moment = {
        "season": Season.SNOW if event == "snow" else season,
        "sun_azimuth_deg": float(azimuth % 360.0),
        "sun_elevation_deg": float(rng.uniform(5.0, 12.0) if event == "dusk" else rng.uniform(18.0, 70.0)),
        "cloud_cover": float(rng.uniform(0.88, 1.0) if overcast else rng.uniform(0.0, 0.75)),
        "sky_gain": float(np.exp(abs(rng.normal(0.0, 0.5)))),
        "colour_shift": float(rng.uniform(0.0, 0.16)),
        "haze_per_km": float(
            rng.uniform(4.5, 20.0) if event == "fog" else np.exp(rng.uniform(np.log(0.15), np.log(4.0)))
        ),
    }
    if event in ("night", "dusk"):
        moment["darkness"] = float(rng.uniform(0.8, 1.0) if event == "night" else rng.uniform(0.3, 0.6))
    if event == "rain" or (event == "night" and rng.random() < 0.3):
        moment["wetness"] = float(rng.uniform(0.4, 1.0))
    return moment | {name: int(rng.integers(1, 2**31)) for name in ("car_seed", "sky_seed", "texture_seed")}


def draw_camera(rng: np.random.Generator) -> dict[str, Any]:
    """Draw the fields of an Appearance that belong to camera, film and file."""
    cast = rng.normal(0.0, 0.04, 3) + rng.normal(0.0, 0.1) * np.array([1.0, 0.0, -1.0])
    if rng.random() < 0.12:
        cast += rng.choice([-1.0, 1.0]) * rng.uniform(0.05, 0.22) * np.array([-0.5, 1.0, -0.5])
    faded = rng.random()
    return {
        "colour_cast": (float(np.exp(cast[0])), float(np.exp(cast[1])), float(np.exp(cast[2]))),
        "hue_deg": float(rng.normal(0.0, 7.0)),
        "exposure": float(np.exp(rng.normal(0.0, 0.25))),
        "gamma": float(np.exp(rng.normal(0.0, 0.15))),
        "contrast": float(rng.uniform(0.75, 1.35)),
        "saturation": float(rng.uniform(0.0, 0.25) if faded < 0.08 else rng.uniform(0.45, 1.35)),
        "veil": float(rng.uniform(0.0, 0.25)) if rng.random() < 0.35 else 0.0,
        "vignette": float(rng.uniform(0.0, 0.5)) if rng.random() < 0.4 else 0.0,
        "noise_sigma": float(rng.uniform(0.0, 16.0) if rng.random() < 0.12 else rng.uniform(0.0, 5.0)),
        "blur_px": float(max(0.0, rng.normal(1.0, 0.4) if rng.random() < 0.15 else rng.normal(0.2, 0.25))),
        "jpeg_quality": int(rng.integers(18, 55) if rng.random() < 0.12 else rng.integers(55, 96)),
    }
