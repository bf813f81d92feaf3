from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.networks.transgeo import (
    DistilledTransformer,
    TransformerSize,
    TransGeo,
    gather_patches,
    quantise_map,
    select_patches,
)

SMALL = TransformerSize(width=24, depth=2, heads=3, patch_px=8, embedding=10)
GROUND_PX, AERIAL_PX = (112, 616), (256, 256)
TOLERANCE = 5e-5


def _small(image_px: tuple[int, int] = (32, 32), keep: float | None = None) -> DistilledTransformer:
    torch.manual_seed(0)
    return DistilledTransformer(image_px, SMALL, keep).eval()


def _pixels(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype("f4"))


def _regenerated(prefix: str, image_px: tuple[int, int], keep: float | None = None) -> DistilledTransformer:
    """DeiT-S with the weights of the golden recipe, drawn from the name of each parameter."""
    with torch.device("meta"):
        network = DistilledTransformer(image_px, TransformerSize(), keep)
    state = {}
    for name, empty in network.state_dict().items():
        seed = zlib.crc32(f"{prefix}.{name}".encode())
        values = np.random.RandomState(seed).standard_normal(empty.shape) * 0.02
        is_scale = name.endswith(("norm1.weight", "norm2.weight", "norm.weight"))
        state[name] = torch.from_numpy((values + is_scale).astype("f4"))
    network.load_state_dict(state, assign=True)
    return network.eval()


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _far(found: Tensor, expected: Any) -> float:
    return float(np.abs(found.numpy() - expected).max())


@pytest.fixture(scope="module")
def published() -> TransGeo:
    with torch.device("meta"):
        return TransGeo(GROUND_PX, AERIAL_PX)


def test_the_official_sizes_have_the_official_parameters(published: TransGeo) -> None:
    counts = _count(published.query_net), _count(published.reference_net), _count(published)
    assert counts == (22_463_312, 22_459_472, 44_922_784)


def test_stage_two_has_the_official_parameters() -> None:
    with torch.device("meta"):
        cropping = DistilledTransformer((320, 320), TransformerSize(), keep=0.64)
    assert (_count(cropping), cropping.kept) == (22_514_768, 256)


def test_the_published_checkpoint_would_load(published: TransGeo, shared: Path) -> None:
    official = json.loads((shared / "golden" / "statedict_transgeo_cvusa_stage1.json").read_text())
    assert {name: list(value.shape) for name, value in published.state_dict().items()} == official


@pytest.mark.parametrize(("view", "seed", "image_px"), [("query", 0, GROUND_PX), ("reference", 1, AERIAL_PX)])
@torch.inference_mode()
def test_embeddings_equal_the_official_ones(shared: Path, view: str, seed: int, image_px: tuple[int, int]) -> None:
    golden = np.load(shared / "golden" / "transgeo_cvusa_stage1_s0.02.npz")
    network = _regenerated(f"{view}_net", image_px)
    assert _far(network(_pixels(seed, 2, 3, *image_px)), golden[f"{view}_embedding"]) < TOLERANCE


@torch.inference_mode()
def test_the_attention_map_equals_the_official_one(shared: Path) -> None:
    golden = np.load(shared / "golden" / "transgeo_cvusa_stage1_s0.02.npz")
    attention = _regenerated("reference_net", AERIAL_PX).attention_map(_pixels(1, 2, 3, *AERIAL_PX))
    assert _far(attention, golden["scan_attention_raw"]) < TOLERANCE
    assert _far((quantise_map(attention) * 255).round(), golden["scan_attention_png_uint8"]) == 0


@torch.inference_mode()
def test_cropped_embeddings_equal_the_official_ones(shared: Path) -> None:
    golden = np.load(shared / "golden" / "transgeo_cvusa_stage2_crop320_s0.02.npz")
    attention = torch.from_numpy(golden["attention_uint8"].astype("f4") / 255)
    kept = select_patches(attention, (20, 20), 256).sort(1).values
    assert (kept.numpy() == np.sort(golden["kept_patch_index_sorted_ascending"], axis=1)).all()
    found = _regenerated("reference_net", (320, 320), keep=0.64)(_pixels(1, 2, 3, 320, 320), attention)
    assert _far(found, golden["reference_embedding"]) < TOLERANCE


@torch.inference_mode()
def test_the_order_of_kept_patches_does_not_matter() -> None:
    network, pixels = _small(keep=0.5), _pixels(0, 2, 3, 32, 32)
    attention = torch.arange(16.0).reshape(1, 4, 4).expand(2, 4, 4)
    same_half_reversed = torch.where(attention >= 8, 23 - attention, attention)
    torch.testing.assert_close(network(pixels, attention), network(pixels, same_half_reversed), atol=1e-5, rtol=0)


