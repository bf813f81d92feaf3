"""The nginx of docs/deployment.md in front of two services: photos through TLS, and restarts that no client notices."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from index.build import build_index
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from tests.docker.conftest import ROOT
from tests.service.world import PaintedTiles, encode, panorama

RESTARTS, CLIENTS = 20, 4
HOST = "photos.example.org"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("nginx") and shutil.which("openssl")), reason="nginx or openssl is missing"),
]


@dataclass(frozen=True)
class Site:
    """What a client needs to know: where nginx listens and whom to believe; and where the services behind it listen."""

    port: int
    trust: ssl.SSLContext
    ports: tuple[int, int]
    command: tuple[str, ...]

    def ask(self, body: bytes) -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.trust)
        headers = {"Content-Type": "image/png", "Host": HOST}
        connection.request("POST", "/localize?projection=panorama&fov_deg=360", body, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if response.headers["Content-Type"].endswith("json") else {}

    @contextmanager
    def service(self, port: int) -> Iterator[subprocess.Popen[str]]:
        environment = {
            **os.environ,
            "SKYFIX_ALLOWED_HOSTS": HOST,
            "SKYFIX_DRAIN_S": "0.2",
            "SKYFIX_DECODE_WORKERS": "1",
        }
        command = [*self.command, "--port", str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
            assert process.stdout is not None
            assert any("Ready in" in line for line in iter(process.stdout.readline, ""))
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


@pytest.fixture(scope="module")
def site(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("proxy")
    index = folder / "index"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), index, name="painted")
    port, *behind = (_free_port() for _ in range(3))
    _make_certificate(folder)
    configuration = _configuration(folder, port, behind)
    serve = [sys.executable, "-m", "service.cli", "serve", "--index", str(index), "--bundle", str(tiny_bundle.folder)]
    # A machine's worth of requests comes from one address here.
    limits = re.sub(r"rate=\d+r/s", "rate=1000r/s", configuration).replace("burst=20", "burst=1000")
    (folder / "nginx.conf").write_text(limits, encoding="utf-8")
    trust = ssl.create_default_context(cafile=str(folder / "photos.pem"))
    trust.check_hostname = False  # the client goes to 127.0.0.1
    with subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]) as process:
        yield Site(port, trust, (behind[0], behind[1]), (*serve, "--admin-port", "0"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def _configuration(folder: Path, port: int, behind: list[int]) -> str:
    """The documented one, with this test's ports, files and second service."""
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    (site,) = re.findall(r"```nginx\n(.*?)```", text, flags=re.DOTALL)
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in behind)
    for old, new in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("server 127.0.0.1:8080 max_fails=0;", servers),
        ("/etc/ssl/", f"{folder}/"),
    ):
        assert old in site
        site = site.replace(old, new)
    paths = "".join(
        f"{name}_temp_path {folder}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    log = f"pid {folder}/pid; error_log {folder}/error.log;"
    return f"{log}\nevents {{}}\nhttp {{\naccess_log off; {paths}\n{site}}}\n"


def _make_certificate(folder: Path) -> None:
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    files = ["-keyout", str(folder / "photos.key"), "-out", str(folder / "photos.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names, *files]
    subprocess.run(command, check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def test_a_photo_goes_through_and_a_large_body_does_not(site: Site) -> None:
    with site.service(site.ports[0]):
        status, answer = site.ask(encode(panorama(7)))
        assert (status, answer["candidates"][0]["tile"]["id"]) == (200, "t7")  # type: ignore[index]
        assert site.ask(bytes(9_000_000))[0] == 413


def test_no_client_notices_restarts(site: Site) -> None:
    photo, over = encode(panorama(7)), threading.Event()
    found: list[int | str] = []

    def client() -> None:
        while not over.is_set():
            try:
                found.append(site.ask(photo)[0])
            except (OSError, http.client.HTTPException) as error:
                found.append(type(error).__name__)

    with ExitStack() as stack:
        running = [stack.enter_context(ExitStack()) for _ in site.ports]
        for each, port in zip(running, site.ports, strict=True):
            each.enter_context(site.service(port))
        clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for thread in clients:
            thread.start()
        try:
            for number in range(RESTARTS):
                which = number % 2
                running[which].close()
                running[which].enter_context(site.service(site.ports[which]))
        finally:
            over.set()
            for thread in clients:
                thread.join()
    assert len(found) > 10 * RESTARTS
    assert set(found) == {200}
