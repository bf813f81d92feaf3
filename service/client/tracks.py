"""One step of a moving camera as plain values, its answer, and what goes over the wire: a form, maybe with a photo.

Ranges are not checked here: the service knows them, and says which field is wrong.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.client.answers import Heading, Notice, Position, Tile
from service.client.question import Camera, Image, Prior, bytes_of, media_type_of
from service.client.retrying import Call

TOKEN_INVALID = "track_token_invalid"


@dataclass(frozen=True, slots=True)
class Odometry:
    """How the camera moved since the step before: metres along the direction of travel, degrees clockwise."""

    forward_m: float
    turn_deg: float = 0.0
    forward_sigma_m: float | None = None
    turn_sigma_deg: float | None = None
    """Standard deviations; the service assumes usual ones."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How the camera moves, instead of odometry."""

    speed_mps: float
    heading_deg: float | None = None
    heading_accuracy_deg: float | None = None


@dataclass(frozen=True, slots=True)
class TrackCandidate:
    """One place that the camera may be at; rank 1 is the best."""

    rank: int
    lat: float
    lon: float
    probability: float
    heading_deg: float | None = None
    tile: Tile | None = None


@dataclass(frozen=True, slots=True)
class TrackSearched:
    """What was compared, and by which generation of model and index."""

    tiles_scanned: int
    index: str
    model: str
    mode_used: str | None = None
    """prior: ground near the belief; global: the whole index too; None: there was no photo."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """Of POST /track: what is believed after the step, and the token for the next."""

    request_id: str
    status: str
    """localized, ambiguous, no_match, outside_coverage."""
    timestamp: str
    step: int
    track_token: str = field(repr=False)
    expires_at: str
    confidence: float
    confidence_definition: str
    probability_outside_index: float
    probability_lost: float
    candidates: tuple[TrackCandidate, ...]
    search: TrackSearched
    notices: tuple[Notice, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    position: Position | None = None
    heading: Heading | None = None

    @property
    def is_localized(self) -> bool:
        """Whether the service itself stands by `position`."""
        return self.status == "localized"


@dataclass(frozen=True, slots=True)
class TrackQuestion:
    """Everything about one step; the arguments of `track`."""

    timestamp: datetime | str
    image: Image | None = field(default=None, repr=False)
    fix: Prior | None = None
    odometry: Odometry | None = None
    motion: Motion | None = None
    camera: Camera | None = None
    yaw_deg: float | None = None
    track_token: str | None = field(default=None, repr=False)
    index: str | None = None
    top_k: int | None = None
    request_id: str | None = None
    traceparent: str | None = None

    def read(self) -> bytes | None:
        """Read the photo. Raises ValueError, OSError."""
        return None if self.image is None else bytes_of(self.image)

    def call(self, photo: bytes | None) -> Call:
        """Make the request: a form with the step as JSON, and the photo."""
        said = {"X-Request-Id": self.request_id, "traceparent": self.traceparent}
        headers = {name: value for name, value in said.items() if value is not None}
        boundary = secrets.token_hex(16)
        document = json.dumps(self._document(), allow_nan=False).encode()
        parts = [_part(boundary, 'name="request"', "application/json", document)]
        if photo is not None:
            parts.append(_part(boundary, 'name="image"; filename="image"', media_type_of(photo), photo))
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        return Call(
            "POST", "/track", {}, {"Content-Type": f"multipart/form-data; boundary={boundary}", **headers}, body
        )

    def _document(self) -> dict[str, Any]:
        moment = self.timestamp
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise ValueError("The timestamp has no time zone, so nobody knows when that was.")
            moment = moment.isoformat()
        camera = {**_known(self.camera), **({} if self.yaw_deg is None else {"yaw_deg": self.yaw_deg})}
        whole = {
            "timestamp": moment,
            "track_token": self.track_token,
            "fix": _known(self.fix) or None,
            "odometry": _known(self.odometry) or None,
            "motion": _known(self.motion) or None,
            "camera": camera or None,
            "search": None if self.index is None else {"index": self.index},
            "top_k": self.top_k,
        }
        return {name: value for name, value in whole.items() if value is not None}


def _known(values: Prior | Odometry | Motion | Camera | None) -> dict[str, Any]:
    """Give the fields that say something."""
    if values is None:
        return {}
    said = {name: getattr(values, name) for name in values.__dataclass_fields__}
    return {name: value for name, value in said.items() if value is not None}


def _part(boundary: str, disposition: str, media_type: str, content: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {media_type}\r\n\r\n"
    return head.encode() + content + b"\r\n"
