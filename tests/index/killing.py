"""Builds that are killed, in forks of a process that imported everything once: python -m tests.index.killing.

Prints one JSON object: what was built by builds killed at random moments, and by builds killed before the N-th
operation on the disk for some N, in comparison with an undisturbed one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.build import Run, build_index
from models.disk import Disk
from models.encoder import FakeEncoder
from tests.index.faults import FaultyDisk
from tests.index.made import Noise

SOURCE = Noise(count=96, blank=(33,))
SHARD_TILES, WORKERS = 16, 2
TILE_S = 0.002
Build = Callable[[], None]


class Tallying(FakeEncoder):
    """Notes every tile that it describes in a file, where a kill does not reach it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def aerial(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        time.sleep(TILE_S)
        os.write(self._descriptor, b"." * len(pixels))
        return super().aerial(pixels)


class Deadly(FaultyDisk):
    """Kills its own process before the operation of a number."""

    def _due(self) -> bool:
        if super()._due():
            os.kill(os.getpid(), signal.SIGKILL)
        return False


def build(root: Path, tally: Path, disk: Disk) -> None:
    run = Run(shard_tiles=SHARD_TILES, workers=WORKERS, disk=disk)
    build_index(SOURCE, Tallying(tally), root, name="noise", run=run)


def count_operations(folder: Path) -> None:
    """Build undisturbed; the process that forks must not, as it would have threads then."""
    disk = FaultyDisk(1_000_000)
    build(folder / "whole", folder / "whole.tally", disk)
    (folder / "operations").write_text(str(disk.count))


def in_child(work: Build, kill_after_s: float | None = None) -> int:
    """Run in a fork, killed after a while; give the exit status, negative for a signal."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def outcome(root: Path, tally: Path, kills: int, expected: dict[str, bytes]) -> dict[str, Any]:
    """What there is after a build that was killed so often."""
    return {
        "kills": kills,
        "same": contents(root) == expected,
        "described_again": tally.stat().st_size - (SOURCE.count - len(SOURCE.blank)),
        "allowed_again": kills * 2 * SHARD_TILES,  # the one in work and the one that is being written
    }


def contents(root: Path) -> dict[str, bytes]:
    """What is published."""
    files = [root / "CURRENT", *sorted(root.glob("gen-*/*"))]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def finished(root: Path) -> bool:
    return (root / "CURRENT").exists() and not (root / ".unfinished").exists()


def main(folder: Path, kills: int, step: int) -> dict[str, Any]:
    """Kill `kills` builds at random moments, and builds before every `step`-th operation."""
    started = time.monotonic()
    in_child(lambda: count_operations(folder))
    duration_s = time.monotonic() - started
    operations = int((folder / "operations").read_text())
    expected = contents(folder / "whole")
    rng = random.Random(5)
    done, moments = 0, []
    while done < kills:
        root, tally = folder / f"random-{done}", folder / f"random-{done}.tally"
        again = partial(build, root, tally, Disk())
        before = done
        while done < kills and not finished(root):
            done += in_child(again, rng.uniform(0.0, 0.7 * duration_s)) != 0
        if not finished(root):
            in_child(again)
        moments.append(outcome(root, tally, done - before, expected))
    points = []
    for number in range(1, operations + 1, step):
        root, tally = folder / f"point-{number}", folder / f"point-{number}.tally"
        first = in_child(partial(build, root, tally, Deadly(number)))
        again = partial(build, root, tally, Disk())
        second = 0 if finished(root) else in_child(again)
        points.append({**outcome(root, tally, 1, expected), "number": number, "codes": [first, second]})
    return {"random": moments, "points": points, "operations": operations}


if __name__ == "__main__":
    os.environ["SOURCE_DATE_EPOCH"] = "1767225600"
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
