"""Load on a server over raw sockets: cheap enough to share two cores with it, and its own cost is measured.

Requests are bytes that were made beforehand. `closed`: each client sends its next photo when it has its answer.
`opened`: photos come at a fixed rate, whatever becomes of them, each on its own connection.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

HOST = "127.0.0.1"
CHUNK = 1 << 18
Form = Literal["raw", "multipart", "json"]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    seconds: float
    ended: float
    """`time.perf_counter`."""
    retry_after: bool


@dataclass(slots=True)
class Run:
    """What came of one load."""

    seconds: float = 0.0
    replies: list[Reply] = field(default_factory=list)
    """Those that ended within the measured time."""
    failed: int = 0
    """Connections that broke without an answer."""
    client_cpu_s: float = 0.0
    server_cpu_s: float = 0.0
    """Of warming and measuring together, as `answered` counts."""
    answered: int = 0

    def good(self) -> list[float]:
        """Milliseconds of the answers with status 200, rising."""
        return sorted(1000 * reply.seconds for reply in self.replies if reply.status == 200)

    def refused(self) -> list[Reply]:
        return [reply for reply in self.replies if reply.status == 429]

    @property
    def per_s(self) -> float:
        """Photos answered a second."""
        return len(self.good()) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        good = self.good()
        return float(np.percentile(good, percent)) if good else math.nan


def make_request(path: str, photo: bytes, form: Form, query: str = "") -> bytes:
    """Write one POST as it goes over the wire."""
    if form == "raw":
        kind, body = "image/jpeg", photo
    elif form == "json":
        kind, body = "application/json", json.dumps({"image": base64.b64encode(photo).decode()}).encode()
    else:
        mark = b"photo-boundary-7d1f"
        kind = f"multipart/form-data; boundary={mark.decode()}"
        lines = b'--%s\r\nContent-Disposition: form-data; name="image"; filename="p.jpg"\r\n' % mark
        body = lines + b"Content-Type: image/jpeg\r\n\r\n" + photo + b"\r\n--%s--\r\n" % mark
    target = f"{path}?{query}" if query else path
    head = f"POST {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def closed(port: int, requests: Sequence[bytes], clients: int, seconds: float, warm_s: float = 1.0) -> Run:
    """Keep so many clients busy; what ends in the first `warm_s` does not count."""
    return asyncio.run(_measured(seconds, warm_s, lambda run: _clients(run, port, requests, clients, warm_s + seconds)))


def opened(port: int, requests: Sequence[bytes], per_s: float, seconds: float, warm_s: float = 1.0) -> Run:
    """Send so many photos a second, evenly; connections that are free are used again."""
    return asyncio.run(_measured(seconds, warm_s, lambda run: _arrivals(run, port, requests, per_s, warm_s + seconds)))


async def _measured(seconds: float, warm_s: float, load: Callable[[Run], asyncio.Future[None] | object]) -> Run:
    run = Run(seconds=seconds)
    started, cpu = time.perf_counter(), time.process_time()
    await load(run)  # type: ignore[misc]
    run.client_cpu_s = (time.process_time() - cpu) * seconds / (seconds + warm_s)
    run.answered = len(run.good())
    run.replies = [reply for reply in run.replies if warm_s <= reply.ended - started < warm_s + seconds]
    return run


async def _clients(run: Run, port: int, requests: Sequence[bytes], clients: int, seconds: float) -> None:
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        connection = Connection(port)
        turn = number * 7
        while time.perf_counter() < until:
            await connection.ask(requests[turn % len(requests)], run)
            turn += 1
        connection.close()

    await asyncio.gather(*(client(number) for number in range(clients)))


async def _arrivals(run: Run, port: int, requests: Sequence[bytes], per_s: float, seconds: float) -> None:
    started, free, under_way = time.perf_counter(), list[Connection](), set[asyncio.Task[None]]()

    async def one(number: int) -> None:
        connection = free.pop() if free else Connection(port)
        await connection.ask(requests[number % len(requests)], run)
        free.append(connection)

    for number in range(int(per_s * seconds)):
        wait_s = started + number / per_s - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.create_task(one(number))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    for connection in free:
        connection.close()


class Connection:
    """One keep-alive connection; it is opened anew where the server has closed it, also between two requests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._silent = True
        """Whether nothing came back since the last request."""

    async def ask(self, request: bytes, run: Run) -> None:
        """Send one request and note the answer, or that there was none."""
        started, reused = time.perf_counter(), self._socket is not None
        try:
            try:
                status, stays, retry_after = await self._ask(request)
            except OSError:
                if not (reused and self._silent):
                    raise
                self.close()  # closed while it lay idle, as a server may: every client asks again
                status, stays, retry_after = await self._ask(request)
        except OSError:
            run.failed += 1
            self.close()
            await asyncio.sleep(0.01)
            return
        ended = time.perf_counter()
        run.replies.append(Reply(status, ended - started, ended, retry_after))
        if not stays:
            self.close()

    async def _ask(self, request: bytes) -> tuple[int, bool, bool]:
        loop = asyncio.get_running_loop()
        self._silent = True
        if self._socket is None:
            self._socket = socket.socket()
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(self._socket, (HOST, self._port))
        sending = asyncio.ensure_future(loop.sock_sendall(self._socket, request))
        answer = bytearray()
        try:
            while (end := answer.find(b"\r\n\r\n")) < 0:
                answer += await self._more(loop)
            head = bytes(answer[:end]).lower()
            length = _length(head)
            while len(answer) < end + 4 + length:
                answer += await self._more(loop)
            status = int(answer[9:12])
            early = not sending.done()
        finally:
            if not sending.done():
                sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return status, b"connection: close" not in head and not early, b"retry-after:" in head

    async def _more(self, loop: asyncio.AbstractEventLoop) -> bytes:
        assert self._socket is not None
        received = await loop.sock_recv(self._socket, CHUNK)
        if not received:
            raise ConnectionResetError
        self._silent = False
        return received

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None


def _length(head: bytes) -> int:
    found = head.partition(b"content-length:")[2].split(b"\r\n")[0].strip()
    return int(found) if found else 0
