"""A running service against its own OpenAPI document: every code is provoked, and thousands of calls are generated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from service.door.issuing import new_key
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.service.door.conftest import Running, running
from tests.service.generated import documents
from tests.service.world import encode, panorama

ROOT = Path(__file__).parents[2]
DOCUMENTS = dict(documents())
SEED = "1"
CONFIGURATION = """
hooks = "tests.service.generated_hooks"

[checks.not_a_server_error]
expected-statuses = ["2xx", "4xx", 503, 504]

[checks.negative_data_rejection]
expected-statuses = ["4xx", 503, 504]

[[operations]]
include-path = "/localize/batch"
# what is wrong with one photo is a result of that photo
checks.negative_data_rejection.expected-statuses = ["2xx", "4xx", 503, 504]

[generation]
with-security-parameters = false
database = "none"
"""
BOUNDLESS = {
    "key_requests_per_s": 100_000,
    "key_burst": 100_000,
    "key_bytes_per_minute": 1 << 40,
    "key_in_flight": 4096,
    "failed_auth_per_minute": 100_000,
}


@dataclass(frozen=True)
class Opened:
    """A service that asks for a key, with one."""

    running: Running
    key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.running.port}"

    def answered(self) -> dict[str, int]:
        """Count the answers by status."""
        found: dict[str, int] = {}
        for family in self.running.service.metrics.registry.collect():
            for sample in family.samples:
                if sample.name == "skyfix_http_requests_total" and sample.value:
                    status = sample.labels["status"]
                    found[status] = found.get(status, 0) + int(sample.value)
        return found


GENERATORS_OWN = "ValueError: Unsupported type: 'Binary'"
"""What schemathesis 4 now and then raises while it thinks up a form, before anything is sent: another seed then."""
TRIES = 4


@pytest.fixture
def opened(localizer: IndexLocalizer, tmp_path: Path) -> Iterator[Opened]:
    key_file = tmp_path / "keys.json"
    key = new_key(key_file, "fleet", ("localize", "batch"), datetime.now(UTC))[0]
    settings = Settings(key_file=key_file, expose_openapi=True, **BOUNDLESS)  # type: ignore[arg-type]
    with running(settings, localizer) as service:
        yield Opened(service, key)


def ask_everything(opened: Opened, name: str, folder: Path, *options: str) -> int:
    """Run schemathesis with all its checks; give the number of calls that were answered."""
    (folder / "openapi.json").write_text(json.dumps(DOCUMENTS[name]))
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    command = Path(sys.executable).with_name("schemathesis")
    arguments = [
        "--config-file=schemathesis.toml",
        "run",
        "openapi.json",
        f"--url={opened.url}",
        f"--header=Authorization: Bearer {opened.key}",
        "--checks=all",
        "--continue-on-failure",
        "--suppress-health-check=all",
        "--no-color",
        *options,
    ]
    before = sum(opened.answered().values())
    for seed in range(int(SEED), int(SEED) + TRIES):
        done = subprocess.run(
            [command, *arguments, f"--seed={seed}"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=540,
            check=False,
        )
        if GENERATORS_OWN not in done.stdout or "failures" in done.stdout.lower():
            break
    assert done.returncode == 0, done.stdout + done.stderr
    answered = opened.answered()
    assert {status for status in answered if status.startswith("5")} <= {"503", "504"}, answered
    photo = {"Content-Type": "image/png", "Authorization": f"Bearer {opened.key}"}
    golden = httpx.post(f"{opened.url}/localize?projection=panorama", content=encode(panorama(7)), headers=photo)
    assert golden.json()["candidates"][0]["tile"]["id"] == "t7"
    return sum(answered.values()) - before


def test_a_hundred_generated_calls_meet_the_document(opened: Opened, tmp_path: Path) -> None:
    calls = ask_everything(opened, "raw", tmp_path, "--phases=examples,fuzzing", "--max-examples=100")
    assert calls >= 100
    assert set(opened.answered()) >= {"200", "401", "422"}


@pytest.mark.slow
def test_three_thousand_generated_calls_meet_the_document(opened: Opened, tmp_path: Path) -> None:
    calls = [ask_everything(opened, name, tmp_path, "--max-examples=900") for name in DOCUMENTS]
    assert min(calls) > 300
    assert sum(calls) >= 3000
