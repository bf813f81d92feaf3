"""What /metrics says: every series of the contract, documented, truthful, and no more of them for what clients send."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from index.bundle import Index
from index.search import Searcher
from models.encoder import FakeEncoder
from models.errors import ModelMismatch
from models.geo import offset
from service.admin import create_admin_app
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.metrics import STATUSES, Metrics, reasons
from service.problems import STATUS
from service.settings import Settings
from service.timeline import STAGES, Timeline
from tests.service.conftest import WHOLE_CIRCLE, Client
from tests.service.test_calibrated import CALIBRATION
from tests.service.world import LAT, LON, position

ROOT = Path(__file__).parents[2]
PROMTOOL = shutil.which("promtool")
CONTRACT = """
http_requests_total{method,route,status} http_request_duration_seconds{method,route} http_requests_in_flight{route}
stage_duration_seconds{stage} queue_depth{queue} queue_capacity{queue} batch_size{stage} rejected_total{reason}
localizations_total{status,mode} confidence_ratio radius95_meters prior_distance_meters
fixes_total{status} fix_correction_meters
index_vectors{index} index_bytes{index} index_ready{index}
index_age_seconds{index} index_probe_recall_ratio{index,k} index_swaps_total{index,result}
model_info{model} index_info{index}
build_info{version} execution_provider_degraded{requested,actual} ready{component} warmup_duration_seconds
"""
"""The metrics section of the HTTP contract, as far as there is something to count; of several indexes by name."""


def families(client: Client) -> dict[str, set[str]]:
    """Labels by family of what is served, counters with their suffix; of ours alone."""
    found = {}
    for family in client.app.state.service.metrics.registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        if name.startswith("skyfix_"):
            found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    return found


def series(client: Client) -> int:
    return sum(len(family.samples) for family in client.app.state.service.metrics.registry.collect())


def admin_of(client: Client) -> Client:
    async def reload(_: str | None) -> Any:
        return ""

    return Client(create_admin_app(client.app.state.service.metrics, reload))  # type: ignore[arg-type]


def test_the_contract_is_served(client: Client, photo: bytes) -> None:
    client.raw(photo)
    served = families(client)
    for wanted in CONTRACT.split():
        name, _, labels = wanted.rstrip("}").partition("{")
        assert served[f"skyfix_{name}"] == set(filter(None, labels.split(","))), name


def test_every_metric_is_in_the_book(client: Client, photo: bytes) -> None:
    client.raw(photo)
    book = (ROOT / "docs/monitoring.md").read_text(encoding="utf-8")
    told = {}
    for name, labels in re.findall(r"`(\w+)(?:\{([\w,]*)\})?`", book.partition("## Metrics")[2].partition("## ")[0]):
        told[f"skyfix_{name}"] = set(filter(None, labels.split(",")))
    served = families(client)
    assert {name: told.get(name) for name in served} == served


def test_series_begin_at_zero(client: Client) -> None:
    client.get("/livez")
    for reason in ("internal", "overloaded", "image_undecodable", "deadline_exceeded", "unauthorized", "not_found"):
        assert client.metric("skyfix_rejected_total", reason=reason) == 0
    for status in STATUSES:
        assert client.metric("skyfix_localizations_total", status=status, mode="prior") == 0
    for status in ("200", "429", "500", "503", "504"):
        assert client.metric("skyfix_http_requests_total", method="POST", route="/localize", status=status) == 0
    for stage in STAGES:
        assert client.metric("skyfix_stage_duration_seconds_count", stage=stage) == 0


def test_every_code_of_a_refused_request_is_a_reason() -> None:
    """What a job or the start of the program raises is none; a bundle is refused before it serves."""
    never = {"usage", "stopped", "environment_conflict", "plan_impossible", "key_file_invalid", "address_unavailable"}
    assert reasons() & never == set()
    assert {kind.code for kind, status in STATUS.items() if 400 <= status < 500} - {"usage"} <= reasons()
    assert {"image_bad_dimensions", "not_ready", "draining", "deadline_exceeded", "encoder_non_finite"} <= reasons()


def test_openmetrics_for_who_asks_and_text_for_others(client: Client, photo: bytes) -> None:
    client.raw(photo)
    admin = admin_of(client)
    plain, spoken = (
        admin.get("/metrics", headers={"Accept": accept})
        for accept in ("*/*", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    )
    assert plain.headers["content-type"].startswith("text/plain")
    assert spoken.text.endswith("# EOF\n")
    spoken_of = text_string_to_metric_families(spoken.text)  # type: ignore[no-untyped-call]
    assert "skyfix_stage_duration_seconds" in {family.name for family in spoken_of}
    assert "_created" not in plain.text + spoken.text
    for odd in ("application/openmetrics-text;version=abc", "text/plain;version=9x", ";;,", "x" * 5000):
        assert admin.get("/metrics", headers={"Accept": odd}).status_code == 200


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_finds_no_fault_with_names_and_units(client: Client, photo: bytes) -> None:
    client.raw(photo)
    text = admin_of(client).get("/metrics").text
    done = subprocess.run([str(PROMTOOL), "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_prior_distance_is_what_the_photo_moved_the_position_by(client: Client, photo: bytes) -> None:
    lat, lon = offset(*position(7), 30.0, 40.0)
    client.raw(photo, lat=float(lat), lon=float(lon), accuracy_m=60, **WHOLE_CIRCLE)
    client.raw(photo, **WHOLE_CIRCLE)
    client.raw(photo, lat=-LAT, lon=LON, **WHOLE_CIRCLE)
    assert client.metric("skyfix_localizations_total", status="outside_coverage", mode="prior") == 1
    assert client.metric("skyfix_prior_distance_meters_count") == 1
    assert client.metric("skyfix_prior_distance_meters_sum") == pytest.approx(50.0, abs=0.5)


def test_worth_of_a_calibrated_answer(painted_index: Index, photo: bytes) -> None:
    encoder = FakeEncoder()
    encoder.manifest = encoder.manifest.model_copy(update={"calibration": CALIBRATION})
    client = Client(create_app(Settings(), IndexLocalizer(encoder, Searcher(painted_index))))
    answer = client.raw(photo, **WHOLE_CIRCLE).json()
    assert client.metric("skyfix_localizations_total", status=answer["status"], mode="global") == 1
    assert client.metric("skyfix_confidence_ratio_sum") == pytest.approx(answer["confidence"], abs=1e-3)
    assert client.metric("skyfix_radius95_meters_sum") == pytest.approx(answer["position"]["radius_m_95"], abs=0.1)
    assert client.metric("skyfix_stage_duration_seconds_count", stage="posterior") == 1


def test_stages_add_up_to_no_more_than_the_request(client: Client, photo: bytes) -> None:
    client.raw(photo)
    total = client.metric("skyfix_http_request_duration_seconds_sum", method="POST", route="/localize") or 0
    stages = [client.metric("skyfix_stage_duration_seconds_sum", stage=stage) or 0 for stage in STAGES]
    assert 0 < sum(stages) <= total


def test_time_of_the_last_good_load() -> None:
    metrics = Metrics("1")

    def refuse() -> int:
        raise ModelMismatch("no")

    assert metrics.timing(lambda: 7)() == 7
    taken = metrics.registry.get_sample_value("skyfix_warmup_duration_seconds") or 0
    assert 0 < taken < 1
    with pytest.raises(ModelMismatch):
        metrics.timing(refuse)()
    assert metrics.registry.get_sample_value("skyfix_warmup_duration_seconds") == taken


def test_timeline_sums_waiting_and_cuts_off_the_posterior() -> None:
    timeline = Timeline()
    for stage, started, ended in [("queue", 0, 1), ("decode", 1, 3), ("queue", 3, 7), ("search", 7, 10)]:
        timeline.add(stage, started, ended)
    timeline.give_end("posterior", "search", 2.0)
    assert timeline.seconds() == {"decode": 2, "queue": 5, "search": 1, "posterior": 2}
    timeline.give_end("posterior", "search", 99.0)
    assert timeline.seconds()["search"] == 0


async def storm(http: httpx.AsyncClient, count: int) -> None:
    """Requests with made-up paths, methods, keys, hosts, agents, ids and traces, a hundred at a time."""

    async def one(number: int) -> None:
        word = secrets.token_hex(8)
        headers: dict[str, Any] = {"X-API-Key": word, "User-Agent": word, "X-Request-Id": word, "traceparent": word}
        host = {"Host": word} if number % 3 == 0 else {}
        method = ("GET", "POST", "PUT", f"M{word}", "DELETE", "OPTIONS")[number % 6]
        path = ("/localize", f"/{word}", "/info", f"/livez/{word}", "/readyz", "/livez")[number // 6 % 6]
        params: dict[str, str | int] = {"lat": number % 90, "lon": number % 180, "index": word}
        await http.request(method, path, params=params, headers={**headers, **host, "Content-Type": word})

    for begin in range(0, count, 100):
        await asyncio.gather(*(one(number) for number in range(begin, min(count, begin + 100))))


def check_storm(client: Client, count: int) -> None:
    """Hold that the first requests show all the series that there will ever be."""
    client.run(lambda http: storm(http, 200))
    before = series(client)
    client.run(lambda http: storm(http, count))
    assert series(client) == before <= 1000


def test_a_storm_makes_no_series(client: Client) -> None:
    check_storm(client, 400)


@pytest.mark.slow
def test_a_long_storm_makes_no_series(client: Client) -> None:
    check_storm(client, 10_000)
