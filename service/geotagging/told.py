"""What the localizer said of a photo, short enough to be kept, and whether that is enough to place it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from service.geotagging.placement import Placement
from service.query import Answer

MOST_CANDIDATES = 3
DECIMALS = 7
Spot = tuple[float, float, float]
"""Latitude, longitude, probability."""


@dataclass(frozen=True, slots=True)
class Told:
    """The answer of a calibrated model; degrees and metres."""

    status: str
    index: str
    model: str
    version: str
    """Of the program."""
    candidates: tuple[Spot, ...] = ()
    """Best first."""
    confidence: float = 0.0
    """P(error <= 25 m) of the first one."""
    radius_m_68: float | None = None
    radius_m_95: float | None = None
    heading_deg: float | None = None
    heading_accuracy_deg_68: float | None = None

    def placement(self, min_confidence: float) -> Placement | None:
        """Give the position if one place explains the photo and the answer is as sure as that."""
        sure = self.status == "localized" and self.confidence >= min_confidence
        if not sure or not self.candidates or self.radius_m_68 is None or self.radius_m_95 is None:
            return None
        lat, lon, _ = self.candidates[0]
        return Placement(
            lat=lat,
            lon=lon,
            radius_m_68=self.radius_m_68,
            radius_m_95=self.radius_m_95,
            confidence=self.confidence,
            status=self.status,
            index=self.index,
            model=self.model,
            version=self.version,
            heading_deg=self.heading_deg,
            heading_accuracy_deg_68=self.heading_accuracy_deg_68,
        )

    def record(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return {**known, "candidates": [list(spot) for spot in self.candidates]}


def told_by(answer: Answer, version: str) -> Told:
    """Shorten the answer of a calibrated model, and round it as it will be written."""
    known, best = answer.reckoning, answer.candidates[0] if answer.candidates else None
    spots = tuple(
        (round(c.lat, DECIMALS), round(c.lon, DECIMALS), round(c.probability or 0.0, 4))
        for c in answer.candidates[:MOST_CANDIDATES]
    )
    told = Told(str(answer.status), answer.index, answer.model, version, spots)
    if known is None or best is None:
        return told
    accuracy_deg = known.heading_accuracy_deg_68
    has_heading = best.heading_deg is not None and accuracy_deg is not None
    return Told(
        status=told.status,
        index=told.index,
        model=told.model,
        version=version,
        candidates=spots,
        confidence=round(known.confidence, 4),
        radius_m_68=round(known.radius_m_68, 1),
        radius_m_95=round(known.radius_m_95, 1),
        heading_deg=round(best.heading_deg or 0.0, 1) % 360.0 if has_heading else None,
        heading_accuracy_deg_68=round(accuracy_deg, 1) if has_heading and accuracy_deg is not None else None,
    )


def told_from(record: Mapping[str, Any]) -> Told:
    """Read what `Told.record` gave, after it went through JSON."""
    spots = tuple((float(lat), float(lon), float(probability)) for lat, lon, probability in record["candidates"])
    return Told(**{**record, "candidates": spots})
