"""A body with several photos into its document and files: JSON with base64, or a form with `image` parts in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import ParameterError
from service.errors import DuplicateField, InvalidParameters, MissingImage, UnknownParameter
from service.multipart import DOCUMENT, IMAGE, FormLimits, parse_multipart
from service.parameters import parse_json
from service.requests import from_base64

Json = dict[str, Any]
IMAGES = "images"
MOST_IMAGES = 16
FORM = FormLimits(files=64, fields=1, document_bytes=64 * 1024)
"""More files than are taken, so that whoever sends a few too many is told how many are."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One photo of several, and what was said of it alone."""

    image: bytes | ParameterError
    """The file, or what is wrong with how it was sent."""
    said: Json


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a request holds."""

    shared: Json
    """Said of all photos."""
    photos: tuple[Sent, ...]


def unpack(media_type: str, content_type: str, body: bytes, query: bool, least: int) -> Parcel:
    """Take a body apart.

    Args:
        media_type: application/json or multipart/form-data.
        content_type: the whole header, with the boundary of a form.
        query: the URL has query parameters.
        least: photos that there have to be; at most MOST_IMAGES.

    Raises:
        MalformedJson, MalformedMultipart, TooManyParts: it cannot be read.
        UnknownParameter, DuplicateField, MissingImage, InvalidParameters: of the request as a whole.
    """
    if query:
        raise UnknownParameter("", "query parameters are for POST /localize; put fields into the body.")
    if media_type == "application/json":
        document = parse_json(body)
        entries = _entries(document.pop(IMAGES, None), least)
        return Parcel(document, tuple(_encoded(entry) for entry in entries))
    return _from_form(body, content_type, least)


def _entries(given: object, least: int) -> list[Json]:
    if not isinstance(given, list):
        raise MissingImage(IMAGES, f"is needed: a list of {least} to {MOST_IMAGES} objects.")
    check_count(len(given), least)
    wrong = [(f"{IMAGES}.{place}", "has to be an object.") for place, entry in enumerate(given) if not _is_json(entry)]
    if wrong:
        raise InvalidParameters(wrong)
    return given


def _is_json(value: object) -> bool:
    return isinstance(value, dict)


def check_count(found: int, least: int) -> None:
    """Raises InvalidParameters: fewer or more photos than are taken."""
    if not least <= found <= MOST_IMAGES:
        raise InvalidParameters([(IMAGES, f"holds {found} photos; {least} to {MOST_IMAGES} are taken.")])


def _encoded(entry: Json) -> Sent:
    said = dict(entry)
    encoded = said.pop(IMAGE, None)
    if encoded is None:
        return Sent(MissingImage(IMAGE, "is needed: the photo's file in base64."), said)
    try:
        return Sent(from_base64(encoded, IMAGE), said)
    except InvalidParameters as error:
        return Sent(error, said)


def _from_form(body: bytes, content_type: str, least: int) -> Parcel:
    parts = parse_multipart(body, content_type, FORM)
    images = [part.content for part in parts if part.name == IMAGE]
    documents = [part.content for part in parts if part.name == DOCUMENT]
    if any(part.name not in (IMAGE, DOCUMENT) for part in parts):
        raise UnknownParameter("", f"A part is unknown. Known are {IMAGE}, once a photo, and {DOCUMENT}.")
    if len(documents) > 1:
        raise DuplicateField(DOCUMENT, "is given more than once.")
    if not images:
        raise MissingImage(IMAGE, f"is needed: {least} to {MOST_IMAGES} photos as file fields of this name.")
    check_count(len(images), least)
    document = parse_json(documents[0]) if documents else {}
    return Parcel(document, _matched(images, document.pop(IMAGES, None)))


def _matched(images: list[bytes], given: object) -> tuple[Sent, ...]:
    """Put what the document says of each photo beside its part."""
    if given is None:
        return tuple(Sent(image, {}) for image in images)
    if not isinstance(given, list) or not all(_is_json(entry) for entry in given):
        raise InvalidParameters([(IMAGES, "has to be a list of objects, one for each photo.")])
    if len(given) != len(images):
        raise InvalidParameters([(IMAGES, f"says something of {len(given)} photos, and {len(images)} were sent.")])
    for place, entry in enumerate(given):
        if IMAGE in entry:
            raise DuplicateField(f"{IMAGES}.{place}.{IMAGE}", "the photos of a form are its parts.")
    return tuple(Sent(image, dict(entry)) for image, entry in zip(images, given, strict=True))


def merged(shared: Mapping[str, Any], said: Mapping[str, Any]) -> Json:
    """Let what was said of one photo win over what was said of all, field by field, inside groups too."""
    found = dict(shared)
    for name, value in said.items():
        both = _is_json(value) and _is_json(found.get(name))
        found[name] = {**found[name], **value} if both else value
    return found


def holds(document: Mapping[str, Any], pointer: str) -> bool:
    """Say whether a document has a field where a pointer, with dots, points."""
    inside: Any = document
    for name in pointer.split("."):
        if not isinstance(inside, dict) or name not in inside:
            return False
        inside = inside[name]
    return True
