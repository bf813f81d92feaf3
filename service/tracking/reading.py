"""An HTTP request of POST /track into its photo, if there is one, and its step: a form or JSON."""

from __future__ import annotations

from dataclasses import dataclass

from service.errors import DuplicateField, InvalidParameters, MissingImage, UnknownParameter
from service.multipart import DOCUMENT, IMAGE, FormLimits, parse_multipart
from service.parameters import parse_json, read_model
from service.requests import from_base64
from service.tracking.schema import TrackRequest
from service.tracking.token import MOST_CHARACTERS

LIMITS = FormLimits(document_bytes=MOST_CHARACTERS + 4096)
NOTHING = "is needed, or fix, odometry or motion: there is nothing to go by."


@dataclass(frozen=True, slots=True)
class TrackUpload:
    image: bytes | None
    asked: TrackRequest


def read_upload(media_type: str, content_type: str, query: bool, body: bytes) -> TrackUpload:
    """Take a body apart.

    Args:
        query: the URL has query parameters; there are none that mean anything.

    Raises:
        RequestError, ParameterError: of the kind that names the reason.
    """
    if query:
        raise UnknownParameter("", "query parameters are not taken here; put fields into the body.")
    if media_type == "application/json":
        document = parse_json(body)
        encoded = document.pop(IMAGE, None)
        image = None if encoded is None else from_base64(encoded, IMAGE)
        return _checked(image, read_model(TrackRequest, document))
    parts = parse_multipart(body, content_type, LIMITS)
    images = [part.content for part in parts if part.name == IMAGE]
    documents = [part.content for part in parts if part.name == DOCUMENT]
    for name, found in ((IMAGE, images), (DOCUMENT, documents)):
        if len(found) > 1:
            raise DuplicateField(name, "is given more than once.")
    if any(part.name not in (IMAGE, DOCUMENT) for part in parts):
        raise UnknownParameter("", f"A field is unknown. Known are {IMAGE}, {DOCUMENT}.")
    if not documents:
        raise InvalidParameters([(DOCUMENT, "is needed: the step as JSON.")])
    return _checked(images[0] if images else None, read_model(TrackRequest, parse_json(documents[0])))


def _checked(image: bytes | None, asked: TrackRequest) -> TrackUpload:
    if image is None and asked.fix is None and asked.odometry is None and asked.motion is None:
        raise MissingImage(IMAGE, NOTHING)
    return TrackUpload(image, asked)
