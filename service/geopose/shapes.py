"""The two forms of GeoPose as pydantic models (OGC 21-056r11, Basic-YPR and Basic-Quaternion).

What is not known is null. The standard's schemas want numbers everywhere, so that an answer is one of its documents
where `skyfix.complete` is true; they allow further members, and `skyfix` is ours.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.geometry.ground import VerticalDatum
from service.query import Status
from service.responses import NoticeOut, Out, SearchOut

Row = tuple[float | None, float | None, float | None]
Covariance = Annotated[
    tuple[Row, Row, Row], Field(description="Rows and columns east, north, up; m2. Of the first candidate alone.")
]


class GeoPosePosition(Out):
    lat: float = Field(description="WGS84 degrees.")
    lon: float
    h: float | None = Field(description="Of the camera, in metres above the WGS84 ellipsoid.")


class GeoPoseAngles(Out):
    """Degrees, right-handed, about the local axes z, y, x in this order, from east, north, up to forward, left, up."""

    yaw: float | None = Field(description="From east to north: 90 - heading, in (-180, 180].")
    pitch: float | None = Field(description="Positive is down: -10 looks up by 10 degrees.")
    roll: float | None = Field(description="Positive is clockwise, seen from behind the camera.")


class GeoPoseQuaternion(Out):
    """The same turn, of unit norm."""

    x: float
    y: float
    z: float
    w: float


class GeoPoseHeight(Out):
    """How `position.h` came about."""

    datum: VerticalDatum = Field(description="What ground_m is above.")
    ground_m: float = Field(description="Of the ground at the position, by the raster.")
    undulation_m: float | None = Field(description="Of the geoid above the ellipsoid there.")
    camera_m: float = Field(description="Of the camera above the ground, as the operator says.")
    terrain_sigma_m: float | None = Field(
        description="Standard deviation of h by the slope of the ground and its roughness where the camera may stand."
    )


class GeoPoseMeta(Out):
    """What a client has to know beside the pose."""

    complete: bool = Field(description="Nothing of the pose is null: it is a GeoPose by the letter of the standard.")
    request_id: str
    status: Status | None = Field(description="As in JSON; a pose is told when it is `localized`.")
    confidence: float | None
    confidence_definition: Literal["P(error <= 25 m)"] | None
    probability_outside_index: float | None
    radius_m_68: float | None
    radius_m_95: float | None
    covariance_enu_m2: Covariance | None
    yaw_accuracy_deg_68: float | None
    yaw_from: Literal["photo", "request"] | None
    height: GeoPoseHeight | None
    search: SearchOut
    notices: tuple[NoticeOut, ...]
    timings_ms: dict[str, float]


class GeoPoseBasicYpr(Out):
    """Basic-YPR: where the camera is and how it is turned; null for what is not known."""

    position: GeoPosePosition | None = Field(description="null unless the status is `localized`.")
    angles: GeoPoseAngles | None
    skyfix: GeoPoseMeta


class GeoPoseBasicQuaternion(Out):
    """Basic-Quaternion: the same with the turn as a quaternion, which is null unless all three angles are known."""

    position: GeoPosePosition | None = Field(description="null unless the status is `localized`.")
    quaternion: GeoPoseQuaternion | None
    skyfix: GeoPoseMeta
