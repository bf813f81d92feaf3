"""Peers that are no Milvus, on real sockets of this machine."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

NOW = struct.pack("ii", 1, 0)
Greeting = Callable[[socket.socket], None]


def silence(_line: socket.socket) -> None:
    """Take what comes and say nothing."""


def reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
    line.close()


def garbage(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n\r\nHello from another program. " * 100)


@contextmanager
def peer(greeting: Greeting) -> Iterator[str]:
    """Answer every connection by a greeting; gives the URI."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            held.append(line)
            try:
                greeting(line)
            except OSError:
                continue

    thread = Thread(target=accept)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for line in held:
            line.close()


def nobody() -> str:
    """Give the URI of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