@torch.inference_mode()
def test_dropped_patches_are_not_looked_at() -> None:
    network, pixels = _small(keep=0.5), _pixels(0, 1, 3, 32, 32)
    attention = torch.arange(16.0).reshape(1, 4, 4)  # keeps the two lower rows of patches
    changed = pixels.clone()
    changed[:, :, :16] = 7.0
    assert torch.equal(network(pixels, attention), network(changed, attention))
    changed[:, :, 16:] = 7.0
    assert not torch.allclose(network(pixels, attention), network(changed, attention), atol=1e-4)


def test_kept_patches_carry_their_values() -> None:
    patches = torch.arange(12.0).reshape(1, 6, 2)
    assert gather_patches(patches, torch.tensor([[5, 0]])).tolist() == [[[10, 11], [0, 1]]]


def test_maps_are_quantised_downwards() -> None:
    quantised = quantise_map(torch.tensor([[[0.0, 1.0], [1.999, 2.0]]])) * 255
    assert quantised.round().tolist() == [[[0, 127], [254, 255]]]


@torch.inference_mode()
def test_uniform_attention_gives_every_patch_its_share() -> None:
    network = _small()
    nn.init.zeros_(network.blocks[-1].attn.qkv.weight)  # type: ignore[union-attr, arg-type]
    attention = network.attention_map(_pixels(0, 1, 3, 32, 32))
    torch.testing.assert_close(attention, torch.full((1, 4, 4), 2 * 3 / (16 + 2)))  # 2 queries, 3 heads


@torch.inference_mode()
def test_the_attention_map_is_a_part_of_rows_that_sum_to_one() -> None:
    network, pixels = _small(), _pixels(0, 1, 3, 32, 32)
    inputs: list[Tensor] = []
    network.blocks[-1].attn.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))  # type: ignore[union-attr]
    network(pixels)
    q, k, _ = network.blocks[-1].attn.split(inputs[0])  # type: ignore[operator]
    rows = F.scaled_dot_product_attention(q, k, torch.eye(18).expand(1, 3, 18, 18))
    torch.testing.assert_close(rows.sum(-1), torch.ones(1, 3, 18))
    expected = rows[:, :, :2, 2:].sum((1, 2)).reshape(1, 4, 4)
    torch.testing.assert_close(network.attention_map(pixels), expected)


@pytest.mark.parametrize(
    ("keep", "height", "with_map", "message"),
    [
        (0.5, 32, False, "needs an attention map"),
        (None, 32, True, "does not crop"),
        (None, 40, False, r"\(40, 32\) pixels, this encoder takes \(32, 32\)"),
    ],
)
def test_wrong_input_is_refused(keep: float | None, height: int, with_map: bool, message: str) -> None:
    attention = torch.ones(1, 4, 4) if with_map else None
    with pytest.raises(ValueError, match=message):
        _small(keep=keep)(_pixels(0, 1, 3, height, 32), attention)


def test_pixels_past_the_last_patch_do_not_count() -> None:
    network, pixels = _small((32, 36)), _pixels(0, 1, 3, 32, 36)
    changed = pixels.clone()
    changed[..., 32:] = 9.0
    assert network.grid == (4, 4)
    assert torch.equal(network(pixels), network(changed))


def test_the_embedding_is_the_mean_of_two_heads() -> None:
    network = _small()
    for head, value in ((network.head, 2.0), (network.head_dist, 6.0)):
        nn.init.zeros_(head.weight)
        nn.init.constant_(head.bias, value)
    assert network(_pixels(0, 1, 3, 32, 32)).tolist() == [[4.0] * 10]


def test_a_photo_is_described_by_one_unit_column() -> None:
    model = TransGeo((32, 64), (32, 32), SMALL)
    described = model.ground(_pixels(0, 3, 3, 32, 64)), model.aerial(_pixels(1, 3, 3, 32, 32))
    for columns in described:
        assert columns.shape == (3, 1, 10)
        torch.testing.assert_close(columns.norm(dim=(1, 2)), torch.ones(3))


@torch.inference_mode()
def test_the_views_share_no_weights() -> None:
    model, pixels = TransGeo((32, 64), (32, 32), SMALL).eval(), _pixels(0, 1, 3, 32, 32)
    before = model.aerial(pixels)
    for parameter in model.query_net.parameters():
        parameter.add_(1.0)
    assert torch.equal(model.aerial(pixels), before)


def test_sharing_halves_the_transformer() -> None:
    own, shared = TransGeo((32, 64), (32, 32), SMALL), TransGeo((32, 64), (32, 32), SMALL, share=True)
    tokens = sum(value.numel() for name, value in own.named_parameters() if name.endswith(("_token", "pos_embed")))
    assert 2 * (_count(shared) - tokens) == _count(own) - tokens
    assert shared.query_net.blocks is shared.reference_net.blocks
