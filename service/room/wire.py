"""What goes over the socket between the service and a decode worker, both ways through memory only.

A job is the recipe and the query, pickled, and the photo, in shared memory or after them. What comes back is JSON and
raw float32, never a pickle: a worker that a photo has taken over can lie about the picture, but it cannot make the
service run anything.
"""

from __future__ import annotations

import math
import socket
import struct
import time
import traceback
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from models import errors as library
from models.camera import GroundInput, Projection
from models.errors import ImageError, ParameterError, SkyfixError
from service.prepared import Prepared
from service.query import Notice, Prior

JOB = struct.Struct("!II?Id")
"""Bytes of recipe and query; whether the photo lies in the shared memory; its bytes; CPU time that it may take."""
ANSWER = struct.Struct("!II")
"""Bytes of JSON and of pixels."""
HELLO = struct.Struct("!d")
"""CPU time that the start took, in seconds."""
CRASH = "crash"
MOST_JSON_BYTES, MOST_PIXEL_BYTES = 1 << 20, 1 << 28
TOLD = {
    kind.code: kind
    for kind in vars(library).values()
    if isinstance(kind, type) and issubclass(kind, ImageError) and kind is not ImageError
}
"""Errors about a photo by their code."""


class WorkerLied(Exception):
    """What came back is not what a worker sends."""


class WorkerCrashed(Exception):
    """The program is at fault; the message says where, and nothing of the photo."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of both stages, and of CPU time since the worker began."""

    decode_s: float = 0.0
    preprocess_s: float = 0.0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """An answer without its pixels, or an error."""

    spent: Spent
    error: str = ""
    detail: str = ""
    pointer: str = ""
    shape: tuple[Annotated[int, Field(ge=1, le=1 << 20)], ...] = ()
    seen: int = 0
    firsts: tuple[float, ...] = ()
    left_deg: float = 0.0
    heading_searched: bool = False
    prior: Prior | None = None
    fov_deg: float = 0.0
    notices: tuple[Notice, ...] = ()
    size_px: tuple[int, int] = (0, 0)
    projection: Projection = "perspective"


_TOLD = TypeAdapter(Told)


def pack_prepared(prepared: Prepared, spent: Spent) -> tuple[bytes, bytes]:
    """Give JSON and pixels."""
    ground = prepared.ground
    told = Told(
        spent,
        shape=ground.pixels.shape,
        seen=ground.seen,
        firsts=tuple(ground.firsts.tolist()),
        left_deg=ground.left_deg,
        heading_searched=prepared.heading_searched,
        prior=prepared.prior,
        fov_deg=prepared.fov_deg,
        notices=prepared.notices,
        size_px=prepared.size_px,
        projection=prepared.projection,
    )
    return _TOLD.dump_json(told), ground.pixels.astype(np.float32, copy=False).tobytes()


def pack_error(error: SkyfixError, spent: Spent) -> bytes:
    if isinstance(error, ParameterError):
        return _TOLD.dump_json(Told(spent, error.code, error.detail, error.pointer))
    return _TOLD.dump_json(Told(spent, error.code, str(error)))


def pack_crash(error: Exception, spent: Spent) -> bytes:
    """Say what kind of error it was and where, but not its message, which may hold something of the photo."""
    return _TOLD.dump_json(Told(spent, CRASH, where(error)))


def where(error: BaseException) -> str:
    """Name an error's kind and the place in the program that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return type(error).__name__ if last is None else f"{type(error).__name__} at {last.name}, line {last.lineno}"


def unpack(text: bytes, pixels: bytearray) -> tuple[Told, Prepared | SkyfixError]:
    """Turn an answer into what the worker made, or what it raised.

    Raises:
        WorkerLied: it is neither.
        WorkerCrashed: the program is at fault.
    """
    try:
        told = _TOLD.validate_json(text)
    except ValidationError as error:
        raise WorkerLied(f"{error.error_count()} faults in its JSON") from None
    if told.error == CRASH:
        raise WorkerCrashed(told.detail)
    if told.error:
        if told.error in TOLD:
            return told, TOLD[told.error](told.detail)
        if told.error == ParameterError.code:
            return told, ParameterError(told.pointer, told.detail)
        raise WorkerLied("an error of no known kind")
    if len(told.shape) != 3 or math.prod(told.shape) * 4 != len(pixels) or not told.firsts:
        raise WorkerLied("pixels that do not fit their shape")
    array = np.frombuffer(pixels, dtype=np.float32).reshape(told.shape)
    ground = GroundInput(array, told.seen, np.array(told.firsts), told.left_deg)
    size_px, projection = told.size_px, told.projection
    searched, notices = told.heading_searched, told.notices
    return told, Prepared(ground, searched, told.prior, told.fov_deg, notices, size_px, projection)


def receive(peer: socket.socket, size: int, until: float | None = None) -> bytearray:
    """Read exactly so many bytes.

    Args:
        until: when to stop waiting, by `time.monotonic`; None waits for ever.

    Raises:
        EOFError: the other side is gone.
        TimeoutError: the time has come.
    """
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        _allow(peer, until)
        count = peer.recv_into(view[got:])
        if not count:
            raise EOFError
        got += count
    return data


def send(peer: socket.socket, parts: tuple[bytes | bytearray | memoryview, ...], until: float | None = None) -> None:
    """Write the parts, one after another. Raises TimeoutError when the time has come."""
    for part in parts:
        if len(part):
            _allow(peer, until)
            peer.sendall(part)


def _allow(peer: socket.socket, until: float | None) -> None:
    if until is None:
        return
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    peer.settimeout(left)
