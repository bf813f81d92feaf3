"""What only a service can object to: the request around the photo, and its own state.

SkyfixError
|- ParameterError
|  |- InvalidParameters, UnknownParameter, DuplicateField, MissingImage
|- RequestError                a request whose envelope is wrong
|  |- MalformedMultipart, MalformedJson, TooManyParts, UnknownIndex, BodyTimeout,
|     BodyTooLarge, UnsupportedMediaType, EncodingUnsupported
|- AddressUnavailable          the service cannot listen where it should
|- DemoFailed                  the demo cannot go on
|- Unavailable                 nothing wrong with the request; ask again later
   |- NotReady, Overloaded
"""

from __future__ import annotations

from collections.abc import Sequence

from models.errors import ParameterError, SkyfixError


class InvalidParameters(ParameterError):
    """Several parameters are wrong at once; `faults` are pairs of pointer and detail, at least one."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__(*faults[0])
        self.faults = tuple(faults)


class UnknownParameter(ParameterError):
    code = "unknown_parameter"


class DuplicateField(ParameterError):
    code = "duplicate_field"


class MissingImage(ParameterError):
    code = "missing_image"


class RequestError(SkyfixError):
    code = "bad_request"


class MalformedMultipart(RequestError):
    code = "malformed_multipart"


class MalformedJson(RequestError):
    code = "malformed_json"


class TooManyParts(RequestError):
    code = "too_many_parts"


class UnknownIndex(RequestError):
    code = "unknown_index"


class BodyTimeout(RequestError):
    code = "body_timeout"


class BodyTooLarge(RequestError):
    code = "body_too_large"


class UnsupportedMediaType(RequestError):
    code = "unsupported_media_type"


class EncodingUnsupported(RequestError):
    code = "encoding_unsupported"


class AddressUnavailable(SkyfixError):
    code = "address_unavailable"


class DemoFailed(SkyfixError):
    code = "demo_failed"


class Unavailable(SkyfixError):
    code = "unavailable"


class NotReady(Unavailable):
    code = "not_ready"


class Overloaded(Unavailable):
    code = "overloaded"
