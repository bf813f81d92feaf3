"""Servers as processes: each started alone, warmed by real photos, stopped before the next one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.load import HOST, Form, Run, closed, make_request
from benchmarks.peers.scene import Scene

ROOT = Path(__file__).parents[2]
START_S, STOP_S, WARM = 60.0, 15.0, 8


@dataclass(frozen=True, slots=True)
class Server:
    """How one server is started and asked; `command` has {port} where its port belongs."""

    name: str
    command: tuple[str, ...]
    form: Form
    query: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def requests(self, photos: list[bytes]) -> list[bytes]:
        return [make_request("/localize", photo, self.form, self.query) for photo in photos]


def skyfix(scene: Scene, **settings: str) -> Server:
    """The service as it is installed, with its defaults but for the named settings."""
    program = str(Path(sys.executable).parent / "skyfix")
    paths = ("--index", scene.index, "--bundle", scene.bundle)
    command = (program, "serve", *paths, "--port", "{port}", "--admin-port", "0")
    environment = {f"SKYFIX_{name.upper()}": value for name, value in settings.items()}
    return Server("skyfix", command, "raw", scene.query, environment)


def naive(scene: Scene) -> Server:
    return Server("naive", (sys.executable, "-m", "benchmarks.peers.naive", scene.folder, "{port}"), "multipart")


def litserve(scene: Scene, python: str) -> Server:
    return Server("litserve", (python, "-m", "benchmarks.peers.litserve_peer", scene.folder, "{port}"), "json")


def bentoml(scene: Scene, python: str) -> Server:
    service = ("benchmarks.peers.bentoml_peer:Localizing", "--host", HOST, "--port", "{port}")
    quiet = {"SCENE": scene.folder, "BENTOML_DO_NOT_TRACK": "True"}
    return Server("bentoml", (python, "-m", "bentoml", "serve", *service), "multipart", environment=quiet)


@contextlib.contextmanager
def running(server: Server, photos: list[bytes]) -> Iterator[int]:
    """Start a server, wait until it has answered a few photos, give its port, and stop it and its children.

    Raises:
        RuntimeError: it ended, answered with an error, or never.
    """
    port = _free_port()
    command = [part.format(port=port) for part in server.command]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SKYFIX_", "OMP_"))}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**clean, "PYTHONPATH": str(ROOT), **server.environment},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(server, process, port, photos)
        yield port
    finally:
        _stop(process)


def _wait(server: Server, process: subprocess.Popen[bytes], port: int, photos: list[bytes]) -> None:
    until = time.monotonic() + START_S
    requests = server.requests(photos[:WARM])
    last = Run()
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{server.name} ended with {process.returncode} before it answered.")
        last = closed(port, requests, clients=2, seconds=1.0, warm_s=0.0)
        if len(last.good()) > 2:
            return
        time.sleep(0.3)
    raise RuntimeError(f"{server.name} answered no photo in {START_S:g} s: {[r.status for r in last.replies[:5]]}.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    group = process.pid
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    process.wait(STOP_S)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
