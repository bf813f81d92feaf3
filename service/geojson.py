"""An answer as GeoJSON (RFC 7946): a Point a candidate, and the 95 % ellipse of the first one. Positions are lon, lat.

The other fields of the answer stand beside `features`, as foreign members. Whoever asks with
`Accept: application/geo+json` gets it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from models.geo import metres_per_degree
from service.query import Status
from service.responses import DECIMALS, CandidateOut, HeadingOut, LocalizeResponse, NoticeOut, Out, SearchOut, TileOut

MEDIA_TYPE = "application/geo+json"
CHI_SQUARED_95 = 5.991464547107979
"""95 % of a two-dimensional Gaussian lie within this squared Mahalanobis distance: -2 ln 0.05."""
CORNERS = 48
LonLat = tuple[float, float]
Ring = Annotated[tuple[LonLat, ...], Field(min_length=4, description="Closed, counterclockwise; longitude first.")]


class PointOut(Out):
    type: Literal["Point"] = "Point"
    coordinates: Annotated[LonLat, Field(description="Longitude, latitude.")]


class PolygonOut(Out):
    type: Literal["Polygon"] = "Polygon"
    coordinates: tuple[Ring, ...]


class MultiPolygonOut(Out):
    """Where the ellipse crosses the antimeridian, it is cut there."""

    type: Literal["MultiPolygon"] = "MultiPolygon"
    coordinates: tuple[tuple[Ring, ...], ...]


class CandidateProperties(Out):
    kind: Literal["candidate"] = "candidate"
    rank: int
    similarity: float
    probability: float | None = None
    heading_deg: float | None = None
    distance_to_prior_m: float | None = None
    tile: TileOut


class EllipseProperties(Out):
    kind: Literal["ellipse"] = "ellipse"
    percentile: Literal[95] = 95
    rank: Literal[1] = Field(default=1, description="Of the candidate around which it lies.")


class CandidateFeature(Out):
    type: Literal["Feature"] = "Feature"
    geometry: PointOut
    properties: CandidateProperties


class EllipseFeature(Out):
    type: Literal["Feature"] = "Feature"
    geometry: PolygonOut | MultiPolygonOut
    properties: EllipseProperties


class FeatureCollection(Out):
    """The candidates, best first, then the ellipse, where the model is calibrated."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: tuple[CandidateFeature | EllipseFeature, ...]
    request_id: str
    status: Status | None = None
    heading: HeadingOut | None = None
    confidence: float | None = None
    confidence_definition: str | None = None
    probability_outside_index: float | None = None
    search: SearchOut
    notices: tuple[NoticeOut, ...]
    timings_ms: dict[str, float]


def feature_collection(answer: LocalizeResponse) -> FeatureCollection:
    """Turn an answer into GeoJSON."""
    features: list[CandidateFeature | EllipseFeature] = [_feature(candidate) for candidate in answer.candidates]
    if answer.position is not None and answer.position.covariance_enu_m2 is not None:
        position = answer.position
        rings = ellipse(position.lat, position.lon, answer.position.covariance_enu_m2)
        shape = (
            PolygonOut(coordinates=(rings[0],))
            if len(rings) == 1
            else MultiPolygonOut(coordinates=tuple((ring,) for ring in rings))
        )
        features.append(EllipseFeature(geometry=shape, properties=EllipseProperties()))
    said = answer.model_dump(exclude={"position", "candidates"})
    return FeatureCollection(features=tuple(features), **said)


def _feature(candidate: CandidateOut) -> CandidateFeature:
    return CandidateFeature(
        geometry=PointOut(coordinates=(candidate.lon, candidate.lat)),
        properties=CandidateProperties(**candidate.model_dump(exclude={"lat", "lon"})),
    )


def ellipse(lat: float, lon: float, covariance_enu_m2: Sequence[float]) -> list[tuple[LonLat, ...]]:
    """Draw the 95 % ellipse of a position.

    Args:
        covariance_enu_m2: east-east, east-north, north-east, north-north; positive semidefinite.

    Returns:
        Closed rings of (lon, lat), counterclockwise: one, or two where it crosses the antimeridian.
    """
    variances, axes = np.linalg.eigh(np.reshape(covariance_enu_m2, (2, 2)))
    turns = np.arange(CORNERS) / CORNERS * 2 * math.pi
    circle = np.stack([np.cos(turns), np.sin(turns)])
    axes[:, 0] *= np.sign(np.linalg.det(axes))  # a mirrored pair of axes would turn the ring round
    east_m, north_m = axes @ (np.sqrt(CHI_SQUARED_95 * np.maximum(variances, 0.0))[:, None] * circle)
    per_lat, per_lon = (float(metres) for metres in metres_per_degree(lat))
    lats = np.clip(lat + north_m / per_lat, -90.0, 90.0)
    lons = lon + east_m / max(per_lon, 1.0)
    ring = [(float(x), float(y)) for x, y in zip(lons, lats, strict=True)]
    if lons.min() >= -180.0 and lons.max() <= 180.0:
        return [_closed(ring, 0.0)]
    edge = math.copysign(180.0, lon)
    return [_closed(_cut(ring, edge, inside=True), 0.0), _closed(_cut(ring, edge, inside=False), -2 * edge)]


def _cut(ring: list[LonLat], edge: float, *, inside: bool) -> list[LonLat]:
    """Keep the part of a convex ring on one side of a meridian (Sutherland-Hodgman, one edge)."""
    kept: list[LonLat] = []
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        here, there = ((abs(x) <= abs(edge)) == inside for x in (x0, x1))
        if here:
            kept.append((x0, y0))
        if here != there:
            kept.append((edge, y0 + (y1 - y0) * (edge - x0) / (x1 - x0)))
    return kept


def _closed(ring: list[LonLat], shift: float) -> tuple[LonLat, ...]:
    rounded = [(round(x + shift, DECIMALS), round(y, DECIMALS)) for x, y in ring]
    return (*rounded, rounded[0])


def prefers_geojson(accept: str) -> bool:
    """Say whether an Accept header asks for GeoJSON: it names it, and does not like plain JSON better."""
    qualities = {"application/json": 0.0, MEDIA_TYPE: 0.0}
    for entry in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in entry.split(";"))
        if media_type in qualities:
            given = next((part[2:] for part in parameters if part.startswith("q=")), "1")
            qualities[media_type] = max(qualities[media_type], quality_of(given))
    return qualities[MEDIA_TYPE] > 0.0 and qualities[MEDIA_TYPE] >= qualities["application/json"]


def quality_of(text: str) -> float:
    """Read a q value of Accept; 0 if it is none."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0.0 <= value <= 1.0 else 0.0
