"""An answer as a GeoPose: the camera's pose, as far as it is known.

A pose is told of the first candidate of a `localized` answer; for every other status there is none, as content that is
put at a wrong place is worse than none. Inner frame: x forward along the optical axis, y left, z up, as in
models/geometry/rotation.py. Yaw comes from the photo where headings were searched, else from the request; pitch and
roll are those of the request, as gravity told the phone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.geometry.rotation import matrix_of_ypr, quaternion_of_matrix, yaw_of_heading
from service.geopose.accepted import Profile
from service.geopose.shapes import (
    Covariance,
    GeoPoseAngles,
    GeoPoseBasicQuaternion,
    GeoPoseBasicYpr,
    GeoPoseHeight,
    GeoPoseMeta,
    GeoPosePosition,
    GeoPoseQuaternion,
)
from service.heights import Heights, Standing
from service.query import CameraHints, Notice
from service.responses import LocalizeResponse, NoticeOut, PositionOut

Pose = GeoPoseBasicYpr | GeoPoseBasicQuaternion
HEIGHT_DECIMALS, ANGLE_DECIMALS, QUATERNION_DECIMALS = 2, 2, 9


@dataclass(frozen=True, slots=True)
class Known:
    """What a pose is put together from beside the answer."""

    camera: CameraHints
    """What the request says of the camera: gravity, and the heading where none was searched."""
    standing: Standing | None = None
    """The height at the position."""
    dem_sigma_m: float | None = None
    """Standard deviation of the raster's own heights; without it nothing is told of the variance of h."""
    has_raster: bool = False
    """There is a raster of heights, which may know nothing of this place."""


def posed(
    told: LocalizeResponse, camera: CameraHints, profile: Profile, heights: Heights | None, dem_sigma_m: float | None
) -> Pose:
    """Turn an answer into a GeoPose, with the height of its place; reads a file where there are heights."""
    place = told.position if told.status == "localized" else None
    standing = heights.at(place.lat, place.lon, place.radius_m_68) if heights and place else None
    return geopose(told, Known(camera, standing, dem_sigma_m, has_raster=heights is not None), profile)


def geopose(told: LocalizeResponse, known: Known, profile: Profile) -> Pose:
    """Turn an answer, whose position and heading are rounded already, into a GeoPose."""
    position = told.position if told.status == "localized" else None
    angles = None if position is None else _angles(told, known.camera)
    turn = None if angles is None else _quaternion(angles)
    h = known.standing.h_m if known.standing else None
    where = None
    if position is not None:
        where = GeoPosePosition(lat=position.lat, lon=position.lon, h=None if h is None else round(h, HEIGHT_DECIMALS))
    is_complete = where is not None and where.h is not None and turn is not None
    meta = _meta(told, known, position, angles, is_complete)
    if profile == "basic-quaternion":
        return GeoPoseBasicQuaternion(position=where, quaternion=turn, skyfix=meta)
    return GeoPoseBasicYpr(position=where, angles=angles, skyfix=meta)


def _angles(told: LocalizeResponse, camera: CameraHints) -> GeoPoseAngles:
    heading_deg = told.heading.deg if told.heading else camera.heading_deg
    return GeoPoseAngles(
        yaw=None if heading_deg is None else round(float(yaw_of_heading(heading_deg)), ANGLE_DECIMALS),
        pitch=None if camera.pitch_deg is None else round(-camera.pitch_deg, ANGLE_DECIMALS) + 0.0,  # no -0.0
        roll=None if camera.roll_deg is None else round(camera.roll_deg, ANGLE_DECIMALS),
    )


def _quaternion(angles: GeoPoseAngles) -> GeoPoseQuaternion | None:
    if angles.yaw is None or angles.pitch is None or angles.roll is None:
        return None
    turn = quaternion_of_matrix(matrix_of_ypr(angles.yaw, angles.pitch, angles.roll))
    x, y, z, w = (round(float(part), QUATERNION_DECIMALS) + 0.0 for part in turn)
    return GeoPoseQuaternion(x=x, y=y, z=z, w=w)


