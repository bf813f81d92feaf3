"""What the demo asks the service and how it judges the answers; it speaks HTTP only, as any client would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.geo import distance_m, offset
from models.pairs import Pair
from service.errors import DemoFailed
from service.page.samples import Place, Told, write_samples

Json = dict[str, Any]
GPS_ERROR_M, GPS_ACCURACY_M = 25.0, 35.0
CLOSE_M = 16.0
START_LIMIT_S, STOP_LIMIT_S, CALL_LIMIT_S = 120.0, 10.0, 30.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Shot:
    """One photo and what the service is told about it."""

    image: Path
    lat: float
    lon: float
    """The true position."""
    fov_deg: float | None
    """None for a panorama."""
    true_heading_deg: float | None
    heading_is_told: bool
    """False: the service has to find it."""
    prior: tuple[float, float] | None = None
    """A rough position, as a GPS in a street would give."""

    @property
    def caption(self) -> str:
        kind = "panorama" if self.fov_deg is None else f"photo of {self.fov_deg:.0f}°"
        heading = "heading given" if self.heading_is_told else "heading unknown"
        prior = f", GPS prior {GPS_ACCURACY_M:.0f} m" if self.prior else ""
        return f"{self.image.name}: {kind}, {heading}{prior}"

    @property
    def fields(self) -> dict[str, str]:
        """Flat fields of POST /localize."""
        fields = {"top_k": "3"}
        fields |= {"projection": "panorama"} if self.fov_deg is None else {"fov_deg": f"{self.fov_deg:g}"}
        if self.heading_is_told and self.true_heading_deg is not None:
            fields["heading_deg"] = f"{round(self.true_heading_deg, 3) % 360:g}"
        if self.prior is not None:
            lat, lon = self.prior
            fields |= {"lat": f"{lat:.7f}", "lon": f"{lon:.7f}"}
            fields |= {"accuracy_m": f"{GPS_ACCURACY_M:g}", "accuracy_percentile": "68"}
        return fields


@dataclass(frozen=True, slots=True)
class Located:
    """An answer beside the truth."""

    shot: Shot
    answer: Json
    errors_m: tuple[float, ...]
    """Distance of each candidate from the true position."""


def plan_shots(pairs: Sequence[Pair], seed: int) -> list[Shot]:
    """Ask about every second picture of a kind without its heading, and about the last one with a GPS prior."""
    rng = np.random.default_rng(seed)
    shots = []
    for is_photo in (False, True):
        kind = [pair for pair in pairs if (pair.fov_deg is not None and pair.fov_deg < 360) == is_photo]
        for number, pair in enumerate(kind):
            if pair.lat is None or pair.lon is None:
                raise DemoFailed(f"{pair.ground} has no position in pairs.csv.")
            known = number % 2 == 0 and pair.heading_deg is not None
            east_m, north_m = rng.normal(0.0, GPS_ERROR_M, 2)
            lat, lon = offset(pair.lat, pair.lon, east_m, north_m)
            shots.append(
                Shot(
                    image=pair.ground,
                    lat=pair.lat,
                    lon=pair.lon,
                    fov_deg=pair.fov_deg if is_photo else None,
                    true_heading_deg=pair.heading_deg,
                    heading_is_told=known,
                    prior=(float(lat), float(lon)) if number == len(kind) - 1 else None,
                )
            )
    return shots


def offer_samples(shots: Sequence[Shot], folder: Path) -> Path:
    """Lay the pictures into a folder for the page, small ones of each kind; give the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    listed: list[Told] = []
    for number, shot in enumerate(shots):
        name = f"{number:02d}-{shot.image.parent.name}-{shot.image.name}"
        (folder / name).write_bytes(shot.image.read_bytes())
        fields = {field: value for field, value in shot.fields.items() if field != "top_k"}
        truth: Place = {"lat": round(shot.lat, 7), "lon": round(shot.lon, 7)}
        caption = shot.caption.partition(": ")[2]
        listed.append({"file": name, "caption": caption, "fields": fields, "truth": truth})
    write_samples(folder, listed)
    return folder


def locate(url: str, shot: Shot) -> Located:
    """Post one picture as a raw body.

    Raises:
        DemoFailed: the service answered with a problem.
    """
    types = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
    request = urllib.request.Request(
        f"{url}/localize?{urllib.parse.urlencode(shot.fields)}",
        data=shot.image.read_bytes(),
        headers={"Content-Type": types[shot.image.suffix.lower()]},
    )
    try:
        with urllib.request.urlopen(request, timeout=CALL_LIMIT_S) as response:
            answer: Json = json.load(response)
    except urllib.error.HTTPError as error:
        raise DemoFailed(f"{shot.image.name}: the service answered {error.code}: {error.read().decode()}") from error
    errors = [float(distance_m(c["lat"], c["lon"], shot.lat, shot.lon)) for c in answer["candidates"]]
    return Located(shot, answer, tuple(errors))


def curl_command(url: str, shot: Shot) -> str:
    """Give a command that asks the same question by hand."""
    fields = "".join(f" -F {name}={value}" for name, value in shot.fields.items())
    return f"curl -s -F image=@{shot.image}{fields} {url}/localize"


def free_port(preferred: int) -> int:
    """Give the preferred port of loopback if nobody listens there, else any free one."""
    for port in (preferred, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as listener:
                return int(listener.getsockname()[1])
        except OSError:
            continue
    raise DemoFailed("No port of 127.0.0.1 is free.")


@contextmanager
def running_service(
    index: Path,
    bundle: Path,
    port: int,
    admin_port: int,
    samples: Path | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `skyfix serve` as a process of its own; yield its URL once /readyz says yes, stop it at the end.

    Args:
        settings: environment variables beside those of this process.

    Raises:
        DemoFailed: it ended or was not ready in time.
    """
    command = [sys.executable, "-m", "service.cli", "serve", "--strict", "--index", str(index), "--bundle", str(bundle)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--admin-port", str(admin_port)]
    url = f"http://127.0.0.1:{port}"
    environ = dict(os.environ) | ({} if samples is None else {"SKYFIX_PAGE_SAMPLES": str(samples)})
    environ |= settings or {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environ) as process:
        try:
            _wait_until_ready(url, process)
            yield url, process
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoFailed(f"The service ended with exit code {process.returncode}; its reason is above.")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=CALL_LIMIT_S):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(POLL_S)
    raise DemoFailed(f"The service was not ready within {START_LIMIT_S:g} s.")
