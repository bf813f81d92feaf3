"""A real Prometheus scrapes the running service: every query of the dashboard and of the rules gets an answer."""

from __future__ import annotations

import http.client
import http.server
import json
import math
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from index.build import build_index
from models.bundle import ModelBundle
from models.calibration.delivery import deliver
from models.encoder import OnnxEncoder
from tests.docker.conftest import ROOT, load_yaml
from tests.docker.expressions import of_dashboard, of_rule_files, selectors
from tests.service.test_calibrated import CALIBRATION
from tests.service.test_commands import READY, serve_command
from tests.service.world import PaintedTiles, encode, panorama, position

PROMETHEUS = shutil.which("prometheus")
RATE_INTERVAL, PATIENCE_S = "15s", 60.0
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed"),
]
RULES = of_rule_files(ROOT)
TARGETS = of_dashboard(json.loads((ROOT / "docker/grafana/dashboards/skyfix.json").read_text(encoding="utf-8")))


Address = tuple[str, int]


@dataclass
class Service:
    public: Address
    admin: Address
    index: Path
    """Its folder."""


@dataclass
class Watched:
    """A Prometheus and the service that it scrapes."""

    port: int
    service: Service

    def get(self, path: str, **query: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(query)}")
        answer = json.loads(connection.getresponse().read())
        connection.close()
        assert answer["status"] == "success", answer
        return answer["data"]

    def numbers(self, expression: str) -> list[float]:
        """Values of an expression now, those that are no numbers left out."""
        samples = self.get("query", query=expression)["result"]
        return [value for sample in samples if math.isfinite(value := float(sample["value"][1]))]

    def wait_for(self, expression: str) -> list[float]:
        """Ask until there is a number, for a while."""
        return until(lambda: self.numbers(expression), f"no data for {expression}")


def until(ask: Callable[[], list[Any]], complaint: str) -> list[Any]:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := ask()):
        assert time.monotonic() < deadline, complaint
        time.sleep(0.5)
    return found


def request(address: Address, method: str, path: str, body: bytes = b"") -> int:
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.request(method, path, body, {"Content-Type": "image/png"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes traces and forgets them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def running(command: list[str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, text=True, **more) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def collector() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def service(tiny_bundle: ModelBundle, collector: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A calibrated service that sends traces."""
    folder = tmp_path_factory.mktemp("watched")
    bundle = deliver(tiny_bundle, CALIBRATION, folder / "calibrated")
    build_index(PaintedTiles(), OnnxEncoder(bundle), folder / "index", name="painted")
    command = serve_command(folder / "index", bundle.folder)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "SKYFIX_OTLP_ENDPOINT": collector}
    with running(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        ready = next(found for line in iter(process.stdout.readline, "") if (found := READY.search(line)))
        yield Service((ready[1], int(ready[2])), (ready[3], int(ready[4])), folder / "index")


@pytest.fixture(scope="module")
def watched(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Prometheus with the shipped configuration, but for addresses and a pulse of a second; and some traffic."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(service.admin)), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        str(PROMETHEUS),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        "--log.level=error",
    ]
    stop = threading.Event()
    traffic = threading.Thread(target=drive, args=(service.public, stop))
    with running(command):
        traffic.start()
        try:
            yield Watched(port, service)
        finally:
            stop.set()
            traffic.join()


def configuration(admin: Address) -> Any:
    shipped = load_yaml("docker/prometheus/prometheus.yml")
    shipped["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    shipped["rule_files"] = [str(ROOT / "docker/prometheus" / pattern) for pattern in shipped["rule_files"]]
    shipped["scrape_configs"][0]["static_configs"] = [{"targets": [f"{admin[0]}:{admin[1]}"]}]
    return shipped


def drive(public: Address, stop: threading.Event) -> None:
    """Send photos with and without a prior, and bad ones."""
    lat, lon = position(7)
    good, panoramic = encode(panorama(7)), "/localize?projection=panorama&fov_deg=360"
    while not stop.wait(0.1):
        assert request(public, "POST", panoramic, good) == 200
        assert request(public, "POST", f"{panoramic}&lat={lat}&lon={lon}&accuracy_m=200", good) == 200
        assert request(public, "POST", "/localize", b"no photo") == 422


@pytest.fixture(scope="module", autouse=True)
def _scraped(watched: Watched) -> None:
    def up() -> list[float]:
        try:
            return watched.numbers('up{job="skyfix"} == 1')
        except OSError:
            return []

    until(up, "Prometheus does not reach the service")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target["expr"][:60])
def test_every_query_of_the_dashboard_gets_data(watched: Watched, target: dict[str, str]) -> None:
    watched.wait_for(target["expr"].replace("$__rate_interval", RATE_INTERVAL))


@pytest.mark.parametrize("name", [rule["record"] for rule in RULES if "record" in rule])
def test_every_recording_rule_records(watched: Watched, name: str) -> None:
    watched.wait_for(name)


@pytest.mark.parametrize("rule", [rule for rule in RULES if "alert" in rule], ids=lambda rule: rule["alert"])
def test_every_input_of_an_alert_has_data(watched: Watched, rule: dict[str, Any]) -> None:
    for selector in selectors(rule["expr"]):
        watched.wait_for(selector.text)


def test_no_rule_fails_and_no_alert_fires_for_a_service_that_is_well(watched: Watched) -> None:
    def evaluated() -> list[Any]:
        rules = [rule for group in watched.get("rules")["groups"] for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else []

    rules = until(evaluated, "rules are not evaluated")
    assert len(rules) == len(RULES)
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
    assert watched.get("alerts")["alerts"] == []


def test_exemplars_lead_to_traces(watched: Watched) -> None:
    def kept() -> list[Any]:
        now = time.time()
        asked = {"query": "skyfix_http_request_duration_seconds_bucket", "start": str(now - 60), "end": str(now)}
        found: list[Any] = watched.get("query_exemplars", **asked)
        return found

    ids = {one["labels"]["trace_id"] for series in until(kept, "no exemplars") for one in series["exemplars"]}
    assert {len(trace_id) for trace_id in ids} == {32}


def test_a_refused_reload_raises_its_alert(watched: Watched) -> None:
    pointer, admin = watched.service.index / "CURRENT", watched.service.admin
    good = pointer.read_bytes()
    pointer.write_bytes(b"gen-99")
    try:
        assert request(admin, "POST", "/admin/reload") == 409
    finally:
        pointer.write_bytes(good)
    until(lambda: watched.numbers('ALERTS{alertname="SkyfixReloadRefused",alertstate="firing"}'), "no alert")
    assert request(admin, "POST", "/admin/reload") == 200
