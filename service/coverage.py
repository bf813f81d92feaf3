"""The answers of GET /coverage: is a place covered, from when and how finely; without a place, all of it as GeoJSON."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from index.coverage import Outline
from index.gallery import TileFacts
from index.tiles import Bounds
from models.calibration.kernel import radii
from models.calibration.model import Calibration
from service.errors import DuplicateField
from service.localizer import Localizer
from service.parameters import decimal, flag, read_model, unknown_field
from service.responses import DECIMALS, Out, rounded_bounds
from service.schema import Latitude, Longitude, Strict, needs

LonLat = Annotated[tuple[float, ...], Field(min_length=2, max_length=2)]
Box = Annotated[
    tuple[float, ...], Field(min_length=4, max_length=4, description="West, south, east, north; WGS84 degrees.")
]
"""Lists of one kind of number: generators of questions stumble over tuples in the outermost schema of an answer."""


class CoverageRequest(Strict):
    """Query parameters; without a place all of the coverage is meant."""

    lat: Latitude | None = Field(default=None, description="WGS84.")
    lon: Longitude | None = Field(default=None, description="WGS84.")
    index: str | None = Field(default=None, max_length=200, description="Name of the index, with or without @version.")
    aliasing: bool | None = Field(
        default=None, description="true: where places look alike, instead of the coverage. Of the whole index alone."
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        needs(self.lat is None or self.lon is not None, "lon", "is needed with lat.")
        needs(self.lon is None or self.lat is not None, "lat", "is needed with lon.")
        needs(not self.aliasing or self.lat is None, "aliasing", "is of the whole index: leave lat and lon out.")
        return self


def coverage_request(query: Iterable[tuple[str, str]]) -> CoverageRequest:
    """Read query parameters.

    Raises:
        UnknownParameter, DuplicateField, InvalidParameters: pointing at their names.
    """
    document: dict[str, object] = {}
    for name, text in query:
        if name not in CoverageRequest.model_fields:
            raise unknown_field("", name, CoverageRequest.model_fields)
        if name in document:
            raise DuplicateField(name, "is given more than once.")
        document[name] = _value(name, text)
    return read_model(CoverageRequest, document, flat=True)


def _value(name: str, text: str) -> object:
    if name == "index":
        return text
    return flag(name, text) if name == "aliasing" else decimal(name, text)


class CoverageAnswer(Out):
    """Whether there is imagery at a place."""

    covered: bool
    index: str
    captured: str | None = Field(default=None, description="When the imagery there was taken, as its source says.")
    resolution_m: float | None = Field(default=None, description="Metres a pixel of the imagery there.")
    attribution: str | None = None
    tile: Box | None = None
    radius_m_68: dict[str, float] | None = Field(
        default=None,
        description="What to expect there of a photo that is localized, by its horizontal field of view in degrees: 68 "
        "of 100 are no further off than this. As measured when the model was calibrated; a typical value.",
    )


class CoveragePolygon(Out):
    type: Literal["Polygon"] = "Polygon"
    coordinates: tuple[tuple[LonLat, ...], ...]


class CoverageFeature(Out):
    type: Literal["Feature"] = "Feature"
    geometry: CoveragePolygon
    properties: dict[str, str] = Field(default_factory=dict)


class CoverageCollection(Out):
    """Rectangles that together hold the ground of every tile; along the edge they may hold a little more."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: tuple[CoverageFeature, ...]
    index: str
    bounds: Box
    area_km2: float
    captured: tuple[str, ...] = Field(description="Dates among the imagery, rising.")
    resolution_m: float | None = None


def coverage_at(localizer: Localizer, lat: float, lon: float) -> CoverageAnswer:
    """Answer for one WGS84 place."""
    facts = localizer.coverage.at(lat, lon)
    if facts is None:
        return CoverageAnswer(covered=False, index=localizer.about.index)
    source = localizer.likelihoods
    return CoverageAnswer(
        covered=True,
        index=localizer.about.index,
        captured=facts.captured,
        resolution_m=_rounded(facts),
        attribution=facts.attribution,
        tile=rounded_bounds(facts.bounds),
        radius_m_68=None if source is None else expected_radii(source.calibration, source.spacing_m),
    )


def expected_radii(calibration: Calibration, spacing_m: float) -> dict[str, float]:
    """Radius that holds 68 % around the right cell, by field of view; the posterior of a clear answer."""
    found = {}
    for fov in calibration.fovs:
        sigma_m = math.hypot(fov.position_sigma_m, spacing_m / math.sqrt(12.0))
        found[f"{fov.fov_deg:g}"] = round(sigma_m * float(radii(np.array([0.68]), fov.position_shape)[0]), 1)
    return found


def coverage_everywhere(localizer: Localizer) -> CoverageCollection:
    """Draw all of it; the first time takes a moment, so call it off the event loop."""
    outline: Outline = localizer.coverage.outline()
    return CoverageCollection(
        features=tuple(_feature(box) for box in outline.boxes),
        index=localizer.about.index,
        bounds=rounded_bounds(localizer.about.index_bounds),
        area_km2=round(outline.area_km2, 3),
        captured=outline.captured,
        resolution_m=None if outline.resolution_m is None else round(outline.resolution_m, 3),
    )


def _rounded(facts: TileFacts) -> float | None:
    return None if facts.resolution_m is None or not np.isfinite(facts.resolution_m) else round(facts.resolution_m, 3)


def _feature(box: Bounds) -> CoverageFeature:
    return CoverageFeature(geometry=box_polygon(box))


def box_polygon(box: Bounds) -> CoveragePolygon:
    """Counterclockwise; a box across the antimeridian goes on beyond 180, which every map draws in one piece."""
    west, south, east, north = (round(side, DECIMALS) for side in box)
    east += 360.0 if east < west else 0.0
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return CoveragePolygon(coordinates=(ring,))
