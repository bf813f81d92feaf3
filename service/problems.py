"""The one table from exception to HTTP status, and the problem+json (RFC 9457) that tells it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from models import errors as library
from models.errors import ParameterError, SkyfixError
from service import errors as http

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
STATUS: dict[type[SkyfixError], int] = {
    library.SkyfixError: 500,
    library.UsageError: 422,
    library.EnvironmentConflict: 500,
    library.JobStopped: 500,
    library.PlanImpossible: 500,
    library.ImageError: 422,
    library.ImageTypeUnsupported: 415,
    library.EncoderError: 500,
    library.ProviderUnavailable: 503,
    library.EncoderUnavailable: 503,
    library.BundleError: 503,
    library.BackendUnavailable: 503,
    library.ExecutorUnavailable: 503,
    library.CheckpointError: 500,
    library.DatasetError: 500,
    library.GeometryInvalid: 500,
    library.SourceError: 500,
    library.OutputError: 500,
    http.RequestError: 400,
    http.MalformedMultipart: 400,
    http.MalformedJson: 400,
    http.MalformedTrack: 400,
    http.TooManyParts: 400,
    http.UnknownIndex: 404,
    http.BodyTimeout: 408,
    http.BodyTooLarge: 413,
    http.UnsupportedMediaType: 415,
    http.EncodingUnsupported: 415,
    http.Refused: 400,
    http.Unauthorized: 401,
    http.Forbidden: 403,
    http.UriTooLong: 414,
    http.RateLimited: 429,
    http.HeaderTooLarge: 431,
    http.KeyFileInvalid: 500,
    http.TrackSecretInvalid: 500,
    http.AddressUnavailable: 500,
    http.DemoFailed: 500,
    http.TrackFileInvalid: 500,
    http.TrackFileTooLarge: 500,
    http.FramesInvalid: 500,
    http.VendorFailed: 500,
    http.GeotagError: 500,
    http.Unavailable: 503,
    http.DeadlineExceeded: 504,
    http.NotReady: 503,
    http.Draining: 503,
    http.Overloaded: 429,
}
HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}
INTERNAL = "internal"
INTERNAL_DETAIL = "Something went wrong here; the log has more under the request id."


class Fault(BaseModel):
    pointer: str = Field(description="The parameter as the request spelled it, for example camera.fov_deg.")
    detail: str


class Problem(BaseModel):
    """RFC 9457, with a stable `code` for machines."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[Fault] | None = None


class NotReadyProblem(Problem):
    """Says more where there is nothing to answer with."""

    reason: str | None = Field(default=None, description="Why, in one word.")
    indexes: list[dict[str, str]] | None = Field(default=None, description="The state of each, where /readyz says so.")


def status_of(error: type[SkyfixError]) -> int:
    """Give the status of the closest class in the table."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def problem_of(
    status: int, code: str, detail: str, request_id: str, faults: list[Fault] | None = None, **members: Any
) -> dict[str, Any]:
    """Give the body of a problem; `members` are extensions in the sense of RFC 9457."""
    kind = NotReadyProblem if members else Problem
    body = kind(
        type=f"urn:skyfix:problem:{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        code=code,
        detail=detail,
        request_id=request_id,
        errors=faults,
        **members,
    )
    return body.model_dump(exclude_none=True)


def problem(
    status: int, code: str, detail: str, request_id: str, faults: list[Fault] | None = None, **members: Any
) -> JSONResponse:
    """Make the answer of a problem."""
    return _response(problem_of(status, code, detail, request_id, faults, **members), status, request_id)


def _response(body: dict[str, Any], status: int, request_id: str) -> JSONResponse:
    again = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else {}
    return JSONResponse(body, status, {"X-Request-Id": request_id, **again}, MEDIA_TYPE)


def body_of(error: SkyfixError, request_id: str, within: str = "") -> dict[str, Any]:
    """Give the body of a deliberate error; what is the operator's business is named by its code only.

    Args:
        within: pointer of the one photo of several that it is about; faults are named below it, as in
            `images.3.camera.fov_deg`.
    """
    status = status_of(type(error))
    faults = _faults(error, within)
    told_detail = _detail(error, faults) if status < 500 or isinstance(error, http.Unavailable) else INTERNAL_DETAIL
    members = error.members if isinstance(error, http.NotReady) else {}
    return problem_of(status, error.code, told_detail, request_id, faults, **members)


def for_skyfix_error(request: Request, error: Exception, within: str = "") -> Response:
    """Translate a deliberate error, which may be about one photo of several."""
    if not isinstance(error, SkyfixError):
        raise error
    request.state.rejected = error.code
    body = body_of(error, request.state.request_id, within)
    response = _response(body, body["status"], request.state.request_id)
    if isinstance(error, http.Refused):
        response.headers.update(error.headers)
    return response


def _detail(error: SkyfixError, faults: list[Fault] | None) -> str:
    if isinstance(error, ParameterError) and faults:
        return ": ".join(part for part in (faults[0].pointer, faults[0].detail) if part)
    return str(error)


def _faults(error: SkyfixError, within: str) -> list[Fault] | None:
    def fault(pointer: str, detail: str) -> Fault:
        return Fault(pointer=".".join(part for part in (within, pointer) if part), detail=detail)

    if isinstance(error, http.InvalidParameters):
        return [fault(pointer, detail) for pointer, detail in error.faults]
    if isinstance(error, ParameterError):
        return [fault(error.pointer, error.detail)]
    return [fault("", str(error))] if within and isinstance(error, library.ImageError) else None


def for_http_exception(request: Request, error: Exception) -> Response:
    """Translate what the router says: no such route, no such method."""
    if not isinstance(error, HTTPException):
        raise error
    code = HTTP_CODES.get(error.status_code, "bad_request")
    request.state.rejected = code
    response = problem(error.status_code, code, HTTPStatus(error.status_code).phrase, request.state.request_id)
    response.headers.update(error.headers or {})
    return response
