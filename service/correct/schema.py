"""The request of POST /correct as pydantic models, strict as those of POST /localize."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from service.correct.times import PATTERN, read_timestamp
from service.query import CameraHints
from service.schema import CameraRequest, Latitude, Longitude, Metres, Strict, needs_beside

MOST_FIXES, MOST_PHOTOS = 1000, 32
MOST_SPEED_MPS = 1000.0
PART = "part:"
"""Before the name of the part of a form that holds a photo."""
COURSE_ACCURACY_DEG = 20.0
"""Of a camera mounted at a yaw: what courses of vehicles and mountings are off by, at most."""
DEVICE_PATTERN = r"^[ -~]{1,64}$"


def _timestamp(text: str) -> str:
    if read_timestamp(text) is None:
        detail = "is no RFC 3339 time with offset, from 1970 on and without leap second, as 2026-11-21T20:23:10Z."
        raise PydanticCustomError("dependency", "{detail}", {"detail": detail})
    return text


def _device(text: str) -> str:
    if not (1 <= len(text) <= 64 and text.isascii() and text.isprintable()):
        raise PydanticCustomError("dependency", "{detail}", {"detail": "is not 1 to 64 printable ASCII characters."})
    return text


def _some(fixes: tuple[object, ...]) -> tuple[object, ...]:
    """Refuse none; `min_length` would say so too wherever another fault has taken a fix out."""
    if not fixes:
        raise PydanticCustomError("dependency", "{detail}", {"detail": "has to hold one fix at least."})
    return fixes


Timestamp = Annotated[
    str,
    AfterValidator(_timestamp),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": PATTERN}),
]
DeviceId = Annotated[
    str, AfterValidator(_device), WithJsonSchema({"type": "string", "minLength": 1, "pattern": DEVICE_PATTERN})
]


class MountedCamera(CameraRequest):
    """What is known of the camera of a photo; angles in degrees."""

    yaw_deg: Annotated[float, Field(ge=-180, le=180)] | None = Field(
        default=None,
        description="Where the camera looks, clockwise from the direction of travel: 0 forwards, 90 to the right. With "
        "the fix's heading_deg it tells the photo's heading, which is searched within 20 degrees; heading_deg of the "
        "camera goes before it.",
    )

    def hints(self, course_deg: float | None) -> CameraHints:
        """Say what a photo's query has to know.

        Args:
            course_deg: direction of travel where it is known.
        """
        known = self.model_dump(exclude={"yaw_deg"})
        if self.heading_deg is None and self.yaw_deg is not None and course_deg is not None:
            known["heading_deg"] = (course_deg + self.yaw_deg) % 360.0 % 360.0
            known["heading_accuracy_deg"] = COURSE_ACCURACY_DEG
        return CameraHints(**known)


def _only_with_a_photo(field: str) -> dict[str, Any]:
    """JSON Schema of what makes no sense without an image."""
    absent = {"properties": {field: {"type": "null"}}}
    return {"anyOf": [absent, {"properties": {"image": {"type": "string"}}, "required": ["image"]}]}


class FixRequest(Strict):
    """One fix of one device."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                needs_beside("accuracy_percentile", "accuracy_m"),
                *(_only_with_a_photo(name) for name in ("camera", "image_timestamp")),
            ]
        }
    )

    device_id: DeviceId | None = Field(
        default=None, description="Fixes of one device are one track; those without are the track of one more device."
    )
    timestamp: Timestamp | None = Field(
        default=None, description="When it was taken: RFC 3339 with offset. A fix without is corrected by itself."
    )
    lat: Latitude = Field(description="WGS84.")
    lon: Longitude = Field(description="WGS84.")
    accuracy_m: Metres | None = Field(default=None, description="Radius the fix lies in, at accuracy_percentile.")
    accuracy_percentile: Annotated[float, Field(ge=1, le=99.9)] | None = Field(
        default=None, description="68 for Android and ARCore, 95 for browsers; 68 is assumed, with a notice."
    )
    heading_deg: Annotated[float, Field(ge=0, lt=360)] | None = Field(
        default=None, description="Direction of travel, clockwise from true north."
    )
    speed_mps: Annotated[float, Field(ge=0, le=MOST_SPEED_MPS)] | None = Field(
        default=None, description="Speed over ground."
    )
    image: str | None = Field(
        default=None, description="A photo taken there: its file in base64, or part:NAME for that part of the form."
    )
    image_timestamp: Timestamp | None = Field(
        default=None,
        description="When the photo was taken, if not at the fix's own time; over 2 s apart it is not used, with a "
        "notice.",
    )
    camera: MountedCamera | None = Field(default=None, description="Of this photo, instead of the call's camera.")

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.accuracy_percentile is not None and self.accuracy_m is None:
            detail = "is needed with accuracy_percentile."
            raise PydanticCustomError("dependency", "{detail}", {"pointer": "accuracy_m", "detail": detail})
        return self

    @property
    def moment(self) -> datetime | None:
        return None if self.timestamp is None else read_timestamp(self.timestamp)

    @property
    def image_moment(self) -> datetime | None:
        return None if self.image_timestamp is None else read_timestamp(self.image_timestamp)


class IndexRequest(Strict):
    """Where to look."""

    index: str | None = Field(default=None, max_length=200, description="Name of the index, with or without @version.")


class Settled(Strict):
    """What goes for all fixes of a call."""

    search: IndexRequest = IndexRequest()
    camera: MountedCamera = MountedCamera()
    false_alarm_rate: Annotated[float, Field(ge=1e-9, le=0.5)] | None = Field(
        default=None,
        description="Share of honest fixes with a photo that may be told rejected_outlier, 0.001 by default; the "
        "gate's width follows from it.",
    )
    smooth: bool = Field(
        default=True, description="Follow each device over time; false: every fix is corrected by its own photo alone."
    )


class CorrectRequest(Settled):
    """Fixes in any order, of any devices."""

    fixes: Annotated[
        tuple[FixRequest, ...],
        Field(max_length=MOST_FIXES, strict=False, json_schema_extra={"minItems": 1}),
        AfterValidator(_some),
    ]

    @property
    def settled(self) -> Settled:
        return Settled(**{name: getattr(self, name) for name in Settled.model_fields})


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Give the JSON Schema of a model with references as OpenAPI has them."""
    return model.model_json_schema(ref_template="#/components/schemas/{model}")
