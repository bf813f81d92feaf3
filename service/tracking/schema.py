"""The request of POST /track as pydantic models, strict as those of POST /localize."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from models.errors import ParameterError
from service.correct.schema import IndexRequest, MountedCamera, Timestamp
from service.correct.times import PATTERN, read_timestamp
from service.fleet.fix import ASSUMED_ACCURACY_M, ASSUMED_PERCENTILE, LEAST_SIGMA_M
from service.fleet.gaussian import round_sigma
from service.query import Notice, Query
from service.schema import MAX_TOP_K, Latitude, Longitude, Metres, Strict, needs, needs_beside, whole
from service.tracking.motion import Motion, Odometry, Velocity
from service.tracking.step import Fix
from service.tracking.token import MOST_CHARACTERS

Json = dict[str, Any]
MOST_STEP_M, MOST_TURN_DEG, MOST_SPEED_MPS = 100_000.0, 36_000.0, 1_000.0
COMPASS_DEG = 15.0
YEARS = "(19[7-9][0-9]|[2-8][0-9]{3})"
ACCURACY_ASSUMED = Notice(
    "accuracy_percentile_assumed", f"The accuracy has no percentile; {ASSUMED_PERCENTILE:g} % was assumed."
)
NO_ACCURACY = Notice(
    "fix_accuracy_assumed", f"The fix has no accuracy; a 68 % radius of {ASSUMED_ACCURACY_M:g} m was assumed."
)


class TrackFix(Strict):
    """A position by GPS."""

    model_config = ConfigDict(json_schema_extra={"allOf": [needs_beside("accuracy_percentile", "accuracy_m")]})

    lat: Latitude = Field(description="WGS84.")
    lon: Longitude = Field(description="WGS84.")
    accuracy_m: Metres | None = Field(default=None, description="Radius the fix lies in, at accuracy_percentile.")
    accuracy_percentile: Annotated[float, Field(ge=1, le=99.9)] | None = Field(
        default=None, description="68 for Android and ARCore, 95 for browsers; 68 is assumed, with a notice."
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        accurate = self.accuracy_percentile is None or self.accuracy_m is not None
        needs(accurate, "accuracy_m", "is needed with accuracy_percentile.")
        return self

    def read(self) -> tuple[Fix, tuple[Notice, ...]]:
        """Give the fix, and what had to be assumed of it."""
        metres = ASSUMED_ACCURACY_M if self.accuracy_m is None else self.accuracy_m
        sigma_m = max(LEAST_SIGMA_M, round_sigma(metres, (self.accuracy_percentile or ASSUMED_PERCENTILE) / 100))
        if self.accuracy_m is None:
            return Fix(self.lat, self.lon, sigma_m), (NO_ACCURACY,)
        return Fix(self.lat, self.lon, sigma_m), () if self.accuracy_percentile is not None else (ACCURACY_ASSUMED,)


class OdometryRequest(Strict):
    """How the camera moved since the step before, as wheels, steps or its own pictures tell."""

    forward_m: Annotated[float, Field(ge=-MOST_STEP_M, le=MOST_STEP_M)] = Field(
        description="Along the direction of travel; negative is backwards."
    )
    turn_deg: Annotated[float, Field(ge=-MOST_TURN_DEG, le=MOST_TURN_DEG)] = Field(
        default=0.0, description="Clockwise, of the direction of travel."
    )
    forward_sigma_m: Metres | None = Field(
        default=None, description="Standard deviation; 5 % and 0.1 m a root second are assumed."
    )
    turn_sigma_deg: Annotated[float, Field(gt=0, le=360)] | None = Field(
        default=None, description="Standard deviation; 5 %, half a degree and 0.1 degrees a root second are assumed."
    )


class MotionRequest(Strict):
    """How the camera moves, instead of odometry."""

    model_config = ConfigDict(json_schema_extra={"allOf": [needs_beside("heading_accuracy_deg", "heading_deg")]})

    speed_mps: Annotated[float, Field(ge=0, le=MOST_SPEED_MPS)] = Field(description="Speed over ground.")
    heading_deg: Annotated[float, Field(ge=0, lt=360)] | None = Field(
        default=None, description="Direction of travel, clockwise from true north; straight on without it."
    )
    heading_accuracy_deg: Annotated[float, Field(gt=0, le=180)] | None = Field(
        default=None, description="Standard deviation; 15 is assumed."
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        headed = self.heading_accuracy_deg is None or self.heading_deg is not None
        needs(headed, "heading_deg", "is needed with heading_accuracy_deg.")
        return self


def given(field: str) -> Json:
    """JSON Schema of an object in a field."""
    return {"properties": {field: {"type": "object"}}, "required": [field]}


SOMETHING: list[Json] = [given("fix"), given("odometry"), given("motion")]
"""What a step without a photo has one of."""
ONE_MOTION: Json = {
    "anyOf": [{"properties": {"odometry": {"type": "null"}}}, {"properties": {"motion": {"type": "null"}}}]
}


class TrackRequest(Strict):
    """One step of a track: what is new, and the token of the step before."""

    model_config = ConfigDict(json_schema_extra={"allOf": [ONE_MOTION]})

    timestamp: Timestamp = Field(
        description="When it was seen: RFC 3339 with offset; not before the step before.",
        json_schema_extra={"pattern": PATTERN.replace("[0-9]{4}", YEARS, 1)},
    )
    track_token: str | None = Field(
        default=None,
        description="Of the step before, as it was answered; a track begins without.",
        json_schema_extra={"maxLength": MOST_CHARACTERS},
    )
    fix: TrackFix | None = Field(default=None, description="What GPS says.")
    odometry: OdometryRequest | None = None
    motion: MotionRequest | None = None
    camera: MountedCamera = MountedCamera()
    search: IndexRequest = IndexRequest()
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K), BeforeValidator(whole)] | None = Field(
        default=None, description="Candidates wanted, 5 by default."
    )

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        one = self.odometry is None or self.motion is None
        needs(one, "motion", "was sent beside odometry; send one or the other.")
        return self

    @property
    def time_s(self) -> float:
        """Seconds since 1970."""
        moment = read_timestamp(self.timestamp)
        if moment is None:  # the model has looked at it
            raise ParameterError("timestamp", "is no time.")
        return moment.timestamp()

    @property
    def moves(self) -> Motion | None:
        if self.odometry is not None:
            return Odometry(**self.odometry.model_dump())
        if self.motion is None:
            return None
        given = self.motion
        return Velocity(given.speed_mps, given.heading_deg, given.heading_accuracy_deg or COMPASS_DEG)

    @property
    def compass(self) -> tuple[float, float] | None:
        """Direction of travel and its standard deviation, where the camera's heading tells it."""
        camera = self.camera
        if camera.heading_deg is None:
            return None
        return (camera.heading_deg - (camera.yaw_deg or 0.0)) % 360.0, max(
            (camera.heading_accuracy_deg or 0.0) / 2, 3.0
        )

    def query(self) -> Query:
        """What the photo is prepared by."""
        return Query(camera=self.camera.hints(None if self.motion is None else self.motion.heading_deg))
