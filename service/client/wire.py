"""What both clients share: the address, the key, the calls, and the reading of answers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from service.client.answers import Answer, Info, Problem, Readiness, Ready
from service.client.errors import ProblemError, UnexpectedAnswer
from service.client.fleet import Corrections
from service.client.question import Camera, Exif, Image, Prior, Search, bytes_of, media_type_of, query_of
from service.client.retrying import Call, Failure, Reply
from service.client.sets import BatchAnswer, SetAnswer
from service.client.tracks import Tracked

URL_VARIABLE, KEY_VARIABLE, KEY_FILE_VARIABLE = "SKYFIX_URL", "SKYFIX_API_KEY", "SKYFIX_API_KEY_FILE"
DEFAULT_URL, DEFAULT_TIMEOUT_S = "http://127.0.0.1:8080", 30.0
KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")
KEEP_ALIVE_S = 4.0
"""Shorter than the service's 5 s, so that no request is sent into a connection that is being closed."""
MOST_ANSWER_BYTES = 16 * 1024 * 1024
MEDIA_TYPE, PROBLEM_TYPE = "application/json", "application/problem+json"
POINTLESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.ProxyError, httpx.TooManyRedirects)
A = TypeVar("A", Answer, BatchAnswer, Corrections, Info, Problem, Ready, SetAnswer, Tracked)

ANSWER, INFO, READY, PROBLEM = TypeAdapter(Answer), TypeAdapter(Info), TypeAdapter(Ready), TypeAdapter(Problem)
CORRECTIONS = TypeAdapter(Corrections)
TRACKED = TypeAdapter(Tracked)
BATCH_ANSWER, SET_ANSWER = TypeAdapter(BatchAnswer), TypeAdapter(SetAnswer)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the service is, and the key that opens it, which is never shown."""

    url: str
    key: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        key = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        return {"Accept": f"{MEDIA_TYPE}, {PROBLEM_TYPE}", "User-Agent": f"skyfix-client/{_version()}", **key}


def endpoint(
    url: str | None,
    api_key: str | None,
    api_key_file: str | os.PathLike[str] | None,
    environ: Mapping[str, str] | None = None,
) -> Endpoint:
    """Decide where to ask and with which key: arguments first, then the environment, a key before a key's file.

    Raises:
        ValueError: no http(s) URL, two keys, or something that cannot be a key; it is not repeated.
        OSError: the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    url = url or environ.get(URL_VARIABLE) or DEFAULT_URL
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.userinfo:
        raise ValueError(
            f"The base URL has to be http://HOST:PORT or https://HOST, without query or user ({URL_VARIABLE})."
        )
    if api_key is not None and api_key_file is not None:
        raise ValueError("Give api_key or api_key_file, not both.")
    if api_key is None and api_key_file is None:
        api_key = environ.get(KEY_VARIABLE) or None
        api_key_file = environ.get(KEY_FILE_VARIABLE) or None
    if api_key is None and api_key_file is not None:
        api_key = Path(api_key_file).read_text(encoding="ascii", errors="replace").strip()
    if api_key is not None and not KEY.fullmatch(api_key):
        raise ValueError("The API key is not one: 16 to 128 letters, digits, - and _. `skyfix keys new` prints it.")
    return Endpoint(url.rstrip("/"), api_key)


def _version() -> str:
    try:
        return version("skyfix")
    except PackageNotFoundError:
        return "0+unknown"


@dataclass(frozen=True, slots=True)
class Question:
    """Everything about one photo; the arguments of `localize`."""

    image: Image = field(repr=False)
    prior: Prior | None = None
    camera: Camera | None = None
    search: Search | None = None
    exif: Exif | None = None
    top_k: int | None = None
    request_id: str | None = None
    traceparent: str | None = None
    include: Sequence[str] = ()

    def call(self, data: bytes) -> Call:
        """Make the request of a photo's bytes."""
        said = {"X-Request-Id": self.request_id, "traceparent": self.traceparent}
        headers = {name: value for name, value in said.items() if value is not None}
        query = query_of(self.top_k, self.prior, self.search, self.camera, self.exif)
        if self.include:
            query["include"] = ",".join(self.include)
        return Call("POST", "/localize", query, {"Content-Type": media_type_of(data), **headers}, data)

    def read(self) -> bytes:
        return bytes_of(self.image)


