"""What a photo may suffer while the tiles stay as they are: darkness, weather, change, something in the way, bad files.

Everything is held against photos of a clear summer day. Light, weather and season are rendered anew from the same
places, headings and cameras, at the same azimuths of the sun and with the same cars; what stands in the way and the
sixteen corruptions spoil the photos of the clear day. Thus every photo has its own counterpart, and differences are
paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.bundle import ModelManifest
from models.camera import Camera
from models.evaluation.corruptions.catalogue import CORRUPTIONS, corrupt
from models.evaluation.occlusion import occlude
from models.evaluation.photographs import WHOLE_CIRCLE_DEG, Photo
from models.evaluation.queries import as_large_as_seen, corruption_seed
from models.sample_city import Appearance, Season

Family = Literal["clear", "usual", "weather", "change", "occlusion", "corruption"]
Moment = Callable[[Appearance], Appearance]
CLEAR, USUAL, OCCLUDED = "clear-day", "usual-mix", "occluded-30"
CHANGED_SHARE = 0.1
LOWEST_SUN_DEG = 25.0


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the table; `severity` only of corruptions."""

    name: str
    family: Family
    severity: int | None = None

    @property
    def rendered(self) -> bool:
        """Taken at another moment, rather than made from the photos of the clear day."""
        return self.name in MOMENTS


def _clear(moment: Appearance) -> Appearance:
    """A dry summer day with few clouds; sun, cars, clouds and grain stay those of the moment."""
    sun = max(moment.sun_elevation_deg, LOWEST_SUN_DEG)
    return replace(
        moment,
        season=Season.SUMMER,
        sun_elevation_deg=sun,
        cloud_cover=0.2,
        darkness=0.0,
        wetness=0.0,
        haze_per_km=0.6,
    )


def _but(**changed: float | Season) -> Moment:
    return lambda moment: replace(_clear(moment), **changed)  # type: ignore[arg-type]


def _changed(moment: Appearance) -> Appearance:
    return replace(_clear(moment), changed_share=CHANGED_SHARE, change_seed=moment.texture_seed)


MOMENTS: dict[str, tuple[Family, Moment]] = {
    CLEAR: ("clear", _clear),
    USUAL: ("usual", lambda moment: moment),
    "night": ("weather", _but(darkness=0.95)),
    "dusk": ("weather", _but(darkness=0.45, sun_elevation_deg=8.0)),
    "snow-cover": ("weather", _but(season=Season.SNOW, cloud_cover=0.95)),
    "leaf-off": ("weather", _but(season=Season.WINTER)),
    "rain": ("weather", _but(wetness=0.8, cloud_cover=0.95, haze_per_km=3.0)),
    "fog-bank": ("weather", _but(haze_per_km=12.0, cloud_cover=0.95)),
    "changed-10": ("change", _changed),
}
"""Moments at which photos are rendered; `usual-mix` is the evaluation without `--conditions`, weather and all."""


def all_conditions(severities: Sequence[int]) -> tuple[Condition, ...]:
    """List the rows of the table in their order, the clear day first; names are fixed."""
    rendered = [Condition(name, family) for name, (family, _) in MOMENTS.items()]
    spoiled = [Condition(name, "corruption", severity) for name in CORRUPTIONS for severity in severities]
    return (*rendered, Condition(OCCLUDED, "occlusion"), *spoiled)


def moment_of(condition: Condition) -> Moment:
    """Give what a condition makes of a drawn moment; the clear day where it spoils photos instead."""
    return MOMENTS[condition.name if condition.rendered else CLEAR][1]


def spoil(photos: Sequence[Photo], condition: Condition, seed: int, manifest: ModelManifest) -> Iterator[Photo]:
    """Spoil photos one at a time; photo i depends on seed and i alone, rendered conditions leave it as it is.

    Args:
        photos: of the condition's moment.
        condition: of `all_conditions`.
        seed: not negative.
        manifest: of the model, at whose angular resolution photos are corrupted.
    """
    for index, (pixels, camera) in enumerate(photos):
        yield _spoiled(pixels, camera, condition, corruption_seed(seed, index), manifest), camera


def _spoiled(
    pixels: NDArray[np.uint8], camera: Camera, condition: Condition, seed: int, manifest: ModelManifest
) -> NDArray[np.uint8]:
    if condition.rendered:
        return pixels
    if condition.severity is None:
        return occlude(pixels, seed, wraps=camera.fov_deg >= WHOLE_CIRCLE_DEG)
    return corrupt(as_large_as_seen(pixels, camera, manifest), condition.name, condition.severity, seed)
