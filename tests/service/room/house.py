"""A server as a process of its own, in a place of its own, whose every line and file is looked at."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.door.issuing import new_key

ROOT = Path(__file__).parents[3]
READY = re.compile(r"Ready in .* at http://(\S+):(\d+) \(metrics at http://(\S+):(\d+)\)")
PANORAMA = "projection=panorama&fov_deg=360"


def wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


@dataclass
class House:
    """The server, its log, and the folder that it has for a home, for temporary files and to stand in."""

    process: subprocess.Popen[bytes]
    folder: Path
    key: str
    public: tuple[str, int] = ("", 0)
    admin: tuple[str, int] = ("", 0)
    line: http.client.HTTPConnection | None = None

    @property
    def text(self) -> str:
        return (self.folder.parent / "log").read_text(encoding="utf-8")

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def workers(self) -> list[int]:
        found = []
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            found += [int(pid) for pid in children.read_text().split()]
        return found

    @property
    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))

    def ask(
        self, body: bytes, path: str = f"/localize?{PANORAMA}", headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask about a photo on a connection that is kept."""
        if self.line is None:
            self.line = http.client.HTTPConnection(*self.public, timeout=30)
        self.line.request("POST", path, body, {"Content-Type": "image/jpeg", "X-API-Key": self.key, **(headers or {})})
        response = self.line.getresponse()
        return response.status, json.loads(response.read())

    def metrics(self) -> str:
        connection = http.client.HTTPConnection(*self.admin, timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return text


@contextmanager
def open_house(
    place: Path, index: Path, bundle: Path, *before: str, unheard: bool = False, **settings: str
) -> Iterator[House]:
    """Start a server and wait until it is ready.

    Args:
        place: folder for its home and its log.
        before: what to start it with, such as strace.
        unheard: its log goes into a pipe of a page, which is read until it is ready and then no more.
    """
    home = place / "home"
    home.mkdir()
    key = new_key(place / "keys.json", "fleet", ("localize",), datetime.now(UTC))[0]
    limits = {"KEY_REQUESTS_PER_S": "10000", "KEY_BURST": "10000", "KEY_BYTES_PER_MINUTE": str(1 << 40)}
    told = {
        "KEY_FILE": str(place / "keys.json"),
        "LOG_LEVEL": "debug",
        "KEEP_ALIVE_S": "300",
        "DECODE_WORKERS": "2",
        **limits,
        **settings,
    }
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
        "TMPDIR": str(home),
        **{f"SKYFIX_{name}": value for name, value in told.items()},
    }
    options = ["--index", str(index), "--bundle", str(bundle), "--port", "0", "--admin-port", "0"]
    command = [*before, sys.executable, "-m", "service.cli", "serve", *options]
    log = (place / "log").open("wb")
    out = subprocess.PIPE if unheard else log
    with log, subprocess.Popen(command, stdout=out, stderr=log, cwd=home, env=environment) as process:
        house = House(process, home, key)
        try:
            ready = _first_words(process) if unheard else _written_words(house)
            assert ready is not None, house.text
            house.public, house.admin = (ready[1], int(ready[2])), (ready[3], int(ready[4]))
            yield house
        finally:
            if house.line is not None:
                house.line.close()
            if process.poll() is None:
                for pid in house.workers if before else []:  # strace would leave the server behind
                    os.kill(pid, signal.SIGKILL)
                process.send_signal(signal.SIGKILL)


def _written_words(house: House) -> re.Match[str] | None:
    wait(lambda: house.process.poll() is not None or READY.search(house.text) is not None)
    return READY.search(house.text)


def _first_words(process: subprocess.Popen[bytes]) -> re.Match[str] | None:
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    said = b""
    while chunk := os.read(process.stdout.fileno(), 4096):
        said += chunk
        if ready := READY.search(said.decode()):
            return ready
    return None
