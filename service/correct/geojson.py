"""Corrected fixes as GeoJSON (RFC 7946): a Point a fix, and a line a device with its times. Positions are lon, lat."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.correct.responses import CorrectedOut, CorrectResponse, FleetNoticeOut
from service.geojson import LonLat, PointOut
from service.responses import Out

HALF_TURN_DEG = 180.0
Line = Annotated[tuple[LonLat, ...], Field(min_length=2, description="Longitude, latitude.")]


class FixProperties(CorrectedOut):
    """All that is told of the fix."""

    kind: Literal["fix"] = "fix"


class LineOut(Out):
    type: Literal["LineString"] = "LineString"
    coordinates: Line


class TrackProperties(Out):
    kind: Literal["track"] = "track"
    device_id: str | None = None
    coordTimes: tuple[str, ...] = Field(description="A time for each position.")  # noqa: N815  togeojson's name
    fix_indexes: tuple[int, ...] = Field(description="A fix for each position.")


class FixFeature(Out):
    type: Literal["Feature"] = "Feature"
    geometry: PointOut
    properties: FixProperties


class TrackFeature(Out):
    type: Literal["Feature"] = "Feature"
    geometry: LineOut
    properties: TrackProperties


class CorrectedCollection(Out):
    """The fixes in the order of the call, then the tracks of the devices, cut where they cross the antimeridian."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: tuple[FixFeature | TrackFeature, ...]
    request_id: str
    index: str
    model: str
    notices: tuple[FleetNoticeOut, ...]
    timings_ms: dict[str, float]


def corrected_collection(answer: CorrectResponse, order: dict[int, float]) -> CorrectedCollection:
    """Turn an answer into GeoJSON.

    Args:
        order: by index, when the fix was taken, in seconds; fixes without are on no line.
    """
    features: list[FixFeature | TrackFeature] = [
        FixFeature(geometry=PointOut(coordinates=_at(fix)), properties=FixProperties(**fix.model_dump()))
        for fix in answer.corrected
    ]
    devices: dict[str | None, list[CorrectedOut]] = {}
    for fix in sorted((fix for fix in answer.corrected if fix.index in order), key=lambda fix: order[fix.index]):
        devices.setdefault(fix.device_id, []).append(fix)
    for device_id, fixes in devices.items():
        features += [_track(device_id, run) for run in _cut(fixes) if len(run) > 1]
    return CorrectedCollection(features=tuple(features), **answer.model_dump(exclude={"corrected"}))


def _at(fix: CorrectedOut) -> LonLat:
    return fix.position.lon, fix.position.lat


def _cut(fixes: list[CorrectedOut]) -> list[list[CorrectedOut]]:
    runs: list[list[CorrectedOut]] = []
    for fix in fixes:
        if not runs or abs(fix.position.lon - runs[-1][-1].position.lon) > HALF_TURN_DEG:
            runs.append([])
        runs[-1].append(fix)
    return runs


def _track(device_id: str | None, fixes: list[CorrectedOut]) -> TrackFeature:
    return TrackFeature(
        geometry=LineOut(coordinates=tuple(_at(fix) for fix in fixes)),
        properties=TrackProperties(
            device_id=device_id,
            coordTimes=tuple(fix.original.timestamp or "" for fix in fixes),
            fix_indexes=tuple(fix.index for fix in fixes),
        ),
    )
