"""How fast the service is beside what one would otherwise run: ratios, measured in turns, in one run on one machine.

    python -m benchmarks.serving --work FOLDER                      # three networks, photos of 2 and 12 MP
    python -m benchmarks.serving --work FOLDER --peers PYTHON       # LitServe and BentoML too
    python -m benchmarks.serving --work FOLDER --model sample-city --megapixels 2 --seconds 5

PYTHON is that of an environment with benchmarks/peers/requirements.txt. FOLDER keeps models, indexes and photos for the
next run. Servers take turns, the others stand still; clients
run on the same machine. docs/performance.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.peers import servers
from benchmarks.peers.load import Run, closed, opened
from benchmarks.peers.scene import TILES_A_SIDE, Scene, make_scene
from benchmarks.peers.servers import Server, Started, running

CLIENTS = (8, 32)
INT8 = "skyfix-int8"
OVERLOAD = 3.0
Cells = dict[tuple[str, int], list[Run]]
"""Server and clients to the run of each round."""


def main() -> None:
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    for config in given.model:
        scene = make_scene(config, given.work.resolve() / config)
        for megapixels in given.megapixels:
            _compare(scene, megapixels, given)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for models, indexes and photos; kept")
    parser.add_argument("--model", nargs="+", choices=list(TILES_A_SIDE), default=list(TILES_A_SIDE))
    parser.add_argument("--megapixels", nargs="+", type=int, choices=[2, 12], default=[2, 12])
    parser.add_argument("--peers", help="python of an environment with LitServe and BentoML")
    parser.add_argument(
        "--servers", nargs="+", help="only these, of skyfix, skyfix-int8, naive, litserve, bentoml and bare"
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="of one server at one number of clients")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--no-overload", action="store_true")
    return parser.parse_args()


def _compare(scene: Scene, megapixels: int, given: argparse.Namespace) -> None:
    photos = scene.photos(megapixels)
    size = sum(map(len, photos)) / len(photos) / 1e6
    print(f"\n{scene.config}, {len(photos)} photos of {megapixels} MP ({size:.2f} MB each)", flush=True)
    cells: Cells = defaultdict(list)
    bounds: list[float] = []
    with ExitStack() as stack:
        started = []
        for server in _servers(scene, given):
            started.append(stack.enter_context(running(server, photos)))
            started[-1].pause()
        for _ in range(given.rounds):
            for clients in CLIENTS:
                for each in started:
                    cells[each.server.name, clients].append(_cell(each, photos, clients, given.seconds))
            if _wanted("bare", given):
                bounds.append(_bare(scene, megapixels, given.seconds))
    print_cells(cells, bounds)
    if not given.no_overload and _wanted("skyfix", given):
        _overload(scene, photos, given.seconds)


def _cell(started: Started, photos: list[bytes], clients: int, seconds: float) -> Run:
    started.resume()
    before = started.cpu_s()
    run = closed(started.port, started.server.requests(photos), clients, seconds)
    run.server_cpu_s = started.cpu_s() - before
    started.pause()
    return run


def _servers(scene: Scene, given: argparse.Namespace) -> list[Server]:
    found = [servers.skyfix(scene), servers.naive(scene)]
    if scene.in_int8 is not None:
        found.append(replace(servers.skyfix(scene.in_int8), name=INT8))
    if given.peers:
        found += [servers.litserve(scene, given.peers), servers.bentoml(scene, given.peers)]
    return [server for server in found if _wanted(server.name, given)]


def _wanted(name: str, given: argparse.Namespace) -> bool:
    return not given.servers or name in given.servers


def _bare(scene: Scene, megapixels: int, seconds: float) -> float:
    """Photos a second of ONNX Runtime alone, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.peers.bare", scene.folder, str(megapixels), str(seconds)]
    said = subprocess.run(command, cwd=servers.ROOT, check=True, capture_output=True, text=True).stdout
    rates: dict[str, float] = json.loads(said)
    return max(rates.values())


def print_cells(cells: Cells, bounds: list[float]) -> None:
    """Print one row for each server and number of clients; ratios are those of the rounds, their median first."""
    titles = ["server", "clients", "photos/s", "p50 ms", "p99 ms", "p99/p50", "CPU ms a photo", "its CPU / skyfix's"]
    titles += ["skyfix / it", "clients' CPU"]
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for (name, clients), runs in sorted(cells.items(), key=lambda item: (item[0][1], item[0][0] != "skyfix")):
        p50, p99 = (statistics.median(run.percentile_ms(percent) for run in runs) for percent in (50, 99))
        ours, seconds, cpu_ms = cells.get(("skyfix", clients), []), sum(run.seconds for run in runs), cpu_of(runs)
        more = f"{cpu_ms / cpu_of(ours):.2f}" if ours else "-"
        print(
            f"| {name} | {clients} | {sum(run.per_s for run in runs) / len(runs):.1f} | {p50:.0f} | {p99:.0f} | "
            f"{p99 / p50:.2f} | {cpu_ms:.1f} | {more} | "
            f"{ratios(ours, [run.per_s for run in runs])} | {sum(run.client_cpu_s for run in runs) / seconds:.1%} |"
        )
        if others := sum(len(run.replies) - len(run.good()) + run.failed for run in runs):
            print(f"{name} at {clients} clients: {others} photos got another answer, or none")
    for (name, clients), runs in cells.items():
        if name == "skyfix" and bounds:
            print(f"skyfix / bare ONNX Runtime ({statistics.median(bounds):.1f}) at {clients}: {ratios(runs, bounds)}")
        if name == INT8 and ("naive", clients) in cells:
            print(f"{INT8} / naive at {clients}: {ratios(runs, [run.per_s for run in cells['naive', clients]])}")
        if clients == CLIENTS[1]:
            few = [run.per_s for run in cells[name, CLIENTS[0]]]
            print(f"{name}: photos/s at {clients} clients over those at {CLIENTS[0]}: {ratios(runs, few)}")
    sys.stdout.flush()


def cpu_of(runs: list[Run]) -> float:
    """Processor milliseconds of a server for a photo: what counts where others want the processor too."""
    return 1000 * sum(run.server_cpu_s for run in runs) / max(1, sum(run.answered for run in runs))


def ratios(runs: list[Run], others: list[float]) -> str:
    """Say how much faster runs are than others of the same rounds: the median, and least and most."""
    each = [run.per_s / other for run, other in zip(runs, others, strict=False) if run.per_s and other]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})" if each else "-"


def _overload(scene: Scene, photos: list[bytes], seconds: float) -> None:
    """Hold the service to what it said it can while three times as much comes."""
    server = servers.skyfix(scene)
    with running(server, photos) as started:
        requests = server.requests(photos)
        peak = closed(started.port, requests, CLIENTS[0], seconds)
        flood = opened(started.port, requests, OVERLOAD * peak.per_s, seconds)
    refused = flood.refused()
    waits = sorted(1000 * reply.seconds for reply in refused)
    p50, p99 = (waits[int(share * (len(waits) - 1))] if waits else float("nan") for share in (0.5, 0.99))
    told = sum(reply.retry_after for reply in refused)
    print(
        f"{OVERLOAD:g} times overload: {flood.per_s:.1f} of {peak.per_s:.1f} photos/s still answered "
        f"({flood.per_s / peak.per_s:.2f}); {len(refused)} rejections in {p50:.1f} ms (p50) and {p99:.1f} ms (p99), "
        f"{told} with Retry-After; {flood.failed} broken connections",
        flush=True,
    )


if __name__ == "__main__":
    main()
