"""The request of POST /localize as pydantic models: ranges, and which fields need each other.

Strict: a number is a number, never a string or a boolean; NaN and infinity are refused, as is every unknown field.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from models.camera import MAX_PERSPECTIVE_FOV_DEG, MIN_FOV_DEG, Projection
from service.query import MAX_RADIUS_M, CameraHints, Mode, Prior, Query, make_prior

Json = dict[str, Any]

MAX_TOP_K = 50
Word = Literal["attention"]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Metres = Annotated[float, Field(gt=0, le=MAX_RADIUS_M)]


def needs(holds: bool, pointer: str, detail: str) -> None:
    """Fault a field that does not go with another, inside a validator of a model."""
    if not holds:
        raise PydanticCustomError("dependency", "{detail}", {"pointer": pointer, "detail": detail})


def whole(value: object) -> object:
    """Take 5.0 for 5, as JSON has one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def needs_beside(field: str, other: str) -> Json:
    """JSON Schema of `needs`: a number in one field wants a number in the other."""
    absent = {"properties": {field: {"type": "null"}}}
    return {"anyOf": [absent, {"properties": {other: {"type": "number"}}, "required": [other]}]}


PERSPECTIVE_IS_NARROW: Json = {
    "anyOf": [
        {"properties": {"projection": {"enum": ["panorama", None]}}},
        {"properties": {"fov_deg": {"maximum": MAX_PERSPECTIVE_FOV_DEG}}},
    ]
}
A_CIRCLE_NEEDS_ITS_CENTRE: Json = {
    "anyOf": [
        {
            "properties": {
                "search": {"properties": {"mode": {"enum": ["auto", "global"]}, "radius_m": {"type": "null"}}}
            }
        },
        {"properties": {"prior": {"type": "object"}}, "required": ["prior"]},
        {
            "properties": {
                "exif": {"properties": {"use_gps_as_prior": {"const": True}}, "required": ["use_gps_as_prior"]}
            },
            "required": ["exif"],
        },
    ]
}


class PriorRequest(Strict):
    """Where the photo roughly is. `search.radius_m` overrides its accuracy."""

    model_config = ConfigDict(json_schema_extra={"allOf": [needs_beside("accuracy_percentile", "accuracy_m")]})

    lat: Latitude = Field(description="WGS84.")
    lon: Longitude = Field(description="WGS84.")
    accuracy_m: Metres | None = Field(default=None, description="Radius the position lies in, at accuracy_percentile.")
    accuracy_percentile: Annotated[float, Field(ge=1, le=99.9)] | None = Field(
        default=None, description="95 for browsers, 68 for Android and ARCore; 68 is assumed, with a notice."
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        accurate = self.accuracy_percentile is None or self.accuracy_m is not None
        needs(accurate, "accuracy_m", "is needed with accuracy_percentile.")
        return self


class SearchRequest(Strict):
    """Where to look."""

    mode: Mode = Field(
        default="auto",
        description="auto takes the prior where there is one, and the whole index where there is none or nothing near "
        "it explains the photo.",
    )
    radius_m: Metres | None = Field(
        default=None, description="Search this circle around the prior instead of the 95 % circle of its accuracy."
    )
    index: str | None = Field(default=None, max_length=200, description="Name of the index, with or without @version.")


class CameraRequest(Strict):
    """What is known of the camera; angles in degrees."""

    model_config = ConfigDict(
        json_schema_extra={"allOf": [needs_beside("heading_accuracy_deg", "heading_deg"), PERSPECTIVE_IS_NARROW]}
    )

    fov_deg: Annotated[float, Field(ge=MIN_FOV_DEG, le=360)] | None = Field(
        default=None, description="Horizontal field of view; at most 150 for a perspective photo."
    )
    projection: Projection | None = Field(
        default=None, description="By default perspective, unless the image says it is a panorama or fov_deg > 150."
    )
    heading_deg: Annotated[float, Field(ge=0, lt=360)] | None = Field(
        default=None, description="True heading of the centre column; searched and answered when left out."
    )
    heading_accuracy_deg: Annotated[float, Field(ge=0, le=180)] | None = Field(
        default=None, description="Headings within this of heading_deg are tried; without it heading_deg is exact."
    )
    pitch_deg: Annotated[float, Field(ge=-60, le=60)] | None = Field(
        default=None, description="Upward tilt; 0 is assumed."
    )
    roll_deg: Annotated[float, Field(ge=-180, le=180)] | None = Field(
        default=None, description="Clockwise turn of the camera, seen from behind it; 0 is assumed."
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        wide = self.fov_deg is not None and self.fov_deg > MAX_PERSPECTIVE_FOV_DEG
        needs(
            not (wide and self.projection == "perspective"),
            "fov_deg",
            f"is at most {MAX_PERSPECTIVE_FOV_DEG:g} for a perspective photo.",
        )
        needs(
            self.heading_accuracy_deg is None or self.heading_deg is not None,
            "heading_deg",
            "is needed with heading_accuracy_deg.",
        )
        return self


class ExifRequest(Strict):
    """What the photo's own EXIF may say."""

    use_gps_as_prior: bool = Field(default=False, description="Take the photo's own GPS position as the prior.")
    use_focal_length: bool = Field(default=True, description="Take the field of view from the EXIF focal length.")


class LocalizeRequest(Strict):
    """Everything about a photo but the photo."""

    model_config = ConfigDict(json_schema_extra=A_CIRCLE_NEEDS_ITS_CENTRE)

    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K), BeforeValidator(whole)] | None = Field(
        default=None, description="Candidates wanted, 5 by default."
    )
    prior: PriorRequest | None = None
    search: SearchRequest = SearchRequest()
    camera: CameraRequest = CameraRequest()
    exif: ExifRequest = ExifRequest()
    include: Annotated[list[Word], Field(max_length=4)] = Field(
        default=[], description="attention: what the first candidate rests on, in the photo and in the tile."
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        has_prior = self.prior is not None or self.exif.use_gps_as_prior
        needs(has_prior or self.search.mode != "prior", "prior", "is needed for the search mode prior.")
        needs(has_prior or self.search.radius_m is None, "prior", "is needed with radius_m.")
        return self

    def to_query(self, default_top_k: int) -> Query:
        camera = CameraHints(**self.camera.model_dump(), use_focal_length=self.exif.use_focal_length)
        return Query(
            top_k=self.top_k or default_top_k,
            mode=self.search.mode,
            prior=self._prior(),
            camera=camera,
            use_exif_gps=self.exif.use_gps_as_prior,
            radius_m=self.search.radius_m,
            wants_attention="attention" in self.include,
        )

    def _prior(self) -> Prior | None:
        given = self.prior
        if given is None:
            return None
        return make_prior(given.lat, given.lon, given.accuracy_m, given.accuracy_percentile, self.search.radius_m)
