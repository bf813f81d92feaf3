"""The service where nothing can be written and nothing is allowed: as the image is run, without its engine."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from index.build import build_index
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from tests.docker.conftest import ROOT, Stage
from tests.service.world import PaintedTiles, encode, panorama

READY = re.compile(r"Ready in .* at http://(\S+):(\d+) ")
QUERY = "/localize?projection=panorama&fov_deg=360"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0 and "CI" not in os.environ, reason="only root can take rights away"),
]


def confined(kept: list[Path], command: list[str]) -> list[str]:
    keep = [ROOT, Path(sys.prefix), Path(sys.base_prefix), *kept]
    program = [sys.executable, str(ROOT / "tests/docker/confined.py")]
    return ["unshare", "--mount", *program, *map(str, keep), "--", *command]


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen[str]
    host: str
    port: int

    def ask(self, body: bytes, content_type: str = "image/png") -> tuple[int, dict[str, object]]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        connection.request("POST", QUERY, body, {"Content-Type": content_type})
        response = connection.getresponse()
        found = response.status, json.loads(response.read())
        connection.close()
        return found


@pytest.fixture(scope="module")
def index_root(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hardened") / "index"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), root, name="painted")
    root.chmod(0o755)  # what the documents ask for: readable for the image's user
    (root / "CURRENT").chmod(0o644)
    return root


@contextmanager
def running(runtime: Stage, index: Path, bundle: ModelBundle, *around: str) -> Iterator[Served]:
    """The service with what the image sets, in the cage, under the command `around`; it has to stop cleanly."""
    environment = {**runtime.env, "SKYFIX_INDEX": str(index), "SKYFIX_BUNDLE": str(bundle.folder)}
    environment |= {"PATH": os.environ["PATH"], "SKYFIX_HOST": "127.0.0.1"}
    serve = [sys.executable, "-m", "service.cli", "serve", "--port", "0", "--admin-port", "0"]
    command = [*around, *confined([index, bundle.folder], serve)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        ready = next((found for line in iter(process.stdout.readline, "") if (found := READY.search(line))), None)
        assert ready is not None, "it did not start"
        yield Served(process, ready[1], int(ready[2]))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.fixture(scope="module")
def served(runtime: Stage, index_root: Path, tiny_bundle: ModelBundle) -> Iterator[Served]:
    tiny_bundle.folder.chmod(0o755)
    with running(runtime, index_root, tiny_bundle) as found:
        yield found


def test_the_cage_is_closed(index_root: Path) -> None:
    """Of what the service may: nothing. The other tests here are worth what this one says."""
    folders = ["/", "/var/tmp", "/run", "/home", "/tmp", str(ROOT), str(index_root)]
    command = [sys.executable, str(ROOT / "tests/docker/rights.py"), *folders]
    done = subprocess.run(confined([index_root], command), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "ids": [10001, 10001],
        "rights": 0,
        "no_new_privs": 1,
        "writable": ["/tmp"],
        "tmp_mib": 64,
        "tmp_noexec": True,
    }


@pytest.mark.parametrize("number", [0, 7, 21, 35])
def test_a_photo_is_answered_with_the_planted_tile(served: Served, number: int) -> None:
    status, answer = served.ask(encode(panorama(number, 90.0)))
    assert status == 200
    best = answer["candidates"][0]  # type: ignore[index]
    assert best["tile"]["id"] == f"t{number}"


def test_bad_photos_are_refused_and_the_next_good_one_is_answered(served: Served) -> None:
    assert served.ask(b"")[0] in {400, 422}
    assert served.ask(b"\x89PNG\r\n\x1a\n")[0] == 422
    assert served.ask(encode(panorama(3))[:-40])[0] == 422
    assert served.ask(b"GIF89a" + bytes(64))[0] == 415
    large = encode(panorama(7).repeat(4, axis=0).repeat(4, axis=1), "BMP")[54:]
    assert served.ask(large)[0] == 415
    assert served.ask(encode(panorama(7)))[0] == 200


def test_nothing_was_left_in_tmp(served: Served, index_root: Path, tiny_bundle: ModelBundle) -> None:
    """More than 1 MiB of a body spools to disk by default; here it never does."""
    noise = os.urandom(3_000_000)
    assert served.ask(noise)[0] == 415
    tmp = Path(f"/proc/{served.process.pid}/root/tmp")
    kept = {
        path.relative_to("/tmp").parts[0]
        for path in (index_root, tiny_bundle.folder, ROOT)
        if path.is_relative_to("/tmp")
    }
    assert {path.name for path in tmp.iterdir()} <= kept


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_it_calls_nobody(runtime: Stage, index_root: Path, tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    """From start to end, with a photo in between, no thread of it connects to an address of any network."""
    log = tmp_path / "calls"
    watched = ("strace", "-D", "-f", "-q", "-e", "trace=connect", "-o", str(log))
    with running(runtime, index_root, tiny_bundle, *watched) as found:
        assert found.ask(encode(panorama(7)))[0] == 200
    for _ in range(100):  # the tracer writes its last line when the service is gone
        if re.search(rf"^{found.process.pid} +\+\+\+ exited", calls := log.read_text(encoding="utf-8"), re.MULTILINE):
            break
        time.sleep(0.1)
    else:
        pytest.fail("strace saw no end")
    assert not re.search(r"connect\(.*AF_INET", calls)
