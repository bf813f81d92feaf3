"""Servers as processes: warmed by real photos, standing still while another is measured."""

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
START_S, STOP_S, WARM, ATTEMPTS = 60.0, 15.0, 8, 3
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For peers that run a process a core, as the service keeps its own libraries."""
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


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
    command = (python, "-m", "benchmarks.peers.litserve_peer", scene.folder, "{port}")
    return Server("litserve", command, "json", environment=ONE_THREAD)


def bentoml(scene: Scene, python: str) -> Server:
    service = ("benchmarks.peers.bentoml_peer:Localizing", "--host", HOST, "--port", "{port}")
    told = {"SCENE": scene.folder, "BENTOML_DO_NOT_TRACK": "True", **ONE_THREAD}
    return Server("bentoml", (python, "-m", "bentoml", "serve", *service), "multipart", environment=told)


@dataclass(frozen=True, slots=True)
class Started:
    """A server that runs, or stands still, with every process that descends from it."""

    server: Server
    port: int
    process: subprocess.Popen[bytes]

    def pause(self) -> None:
        """Let it take no processor at all, so that another one runs alone."""
        self.signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal_all(signal.SIGCONT)

    def cpu_s(self) -> float:
        """Processor seconds so far, of all its processes that live."""
        return sum(int(part) for fields in self.processes().values() for part in fields[11:13]) / TICKS_A_SECOND

    def signal_all(self, number: signal.Signals) -> None:
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def processes(self) -> dict[int, list[str]]:
        """Process ids to the fields of /proc/PID/stat after the name."""
        every = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                every[int(folder.name)] = (folder / "stat").read_text().rpartition(")")[2].split()
        found, grown = {self.process.pid}, True
        while grown:
            children = {pid for pid, fields in every.items() if int(fields[1]) in found} - found
            found, grown = found | children, bool(children)
        return {pid: every[pid] for pid in found if pid in every}


@contextlib.contextmanager
def running(server: Server, photos: list[bytes]) -> Iterator[Started]:
    """Start a server, wait until it has answered a few photos, and stop it and its children in the end.

    Raises:
        RuntimeError: it ended, answered with an error, or never.
    """
    for left in reversed(range(ATTEMPTS)):
        started = _launch(server)
        try:
            _wait(started, photos)
        except RuntimeError:  # ports that servers choose for themselves can be taken meanwhile
            _stop(started)
            if not left:
                raise
        except BaseException:
            _stop(started)
            raise
        else:
            break
    try:
        yield started
    finally:
        _stop(started)


def _launch(server: Server) -> Started:
    port = _free_port()
    command = [part.format(port=port) for part in server.command]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SKYFIX_", "OMP_", "OPENBLAS_"))}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**clean, "PYTHONPATH": str(ROOT), **server.environment},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    return Started(server, port, process)


def _wait(started: Started, photos: list[bytes]) -> None:
    until = time.monotonic() + START_S
    name, requests, last = started.server.name, started.server.requests(photos[:WARM]), Run()
    while time.monotonic() < until:
        if started.process.poll() is not None:
            raise RuntimeError(f"{name} ended with {started.process.returncode} before it answered.")
        last = closed(started.port, requests, clients=2, seconds=1.0, warm_s=0.0)
        if len(last.good()) > 2:
            return
        time.sleep(0.3)
    raise RuntimeError(f"{name} answered no photo in {START_S:g} s: {[reply.status for reply in last.replies[:5]]}.")


def _stop(started: Started) -> None:
    family = started.processes()
    started.resume()
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.process.wait(STOP_S)
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    started.process.wait(STOP_S)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