INFO_CALL = Call("GET", "/info")
READY_CALL = Call("GET", "/readyz", takes=frozenset({200, 503}))


def timeout_of(timeout_s: float) -> float:
    """Raises ValueError: not above 0 s."""
    if not 0 < timeout_s < float("inf"):
        raise ValueError(f"timeout_s is {timeout_s}; it has to be a number of seconds above 0.")
    return timeout_s


def failure_of(error: httpx.TransportError | httpx.DecodingError) -> Failure:
    return Failure(
        error, not isinstance(error, (*POINTLESS, httpx.DecodingError)), isinstance(error, httpx.TimeoutException)
    )


def collect(body: bytearray, chunk: bytes, status: int) -> None:
    """Add a chunk of an answer.

    Raises:
        UnexpectedAnswer: it grows beyond what an answer can have.
    """
    body += chunk
    if len(body) > MOST_ANSWER_BYTES:
        raise UnexpectedAnswer(f"The answer has more than {MOST_ANSWER_BYTES} bytes.", status=status)


def read_answer(reply: Reply) -> Answer:
    """Raises ProblemError, UnexpectedAnswer."""
    return _read(reply, ANSWER)


def read_corrections(reply: Reply) -> Corrections:
    """Raises ProblemError, UnexpectedAnswer."""
    return _read(reply, CORRECTIONS)


def read_tracked(reply: Reply) -> Tracked:
    """Raises ProblemError, UnexpectedAnswer."""
    return _read(reply, TRACKED)


def read_batch(reply: Reply) -> BatchAnswer:
    """Raises ProblemError, UnexpectedAnswer."""
    return _read(reply, BATCH_ANSWER)


def read_set(reply: Reply) -> SetAnswer:
    """Raises ProblemError, UnexpectedAnswer."""
    return _read(reply, SET_ANSWER)


def read_info(reply: Reply) -> Info:
    """Raises ProblemError, UnexpectedAnswer."""
    return _read(reply, INFO)


def read_readiness(reply: Reply) -> Readiness:
    """Raises ProblemError: of another kind than not being ready; UnexpectedAnswer."""
    if reply.status == 200:
        ready = _parse(reply, READY)
        return Readiness(True, ready.index, indexes=ready.indexes, degraded=ready.degraded)
    if reply.status != 503:
        raise _problem(reply)
    told = _told(reply)
    return Readiness(False, code=told.code, detail=told.detail, reason=told.reason, indexes=told.indexes)


def _read(reply: Reply, adapter: TypeAdapter[A]) -> A:
    if reply.status != 200:
        raise _problem(reply)
    return _parse(reply, adapter)


def _problem(reply: Reply) -> ProblemError:
    told = _told(reply)
    return ProblemError(
        status=reply.status,
        code=told.code,
        title=told.title,
        detail=told.detail,
        request_id=told.request_id,
        errors=told.errors,
    )


def _told(reply: Reply) -> Problem:
    """Read a problem+json.

    Raises:
        UnexpectedAnswer: it is none, as when a proxy answers for a service that is gone.
    """
    if reply.headers.get("content-type", "").partition(";")[0].strip().lower() != PROBLEM_TYPE:
        raise _strange(reply)
    return _parse(reply, PROBLEM)


def _parse(reply: Reply, adapter: TypeAdapter[A]) -> A:
    try:
        return adapter.validate_json(reply.body)
    except ValidationError as error:
        raise _strange(reply) from error


def _strange(reply: Reply) -> UnexpectedAnswer:
    media_type = reply.headers.get("content-type", "no type")[:80]
    return UnexpectedAnswer(
        f"HTTP {reply.status} with {len(reply.body)} bytes of {media_type} is no answer of Skyfix that this client "
        "understands. Is the base URL right, and does something answer in its place?",
        status=reply.status,
        request_id=reply.request_id,
    )
