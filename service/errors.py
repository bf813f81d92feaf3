"""What only a service can object to: the request around the photo, and its own state.

SkyfixError
|- ParameterError
|  |- InvalidParameters, UnknownParameter, DuplicateField, MissingImage, InvalidTimeout, TrackTokenInvalid
|- RequestError                a request whose envelope is wrong
|  |- MalformedMultipart, MalformedJson, MalformedTrack, TooManyParts, UnknownIndex, BodyTimeout,
|     BodyTooLarge, UnsupportedMediaType, EncodingUnsupported
|- Refused                     a request that is turned away before its body is read
|  |- Unauthorized, Forbidden, HostRefused, RateLimited, HeaderTooLarge, UriTooLong
|- KeyFileInvalid              the file of API keys is not to be trusted
|- TrackSecretInvalid          the file of secrets that sign track tokens is not to be trusted
|- AddressUnavailable          the service cannot listen where it should
|- DemoFailed                  the demo cannot go on
|  |- SimulationFailed         nor the simulated fleet
|- TrackFileInvalid            a file of tracks (GPX, GeoJSON) that cannot be read
|  |- TrackFileTooLarge
|- VendorFailed                the page's map library cannot be fetched
|- FramesInvalid               a folder or film that gives no photos
|- GeotagError                 a photo's position that cannot be written, or a model that tells none
|  |- NotCalibrated, PhotoUnreadable, PhotoChanged, SidecarUnusable, ExifUnusable, ExifFull
|- Unavailable                 nothing wrong with the request; ask again later
   |- NotReady, Draining, Overloaded, DeadlineExceeded
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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


class InvalidTimeout(ParameterError):
    code = "invalid_parameter"


class TrackTokenInvalid(ParameterError):
    """Damaged, forged, expired, or of another index; which of the first two is not told."""

    code = "track_token_invalid"


class RequestError(SkyfixError):
    code = "bad_request"


class MalformedMultipart(RequestError):
    code = "malformed_multipart"


class MalformedJson(RequestError):
    code = "malformed_json"


class MalformedTrack(RequestError):
    """No GPX or GeoJSON."""

    code = "malformed_track"


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


class Refused(SkyfixError):
    """Turned away at the door; `headers` go into the answer."""

    code = "bad_request"
    headers: Mapping[str, str] = {}


class Unauthorized(Refused):
    """No key, or none that opens anything; the message does not say which of the reasons it was."""

    code = "unauthorized"

    def __init__(self, message: str, *, given: bool) -> None:
        super().__init__(message)
        self.headers = {"WWW-Authenticate": 'Bearer realm="skyfix"' + (', error="invalid_token"' if given else "")}


class Forbidden(Refused):
    code = "forbidden"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The key is good, but not for this: it lacks the scope {scope}.")
        self.headers = {"WWW-Authenticate": f'Bearer realm="skyfix", error="insufficient_scope", scope="{scope}"'}


class HostRefused(Refused):
    code = "host_not_allowed"


class RateLimited(Refused):
    code = "rate_limited"

    def __init__(self, message: str, wait_s: float) -> None:
        seconds = max(1, math.ceil(wait_s))
        super().__init__(f"{message} Try again in {seconds} s.")
        self.headers = {"Retry-After": str(seconds)}


class HeaderTooLarge(Refused):
    code = "header_too_large"


class UriTooLong(Refused):
    code = "uri_too_long"


class KeyFileInvalid(SkyfixError):
    code = "key_file_invalid"


class TrackSecretInvalid(SkyfixError):
    code = "track_secret_invalid"


class AddressUnavailable(SkyfixError):
    code = "address_unavailable"


class DemoFailed(SkyfixError):
    code = "demo_failed"


class SimulationFailed(DemoFailed):
    code = "simulation_failed"


class TrackFileInvalid(SkyfixError):
    code = "track_file_invalid"


class TrackFileTooLarge(TrackFileInvalid):
    code = "track_file_too_large"


class VendorFailed(SkyfixError):
    """The page's map library could not be fetched, or is not the release that was pinned."""

    code = "vendor_failed"


class FramesInvalid(SkyfixError):
    code = "frames_invalid"


class GeotagError(SkyfixError):
    code = "geotag"


class NotCalibrated(GeotagError):
    """The model says no confidence, so nothing can be told from a guess."""

    code = "not_calibrated"


class PhotoUnreadable(GeotagError):
    """A photo that the system does not give out, or that is too large to be held."""

    code = "photo_unreadable"


class SidecarUnusable(GeotagError):
    """A side-car that is there and is not understood; it is left alone."""

    code = "sidecar_unusable"


class ExifUnusable(GeotagError):
    """A photo whose EXIF cannot be changed without touching what is not ours."""

    code = "exif_unusable"


class ExifFull(GeotagError):
    code = "exif_full"


class PhotoChanged(GeotagError):
    """Somebody changed the photo while it was being placed."""

    code = "photo_changed"


class Unavailable(SkyfixError):
    code = "unavailable"


class NotReady(Unavailable):
    """`members` are further facts for the answer: the reason in one word, the state of each index."""

    code = "not_ready"

    def __init__(self, message: str, **members: object) -> None:
        super().__init__(message)
        self.members = members


class Draining(Unavailable):
    code = "draining"


class Overloaded(Unavailable):
    code = "overloaded"


class DeadlineExceeded(Unavailable):
    code = "deadline_exceeded"
