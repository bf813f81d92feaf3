"""A painted index that keeps pictures, and an encoder of one vector that looks at what is red."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from index.build import build_index
from index.bundle import Index, open_index
from models.bundle import Embedding
from models.encoder import FakeEncoder
from tests.service.world import PaintedTiles

Float32s = NDArray[np.float32]
PATCH_PX = 4


class Looking(FakeEncoder):
    """A photo or tile is its mean colour, in one column; its attention is how red each patch of 4 pixels is."""

    def __init__(self) -> None:
        super().__init__(columns=1)
        canvas = self.manifest.ground.model_copy(update={"width_px": 64, "any_width": False})
        self.manifest = self.manifest.model_copy(
            update={"embedding": Embedding(columns=1, channels=4), "ground": canvas}
        )
        self.runs: list[tuple[int, bool]] = []
        """Photos of each run, and whether attention was asked for."""

    def attends(self, view: Literal["ground", "aerial"]) -> bool:  # noqa: ARG002
        return True

    def ground(self, pixels: Float32s) -> Float32s:
        self.runs.append((len(pixels), False))
        return self._described(pixels)

    def ground_attended(self, pixels: Float32s) -> tuple[Float32s, Float32s]:
        self.runs.append((len(pixels), True))
        return self._described(pixels), _red(pixels)

    def aerial_attention(self, pixels: Float32s) -> Float32s | None:
        return _red(pixels)

    def _described(self, pixels: Float32s) -> Float32s:
        means = np.append(pixels.mean(axis=(2, 3)), np.full((len(pixels), 1), 0.1), axis=1)
        unit: Float32s = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
        return unit[:, None]


def _red(pixels: Float32s) -> Float32s:
    n, _, height, width = pixels.shape
    patches = pixels[:, 0].reshape(n, height // PATCH_PX, PATCH_PX, width // PATCH_PX, PATCH_PX)
    red: Float32s = patches.mean(axis=(2, 4)) + 0.5
    return red


@pytest.fixture(scope="session")
def shown_index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Keeps pictures of its imagery."""
    folder = tmp_path_factory.mktemp("shown") / "index"
    build_index(PaintedTiles(), FakeEncoder(), folder, name="painted", licence="CC0", thumbnails=True)
    return open_index(folder)


@pytest.fixture(scope="session")
def looking_index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("looking") / "index"
    build_index(PaintedTiles(), Looking(), folder, name="looking", licence="CC0", thumbnails=True)
    return open_index(folder)
