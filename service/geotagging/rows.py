"""What became of one photo, as the report tells it; the same however often the run is repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.geotagging.placement import Found, Placement
from service.geotagging.told import Spot, Told

Outcome = Literal["placed", "would_place", "has_position", "not_placed", "unreadable", "failed"]
MEANING: dict[Outcome, str] = {
    "placed": "placed",
    "would_place": "would be placed",
    "has_position": "already had a position",
    "not_placed": "not placed",
    "unreadable": "unreadable",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A photo and its outcome; what is not known is None or empty."""

    photo: str
    """Relative to the archive."""
    outcome: Outcome
    code: str = ""
    """Why, in one word."""
    detail: str = ""
    lat: float | None = None
    lon: float | None = None
    radius_m_68: float | None = None
    radius_m_95: float | None = None
    heading_deg: float | None = None
    heading_accuracy_deg_68: float | None = None
    confidence: float | None = None
    status: str = ""
    where: str = ""
    """Where the position stands: `exif`, `xmp` or the name of a side-car."""
    candidates: tuple[Spot, ...] = ()
    """Of what was not placed."""
    index: str = ""
    model: str = ""
    is_new: bool = False
    """Written by this run; not in the report, which would differ by that."""


def placed(photo: str, outcome: Outcome, placement: Placement, where: str, *, is_new: bool, code: str = "") -> Row:
    return Row(
        photo=photo,
        outcome=outcome,
        code=code,
        lat=placement.lat,
        lon=placement.lon,
        radius_m_68=placement.radius_m_68,
        radius_m_95=placement.radius_m_95,
        heading_deg=placement.heading_deg,
        heading_accuracy_deg_68=placement.heading_accuracy_deg_68,
        confidence=placement.confidence,
        status=placement.status,
        where=where,
        index=placement.index,
        model=placement.model,
        is_new=is_new,
    )


def not_placed(photo: str, told: Told) -> Row:
    """A photo for which nothing is written; why is its status, or `not_sure` if that alone would have done."""
    return Row(
        photo=photo,
        outcome="not_placed",
        code="not_sure" if told.status == "localized" else told.status,
        confidence=told.confidence,
        status=told.status,
        candidates=told.candidates,
        index=told.index,
        model=told.model,
    )


def has_position(photo: str, found: Found) -> Row:
    """A photo that somebody else gave a position, or Skyfix to another photo of the same side-car."""
    code = "sidecar_shared" if found.own else "" if found.lat is not None else "position_unclear"
    return Row(photo, "has_position", code, lat=found.lat, lon=found.lon, where=found.where)
