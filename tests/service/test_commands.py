"""`skyfix serve` and `skyfix localize` on a real ONNX bundle and index, as a user would run them."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from index.build import build_index
from models.bundle import ModelBundle
from models.calibration.delivery import deliver
from models.encoder import OnnxEncoder
from service.cli import main
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import PaintedTiles, encode, panorama, position

ROOT = Path(__file__).parents[2]
READY = re.compile(r"Ready in .* at http://(\S+):(\d+) \(metrics at http://(\S+):(\d+)\)")


@pytest.fixture(scope="module")
def index_root(tiny_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served") / "index"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), root, name="painted")
    return root


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(encode(panorama(7, 90.0)))
    return path


@dataclass
class Served:
    process: subprocess.Popen[str]
    public: tuple[str, int]
    admin: tuple[str, int]

    def request(self, address: tuple[str, int], method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*address, timeout=10)
        connection.request(method, path, body, {"Content-Type": "image/png"})
        response = connection.getresponse()
        found = response.status, response.read()
        connection.close()
        return found


def serve_command(index: Path, bundle: Path) -> list[str]:
    ports = ["--port", "0", "--admin-port", "0"]
    return [sys.executable, "-m", "service.cli", "serve", "--index", str(index), "--bundle", str(bundle), *ports]


@pytest.fixture(scope="module")
def served(index_root: Path, tiny_bundle: ModelBundle) -> Iterator[Served]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = serve_command(index_root, tiny_bundle.folder)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        ready = next(found for line in lines if (found := READY.search(line)))
        yield Served(process, (ready[1], int(ready[2])), (ready[3], int(ready[4])))
        if process.poll() is None:
            process.kill()


def test_served_answer_is_the_planted_tile(served: Served, photo: Path) -> None:
    path = "/localize?projection=panorama&fov_deg=360"
    status, body = served.request(served.public, "POST", path, photo.read_bytes())
    answer = json.loads(body)
    assert (status, answer["candidates"][0]["tile"]["id"], answer["heading"]["deg"]) == (200, "t7", 90.0)


def test_each_address_has_its_own_routes(served: Served) -> None:
    assert served.request(served.public, "GET", "/readyz")[0] == 200
    assert served.request(served.public, "GET", "/metrics")[0] == 404
    status, body = served.request(served.admin, "GET", "/metrics")
    assert status == 200
    assert b'skyfix_ready{component="index"} 1.0' in body


def test_body_that_is_too_large_is_refused_on_the_wire(served: Served) -> None:
    status, body = served.request(served.public, "POST", "/localize", b"0" * 9_000_000)
    assert (status, json.loads(body)["code"]) == (413, "body_too_large")


def test_a_taken_port_is_one_line(served: Served, index_root: Path, tiny_bundle: ModelBundle) -> None:
    command = [*serve_command(index_root, tiny_bundle.folder), "--port", str(served.public[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert "[address_unavailable]" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_sigterm_ends_it_cleanly(served: Served) -> None:
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(10) == 0


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_localize_prints_one_json_object(photo: Path, index_root: Path, tiny_bundle: ModelBundle) -> None:
    common = (photo, "--index", index_root, "--bundle", tiny_bundle.folder, "--projection", "panorama")
    result = run("localize", *common, "--top-k", "2", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert [candidate["rank"] for candidate in answer["candidates"]] == [1, 2]
    assert (answer["candidates"][0]["tile"]["id"], answer["heading"]["deg"]) == ("t7", 90.0)


def test_localize_prints_a_table(photo: Path, index_root: Path, tiny_bundle: ModelBundle) -> None:
    lat, lon = position(7)
    common = (photo, "--index", index_root, "--bundle", tiny_bundle.folder, "--projection", "panorama")
    result = run("localize", *common, "--prior", f"{lat},{lon},60", "--heading", "90")
    assert result.exit_code == 0, result.output
    assert f"{lat:.7f}" in result.stdout
    assert "uncalibrated" in result.stdout


def test_localize_says_what_a_calibrated_answer_is_worth(
    photo: Path, index_root: Path, tiny_bundle: ModelBundle, tmp_path: Path
) -> None:
    bundle = deliver(tiny_bundle, CALIBRATION, tmp_path / "calibrated")
    result = run("localize", photo, "--index", index_root, "--bundle", bundle.folder, "--projection", "panorama")
    assert result.exit_code == 0, result.output
    assert "localized: One place" in result.stdout
    assert "with 95 %" in result.stdout
    assert "probability" in result.stdout


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--prior", "52.5,13.4"], "LAT,LON,M"),
        (["--prior", "95,13.4,10"], "lat: has to be less than or equal to 90"),
        (["--fov", "5"], "fov_deg"),
        (["--top-k", "0"], "top_k"),
    ],
)
def test_localize_wrong_use(
    photo: Path, index_root: Path, tiny_bundle: ModelBundle, options: list[str], word: str
) -> None:
    result = run("localize", photo, "--index", index_root, "--bundle", tiny_bundle.folder, *options)
    assert result.exit_code == 2
    assert word in result.stderr


def test_localize_refuses_what_is_no_photo(tmp_path: Path, index_root: Path, tiny_bundle: ModelBundle) -> None:
    path = tmp_path / "photo.txt"
    path.write_text("not a photo, but long enough")
    result = run("localize", path, "--index", index_root, "--bundle", tiny_bundle.folder)
    assert (result.exit_code, "[image_type_unsupported]" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("name", "code"), [("vectors.npy", "checksum_mismatch"), ("manifest.json", "checksum_mismatch")]
)
def test_serve_refuses_a_damaged_index(
    tmp_path: Path, index_root: Path, tiny_bundle: ModelBundle, name: str, code: str
) -> None:
    copy = tmp_path / "index"
    shutil.copytree(index_root, copy)
    damaged = next(copy.glob(f"gen-*/{name}"))
    damaged.chmod(0o644)
    content = bytearray(damaged.read_bytes())
    content[content.find(b"painted") if name == "manifest.json" else -1] ^= 1
    damaged.write_bytes(content)
    result = run(*serve_command(copy, tiny_bundle.folder)[3:], "--strict")
    assert result.exit_code == 3
    assert f"[{code}]" in result.stderr
    assert name in result.stderr


def test_serve_without_an_index_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKYFIX_INDEX", raising=False)
    assert run("serve").exit_code == 2
    assert run("serve", "--strict", "--index", "/nowhere").exit_code == 3


def test_serve_refuses_an_unknown_setting(monkeypatch: pytest.MonkeyPatch, index_root: Path) -> None:
    monkeypatch.setenv("SKYFIX_PROT", "1")
    result = run("serve", "--index", index_root)
    assert (result.exit_code, "SKYFIX_PORT" in result.stderr) == (2, True)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted as Linux shows them")
def test_numpy_multiplies_on_the_thread_that_asks() -> None:
    code = (
        "import os, service.commands.serve, numpy as np\n"
        "square = np.ones((512, 512), np.float32)\n"
        "square @ square\n"
        "print(len(os.listdir('/proc/self/task')))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT, env=environment) == "1\n"
