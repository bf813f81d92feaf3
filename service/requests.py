"""An HTTP request of POST /localize into the photo's bytes and its parameters: multipart, raw body or JSON."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from models.errors import ImageTypeUnsupported
from service.errors import (
    BodyTimeout,
    BodyTooLarge,
    DuplicateField,
    EncodingUnsupported,
    InvalidParameters,
    MalformedMultipart,
    MissingImage,
    UnknownParameter,
    UnsupportedMediaType,
)
from service.multipart import DOCUMENT, IMAGE, ONE_PHOTO, Part, parse_multipart
from service.parameters import from_document, from_flat, parse_json
from service.schema import LocalizeRequest

RAW_TYPES = ("image/jpeg", "image/png", "image/webp", "image/heic")
ACCEPTED = ("multipart/form-data", "application/json", *RAW_TYPES)
FORM_OR_JSON = ACCEPTED[:2]
"""What routes take that take several photos."""
GRACE_S, SLOWEST_BYTES_PER_S = 5.0, 16 * 1024
"""A body that after so many seconds has come more slowly than this is given up, so that it holds no place for long."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What the client sent: the file's bytes and everything said about it."""

    image: bytes
    parameters: LocalizeRequest


def check_headers(request: Request, max_body_bytes: int, accepted: Sequence[str] = ACCEPTED) -> str:
    """Refuse by the headers alone what can be refused; give the media type.

    Args:
        accepted: media types that the route takes.

    Raises:
        EncodingUnsupported, UnsupportedMediaType, ImageTypeUnsupported, BodyTooLarge.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise EncodingUnsupported("Compressed bodies are not accepted. Send the file as it is.")
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type.startswith("image/") and media_type not in RAW_TYPES and accepted is ACCEPTED:
        raise ImageTypeUnsupported(f"Accepted are {', '.join(RAW_TYPES)}. Convert the image to one of these.")
    if media_type not in accepted:
        raise UnsupportedMediaType(f"The content type is not one of {', '.join(accepted)}.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 15 or int(length) > max_body_bytes):
        raise _too_large(max_body_bytes)
    return media_type


def _too_large(max_body_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body has more than {max_body_bytes} bytes. Scale the photo down or compress it more.")


async def read_body(request: Request, max_body_bytes: int, deadline_s: float) -> bytes:
    """Read a body into memory, at most so many bytes in at most so many seconds, and not too slowly.

    Raises:
        BodyTooLarge, BodyTimeout; ClientDisconnect when the peer is gone.
    """
    body = bytearray()
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(min(deadline_s, GRACE_S)) as limit:
            async for chunk in request.stream():
                body += chunk
                limit.reschedule(started + min(deadline_s, max(GRACE_S, len(body) / SLOWEST_BYTES_PER_S)))
                if len(body) > max_body_bytes:
                    raise _too_large(max_body_bytes)
    except TimeoutError as error:
        slowest = f"nor, after {GRACE_S:g} s, at {SLOWEST_BYTES_PER_S // 1024} KiB a second"
        raise BodyTimeout(f"The body did not arrive within {deadline_s:g} s, {slowest}.") from error
    return bytes(body)


def parse_upload(request: Request, media_type: str, body: bytes) -> Upload:
    """Take the photo and the parameters out of a body.

    Query parameters belong to raw bodies; with the other encodings they are refused.

    Raises:
        RequestError, ParameterError: of the kind that names the reason.
    """
    query = request.query_params.multi_items()
    if media_type in RAW_TYPES:
        return Upload(body, from_flat(query))
    if query:
        raise UnknownParameter("", "query parameters are for raw image bodies; put fields into the body.")
    if media_type == "application/json":
        return _from_json(body)
    return _from_parts(parse_multipart(body, request.headers.get("content-type", "")))


def _from_parts(parts: list[Part]) -> Upload:
    images = [part.content for part in parts if part.name == IMAGE]
    fields = [(part.name, _text(part)) for part in parts if part.name not in (IMAGE, DOCUMENT)]
    documents = [part.content for part in parts if part.name == DOCUMENT]
    if len(images) > 1:
        raise DuplicateField(IMAGE, "is given more than once.")
    if len(documents) > 1:
        raise DuplicateField(DOCUMENT, "is given more than once.")
    if not images:
        raise MissingImage(IMAGE, "is needed: the photo as a file field of this name.")
    if documents and fields:
        raise DuplicateField(DOCUMENT, "was sent beside flat fields; send one or the other.")
    return Upload(images[0], from_document(parse_json(documents[0])) if documents else from_flat(fields))


def _text(part: Part) -> str:
    if not ONE_PHOTO.is_field(part):
        raise MissingImage(IMAGE, "is needed: the file came under another field name.")
    try:
        return part.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedMultipart("A field of the form is not UTF-8.") from error


def _from_json(body: bytes) -> Upload:
    document = parse_json(body)
    encoded = document.pop(IMAGE, None)
    if encoded is None:
        raise MissingImage(IMAGE, "is needed: the photo's file in base64.")
    return Upload(from_base64(encoded, IMAGE), from_document(document))


def from_base64(encoded: object, pointer: str) -> bytes:
    """Give the bytes of a file.

    Raises:
        InvalidParameters: no string of base64; at the pointer.
    """
    try:
        image = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else None
    except (binascii.Error, ValueError):
        image = None
    if image is None:
        raise InvalidParameters([(pointer, "is not a string of base64.")])
    return image
