from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from models.networks.convnext import ConvNextSize, Sample4Geo
from models.networks.cost import PairCost, convnext_cost, transformer_cost, transgeo_cost
from models.networks.cropping import Crop
from models.networks.transgeo import TransGeo
from tests.models.networks.recipe import DEEP, SMALL, count, pixels, regenerated

GROUND_PX = (112, 616)
PUBLISHED = {
    "cvusa_q_112x616": ((112, 616), None, 5_769_982_160),
    "cvusa_r_256": ((256, 256), None, 5_554_692_560),
    "cvusa_r_320_crop": ((320, 320), 0.64, 5_597_215_184),
    "cvusa_r_320_nocrop": ((320, 320), None, 8_654_862_800),
    "cvusa_q_fov90_112x154": ((112, 154), None, 1_399_603_280),
    "vigor_q_320x640": ((320, 640), None, 17_266_446_800),
    "vigor_r_320": ((320, 320), None, 8_654_862_800),
    "vigor_r_400_crop": ((400, 400), 0.64, 8_721_304_400),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_multiply_adds_as_published(name: str) -> None:
    image_px, keep, expected = PUBLISHED[name]
    assert transformer_cost(image_px, DEEP, keep).as_published == expected


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_equal_those_of_three_tools(shared: Path, name: str) -> None:
    image_px, keep, _ = PUBLISHED[name]
    tools = json.loads((shared / "golden" / "transgeo_flops.json").read_text())[name]
    cost = transformer_cost(image_px, DEEP, keep)
    assert cost.as_published == tools["ptflops067_macs"]
    assert cost.with_attention == tools["flop_counter_half"]
    assert cost.multiply_adds == tools["fvcore_by_op"]["conv"] + tools["fvcore_by_op"]["linear"]
    assert (cost.attention_multiply_adds, cost.parameters) == (tools["fvcore_by_op"]["matmul"], tools["params"])


def _giga(cost: PairCost) -> tuple[float, float]:
    return round(cost.total.as_published / 1e9, 4), round(cost.total.with_attention / 1e9, 3)


def test_the_papers_figure_is_both_encoders_of_stage_one() -> None:
    cost = transgeo_cost(GROUND_PX, (256, 256))
    assert _giga(cost) == (11.3247, 12.6)
    assert cost.total.parameters == 44_922_784


def test_stage_two_costs_as_much_and_its_guide_is_counted_apart() -> None:
    cost = transgeo_cost(GROUND_PX, (320, 320), crop=Crop(0.64))
    assert _giga(cost) == (11.3672, 12.642)
    assert cost.guide.parameters == 22_459_472
    assert transgeo_cost(GROUND_PX, (320, 320), crop=Crop(0.64, "self")).guide.parameters == 0


@pytest.mark.parametrize(("image_px", "giga"), [((384, 384), 45.1), ((140, 768), 30.5)])
def test_sample4geo_costs_what_is_published(image_px: tuple[int, int], giga: float) -> None:
    cost = convnext_cost(image_px)
    assert cost.parameters == 87_566_465
    assert round(cost.multiply_adds / 1e9, 1) == giga


def _counted(call: object, batch: Tensor) -> int:
    """Multiply-adds of every matrix product that torch runs."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        call(batch)  # type: ignore[operator]
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("crop", [None, Crop(0.64, guide_px=32), Crop(0.64, "self"), Crop(0.64, "none")], ids=str)
@pytest.mark.parametrize("share", [False, True])
def test_the_count_equals_what_torch_runs(crop: Crop | None, share: bool) -> None:
    network = regenerated(TransGeo((32, 64), (40, 40), SMALL, crop=crop), scale=0.2)
    cost = transgeo_cost((32, 64), (40, 40), SMALL, crop=crop, share=share)
    assert _counted(network.ground, pixels(0, 1, 3, 32, 64)) == cost.ground.with_attention
    assert _counted(network.aerial, pixels(0, 1, 3, 40, 40)) == (cost.aerial + cost.guide).with_attention
    built = TransGeo((32, 64), (40, 40), SMALL, crop=crop, share=share)
    assert count(built) == (cost.total + cost.guide).parameters


def test_a_polar_tile_costs_what_a_panorama_costs() -> None:
    cost = transgeo_cost((32, 64), (40, 40), SMALL, polar=True)
    assert cost.aerial == cost.ground


def test_the_count_of_convnext_equals_what_torch_runs() -> None:
    size = ConvNextSize(depths=(1, 2, 1), widths=(8, 12, 16))
    network, cost = Sample4Geo(size), convnext_cost((35, 77), size)
    assert _counted(network.embed, pixels(0, 1, 3, 35, 77)) == cost.multiply_adds
    assert count(network) == cost.parameters
