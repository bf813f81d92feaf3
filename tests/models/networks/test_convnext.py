from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from models.networks.convnext import ConvNextSize, Sample4Geo
from tests.models.networks import numpy_forward
from tests.models.networks.recipe import Call, count, far, pixels, regenerated, through_onnx

TINY = ConvNextSize(depths=(1, 2, 1), widths=(8, 12, 16))


def _tiny(scale: float = 0.3) -> Sample4Geo:
    return regenerated(Sample4Geo(TINY), scale=scale)


@pytest.fixture(scope="module")
def published() -> Sample4Geo:
    with torch.device("meta"):
        return Sample4Geo()


def test_it_has_the_published_parameters(published: Sample4Geo) -> None:
    assert (count(published), len(published.state_dict())) == (87_566_465, 343)


def test_the_published_checkpoint_would_load(published: Sample4Geo, shared: Path) -> None:
    official = json.loads((shared / "golden" / "statedict_sample4geo.json").read_text())
    assert {name: list(value.shape) for name, value in published.state_dict().items()} == official


@pytest.mark.parametrize("scale", [0.02, 0.3])
@pytest.mark.parametrize("image_px", [(48, 48), (35, 77)])
@torch.inference_mode()
def test_embeddings_equal_a_second_implementation(image_px: tuple[int, int], scale: float) -> None:
    network, batch = _tiny(scale), pixels(0, 2, 3, *image_px)
    state = {name: value.double().numpy() for name, value in network.model.state_dict().items()}
    for image, found in zip(batch, network.embed(batch), strict=True):
        expected = numpy_forward.convnext(image.permute(1, 2, 0).double().numpy(), state, TINY.depths)
        assert far(found, expected) < 1e-4


@torch.inference_mode()
def test_published_widths_equal_a_second_implementation() -> None:
    size = ConvNextSize(depths=(1, 1, 1, 1))
    with torch.device("meta"):
        network = Sample4Geo(size)
    network, batch = regenerated(network, scale=0.06), pixels(0, 1, 3, 64, 96)
    state = {name: value.double().numpy() for name, value in network.model.state_dict().items()}
    expected = numpy_forward.convnext(batch[0].permute(1, 2, 0).double().numpy(), state, size.depths)
    assert far(network.embed(batch)[0], expected) < 1e-4


@torch.inference_mode()
def test_both_views_are_one_network_of_unit_columns() -> None:
    network, batch = _tiny(), pixels(0, 2, 3, 32, 64)
    assert network.ground(batch).shape == (2, 1, 16)
    assert torch.equal(network.ground(batch), network.aerial(batch))
    torch.testing.assert_close(network.ground(batch).norm(dim=(1, 2)), torch.ones(2))


def test_the_temperature_starts_at_seven_hundredths() -> None:
    assert math.exp(-Sample4Geo(TINY).logit_scale.item()) == pytest.approx(0.07)


def test_it_exports() -> None:
    network, batch = _tiny(), pixels(0, 3, 3, 40, 64)
    (found,) = through_onnx(Call(network, "ground"), (batch[:1],), (batch,))
    assert far(found, network.ground(batch).detach()) < 1e-5
