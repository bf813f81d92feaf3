"""Fixes of a fleet as plain values, their corrections, and what goes over the wire: a form with the photos as parts.

Ranges are not checked here: the service knows them, and says which field of which fix is wrong.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.client.answers import Position
from service.client.question import Camera, Image, bytes_of, media_type_of
from service.client.retrying import Call

MOST_FIXES, MOST_PHOTOS = 1000, 32
"""Of one call."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix of one device, and a photo taken there."""

    lat: float
    lon: float
    device_id: str | None = None
    timestamp: datetime | str | None = None
    """Aware, or RFC 3339 with an offset; a fix without is corrected by itself."""
    accuracy_m: float | None = None
    accuracy_percentile: float | None = None
    """What the accuracy means: 68 for Android and ARCore, 95 for browsers."""
    heading_deg: float | None = None
    """Direction of travel."""
    speed_mps: float | None = None
    image: Image | None = field(default=None, repr=False)
    image_timestamp: datetime | str | None = None
    camera: Camera | None = None
    """Of this photo, instead of the call's."""


@dataclass(frozen=True, slots=True)
class Original:
    """The fix as the service took it."""

    lat: float
    lon: float
    timestamp: str | None = None
    accuracy_m: float | None = None
    accuracy_percentile: float | None = None
    heading_deg: float | None = None
    speed_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Snapped:
    """The place on the road network."""

    lat: float
    lon: float
    distance_m: float


@dataclass(frozen=True, slots=True)
class Correction:
    """What is believed of one fix."""

    index: int
    status: str
    """corrected, kept, rejected_outlier, not_localized."""
    original: Original
    position: Position
    moved_m: float
    visual_used: bool
    device_id: str | None = None
    innovation_chi2: float | None = None
    confidence: float | None = None
    photo_position: Position | None = None
    """Where the photo alone places it."""
    snapped: Snapped | None = None


@dataclass(frozen=True, slots=True)
class FleetNotice:
    """Something to know about some fixes; `code` is stable."""

    code: str
    detail: str
    fix_indexes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Corrections:
    """Of POST /correct: one for one, in the order of the fixes."""

    request_id: str
    corrected: tuple[Correction, ...]
    index: str
    model: str
    notices: tuple[FleetNotice, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FleetQuestion:
    """Everything about one call; the arguments of `correct`."""

    fixes: Sequence[Fix] = field(repr=False)
    camera: Camera | None = None
    yaw_deg: float | None = None
    false_alarm_rate: float | None = None
    smooth: bool | None = None
    index: str | None = None
    request_id: str | None = None
    traceparent: str | None = None

    def read(self) -> dict[int, bytes]:
        """Read the photos, by the place of their fix.

        Raises:
            ValueError: there are more fixes or photos than a call takes.
            OSError: a file cannot be read.
        """
        with_photos = [place for place, fix in enumerate(self.fixes) if fix.image is not None]
        if not 1 <= len(self.fixes) <= MOST_FIXES or len(with_photos) > MOST_PHOTOS:
            raise ValueError(
                f"There are {len(self.fixes)} fixes and {len(with_photos)} photos; a call takes 1 to {MOST_FIXES} "
                f"fixes and at most {MOST_PHOTOS} photos."
            )
        images = ((place, self.fixes[place].image) for place in with_photos)
        return {place: bytes_of(image) for place, image in images if image is not None}

    def call(self, photos: Mapping[int, bytes]) -> Call:
        """Make the request: a form with the fixes and a part a photo."""
        said = {"X-Request-Id": self.request_id, "traceparent": self.traceparent}
        headers = {name: value for name, value in said.items() if value is not None}
        boundary = secrets.token_hex(16)
        document = json.dumps(self._document(), allow_nan=False).encode()
        parts = [_part(boundary, 'name="fixes"', "application/json", document)]
        for place, photo in photos.items():
            name = f'name="img{place}"; filename="img{place}"'
            parts.append(_part(boundary, name, media_type_of(photo), photo))
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        return Call(
            "POST", "/correct", {}, {"Content-Type": f"multipart/form-data; boundary={boundary}", **headers}, body
        )

    def _document(self) -> dict[str, Any]:
        camera = {**_known(self.camera), **({} if self.yaw_deg is None else {"yaw_deg": self.yaw_deg})}
        whole = {
            "camera": camera or None,
            "false_alarm_rate": self.false_alarm_rate,
            "smooth": self.smooth,
            "search": None if self.index is None else {"index": self.index},
            "fixes": [_fix(fix, place) for place, fix in enumerate(self.fixes)],
        }
        return {name: value for name, value in whole.items() if value is not None}


def _fix(fix: Fix, place: int) -> dict[str, Any]:
    said = _known(fix)
    for name in ("timestamp", "image_timestamp"):
        moment = said.get(name)
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise ValueError(f"The {name} of fix {place} has no time zone, so nobody knows when that was.")
            said[name] = moment.isoformat()
    if fix.image is not None:
        said["image"] = f"part:img{place}"
    if fix.camera is not None:
        said["camera"] = _known(fix.camera)
    return said


def _known(values: Fix | Camera | None) -> dict[str, Any]:
    """Give the fields that say something."""
    if values is None:
        return {}
    said = {name: getattr(values, name) for name in values.__dataclass_fields__}
    return {name: value for name, value in said.items() if value is not None}


def _part(boundary: str, disposition: str, media_type: str, content: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {media_type}\r\n\r\n"
    return head.encode() + content + b"\r\n"
