"""BentoML serving the same network: one worker process a core, raw photos, no batching.

SCENE=FOLDER PEERS_PYTHON -m bentoml serve benchmarks.peers.bentoml_peer:Localizing --port PORT
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml  # type: ignore[import-not-found]
import faiss

from benchmarks.peers.answering import Answering


@bentoml.service(workers=len(os.sched_getaffinity(0)), traffic={"timeout": 60}, metrics={"enabled": False})
class Localizing:
    def __init__(self) -> None:
        faiss.omp_set_num_threads(1)
        self.answering = Answering(Path(os.environ["SCENE"]))
        self.network = self.answering.open_network(1)

    @bentoml.api  # type: ignore[untyped-decorator]
    def localize(self, image: Path) -> dict[str, Any]:
        pixels = self.answering.prepare(image.read_bytes())
        return self.answering.places(self.network.run(None, {"pixels": pixels})[0])
