"""A body of POST /correct into its question, by media type and `format`. NDJSON is read line by line, elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.correct.foreign import read_osmand, read_traccar
from service.correct.question import Question, check_count, photos_of
from service.correct.schema import MOST_FIXES, MOST_PHOTOS, CorrectRequest, FixRequest
from service.correct.settled import read_settled
from service.correct.tracks import read_geojson_fixes, read_gpx_fixes
from service.errors import DuplicateField, InvalidParameters, UnknownParameter
from service.fleet.fix import FleetNotice
from service.geojson import MEDIA_TYPE as GEOJSON
from service.multipart import FormLimits, parse_multipart
from service.parameters import parse_json, read_model

FORM, JSON, GPX, NDJSON = "multipart/form-data", "application/json", "application/gpx+xml", "application/x-ndjson"
ACCEPTED = (FORM, JSON, NDJSON, GEOJSON, GPX)
FORMAT = "format"
"""Query parameter that says what JSON, or the part `fixes` of a form, is written in."""
FIXES = "fixes"
LIMITS = FormLimits(files=MOST_PHOTOS, fields=1, documents=(FIXES,), document_bytes=4 * 1024 * 1024)
NUMBERED = re.compile(r"fix(0|[1-9][0-9]{0,3})")
"""Name of a photo's part beside fixes in a foreign format: fix0, fix1 and so on, by the order of the file."""
Fixes = tuple[tuple[FixRequest, ...], tuple[FleetNotice, ...]]
FOREIGN: Mapping[str, Callable[[bytes], Fixes]] = {
    "traccar": lambda body: (read_traccar(body), ()),
    "osmand": lambda body: (read_osmand(body), ()),
    "gpx": read_gpx_fixes,
    "geojson": read_geojson_fixes,
}
FORMATS = ("skyfix", *FOREIGN)


def read_question(media_type: str, content_type: str, query: Sequence[tuple[str, str]], body: bytes) -> Question:
    """Read the fixes and photos of a call.

    Args:
        media_type: one of ACCEPTED but NDJSON.
        content_type: the whole header, with its parameters.
        query: parameters in the URL.

    Raises:
        RequestError, ParameterError: of the kind that names the reason.
    """
    said = [(name, text) for name, text in query if name != FORMAT]
    written = format_of(media_type, [text for name, text in query if name == FORMAT])
    parts: Mapping[str, bytes] | None = None
    if media_type == FORM:
        body, parts = _form(body, content_type)
    if written != "skyfix":
        fixes, notices = FOREIGN[written](body)
        return Question(fixes, read_settled(said), _numbered(fixes, parts or {}), notices)
    if said:
        raise UnknownParameter("", "query parameters are for other formats; put fields into the JSON.")
    asked = read_model(CorrectRequest, _document(body, in_form=parts is not None))
    photos = photos_of(asked.fixes, parts)
    bare = tuple(fix.model_copy(update={"image": None}) for fix in asked.fixes)  # base64 is long, and was read
    return Question(bare, asked.settled, photos)


def format_of(media_type: str, given: Sequence[str]) -> str:
    """Say what the fixes are written in.

    Raises:
        DuplicateField, InvalidParameters: at `format`.
    """
    if len(given) > 1:
        raise DuplicateField(FORMAT, "is given more than once.")
    fixed = {GPX: "gpx", GEOJSON: "geojson"}.get(media_type)
    written = given[0] if given else fixed or "skyfix"
    if written not in FORMATS:
        raise InvalidParameters([(FORMAT, f"is not {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")])
    if fixed is not None and written != fixed:
        raise InvalidParameters([(FORMAT, "contradicts the content type.")])
    if media_type == NDJSON and written != "skyfix":
        raise InvalidParameters([(FORMAT, "contradicts the content type: lines are fixes as in JSON.")])
    if media_type == JSON and written == "gpx":
        raise InvalidParameters([(FORMAT, "contradicts the content type: GPX is application/gpx+xml.")])
    return written


def _document(body: bytes, *, in_form: bool) -> dict[str, Any]:
    """Read the call's object; in a form the list of its fixes alone does too."""
    if in_form and body.lstrip()[:1] == b"[":
        body = b'{"fixes":' + body + b"}"
    document = parse_json(body)
    if FIXES not in document:
        raise InvalidParameters([(FIXES, "is needed.")])
    fixes = document[FIXES]
    if isinstance(fixes, list) and len(fixes) > MOST_FIXES:
        raise InvalidParameters([(FIXES, f"has at most {MOST_FIXES} items.")])
    return document


def _form(body: bytes, content_type: str) -> tuple[bytes, dict[str, bytes]]:
    """Give the document and the files by name."""
    files: dict[str, bytes] = {}
    documents = []
    for part in parse_multipart(body, content_type, LIMITS):
        if part.name == FIXES:
            documents.append(part.content)
        elif part.name in files:
            raise DuplicateField("", "two files of the form have one name.")
        elif not part.has_file_name:
            raise UnknownParameter("", "a form holds the part fixes and files, each with a file name; no other field.")
        else:
            files[part.name] = part.content
    if len(documents) > 1:
        raise DuplicateField(FIXES, "is given more than once.")
    if not documents:
        raise InvalidParameters([(FIXES, "is needed: a part of this name with the fixes.")])
    return documents[0], files


def _numbered(fixes: Sequence[FixRequest], parts: Mapping[str, bytes]) -> dict[int, bytes]:
    """Give the photos whose parts are named after the place of their fix.

    Raises:
        InvalidParameters: a part is named otherwise, or after a fix that is not there.
    """
    check_count(fixes, len(parts))
    photos = {}
    for name, photo in parts.items():
        found = NUMBERED.fullmatch(name)
        if found is None or int(found[1]) >= len(fixes):
            raise InvalidParameters([("", "a file of the form is not named after a fix: fix0 for the first one.")])
        photos[int(found[1])] = photo
    return photos
