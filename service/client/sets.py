"""Several photos in one call: of places of their own (a batch), or of one place (a set). A form goes over the wire.

Ranges are not checked here: the service knows them, and says which photo is wrong, as `images.3.camera.fov_deg`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from service.client.answers import Answer, Heading, Notice, Problem
from service.client.question import Camera, Exif, Image, Prior, Search, bytes_of, media_type_of
from service.client.retrying import Call


@dataclass(frozen=True, slots=True)
class BatchPhoto:
    """One photo of a batch; what is said here wins over what is said of all."""

    image: Image = field(repr=False)
    prior: Prior | None = None
    camera: Camera | None = None
    search: Search | None = None
    exif: Exif | None = None
    top_k: int | None = None


@dataclass(frozen=True, slots=True)
class SetShot:
    """One photo of a place."""

    image: Image = field(repr=False)
    camera: Camera | None = None
    relative_heading_deg: float | None = None
    """Clockwise from a zero that is the same for all photos and that nobody has to know."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A photo of a batch that was answered."""

    status: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """Of POST /localize/batch: for each photo, in order, its answer or the problem that it met."""

    request_id: str
    results: tuple[Answered | Problem, ...]

    @property
    def answers(self) -> tuple[Answer | None, ...]:
        """In the order of the photos; None for a problem."""
        return tuple(each.answer if isinstance(each, Answered) else None for each in self.results)


@dataclass(frozen=True, slots=True)
class PhotoOfSet:
    """What is said of one photo of a set."""

    used: bool
    heading: Heading | None = None
    notices: tuple[Notice, ...] = ()
    problem: Problem | None = None
    """Why it was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAnswer(Answer):
    """Of POST /localize/set: one place for all photos, and a heading for each in `photos`."""

    photos: tuple[PhotoOfSet, ...]


@dataclass(frozen=True, slots=True)
class ManyQuestion:
    """Everything about several photos; the arguments of `localize_batch` and `localize_set`."""

    path: str
    photos: Sequence[BatchPhoto | SetShot | Image] = field(repr=False)
    prior: Prior | None = None
    camera: Camera | None = None
    search: Search | None = None
    exif: Exif | None = None
    top_k: int | None = None
    skip_unusable: bool | None = None
    request_id: str | None = None
    traceparent: str | None = None

    def read(self) -> list[bytes]:
        """Read the photos. Raises ValueError, OSError."""
        return [bytes_of(photo.image if isinstance(photo, BatchPhoto | SetShot) else photo) for photo in self.photos]

    def call(self, photos: Sequence[bytes]) -> Call:
        """Make the request: a form with the photos in order, and what is said of them as JSON."""
        said = {"X-Request-Id": self.request_id, "traceparent": self.traceparent}
        headers = {name: value for name, value in said.items() if value is not None}
        boundary = secrets.token_hex(16)
        document = json.dumps(self._document(), allow_nan=False).encode()
        parts = [_part(boundary, 'name="request"', "application/json", document)]
        parts += [_part(boundary, 'name="image"; filename="image"', media_type_of(photo), photo) for photo in photos]
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        return Call("POST", self.path, {}, headers, body)

    def _document(self) -> dict[str, Any]:
        shared = _said(self, "prior", "camera", "search", "exif", "top_k", "skip_unusable")
        own = ("prior", "camera", "search", "exif", "top_k", "relative_heading_deg")
        return {**shared, "images": [_said(photo, *own) for photo in self.photos]}


def _said(of: object, *names: str) -> dict[str, Any]:
    """What is not None of some attributes, groups as objects."""
    found: dict[str, Any] = {}
    for name in names:
        value = getattr(of, name, None)
        if isinstance(value, Prior | Camera | Search | Exif):
            found[name] = _said(value, *(each.name for each in fields(value)))
        elif value is not None:
            found[name] = value
    return found


def _part(boundary: str, disposition: str, media_type: str, content: bytes) -> bytes:
    head = f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {media_type}\r\n\r\n"
    return head.encode() + content + b"\r\n"
