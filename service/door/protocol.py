"""What uvicorn leaves open on a connection: deadlines for the head, the body, silence and a reader that does not read,
and caps on heads, bodies and connections.

A connection is idle, in a head or in a body; each state has one deadline, set when it is entered and by nothing that
the client sends later. Where an answer precedes the end of a body, the rest is read and dropped for a moment, because
closing with bytes unread makes the client's system throw the answer away.
"""

from __future__ import annotations

import asyncio
import socket
import uuid
from asyncio.events import TimerHandle
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, cast

import httptools
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.door.hosts import HOST
from service.errors import HeaderTooLarge, HostRefused, Overloaded, Refused, UriTooLong
from service.problems import problem, status_of
from service.settings import Settings

LINGER_S = 1.5
PAUSE_S = 1.0
HEADERS, URL_BYTES, REQUESTS = 100, 8192, 1000
HEAD_SLICE, BODY_SLICE = 4096, 1 << 16
HEADER_TIMEOUT = "header_timeout"


@dataclass(frozen=True, slots=True)
class WireLimits:
    header_s: float
    body_s: float
    """The application tells a late body with 408 after this; the connection is closed a moment later."""
    keep_alive_s: float
    write_s: float
    header_bytes: int
    body_bytes: int
    connections: int

    @staticmethod
    def of(settings: Settings) -> WireLimits:
        return WireLimits(
            header_s=settings.header_timeout_s,
            body_s=settings.body_timeout_s,
            keep_alive_s=settings.keep_alive_s,
            write_s=settings.write_timeout_s,
            header_bytes=settings.max_header_bytes,
            body_bytes=max(settings.max_body_bytes, settings.max_many_body_bytes),
            connections=settings.max_connections,
        )


