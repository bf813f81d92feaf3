"""A server as a process of its own, clients that keep asking it, and a small proxy in front of two."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import os
import queue
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
READY = re.compile(r"Ready in .* at http://(\S+):(\d+) \(metrics at http://(\S+):(\d+)\)")
PATIENCE_S = 60.0
PATH = "/localize?projection=panorama&fov_deg=360"


def free_port() -> int:
    """Find a port that stays free while nobody listens: none of those that outgoing connections are given."""
    for port in random.sample(range(15_000, 32_000), 100):
        with suppress(OSError), closing(socket.create_server(("127.0.0.1", port))):
            return port
    raise OSError("no port of 127.0.0.1 is free")


@dataclass(frozen=True)
class Recipe:
    """How a server is started."""

    index: Path
    bundle: Path
    port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        paths = ["--index", str(self.index), "--bundle", str(self.bundle)]
        ports = ["--port", str(self.port), "--admin-port", str(self.admin_port)]
        return [sys.executable, "-m", "service.cli", "serve", *paths, *ports]

    def start(self, **options: Any) -> subprocess.Popen[bytes]:
        """Start it; it is listening soon, and ready some time after."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.settings}
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(self.command, **{**quiet, "cwd": ROOT, "env": environment, **options})

    @contextmanager
    def running(self, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        """Yield it once it is ready, and leave no process behind."""
        with self.start(**options) as process:
            try:
                self.wait_until_ready(process)
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + PATIENCE_S
        while get(self.port, "/readyz") != 200:
            assert process.poll() is None, f"it ended with {process.returncode}"
            assert time.monotonic() < until, "it was not ready in time"
            time.sleep(0.02)


def get(port: int, path: str) -> int:
    """Ask for a status; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def ask(port: int, photo: bytes) -> tuple[int, bytes, Mapping[str, str]]:
    """Ask about a photo on a connection of its own. Raises OSError or HTTPException where there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", PATH, photo, {"Content-Type": "image/png", "Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


@dataclass
class Seen:
    """What clients met: statuses, 0 for no answer, and the bodies of what was not 200 nor expected."""

    statuses: Counter[int] = field(default_factory=Counter)
    headers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)


@contextmanager
def asking(port: int, photo: bytes, clients: int = 4, check: Callable[[bytes], None] | None = None) -> Iterator[Seen]:
    """Keep so many clients asking while the block runs; `check` looks at every answer with 200."""
    seen, over, lock = Seen(), threading.Event(), threading.Lock()
    wrong: list[BaseException] = []

    def client() -> None:
        while not over.is_set():
            try:
                status, body, headers = ask(port, photo)
                if status == 200 and check is not None:
                    check(body)
            except (OSError, http.client.HTTPException):
                status, headers = 0, {}
                time.sleep(0.01)
            except AssertionError as error:
                wrong.append(error)
                return
            with lock:
                seen.statuses[status] += 1
                seen.headers.append((status, headers))

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    if wrong:
        raise wrong[0]


@contextmanager
def proxied(ports: Sequence[int]) -> Iterator[int]:
    """Put a proxy before servers; yield its port. A connection goes to one that was ready when last asked, in turn."""
    ready, turns, bound = dict.fromkeys(ports, False), itertools.cycle(ports), queue.Queue[int]()
    over, held = threading.Event(), set[asyncio.Task[Any] | None]()

    def look() -> None:
        while not over.wait(0.03):
            for port in ports:
                ready[port] = get(port, "/readyz") == 200

    async def reach() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(2 * len(ports)):
            port = next(turns)
            if ready[port]:
                try:
                    return await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    ready[port] = False
        raise ConnectionRefusedError

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One exchange: the server closes after its answer."""
        task = asyncio.current_task()
        held.add(task)  # the loop holds it weakly
        with suppress(OSError):
            there, back = await reach()
            asking = asyncio.create_task(_pour(reader, back))
            await _pour(there, writer)
            asking.cancel()
            back.close()
        writer.close()
        held.discard(task)

    async def main() -> None:
        async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
            while not all(ready.values()):
                await asyncio.sleep(0.01)
            bound.put(server.sockets[0].getsockname()[1])
            while not over.is_set():
                await asyncio.sleep(0.02)

    threads = [threading.Thread(target=look), threading.Thread(target=lambda: asyncio.run(main()))]
    for thread in threads:
        thread.start()
    try:
        yield bound.get(timeout=PATIENCE_S)
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE_S)


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(1 << 16):
            sink.write(chunk)
            await sink.drain()


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
    """Send a signal and give the exit code."""
    process.send_signal(number)
    return process.wait(PATIENCE_S)
