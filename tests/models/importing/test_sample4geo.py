from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.bundle import StretchedView
from models.encoder import OnnxEncoder
from models.errors import CheckpointMismatch, UsageError
from models.importing.comparing import shapes
from models.importing.delivery import Order
from models.importing.published import DatasetName
from models.importing.sample4geo import import_sample4geo
from models.networks.convnext import ConvNextSize, Sample4Geo
from tests.models.importing.made import write_pairs

TINY = ConvNextSize(depths=(1, 1, 1, 1), widths=(4, 8, 8, 16))


def _state() -> dict[str, Tensor]:
    torch.manual_seed(4)
    return Sample4Geo(TINY).state_dict()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save({f"module.{name}": value for name, value in _state().items()}, tmp_path / "weights_e40.pth")
    return tmp_path / "weights_e40.pth"


def test_the_network_has_the_published_names_and_shapes(shared: Path) -> None:
    published = json.loads((shared / "golden" / "statedict_sample4geo.json").read_text())
    with torch.device("meta"):
        own = shapes(Sample4Geo().state_dict())
    assert own == {name: tuple(shape) for name, shape in published.items()}


@torch.inference_mode()
def test_a_checkpoint_is_served_with_opencvs_resampling(weights: Path, pairs: Path, tmp_path: Path) -> None:
    bundle = import_sample4geo(weights, Order(tmp_path / "b", held_out=pairs), "cvact", size=TINY)
    manifest = bundle.manifest
    view = manifest.ground
    assert isinstance(view, StretchedView)
    assert (view.height_px, view.width_px, view.panorama_aspect, view.fov_deg) == (140, 768, 0.5, 360)
    assert (manifest.aerial.size_px, manifest.embedding.channels, manifest.title) == (384, 16, "sample4geo-cvact@1")
    assert view.resampling == manifest.aerial.resampling == "linear"
    assert manifest.training["logit_scale"] == pytest.approx(2.659260)
    assert any("states no licence" in note for note in manifest.training["notes"])
    network = Sample4Geo(TINY).eval()
    network.load_state_dict(_state())
    tiles = np.random.default_rng(0).standard_normal((2, 3, 384, 384)).astype(np.float32)
    np.testing.assert_allclose(OnnxEncoder(bundle).aerial(tiles), network.aerial(torch.from_numpy(tiles)), atol=1e-4)


def test_drone_photos_are_squares_of_the_field_of_view_that_is_said(weights: Path, tmp_path: Path) -> None:
    drone = write_pairs(tmp_path / "drone", 2, 2, fov_deg="50")
    order = Order(tmp_path / "b", held_out=drone, footprint_m=120.0)
    bundle = import_sample4geo(weights, order, "university", fov_deg=50.0, size=TINY)
    view = bundle.manifest.ground
    assert isinstance(view, StretchedView)
    assert (view.height_px, view.width_px, view.fov_deg, view.panorama_aspect) == (384, 384, 50, 1)
    assert int(50 / 360 * view.panorama_width_px) == 384
    assert bundle.manifest.aerial.footprint_m == 120


@pytest.mark.parametrize(
    ("dataset", "fov_deg", "message"),
    [
        ("university", None, "Give --fov"),
        ("university", 170.0, "20 to 150"),
        ("cvusa", 90.0, "takes panoramas of 360 degrees"),
    ],
)
def test_the_field_of_view_must_fit(
    weights: Path, tmp_path: Path, dataset: DatasetName, fov_deg: float | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        import_sample4geo(weights, Order(tmp_path / "b"), dataset, fov_deg=fov_deg, size=TINY)


def test_names_that_do_not_match_are_listed_and_nothing_is_filled_in_part(weights: Path, tmp_path: Path) -> None:
    state = _state()
    state["model.head.fc.weight"] = state.pop("model.head.norm.weight")
    torch.save(state, weights)
    message = r"1 missing: model\.head\.norm\.weight; 1 unexpected: model\.head\.fc\.weight; 1 probably renamed"
    with pytest.raises(CheckpointMismatch, match=message):
        import_sample4geo(weights, Order(tmp_path / "b"), "cvusa", size=TINY)
    assert not (tmp_path / "b").exists()


def test_weights_of_another_size_are_not_those_of_convnext_b(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match=r"missing: .*not the weights of Sample4Geo's ConvNeXt-B"):
        import_sample4geo(weights, Order(tmp_path / "b"), "cvusa")
