"""The bound that no server passes: ONNX Runtime over tensors that lie ready, on every core, and nothing else.

    python -m benchmarks.peers.bare SCENE MEGAPIXELS SECONDS

Prints photos a second: of one run a core, each on one thread, and of one run on all threads; the better one counts.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import onnxruntime as ort

from benchmarks.peers.answering import Answering, Float32s

READY = 8
"""Photos that lie ready."""


def main() -> None:
    folder, megapixels, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    answering = Answering(folder)
    files = sorted((folder / f"{megapixels}mp").glob("*.jpg"))[:READY]
    tensors = [answering.prepare(path.read_bytes()) for path in files]
    cores = len(os.sched_getaffinity(0))
    apart = rate(answering.open_network(1), tensors, cores, seconds / 2)
    together = rate(answering.open_network(cores), tensors, 1, seconds / 2)
    print(json.dumps({"apart": apart, "together": together}))


def rate(network: ort.InferenceSession, tensors: list[Float32s], runs: int, seconds: float) -> float:
    """Give photos a second of so many runs side by side."""
    done = [0] * runs
    network.run(None, {"pixels": tensors[0]})
    until = time.perf_counter() + seconds

    def work(number: int) -> None:
        while time.perf_counter() < until:
            network.run(None, {"pixels": tensors[done[number] % len(tensors)]})
            done[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(runs)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
