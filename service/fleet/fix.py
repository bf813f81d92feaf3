"""What a fleet sends and what it gets back: plain values, one answer a fix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from models.errors import ParameterError
from service.fleet.gaussian import round_sigma

Status = Literal["corrected", "kept", "rejected_outlier", "not_localized"]
Covariance = tuple[float, float, float, float]
ASSUMED_ACCURACY_M, ASSUMED_PERCENTILE = 50.0, 68.0
LEAST_SIGMA_M = 0.1
"""An accuracy of nothing is a device that does not know."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One position as a device reported it.

    Attributes:
        index: place in the call; answers come in this order.
        timestamp: aware, any zone; None: the fix is looked at by itself.
        lat, lon: WGS84.
        accuracy_m: radius that holds `accuracy_percentile` per cent of a round normal.
        heading_deg: direction of travel, clockwise from true north.
        photo_time: when its photo was taken, if that is known.
    """

    index: int
    device_id: str
    timestamp: datetime | None
    lat: float
    lon: float
    accuracy_m: float | None = None
    accuracy_percentile: float | None = None
    heading_deg: float | None = None
    speed_mps: float | None = None
    photo_time: datetime | None = None

    @property
    def sigma_m(self) -> float:
        """Standard deviation along each axis; what was not told is assumed."""
        accuracy_m = ASSUMED_ACCURACY_M if self.accuracy_m is None else self.accuracy_m
        return max(LEAST_SIGMA_M, round_sigma(accuracy_m, (self.accuracy_percentile or ASSUMED_PERCENTILE) / 100))


@dataclass(frozen=True, slots=True)
class Place:
    """A position with its radii, by the photo alone."""

    lat: float
    lon: float
    radius_m_68: float
    radius_m_95: float


@dataclass(frozen=True, slots=True)
class Corrected:
    """What is believed of one fix.

    Attributes:
        status: `corrected` by photos, its own or, through the motion, those of its device before and after it;
            `kept` as it was sent, bit for bit; `rejected_outlier`: its photo contradicts it beyond the gate, so it is
            left as it was sent and `photo` says where the photo places it; `not_localized`: it has a photo, and no
            imagery lies around it.
        covariance_enu_m2: east-east, east-north, north-east, north-north.
        moved_m: from the fix to the position.
        innovation_chi2: how far the fix is from what its own photo says, -2 ln(p): a chi-square of two degrees of
            freedom if both are honest. None without a photo that tells a place.
        visual_used: its own photo was used.
        confidence: P(error <= 25 m) by its own photo and everything else; None where no photo counted.
    """

    index: int
    device_id: str
    status: Status
    lat: float
    lon: float
    radius_m_68: float
    radius_m_95: float
    covariance_enu_m2: Covariance
    moved_m: float = 0.0
    innovation_chi2: float | None = None
    visual_used: bool = False
    confidence: float | None = None
    photo: Place | None = None


@dataclass(frozen=True, slots=True)
class FleetNotice:
    """Something about some fixes; `code` is stable."""

    code: str
    detail: str
    fix_indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator chooses.

    Attributes:
        false_alarm_rate: share of honest fixes with a photo that may be called outliers.
        smooth: follow each device over time; False: every fix by itself.
    """

    false_alarm_rate: float = 1e-3
    smooth: bool = True

    def __post_init__(self) -> None:
        if not 0.0 < self.false_alarm_rate <= 0.5:
            raise ParameterError(
                "false_alarm_rate", f"is {self.false_alarm_rate:g}; give a share above 0 and at most 0.5."
            )
