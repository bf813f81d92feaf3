"""How fast the service is beside what one would otherwise run: ratios, measured in turns, in one run on one machine.

    python -m benchmarks.serving --work FOLDER                      # default bundle and DeiT-S, photos of 2 and 12 MP
    python -m benchmarks.serving --work FOLDER --peers PYTHON       # LitServe and BentoML too
    python -m benchmarks.serving --work FOLDER --model sample-city --megapixels 2 --seconds 5

PYTHON is that of an environment with benchmarks/peers/requirements.txt. FOLDER keeps models, indexes and photos for the
next run. Every server runs alone, with clients on the same machine. docs/performance.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from benchmarks.peers import servers
from benchmarks.peers.load import Run, closed, opened
from benchmarks.peers.scene import DEFAULT, DEIT, Scene, make_scene
from benchmarks.peers.servers import Server, running

CLIENTS = (8, 32)
OVERLOAD = 3.0
Cells = dict[tuple[str, int], list[Run]]
"""Server and clients to the run of each round."""


def main() -> None:
    given = _arguments()
    for config in given.model:
        scene = make_scene(config, given.work.resolve() / config)
        for megapixels in given.megapixels:
            _compare(scene, megapixels, given)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for models, indexes and photos; kept")
    parser.add_argument("--model", nargs="+", choices=[DEFAULT, DEIT], default=[DEFAULT, DEIT])
    parser.add_argument("--megapixels", nargs="+", type=int, choices=[2, 12], default=[2, 12])
    parser.add_argument("--peers", help="python of an environment with LitServe and BentoML")
    parser.add_argument("--servers", nargs="+", help="only these, of skyfix, naive, litserve, bentoml and bare")
    parser.add_argument("--seconds", type=float, default=10.0, help="of one cell")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--no-overload", action="store_true")
    return parser.parse_args()


def _compare(scene: Scene, megapixels: int, given: argparse.Namespace) -> None:
    photos = scene.photos(megapixels)
    size = sum(map(len, photos)) / len(photos) / 1e6
    print(f"\n{scene.config}, {len(photos)} photos of {megapixels} MP ({size:.2f} MB each)", flush=True)
    cells: Cells = defaultdict(list)
    bounds: list[float] = []
    for _ in range(given.rounds):
        for server in _servers(scene, given):
            with running(server, photos) as port:
                requests = server.requests(photos)
                for clients in CLIENTS:
                    cells[server.name, clients].append(closed(port, requests, clients, given.seconds))
        if _wanted("bare", given):
            bounds.append(_bare(scene, megapixels, given.seconds))
    _print_cells(cells, bounds)
    if not given.no_overload and _wanted("skyfix", given):
        _overload(scene, photos, given.seconds)


def _servers(scene: Scene, given: argparse.Namespace) -> list[Server]:
    found = [servers.skyfix(scene), servers.naive(scene)]
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


def _print_cells(cells: Cells, bounds: list[float]) -> None:
    print("| server | clients | photos/s | p50 ms | p99 ms | p99/p50 | skyfix / it, each round | client CPU |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, clients), runs in sorted(cells.items(), key=lambda item: (item[0][1], item[0][0] != "skyfix")):
        rate, p50, p99 = (
            statistics.median(values)
            for values in (
                [run.per_s for run in runs],
                [run.percentile_ms(50) for run in runs],
                [run.percentile_ms(99) for run in runs],
            )
        )
        ours = cells.get(("skyfix", clients), [])
        ratios = [a.per_s / b.per_s for a, b in zip(ours, runs, strict=False) if b.per_s]
        cpu = statistics.median(run.client_cpu_s / run.seconds for run in runs)
        print(
            f"| {name} | {clients} | {rate:.1f} | {p50:.0f} | {p99:.0f} | {p99 / p50:.2f} | "
            f"{', '.join(f'{ratio:.2f}' for ratio in ratios)} | {cpu:.1%} |"
        )
        others = sum(len(run.replies) - len(run.good()) + run.failed for run in runs)
        if others:
            print(f"|  |  | {others} answers without a place |  |  |  |  |  |")
    for clients in CLIENTS:
        ours = cells.get(("skyfix", clients), [])
        if ours and bounds:
            shares = ", ".join(f"{run.per_s / bound:.2f}" for run, bound in zip(ours, bounds, strict=True))
            print(f"of bare ONNX Runtime ({statistics.median(bounds):.1f} photos/s) at {clients} clients: {shares}")
    for name in {name for name, _ in cells}:
        few, many = (cells[name, clients] for clients in CLIENTS)
        flat = ", ".join(f"{b.per_s / a.per_s:.2f}" for a, b in zip(few, many, strict=True) if a.per_s)
        print(f"{name}: throughput at {CLIENTS[1]} clients over that at {CLIENTS[0]}: {flat}")
    sys.stdout.flush()


def _overload(scene: Scene, photos: list[bytes], seconds: float) -> None:
    """Hold the service to what it said it can while three times as much comes."""
    server = servers.skyfix(scene)
    with running(server, photos) as port:
        requests = server.requests(photos)
        peak = closed(port, requests, CLIENTS[0], seconds)
        flood = opened(port, requests, OVERLOAD * peak.per_s, seconds)
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