def _meta(
    told: LocalizeResponse,
    known: Known,
    position: PositionOut | None,
    angles: GeoPoseAngles | None,
    is_complete: bool,
) -> GeoPoseMeta:
    standing = known.standing if position is not None else None
    terrain_m = None if standing is None or position is None else _terrain_sigma_m(position, standing)
    own = () if position is None or angles is None else _notices(known, angles)
    searched = told.heading if angles is not None else None
    return GeoPoseMeta(
        complete=is_complete,
        request_id=told.request_id,
        status=told.status,
        confidence=told.confidence,
        confidence_definition=told.confidence_definition,
        probability_outside_index=told.probability_outside_index,
        radius_m_68=position.radius_m_68 if position else None,
        radius_m_95=position.radius_m_95 if position else None,
        covariance_enu_m2=_covariance(position, standing, terrain_m, known.dem_sigma_m) if position else None,
        yaw_accuracy_deg_68=searched.accuracy_deg_68 if searched else None,
        yaw_from="photo" if searched else None if angles is None or angles.yaw is None else "request",
        height=None if standing is None else _height(standing, terrain_m),
        search=told.search,
        notices=(*told.notices, *(NoticeOut(code=notice.code, detail=notice.detail) for notice in own)),
        timings_ms=told.timings_ms,
    )


def _height(standing: Standing, terrain_m: float | None) -> GeoPoseHeight:
    return GeoPoseHeight(
        datum=standing.datum,
        ground_m=round(standing.ground.height_m, HEIGHT_DECIMALS),
        undulation_m=None if standing.undulation_m is None else round(standing.undulation_m, HEIGHT_DECIMALS),
        camera_m=standing.camera_m,
        terrain_sigma_m=None if terrain_m is None else round(terrain_m, HEIGHT_DECIMALS),
    )


def _terrain_sigma_m(position: PositionOut, standing: Standing) -> float | None:
    """Spread of the ground's height over where the camera may stand: g' C g of the slope g, and what is no slope."""
    slope = standing.ground.slope
    if slope is None or position.covariance_enu_m2 is None:
        return None
    c = np.reshape(position.covariance_enu_m2, (2, 2))
    g = np.array([slope.east, slope.north])
    return float(np.sqrt(max(0.0, g @ c @ g) + slope.roughness_m**2))


def _covariance(
    position: PositionOut, standing: Standing | None, terrain_m: float | None, dem_sigma_m: float | None
) -> Covariance | None:
    """Three by three, east, north, up. Up is null where h, the slope or the raster's own error is not known."""
    if position.covariance_enu_m2 is None:
        return None
    ee, en, ne, nn = position.covariance_enu_m2
    slope = standing.ground.slope if standing is not None and standing.h_m is not None else None
    if slope is None or terrain_m is None or dem_sigma_m is None:
        return (ee, en, None), (ne, nn, None), (None, None, None)
    eu = round(ee * slope.east + en * slope.north, 2) + 0.0
    nu = round(ne * slope.east + nn * slope.north, 2) + 0.0
    return (ee, en, eu), (ne, nn, nu), (eu, nu, round(terrain_m**2 + dem_sigma_m**2, 2))


def _notices(known: Known, angles: GeoPoseAngles) -> tuple[Notice, ...]:
    """Say why a part of the pose is null."""
    found: list[Notice] = []
    if known.standing is None:
        why = "The operator's heights do not reach this place." if known.has_raster else "The service has no heights."
        found.append(Notice("height_unknown", why))
    elif known.standing.h_m is None:
        why = "The ground's height is above the geoid, and that of the geoid above the ellipsoid is not known here."
        found.append(Notice("height_unknown", why))
    if angles.pitch is None or angles.roll is None:
        found.append(Notice("gravity_unknown", "Send camera.pitch_deg and camera.roll_deg for a whole orientation."))
    if angles.yaw is None:
        found.append(Notice("heading_unknown", "No heading was searched, and the request has none."))
    return tuple(found)
