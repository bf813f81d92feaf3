"""LitServe serving the same network: one worker process a core, as its guide has it for CPUs.

    PEERS_PYTHON -m benchmarks.peers.litserve_peer SCENE PORT

Each worker decodes, prepares, runs ONNX Runtime on one thread and searches with FAISS. Its queue takes a form's file
only as what pickles, so a photo comes as base64 in JSON, as its examples have it.
"""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

import faiss
import litserve  # type: ignore[import-not-found]

from benchmarks.peers.answering import Answering, Float32s


class Localizing(litserve.LitAPI):  # type: ignore[misc]
    def setup(self, device: str) -> None:  # noqa: ARG002
        faiss.omp_set_num_threads(1)
        self.answering = Answering(Path(sys.argv[1]))
        self.network = self.answering.open_network(1)

    def decode_request(self, request: dict[str, str]) -> Float32s:
        return self.answering.prepare(base64.b64decode(request["image"]))

    def predict(self, pixels: Float32s) -> Float32s:
        described: Float32s = self.network.run(None, {"pixels": pixels})[0]
        return described

    def encode_response(self, described: Float32s) -> dict[str, Any]:
        return self.answering.places(described)


if __name__ == "__main__":
    cores = len(os.sched_getaffinity(0))
    api = Localizing(api_path="/localize")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=cores, fast_queue=True)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", generate_client_file=False)
