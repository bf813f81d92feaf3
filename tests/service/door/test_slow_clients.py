"""500 slow clients of five kinds for a minute, and honest ones beside them who notice nothing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from service.door.issuing import new_key
from service.index_localizer import IndexLocalizer
from tests.service.door.conftest import Running, running, short

SLOW, SECONDS, HONEST_PER_S, DEADLINE_S = 500, 60.0, 5, 2.0
HEAD = b"POST /localize HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"


Kind = tuple[bytes, bytes, bool]
"""What a slow client sends at first, what it sends twice a second from then on, and whether it reads."""


async def slow_client(port: int, kind: Kind, ends: float, lives: list[float]) -> None:
    """Connect again and again, and note how long each connection was let live."""
    start, drop, reads = kind
    while time.monotonic() < ends:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        born = time.monotonic()
        closing = asyncio.create_task(reader.read() if reads else asyncio.sleep(2 * DEADLINE_S))
        try:
            writer.write(start)
            while not closing.done():
                await asyncio.wait([closing], timeout=0.5)
                if drop:
                    writer.write(drop)
                    await writer.drain()
        except OSError:
            pass
        await asyncio.gather(closing, return_exceptions=True)
        if reads:
            lives.append(time.monotonic() - born)
        writer.transport.abort()
        await asyncio.sleep(0)


def slow_crowd(port: int, kinds: list[Kind]) -> list[float]:
    """Run all slow clients, in a process of their own; give the seconds that each connection lived."""
    lives: list[float] = []

    async def all_of_them() -> None:
        ends = time.monotonic() + SECONDS
        await asyncio.gather(*(slow_client(port, kinds[n % len(kinds)], ends, lives) for n in range(SLOW)))

    asyncio.run(all_of_them())
    return lives


async def honest(port: int, key: str, photo: bytes, statuses: Counter[bytes]) -> None:
    request = HEAD + f"X-API-Key: {key}\r\nConnection: close\r\nContent-Length: {len(photo)}\r\n\r\n".encode() + photo

    async def once() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        statuses[(await reader.read()).split(b" ")[1]] += 1
        writer.close()
        await writer.wait_closed()

    asked = []
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        asked.append(asyncio.create_task(once()))
        await asyncio.sleep(1 / HONEST_PER_S)
    await asyncio.gather(*asked)


@pytest.mark.slow
def test_slow_clients_hold_up_nobody(localizer: IndexLocalizer, key_file: Path, photo: bytes) -> None:
    slow_key, honest_key = (new_key(key_file, name, ("localize",), datetime.now(UTC))[0] for name in ("slow", "honest"))
    deadlines = dict.fromkeys(("header_timeout_s", "body_timeout_s", "keep_alive_s", "write_timeout_s"), DEADLINE_S)
    body = HEAD + f"X-API-Key: {slow_key}\r\nContent-Length: 5000000\r\n\r\n".encode()
    kinds: list[Kind] = [
        (b"", b"", True),
        (b"GET /livez HTTP/1.1\r\nX-A: ", b"a", True),
        (HEAD + b"Content-Length: 5000000\r\n\r\n", b"a", True),
        (body, b"a", True),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40, b"", False),
    ]
    statuses: Counter[bytes] = Counter()

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    settings = short(**deadlines, key_file=key_file)
    with running(settings, localizer) as service:
        ask_once(service)
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            pool.submit(time.monotonic).result()
            before = open_files()
            crowd = pool.submit(slow_crowd, service.port, kinds)
            asyncio.run(honest(service.port, honest_key, photo, statuses))
            lives = crowd.result()
            time.sleep(DEADLINE_S + 2)
            assert open_files() <= before + 5
    assert set(statuses) == {b"200"}
    assert statuses[b"200"] >= 0.8 * SECONDS * HONEST_PER_S
    assert max(lives) <= DEADLINE_S + 2


def ask_once(service: Running) -> None:
    with service.connect() as peer:
        peer.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while peer.recv(1000):
            pass
