"""Official sizes, held against numbers of the official code: minutes and a gigabyte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.encoder import OnnxEncoder
from models.importing.delivery import Order
from models.importing.transgeo import Choice, Guide, import_transgeo
from models.networks.transgeo import TransGeo
from tests.models.importing.made import save_official
from tests.models.networks.recipe import pixels, regenerated

pytestmark = pytest.mark.slow


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    unit: NDArray[Any] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize(
    ("golden", "aerial_px", "guide", "key"),
    [
        ("stage1", 256, None, "reference_embedding"),
        ("stage2_crop320", 320, "none", "reference_embedding_without_crop"),
    ],
)
def test_a_full_checkpoint_gives_the_official_embeddings(
    shared: Path, pairs: Path, tmp_path: Path, golden: str, aerial_px: int, guide: Guide, key: str
) -> None:
    with torch.device("meta"):
        network = TransGeo((112, 616), (aerial_px, aerial_px))
    file = save_official(tmp_path / "model_best.pth.tar", regenerated(network).state_dict())
    bundle = import_transgeo(file, Order(tmp_path / "b", held_out=pairs), Choice(guide, "cvusa"))
    expected = np.load(shared / "golden" / f"transgeo_cvusa_{golden}_s0.02.npz")
    encoder = OnnxEncoder(bundle)
    photos, tiles = pixels(0, 2, 3, 112, 616).numpy(), pixels(1, 2, 3, aerial_px, aerial_px).numpy()
    np.testing.assert_allclose(encoder.ground(photos)[:, 0], _unit(expected["query_embedding"]), atol=5e-5)
    np.testing.assert_allclose(encoder.aerial(tiles)[:, 0], _unit(expected[key]), atol=5e-5)
