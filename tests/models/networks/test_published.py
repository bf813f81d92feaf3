"""The published network, number by number: the official model on weights that any program can regenerate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.networks.cropping import Crop, quantise_map, select_patches
from models.networks.transformer import DistilledTransformer
from models.networks.transgeo import TransGeo
from tests.models.networks.recipe import count, encoder, far, pixels, through_onnx

GROUND_PX, AERIAL_PX, ZOOMED_PX = (112, 616), (256, 256), (320, 320)
TOLERANCE = 5e-5


@pytest.fixture(scope="module")
def stage1(shared: Path) -> Any:
    return np.load(shared / "golden" / "transgeo_cvusa_stage1_s0.02.npz")


@pytest.fixture(scope="module")
def stage2(shared: Path) -> Any:
    return np.load(shared / "golden" / "transgeo_cvusa_stage2_crop320_s0.02.npz")


@pytest.fixture(scope="module")
def aerial(shared: Path) -> DistilledTransformer:  # noqa: ARG001
    return encoder("reference", AERIAL_PX)


@pytest.fixture(scope="module")
def zoomed(shared: Path) -> DistilledTransformer:  # noqa: ARG001
    return encoder("reference", ZOOMED_PX, keep=0.64)


def _attention(stage2: Any) -> Tensor:
    return torch.from_numpy(stage2["attention_uint8"].astype("f4") / 255)


@pytest.mark.parametrize(
    ("name", "aerial_px", "crop"),
    [("stage1", AERIAL_PX, None), ("stage2_crop320", ZOOMED_PX, Crop(0.64, "self"))],
)
def test_the_published_checkpoint_would_load(
    shared: Path, name: str, aerial_px: tuple[int, int], crop: Crop | None
) -> None:
    with torch.device("meta"):
        network = TransGeo(GROUND_PX, aerial_px, crop=crop)
    official = json.loads((shared / "golden" / f"statedict_transgeo_cvusa_{name}.json").read_text())
    assert {name: list(value.shape) for name, value in network.state_dict().items()} == official
    assert list(network.state_dict()) == list(official)


def test_the_published_pair_has_the_published_parameters() -> None:
    with torch.device("meta"):
        network = TransGeo(GROUND_PX, AERIAL_PX)
    assert count(network) == 44_922_784


@torch.inference_mode()
def test_photos_are_embedded_as_officially_by_torch_and_onnx(stage1: Any) -> None:
    network, batch = encoder("query", GROUND_PX), pixels(0, 2, 3, *GROUND_PX)
    assert far(network(batch), stage1["query_embedding"]) < TOLERANCE
    (found,) = through_onnx(network, (batch[:1],), (batch,))
    assert far(found, stage1["query_embedding"]) < TOLERANCE


@torch.inference_mode()
def test_tiles_are_embedded_as_officially_by_torch_and_onnx(stage1: Any, aerial: DistilledTransformer) -> None:
    batch = pixels(1, 2, 3, *AERIAL_PX)
    assert far(aerial(batch), stage1["reference_embedding"]) < TOLERANCE
    (found,) = through_onnx(aerial, (batch[:1],), (batch,))
    assert far(found, stage1["reference_embedding"]) < TOLERANCE


@torch.inference_mode()
def test_the_attention_map_equals_the_official_one(stage1: Any, aerial: DistilledTransformer) -> None:
    attention = aerial.attention_map(pixels(1, 2, 3, *AERIAL_PX))
    assert far(attention, stage1["scan_attention_raw"]) < 1e-6
    assert far((quantise_map(attention) * 255).round(), stage1["scan_attention_png_uint8"]) == 0


def test_the_official_patches_are_kept(stage2: Any) -> None:
    kept = select_patches(_attention(stage2), (20, 20), 256).sort(1).values
    assert (kept.numpy() == np.sort(stage2["kept_patch_index_sorted_ascending"], axis=1)).all()


@torch.inference_mode()
def test_tiles_are_cropped_as_officially_by_torch_and_onnx(stage2: Any, zoomed: DistilledTransformer) -> None:
    batch, attention = pixels(1, 2, 3, *ZOOMED_PX), _attention(stage2)
    assert far(zoomed(batch, attention), stage2["reference_embedding"]) < TOLERANCE
    (found,) = through_onnx(zoomed, (batch[:1], attention[:1]), (batch, attention))
    assert far(found, stage2["reference_embedding"]) < TOLERANCE


@torch.inference_mode()
def test_stage_two_weights_run_on_all_patches_as_officially(stage2: Any, zoomed: DistilledTransformer) -> None:
    with torch.device("meta"):
        network = TransGeo(GROUND_PX, ZOOMED_PX, crop=Crop(0.64, "none"))
    network.reference_net.load_state_dict(zoomed.state_dict(), assign=True)
    found = network.aerial_raw(pixels(1, 2, 3, *ZOOMED_PX))
    assert far(found, stage2["reference_embedding_without_crop"]) < TOLERANCE
