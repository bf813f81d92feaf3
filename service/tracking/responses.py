"""The answer of POST /track as pydantic models; a field that is not known is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from index.gallery import TileFacts
from service.query import Notice, Status
from service.responses import (
    CONFIDENCE_DEFINITION,
    DECIMALS,
    HeadingOut,
    NoticeOut,
    Out,
    PositionOut,
    TileOut,
    rounded_bounds,
)
from service.tracking.step import Step
from service.tracking.token import MOST_CHARACTERS, Issued
from service.tracking.told import TrackEstimate, TrackPlace


class TrackCandidateOut(Out):
    rank: int = Field(ge=1)
    lat: float
    lon: float
    probability: float = Field(ge=0, le=1, description="That the camera is at this place.")
    heading_deg: float | None = Field(default=None, description="Of the photo's centre column, where it is known.")
    tile: TileOut | None = Field(default=None, description="The nearest, where there is imagery.")


class TrackSearchOut(Out):
    mode_used: Literal["prior", "global"] | None = Field(
        default=None, description="prior: ground near the belief was compared; global: the whole index too."
    )
    tiles_scanned: int = Field(description="Tiles that the photo was compared with; 0 without one.")
    index: str = Field(description="Name and generation of the index that answered.")
    model: str = Field(description="Name and version of the model.")


class TrackResponse(Out):
    """What is believed after this step, and the token for the next."""

    request_id: str = Field(description="As in the header X-Request-Id; names the request in the log.")
    status: Status = Field(
        description="localized: one place, by several photos or a fix; ambiguous: several places, or one that a single "
        "photo speaks for; no_match: the track is lost or has not begun to tell; outside_coverage: there is no imagery "
        "where the camera is believed to be."
    )
    timestamp: str = Field(description="As it was sent.")
    step: int = Field(ge=1, description="Number of this step in its track.")
    position: PositionOut | None = None
    heading: HeadingOut | None = None
    confidence: float = Field(ge=0, le=1, description="That `position` is as near as that, by the belief itself.")
    confidence_definition: Literal["P(error <= 25 m)"] = CONFIDENCE_DEFINITION
    probability_outside_index: float = Field(ge=0, le=1, description="That the camera is where there is no imagery.")
    probability_lost: float = Field(
        ge=0, le=1, description="That it is in the index at none of the places believed in."
    )
    candidates: tuple[TrackCandidateOut, ...] = Field(description="At most `top_k`, best first.")
    search: TrackSearchOut
    track_token: str = Field(max_length=MOST_CHARACTERS, description="For the next step, to be sent as it is.")
    expires_at: str = Field(description="When the token ceases to be good.")
    notices: tuple[NoticeOut, ...] = Field(description="What to know about how the answer came about.")
    timings_ms: dict[str, float] = Field(description="By stage, as in the header Server-Timing.")


def track_response(
    step: Step,
    issued: Issued,
    tiles: Sequence[TileFacts | None],
    names: tuple[str, str],
    notices: Sequence[Notice],
    yaw_deg: float,
    timestamp: str,
    request_id: str,
    seconds: Mapping[str, float],
) -> TrackResponse:
    """Tell a step.

    Args:
        tiles: one a place.
        names: of index and model.
        yaw_deg: where the camera looks, from the direction of travel.
    """
    found = step.estimate
    first = found.places[0] if found.places else None
    return TrackResponse(
        request_id=request_id,
        status=found.status,
        timestamp=timestamp,
        step=step.belief.step,
        position=_position(first, found) if first else None,
        heading=_heading_out(first, yaw_deg) if first else None,
        confidence=_share(found.confidence),
        probability_outside_index=_share(found.probability_outside),
        probability_lost=_share(found.probability_lost),
        candidates=tuple(
            _candidate(rank, place, tile, yaw_deg)
            for rank, (place, tile) in enumerate(zip(found.places, tiles, strict=True), start=1)
        ),
        search=TrackSearchOut(
            mode_used=step.mode_used, tiles_scanned=step.tiles_scanned, index=names[0], model=names[1]
        ),
        track_token=issued.token,
        expires_at=datetime.fromtimestamp(issued.expires_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        notices=tuple(NoticeOut(code=notice.code, detail=notice.detail) for notice in notices),
        timings_ms={stage: round(value * 1000, 2) for stage, value in seconds.items()},
    )


def _position(place: TrackPlace, found: TrackEstimate) -> PositionOut:
    east, cross, _, north = (round(value, 2) + 0.0 for value in found.covariance_m2)
    return PositionOut(
        lat=round(place.lat, DECIMALS),
        lon=round(place.lon, DECIMALS),
        radius_m_68=round(found.radius_m_68, 1),
        radius_m_95=round(found.radius_m_95, 1),
        covariance_enu_m2=(east, cross, cross, north),
    )


def _heading_out(place: TrackPlace, yaw_deg: float) -> HeadingOut | None:
    if place.heading_deg is None or place.heading_accuracy_deg_68 is None:
        return None
    return HeadingOut(deg=_heading(place.heading_deg, yaw_deg), accuracy_deg_68=round(place.heading_accuracy_deg_68, 1))


def _candidate(rank: int, place: TrackPlace, tile: TileFacts | None, yaw_deg: float) -> TrackCandidateOut:
    return TrackCandidateOut(
        rank=rank,
        lat=round(place.lat, DECIMALS),
        lon=round(place.lon, DECIMALS),
        probability=_share(place.probability),
        heading_deg=None if place.heading_deg is None else _heading(place.heading_deg, yaw_deg),
        tile=None
        if tile is None
        else TileOut(
            id=tile.id, bounds=rounded_bounds(tile.bounds), captured=tile.captured, attribution=tile.attribution
        ),
    )


def _heading(travel_deg: float, yaw_deg: float) -> float:
    return round((travel_deg + yaw_deg) % 360.0, 2) % 360.0


def _share(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 4)
