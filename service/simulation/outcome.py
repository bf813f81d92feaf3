"""What came back for the fixes of a fleet, as arrays beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.geo import distance_m
from service.simulation.drives import Drive

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
KEPT, CORRECTED, REJECTED, NOT_LOCALIZED = "kept", "corrected", "rejected_outlier", "not_localized"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One entry a fix that was sent, (n,) each, vehicle after vehicle in time order.

    Attributes:
        vehicle: number of the drive. step: of the drive.
        before_m: error of the GPS. after_m: of the answer; equals before_m where nothing came back.
        radius_68_m, radius_95_m: of the answer, NaN where it says none.
        photo_m: error of the photo's own place, NaN where the answer names none; photo_lat, photo_lon: that place.
        lat, lon: of the answer. status: word of the answer. chi2: innovation, NaN where there was none.
        has_photo: was a photo sent with it? visual_used: did the answer use one?
        is_spoofed, sigma_m, hidden: see Drive.
    """

    vehicle: Ints
    step: Ints
    before_m: Floats
    after_m: Floats
    radius_68_m: Floats
    radius_95_m: Floats
    photo_m: Floats
    photo_lat: Floats
    photo_lon: Floats
    lat: Floats
    lon: Floats
    status: NDArray[np.str_]
    chi2: Floats
    has_photo: Bools
    visual_used: Bools
    is_spoofed: Bools
    sigma_m: Floats
    hidden: Floats

    def __len__(self) -> int:
        return len(self.step)

    def only(self, chosen: Bools) -> Outcome:
        """The fixes that are chosen, (n,)."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to one step of a drive."""

    step: int
    lat: float
    lon: float
    radius_68_m: float
    radius_95_m: float
    status: str
    chi2: float
    visual_used: bool
    photo: tuple[float, float] | None = None
    """Where the photo alone places it, (lat, lon), where that is told."""


def outcome_of(drives: Sequence[Drive], answers: Sequence[Sequence[Answered]], with_photos: bool = True) -> Outcome:
    """Hold answers, one list a drive, against the truth."""
    vehicle = np.concatenate([np.full(len(own), number, np.int64) for number, own in enumerate(answers)])
    flat = [answer for own in answers for answer in own]
    step = np.array([answer.step for answer in flat], np.int64)

    def pick(arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
        parts = [array[[a.step for a in own]] for array, own in zip(arrays, answers, strict=True) if own]
        return np.concatenate(parts)

    lat, lon = np.array([a.lat for a in flat]), np.array([a.lon for a in flat])
    true_lat, true_lon = pick([d.lat for d in drives]), pick([d.lon for d in drives])
    gps_lat, gps_lon = pick([d.gps_lat for d in drives]), pick([d.gps_lon for d in drives])
    photo_lat, photo_lon = np.array([a.photo or (np.nan, np.nan) for a in flat]).reshape(-1, 2).T
    return Outcome(
        vehicle=vehicle,
        step=step,
        before_m=distance_m(gps_lat.astype(np.float64), gps_lon.astype(np.float64), true_lat, true_lon),
        after_m=distance_m(lat, lon, true_lat.astype(np.float64), true_lon.astype(np.float64)),
        radius_68_m=np.array([a.radius_68_m for a in flat]),
        radius_95_m=np.array([a.radius_95_m for a in flat]),
        photo_m=distance_m(photo_lat, photo_lon, true_lat.astype(np.float64), true_lon.astype(np.float64)),
        photo_lat=photo_lat,
        photo_lon=photo_lon,
        lat=lat,
        lon=lon,
        status=np.array([a.status for a in flat]),
        chi2=np.array([a.chi2 for a in flat]),
        has_photo=pick([d.takes_photo & with_photos for d in drives]).astype(np.bool_),
        visual_used=np.array([a.visual_used for a in flat], np.bool_),
        is_spoofed=pick([d.fixes.is_spoofed for d in drives]).astype(np.bool_),
        sigma_m=pick([d.sigma_m for d in drives]).astype(np.float64),
        hidden=pick([d.hidden for d in drives]).astype(np.float64),
    )