class State(Enum):
    IDLE = "idle"
    HEAD = "head"
    BODY = "body"


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits; `guarded` makes the class that has them."""

    limits: ClassVar[WireLimits]
    count: ClassVar[Callable[[str, int | None], None]]
    """Called with the problem code and status of what is refused here; the status is None if nothing was said."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._state = State.IDLE
        self._deadline: TimerHandle | None = None
        self._burial: TimerHandle | None = None
        self._stuck: TimerHandle | None = None
        self._head_began = False
        self._head_bytes = self._body_bytes = self._requests = 0
        self._objection: Refused | None = None
        self._deaf = False

    # Connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            # asyncio does so itself only where the listener was made with a protocol number; without it, head and body
            # of an answer, two writes, are 40 ms apart
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > self.limits.connections:
            self._refuse(Overloaded(f"All {self.limits.connections} connections are taken. Try again in a moment."))
            return
        self._arm(self.limits.header_s)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._burial, self._stuck):
            if timer is not None:
                timer.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser slice by slice, so that an endless head is noticed before it is gathered."""
        view = memoryview(data)
        while view and not self._deaf and not self.transport.is_closing():
            size = BODY_SLICE if self._state is State.BODY else HEAD_SLICE
            self._feed(view[:size])
            view = view[size:]

    def _feed(self, chunk: memoryview) -> None:
        self._head_began = False
        try:
            self.parser.feed_data(chunk)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # the request is answered as plain HTTP; what follows it would be another protocol
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(self._objection or Refused("The request is not well-formed HTTP/1.1."))
        else:
            self._measure(len(chunk))

    def _measure(self, received: int) -> None:
        if self._state is State.HEAD:
            self._head_bytes = 0 if self._head_began else self._head_bytes + received
            if self._head_bytes > self.limits.header_bytes:
                self._refuse(self._head_too_large())
        elif self._state is State.BODY:
            self._body_bytes += received
            if self._body_bytes > 2 * self.limits.body_bytes + BODY_SLICE and not self.cycle.response_complete:
                self._close()  # chunk extensions or trailers: the application would have objected to a body

    # Parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unset_keepalive_if_required()
        self._state, self._head_began = State.HEAD, True
        if self._deadline is None:
            self._arm(self.limits.header_s)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            self._object(UriTooLong(f"The URL has more than {URL_BYTES} bytes."))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._state is State.BODY:
            return  # trailers are dropped: a header that comes after the decision must not count
        super().on_header(name, value)
        if len(self.headers) > HEADERS:
            self._object(HeaderTooLarge(f"The request has more than {HEADERS} headers."))

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        hosts = [value for name, value in self.headers if name == b"host"]
        if size > self.limits.header_bytes:
            self._object(self._head_too_large())
        if len(hosts) != 1 or not HOST.fullmatch(hosts[0]):
            self._object(HostRefused("A request needs exactly one Host header, which names a host."))
        if not self.url.startswith(b"/"):
            self._object(Refused("The request target has to be a path: this is no proxy."))
        self._state, self._body_bytes = State.BODY, 0
        self._arm(self.limits.body_s + LINGER_S)
        super().on_headers_complete()
        self.cycle.transport = cast("asyncio.Transport", _Gently(self))
        self._requests += 1
        if self._requests >= REQUESTS:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        self._state = State.IDLE
        self._disarm()
        super().on_message_complete()
        if self.cycle.response_complete:
            self._wait_for_next()

    # Answers

    def on_response_complete(self) -> None:
        if self._deaf and self._burial is not None:
            self.server_state.total_requests += 1
            return
        super().on_response_complete()
        if self._state is not State.IDLE:
            self._unset_keepalive_if_required()
        if self._state is State.BODY and self.cycle.response_complete:
            self._arm(LINGER_S)

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self._bury()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(self.limits.write_s, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        super().resume_writing()

    def close_gently(self) -> None:
        """End the answer, then the connection: at once if the request was read whole, else after a moment."""
        if self._state is State.IDLE or not self.transport.can_write_eof():
            self._close()
            return
        if not self._deaf or self._burial is None:
            self._deaf = True
            self.flow.resume_reading()
            self.transport.write_eof()
            self._arm(LINGER_S)
            self._bury()

    def _object(self, error: Refused) -> None:
        """Make the parser stop.

        Raises:
            Refused: always, through the parser.
        """
        self._objection = error
        raise error

    def _refuse(self, error: Refused | Overloaded) -> None:
        """Answer in place of the application, which has no request yet, or one whose body is malformed."""
        status = status_of(type(error))
        if self.cycle is not None and not self.cycle.response_complete:
            if self._state is not State.BODY or self.pipeline or self.cycle.response_started:
                type(self).count(error.code, None)
                self._close()  # an earlier answer is under way, and this one may not come between
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        type(self).count(error.code, status)
        self.transport.write(_bytes_of(problem(status, error.code, str(error), uuid.uuid4().hex)))
        self._state = State.HEAD
        self.close_gently()

    def _head_too_large(self) -> HeaderTooLarge:
        return HeaderTooLarge(f"The head of the request has more than {self.limits.header_bytes} bytes.")

    # Clocks

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self.flow.read_paused and not self._deaf:
            self._arm(PAUSE_S)  # it is not the client that is slow
            return
        if self._state is State.HEAD and not self._deaf:
            type(self).count(HEADER_TIMEOUT, None)
        self._close()

    def _wait_for_next(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.limits.keep_alive_s, self.timeout_keep_alive_handler)

    def _close(self) -> None:
        self._deaf = True
        self.transport.close()
        self._bury()

    def _bury(self) -> None:
        """Give up on a peer that does not take what is left to send."""
        if self._burial is None:
            self._burial = self.loop.call_later(self.limits.write_s, self.transport.abort)


class _Gently:
    """The transport as an answer sees it: closing waits for what the client is still sending."""

    def __init__(self, protocol: GuardedProtocol) -> None:
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        self._protocol.transport.write(data)

    def is_closing(self) -> bool:
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        self._protocol.close_gently()


def guarded(limits: WireLimits, count: Callable[[str, int | None], None]) -> type[GuardedProtocol]:
    """Make the protocol class of one address."""
    return type("Guarded", (GuardedProtocol,), {"limits": limits, "count": staticmethod(count)})


def _bytes_of(response: Response) -> bytes:
    response.headers["Connection"] = "close"
    status = response.status_code
    head = b"".join(b"%s: %s\r\n" % pair for pair in response.raw_headers)
    return b"HTTP/1.1 %d \r\n%s\r\n%s" % (status, head, bytes(response.body))
