"""What one would otherwise write: FastAPI, Pillow, torch and FAISS, each as its first example has it.

python -m benchmarks.peers.naive SCENE PORT
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI, UploadFile

from benchmarks.peers.answering import Answering
from models.training.config import load_config
from models.training.model import build_network


def create_app(folder: Path) -> FastAPI:
    answering = Answering(folder)
    network = build_network(load_config(answering.scene["config"]), pretrained=False)
    network.load_state_dict(torch.load(folder / "torch.pt", weights_only=True))
    network.eval()
    app = FastAPI()

    @app.post("/localize")
    def localize(image: UploadFile) -> dict[str, Any]:
        pixels = answering.prepare(image.file.read(), whole=True)
        with torch.no_grad():
            described = network.ground(torch.from_numpy(pixels))
        return answering.places(described.numpy())

    return app


if __name__ == "__main__":
    uvicorn.run(create_app(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="warning", access_log=False)
