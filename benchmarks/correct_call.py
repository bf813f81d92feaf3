"""What the largest call of POST /correct costs: time and memory of a service that runs, and what it is worth.

    skyfix sample-city --seed 5201 --photos 32 --panoramas 0 --out city
    skyfix index build --source city/ortho.tif --out index --name city
    python -m benchmarks.correct_call --city city --index index

Every photo's place becomes a device that stands there: fixes a second apart, 20 m off in each direction, the photo with
the middle one; 1,000 fixes and 32 photos in one form, some calls one after the other, then some at once. Memory is that
of the service and its decode workers together: before, the highest there was, and after.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from models.geo import distance_m, offset
from service.correct.schema import MOST_FIXES, MOST_PHOTOS

READY = re.compile(r"Ready in .* at (http://[\w.:\[\]]+) ")
SIGMA_M, ACCURACY_M = 20.0, 30.2
BEGAN = datetime(2026, 11, 21, 20, 23, 10, tzinfo=UTC)
Part = tuple[str, tuple[str | None, bytes, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--city", type=Path, required=True)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=4)
    given = parser.parse_args()
    with (given.city / "pairs.csv").open(encoding="utf-8", newline="") as stream:
        truth = list(csv.DictReader(stream))[:MOST_PHOTOS]
    parts, places = question(given.city, truth)
    size = sum(len(content) for _, (_, content, _) in parts)
    print(f"{MOST_FIXES} fixes of {len(truth)} devices, {len(truth)} photos, {size / 1e6:.1f} MB")
    answer: dict[str, Any] = {}
    with (
        serving(given.index) as (url, process),
        Watch(process.pid) as watch,
        httpx.Client(base_url=url, timeout=120) as client,
        ThreadPoolExecutor(given.at_once) as pool,
    ):
        report("a call without photos", watch, lambda: ask(client, bare(parts)))
        for number in range(given.calls):
            report(f"call {number + 1}", watch, lambda: answer.update(ask(client, parts)))
        calls = [parts] * given.at_once
        report(f"{given.at_once} calls at once", watch, lambda: list(pool.map(lambda p: ask(client, p), calls)))
    tell(answer, places)


def question(city: Path, truth: list[dict[str, str]]) -> tuple[list[Part], list[tuple[float, float]]]:
    """Give the form, and where each fix truly is."""
    dice = np.random.default_rng(1)
    fixes, images, places = [], [], []
    for number in range(MOST_FIXES):
        device, second = number % len(truth), number // len(truth)
        lat, lon = float(truth[device]["lat"]), float(truth[device]["lon"])
        seen_lat, seen_lon = offset(lat, lon, *dice.normal(0.0, SIGMA_M, 2))
        fix: dict[str, Any] = {
            "device_id": f"van-{device}",
            "timestamp": (BEGAN + timedelta(seconds=second)).isoformat(),
            "lat": round(float(seen_lat), 7),
            "lon": round(float(seen_lon), 7),
            "accuracy_m": ACCURACY_M,
            "accuracy_percentile": 68,
            "speed_mps": 0.0,
        }
        if second == MOST_FIXES // len(truth) // 2:
            fix["image"] = f"part:img{device}"
            content = (city / truth[device]["ground"]).read_bytes()
            images.append((f"img{device}", (f"{device}.jpg", content, "image/jpeg")))
        fixes.append(fix)
        places.append((lat, lon))
    return [("fixes", (None, json.dumps({"fixes": fixes}).encode(), "application/json")), *images], places


def bare(parts: list[Part]) -> list[Part]:
    """The same without photos."""
    document = json.loads(parts[0][1][1])
    for fix in document["fixes"]:
        fix.pop("image", None)
    return [("fixes", (None, json.dumps(document).encode(), "application/json"))]


def ask(client: httpx.Client, parts: list[Part]) -> dict[str, Any]:
    reply = client.post("/correct", files=parts)
    reply.raise_for_status()
    found: dict[str, Any] = reply.json()
    return found


@contextmanager
def serving(index: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "service.cli", "serve", "--index", str(index), "--port", "0", "--admin-port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield next(found[1] for line in process.stdout if (found := READY.search(line))), process
        finally:
            process.terminate()


class Watch:
    """Looks at the memory of a process and its children fifty times a second."""

    def __init__(self, pid: int) -> None:
        self._pid, self._over, self.most_mib = pid, threading.Event(), 0.0
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def now_mib(self) -> float:
        """Unshared and shared pages of all processes; what several of them share counts once each."""
        return sum(_resident_kib(pid) for pid in [self._pid, *_children(self._pid)]) / 1024

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.most_mib = max(self.most_mib, self.now_mib())


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return [*found, *(grandchild for child in found for grandchild in _children(child))]


def _resident_kib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) if found else 0


def report(what: str, watch: Watch, work: Any) -> None:
    before, watch.most_mib = watch.now_mib(), 0.0
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(
        f"{what}: {seconds:.2f} s; {before:.0f} MiB before, {watch.most_mib:.0f} at most, {watch.now_mib():.0f} after",
        flush=True,
    )


def tell(answer: dict[str, Any], places: list[tuple[float, float]]) -> None:
    statuses: dict[str, int] = {}
    for one in answer["corrected"]:
        statuses[one["status"]] = statuses.get(one["status"], 0) + 1
    print(statuses, answer["timings_ms"])
    for name, chosen in (("all fixes", answer["corrected"]), ("with a photo", photographed(answer))):
        before, after = (
            np.median([distance_m(one[key]["lat"], one[key]["lon"], *places[one["index"]]) for one in chosen])
            for key in ("original", "position")
        )
        print(f"{name}: median error {before:.1f} m before, {after:.1f} m after")


def photographed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in answer["corrected"] if one["visual_used"]]


if __name__ == "__main__":
    main()
