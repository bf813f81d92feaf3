"""Ten vehicles step at a pace behind two server processes that share nothing but a secret: no step is lost."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from index.build import build_index
from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from tests.service.running import PATIENCE_S, Recipe, proxied
from tests.service.world import PaintedTiles, encode, panorama, position

VEHICLES = 10
FORM = "multipart/form-data; boundary=B"


@dataclass
class Vehicle:
    """A vehicle that goes to and fro along a row of tiles, and all that it was answered."""

    number: int
    port: int
    token: str | None = None
    steps: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    largest_token: int = 0
    latest_s: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def drive(self, steps: int, pace_s: float) -> None:
        started = time.monotonic()
        for step in range(steps):
            due = started + (step + self.number / VEHICLES) * pace_s
            time.sleep(max(0.0, due - time.monotonic()))
            self.latest_s = max(self.latest_s, time.monotonic() - due)
            self.ask(step)

    def ask(self, step: int) -> None:
        tile = 6 * (self.number % 6) + (step % 6 if step // 6 % 2 == 0 else 5 - step % 6)
        lat, lon = position(tile)
        request: dict[str, Any] = {
            "timestamp": f"2026-11-21T{step // 3600:02d}:{step // 60 % 60:02d}:{step % 60:02d}Z",
            "fix": {"lat": lat, "lon": lon, "accuracy_m": 30, "accuracy_percentile": 68},
            "camera": {"projection": "panorama", "fov_deg": 360},
            **({} if self.token is None else {"track_token": self.token}),
        }
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            headers = {"Content-Type": FORM, "Connection": "close"}
            connection.request("POST", "/track", form(request, encode(panorama(tile))), headers)
            response = connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.wrong.append(repr(error))
            return
        finally:
            connection.close()
        self.seconds.append(time.monotonic() - began)
        if status != 200:
            self.wrong.append(f"{status} {body[:200]!r}")
            return
        answer = json.loads(body)
        self.token = answer["track_token"]
        self.largest_token = max(self.largest_token, len(answer["track_token"]))
        self.steps.append(answer["step"])


def form(request: dict[str, Any], photo: bytes) -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="request"\r\n\r\n' + json.dumps(request).encode()
    return (
        head + b'\r\n--B\r\nContent-Disposition: form-data; name="image"; filename="p"\r\n\r\n' + photo + b"\r\n--B--"
    )


def fleet(port: int, steps: int, pace_s: float) -> list[Vehicle]:
    vehicles = [Vehicle(number, port) for number in range(VEHICLES)]
    threads = [threading.Thread(target=vehicle.drive, args=(steps, pace_s)) for vehicle in vehicles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return vehicles


@pytest.mark.slow
def test_nothing_is_lost_between_two_replicas(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    """TRACK_STEPS=600 TRACK_PACE_S=1 are ten minutes at 1 Hz."""
    steps = int(os.environ.get("TRACK_STEPS", "120"))
    pace_s = float(os.environ.get("TRACK_PACE_S", "0.5"))
    index, secret = tmp_path / "index", tmp_path / "secret"
    build_index(PaintedTiles(), OnnxEncoder(tiny_bundle), index, name="painted")
    secret.write_text("shared by the replicas, by no one else\n")
    shared = {"SKYFIX_TRACK_SECRET_FILE": str(secret), "SKYFIX_DECODE_WORKERS": "1"}
    with ExitStack() as stack:
        recipes = [Recipe(index, tiny_bundle.folder, settings=shared) for _ in range(2)]
        for recipe in recipes:
            stack.enter_context(recipe.running())
        port = stack.enter_context(proxied([recipe.port for recipe in recipes]))
        vehicles = fleet(port, steps, pace_s)
    times = sorted(each for vehicle in vehicles for each in vehicle.seconds)
    print(
        f"{sum(len(vehicle.steps) for vehicle in vehicles)} steps of {len(vehicles)} vehicles, median "
        f"{1e3 * times[len(times) // 2]:.0f} ms, slowest {1e3 * times[-1]:.0f} ms, latest begun "
        f"{max(vehicle.latest_s for vehicle in vehicles):.2f} s after its time, largest token "
        f"{max(vehicle.largest_token for vehicle in vehicles)} characters"
    )
    assert [vehicle.wrong for vehicle in vehicles] == [[]] * VEHICLES
    assert all(vehicle.steps == list(range(1, steps + 1)) for vehicle in vehicles)
