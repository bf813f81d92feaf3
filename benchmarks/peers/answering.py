"""What the peers share: a photo made ready as Skyfix does it, and FAISS over the same rows. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from models.bundle import ModelManifest, StretchedView
from models.camera import Camera
from models.columns import shifts
from models.image import decode_photo
from models.preprocess import ground_input

Float32s = NDArray[np.float32]
TOP = 5
DECODED_PER_INPUT = 1.25
"""As the service has it: a JPEG may be decoded at a reduced scale that is still so much wider than the network's."""


class Answering:
    """Everything but the network's run.

    Args:
        folder: of the scene.
    """

    def __init__(self, folder: Path) -> None:
        self.scene: dict[str, Any] = json.loads((folder / "scene.json").read_text())
        self.bundle = Path(self.scene["bundle"])
        self.manifest = ModelManifest.model_validate_json((self.bundle / "manifest.json").read_text())
        self.camera = Camera(self.scene["projection"], self.scene["fov_deg"])
        rows = np.load(folder / "rows.npy")
        self.search_index = faiss.IndexFlatIP(rows.shape[1])
        self.search_index.add(rows)
        view = self.manifest.ground
        wanted = view.panorama_width_px if isinstance(view, StretchedView) else view.width_px
        self.reduced_px = max(512, round(DECODED_PER_INPUT * wanted))

    def prepare(self, data: bytes, *, whole: bool = False) -> Float32s:
        """Give the network's input (1, 3, H, W); `whole` decodes every pixel, as most would."""
        if whole:
            import io

            pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        else:
            pixels = decode_photo(data, long_side_px=self.reduced_px).pixels
        ready = ground_input(pixels, self.camera, self.manifest.ground, self.manifest.embedding)
        return ready.pixels[None]

    def open_network(self, threads: int) -> ort.InferenceSession:
        """Open the served ground.onnx with so many threads inside a run."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        path = self.bundle / self.manifest.ground.file
        return ort.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])

    def places(self, described: Float32s) -> dict[str, Any]:
        """Find the best rows at the best heading: exact, over all rows."""
        embedding = self.manifest.embedding
        columns = described.reshape(-1, embedding.channels)
        queries = shifts(columns, embedding.columns, embedding.turns)
        scores, rows = self.search_index.search(queries, TOP)
        best = np.argsort(-scores, axis=None)[:TOP]
        found = zip(rows.ravel()[best].tolist(), scores.ravel()[best].tolist(), strict=True)
        return {"candidates": [{"row": row, "similarity": score} for row, score in found]}
