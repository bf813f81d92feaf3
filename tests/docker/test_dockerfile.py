"""The images: what they install, and what they are allowed to do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from packaging.requirements import Requirement

from service.settings import refuse_unknown_names
from tests.docker.conftest import ROOT, Stage

SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL")


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_target_takes_its_own_environment_on_the_shared_base(stages: dict[str, Stage], device: str) -> None:
    assert stages[device].base == "base"
    assert stages[device].all("COPY") == [f"--from=build-{device} /opt/skyfix /opt/skyfix"]


def test_cpu_is_the_default_target(stages: dict[str, Stage]) -> None:
    assert stages[""].base == "cpu"


def test_user_is_nobody_in_particular(stages: dict[str, Stage], runtime: Stage) -> None:
    assert runtime.all("USER") == ["10001:10001"]
    assert not [stage for stage in stages.values() if stage is not runtime and stage.all("USER")]


def test_service_is_the_first_process(runtime: Stage) -> None:
    assert json.loads(runtime.all("ENTRYPOINT")[0]) == ["skyfix"]
    assert json.loads(runtime.all("CMD")[0]) == ["serve"]
    assert runtime.all("STOPSIGNAL") == ["SIGTERM"]


def test_settings_are_known_and_not_secret(stages: dict[str, Stage]) -> None:
    for stage in stages.values():
        refuse_unknown_names(stage.env)
        assert not [name for name in [*stage.env, *stage.all("ARG")] if SECRET.search(name.upper())]


@pytest.mark.parametrize("library", ["OMP", "OPENBLAS", "MKL"])
def test_libraries_take_one_thread(runtime: Stage, library: str) -> None:
    assert runtime.env[f"{library}_NUM_THREADS"] == "1"


def test_python_writes_no_bytecode(runtime: Stage) -> None:
    assert runtime.env["PYTHONDONTWRITEBYTECODE"] == "1"


def test_what_is_copied_is_in_the_build_context(stages: dict[str, Stage]) -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [line.split()[:-1] for stage in stages.values() for line in stage.all("COPY") if "--from=" not in line]
    assert {word for words in copied for word in words} == allowed


def test_base_is_pinned_by_digest() -> None:
    (base,) = re.findall(r"^ARG BASE_IMAGE=(.*)$", (ROOT / "docker/Dockerfile").read_text(), flags=re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base)


def test_gpu_pair_shares_one_cuda() -> None:
    """faiss-gpu brings CUDA 12, and onnxruntime-gpu 1.26 is the last release built for it."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pins = {(pin := Requirement(text)).name: pin for text in extras["gpu"]}
    assert "1.26.0" in pins["onnxruntime-gpu"].specifier
    assert "1.27.0" not in pins["onnxruntime-gpu"].specifier
    assert pins["onnxruntime-gpu"].extras == {"cuda", "cudnn"}


class Readiness(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Readiness) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_health_check_asks_for_readiness(
    runtime: Stage, port: int, monkeypatch: pytest.MonkeyPatch, status: int, healthy: bool
) -> None:
    monkeypatch.setattr(Readiness, "status", status)
    command = json.loads(runtime.all("HEALTHCHECK")[0].partition("CMD")[2])
    done = subprocess.run([sys.executable, *command[1:]], env={**os.environ, "SKYFIX_PORT": str(port)}, check=False)
    assert (done.returncode == 0) == healthy
