"""What becomes of the service when more comes than it can do: goodput, refusals, deadlines, liveness, recovery.

    python -m benchmarks.overload --work FOLDER [--seconds 20] [--megapixels 2]

Capacity C is what 8 clients get who each wait for their answer. Then photos come at 1, 2 and 5 times C, whatever
becomes of them, while another process asks /livez ten times a second. FOLDER is that of benchmarks.serving.
"""

from __future__ import annotations

import argparse
import http.client
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.peers import servers
from benchmarks.peers.load import HOST, Run, closed, opened
from benchmarks.peers.scene import DEFAULT, make_scene
from benchmarks.peers.servers import ROOT, running

CLIENTS, TIMES, EVERY_S, DEADLINE_S = 8, (1.0, 2.0, 5.0), 0.1, 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for models, indexes and photos; kept")
    parser.add_argument("--seconds", type=float, default=20.0, help="at each rate")
    parser.add_argument("--megapixels", type=int, choices=[2, 12], default=2)
    parser.add_argument("--poll", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.poll:
        poll(given.poll, given.seconds)
        return
    scene = make_scene(DEFAULT, given.work.resolve() / DEFAULT)
    photos = scene.photos(given.megapixels)
    server = servers.skyfix(scene)
    with running(server, photos) as started:
        requests = server.requests(photos)
        capacity = closed(started.port, requests, CLIENTS, given.seconds / 2).per_s
        print(f"capacity: {capacity:.1f} photos/s of {given.megapixels} MP from {CLIENTS} clients", flush=True)
        for times in TIMES:
            command = [sys.executable, "-m", "benchmarks.overload", "--work", ".", "--poll", str(started.port)]
            command += ["--seconds", str(given.seconds)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as polling:
                run = opened(started.port, requests, times * capacity, given.seconds)
                alive = polling.communicate()[0].strip()
            print(f"{times:g} x: {told(run, capacity)}; /livez {alive}", flush=True)
        print(f"an answer at once again after {recovery_s(started.port, requests[0]):.2f} s", flush=True)


def told(run: Run, capacity: float) -> str:
    statuses = Counter(reply.status for reply in run.replies)
    refused = [reply for reply in run.replies if reply.status in (429, 503)]
    waits = [1000 * reply.seconds for reply in refused] or [float("nan")]
    bare = sum(not reply.retry_after for reply in refused)
    return (
        f"{run.per_s:.1f} answered/s ({run.per_s / capacity:.0%} of capacity), p99 {run.percentile_ms(99):.0f} ms; "
        f"{dict(sorted(statuses.items()))}, refused in {np.percentile(waits, 95):.0f} ms (p95), {bare} without "
        f"Retry-After; {run.failed} broken"
    )


def poll(port: int, seconds: float) -> None:
    """Ask /livez ten times a second on connections of their own; print the 99th percentile and the failures."""
    until, waits, failed = time.monotonic() + seconds, list[float](), 0
    while time.monotonic() < until:
        began = time.perf_counter()
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", "/livez")
            failed += connection.getresponse().status != 200
        except OSError:
            failed += 1
        finally:
            connection.close()
        waits.append(1000 * (time.perf_counter() - began))
        time.sleep(EVERY_S)
    print(f"p99 {np.percentile(waits, 99):.0f} ms, {failed} of {len(waits)} failed")


def recovery_s(port: int, request: bytes) -> float:
    began = time.monotonic()
    while not closed(port, [request], 1, 0.2, warm_s=0.0).good():
        if time.monotonic() - began > DEADLINE_S:
            return float("inf")
    return max(0.0, time.monotonic() - began - 0.2)


if __name__ == "__main__":
    main()
