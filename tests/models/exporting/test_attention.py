"""The second output of a network that attends: the same embedding, torch's map, and nothing where nothing attends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from models.bundle import ModelBundle
from models.encoder import Attending, OnnxEncoder
from models.exporting.graph import export_view, sample_pixels
from models.exporting.quantise import quantise_bundle
from models.exporting.run import export_run, load_run
from models.networks.network import Network
from models.networks.transgeo import TransGeo
from models.training.config import TrainConfig

Save = Callable[[TrainConfig], Path]


@pytest.fixture(scope="module")
def run(tiny_transgeo: TrainConfig, untrained_run: Save) -> Path:
    return untrained_run(tiny_transgeo)


@pytest.fixture(scope="module")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    return export_run(run, tmp_path_factory.mktemp("export") / "bundle", half_weights=False)


def test_the_map_is_torchs_and_the_description_the_same_bytes(run: Path, bundle: ModelBundle) -> None:
    network = load_run(run)[1]
    assert isinstance(network, TransGeo)
    encoder, photos = OnnxEncoder(bundle), sample_pixels(bundle.manifest.ground, 3)
    assert isinstance(encoder, Attending)
    columns, maps = encoder.ground_attended(photos.numpy())
    with torch.inference_mode():
        np.testing.assert_allclose(maps, network.eval().query_net.attention_map(photos).numpy(), atol=1e-5)
    np.testing.assert_array_equal(columns, encoder.ground(photos.numpy()))


def test_the_tiles_network_is_loaded_when_it_is_asked(run: Path, bundle: ModelBundle) -> None:
    network = load_run(run)[1]
    assert isinstance(network, TransGeo)
    tiles = sample_pixels(bundle.manifest.aerial, 2)
    found = OnnxEncoder(bundle, views=("ground",)).aerial_attention(tiles.numpy())
    assert found is not None
    with torch.inference_mode():
        np.testing.assert_allclose(found, network.eval().reference_net.attention_map(tiles).numpy(), atol=1e-5)


def test_it_changes_no_byte_of_what_was_said_without_it(run: Path, bundle: ModelBundle, tmp_path: Path) -> None:
    class Silent(Network):
        """The same network, as it was exported before there was a second output."""

        def __init__(self, network: Network) -> None:
            super().__init__()
            self.network, self.ground = network, network.ground  # type: ignore[method-assign]

    path = tmp_path / "ground.onnx"
    export_view(Silent(load_run(run)[1]).eval(), "ground", bundle.manifest.ground, path)
    before = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [output.name for output in before.get_outputs()] == ["embedding"]
    photos = sample_pixels(bundle.manifest.ground, 3).numpy()
    (expected,) = before.run(["embedding"], {"pixels": photos})
    np.testing.assert_array_equal(OnnxEncoder(bundle).ground(photos).reshape(3, -1), expected)


def test_integers_attend_too(bundle: ModelBundle, tmp_path: Path) -> None:
    small = OnnxEncoder(quantise_bundle(bundle, tmp_path / "int8"))
    photos = sample_pixels(bundle.manifest.ground, 2).numpy()
    _, maps = small.ground_attended(photos)
    np.testing.assert_allclose(maps, OnnxEncoder(bundle).ground_attended(photos)[1], atol=0.2)


def test_columns_attend_to_nothing(tiny_columns: TrainConfig, untrained_run: Save, tmp_path: Path) -> None:
    columns = OnnxEncoder(export_run(untrained_run(tiny_columns), tmp_path / "bundle"))
    assert not columns.attends("ground")
    assert columns.aerial_attention(sample_pixels(columns.manifest.aerial, 1).numpy()) is None
