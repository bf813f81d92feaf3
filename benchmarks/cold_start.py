"""From exec to ready: the service as a process of its own, with the default bundle and the demo's city or any index.

    python -m benchmarks.cold_start [--index DIR] [--runs 7]

Medians are over starts after a first one, so files are in the page cache; `imports` is what that process imports.
Seconds of processor hardly depend on what else the machine does; processes that decode are not counted.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from index.build import build_index
from index.sources.opening import open_source
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder
from models.sample_city import write_sample_city
from service.demo import free_port

EXTENT_M, GROUND_RESOLUTION_M, SEED = 600.0, 0.5, 2026
"""Of `skyfix demo`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, help="serve this one; the demo's city by default")
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        index = given.index or _demo_index(Path(work))
        starts, busy = zip(*[_start(index) for _ in range(given.runs + 1)][1:], strict=True)
        imports = [_timed(["-c", "import service.cli, service.commands.serve"]) for _ in range(given.runs)]
        bare = [_timed(["-c", "pass"]) for _ in range(given.runs)]
    print(
        f"ready {statistics.median(starts):.2f} s after exec (slowest of {given.runs}: {max(starts):.2f} s), after "
        f"{statistics.median(busy):.2f} s of processor; "
        f"imports {statistics.median(imports):.2f} s, of which the interpreter {statistics.median(bare):.2f} s"
    )


def _demo_index(work: Path) -> Path:
    write_sample_city(
        work / "city", seed=SEED, extent_m=EXTENT_M, photos=2, panoramas=2, ground_resolution_m=GROUND_RESOLUTION_M
    )
    model = open_model_bundle(default_bundle_path())
    view = model.manifest.aerial
    source = open_source(
        [work / "city/ortho.tif"], footprint_m=view.footprint_m, size_px=view.size_px, cells=view.cells
    )
    build_index(source, OnnxEncoder(model, views=("aerial",)), work / "index", name="sample-city")
    return work / "index"


def _start(index: Path) -> tuple[float, float]:
    """Seconds from exec to ready, and seconds of processor until then."""
    port = free_port(0)
    command = [sys.executable, "-m", "service.cli", "serve", "--index", str(index), "--port", str(port)]
    began = time.perf_counter()
    with subprocess.Popen([*command, "--admin-port", "0"], stdout=subprocess.DEVNULL) as process:
        while not _is_ready(port):
            if process.poll() is not None:
                raise SystemExit(f"the service ended with {process.returncode}")
            time.sleep(0.01)
        taken = time.perf_counter() - began
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        process.terminate()
    return taken, sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _timed(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
