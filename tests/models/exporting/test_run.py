from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from models.errors import UsageError
from models.exporting.graph import sample_pixels
from models.exporting.run import export_run, load_run
from models.training.config import TrainConfig
from models.training.encoder import TorchEncoder

Save = Callable[[TrainConfig], Path]


@pytest.fixture(scope="module")
def columns_run(tiny_columns: TrainConfig, untrained_run: Save) -> Path:
    return untrained_run(tiny_columns)


@pytest.fixture(scope="module")
def transgeo_run(tiny_transgeo: TrainConfig, untrained_run: Save) -> Path:
    return untrained_run(tiny_transgeo)


@pytest.fixture(scope="module")
def half(columns_run: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """Azimuth columns with float16 weights, as they are shipped."""
    return export_run(columns_run, tmp_path_factory.mktemp("export") / "half")


@pytest.fixture(scope="module")
def transgeo(transgeo_run: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """TransGeo with float32 weights."""
    return export_run(transgeo_run, tmp_path_factory.mktemp("export") / "full", half_weights=False)


@pytest.fixture(params=["half", "transgeo"])
def bundle(request: pytest.FixtureRequest) -> ModelBundle:
    found: ModelBundle = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def run(bundle: ModelBundle, columns_run: Path, transgeo_run: Path) -> Path:
    return columns_run if bundle.manifest.embedding.columns > 1 else transgeo_run


def _noise(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _photos(bundle: ModelBundle, count: int, width_px: int | None = None) -> Any:
    return sample_pixels(bundle.manifest.ground, count, width_px).numpy()


def _tiles(bundle: ModelBundle, count: int) -> Any:
    size = bundle.manifest.aerial.size_px
    return _noise(1, count, 3, size, size)


def test_both_networks_say_what_torch_says(run: Path, bundle: ModelBundle) -> None:
    config, network, _ = load_run(run)
    torch_encoder, encoder = TorchEncoder(config, network), OnnxEncoder(bundle)
    photos, tiles = _photos(bundle, 3), _tiles(bundle, 3)
    atol = 1e-2 if bundle.manifest.embedding.columns > 1 else 1e-4  # the one with half weights
    np.testing.assert_allclose(encoder.ground(photos), torch_encoder.ground(photos), atol=atol)
    np.testing.assert_allclose(encoder.aerial(tiles), torch_encoder.aerial(tiles), atol=atol)


def test_tiles_with_far_rings_are_described_as_torch_does(
    tiny_columns: TrainConfig, untrained_run: Save, tmp_path: Path
) -> None:
    model = {**tiny_columns.model.model_dump(), "tile_px": 128, "far_rings_m": (30.0,)}
    wide = TrainConfig.model_validate({**tiny_columns.model_dump(), "footprint_m": 80.0, "model": model})
    run = untrained_run(wide)
    bundle = export_run(run, tmp_path / "far")
    config, network, _ = load_run(run)
    assert (bundle.manifest.aerial.size_px, bundle.manifest.aerial.footprint_m) == (128, 80.0)
    tiles = _tiles(bundle, 3)
    told = OnnxEncoder(bundle).aerial(tiles)
    np.testing.assert_allclose(told, TorchEncoder(config, network).aerial(tiles), atol=1e-2)
    tiles[..., :32] = 3.0  # beyond what the near maps show; an untrained stem makes little of it
    assert not np.array_equal(OnnxEncoder(bundle).aerial(tiles), told)


def test_tiles_are_looked_at_as_often_as_the_configuration_says(
    tiny_columns: TrainConfig, untrained_run: Save, tmp_path: Path
) -> None:
    model = {**tiny_columns.model.model_dump(), "looks": 2}
    run = untrained_run(TrainConfig.model_validate({**tiny_columns.model_dump(), "model": model}))
    bundle = export_run(run, tmp_path / "twice")
    config, network, _ = load_run(run)
    once, tiles = TorchEncoder(config, network).aerial, _tiles(bundle, 2)
    again = once(np.ascontiguousarray(np.rot90(tiles, -1, (2, 3)))).reshape(2, 3, 3, 8, 4)
    back = np.roll(np.rot90(again, 1, (1, 2)), -2, axis=3)
    mean = (once(tiles).reshape(2, 9, 8, 4) + back.reshape(2, 9, 8, 4)) / 2
    mean /= np.linalg.norm(mean, axis=3, keepdims=True) * 8**0.5
    np.testing.assert_allclose(OnnxEncoder(bundle).aerial(tiles), mean.reshape(2, 9, -1), atol=1e-2)


def test_the_manifest_holds_recipe_and_parity(run: Path, bundle: ModelBundle) -> None:
    manifest = bundle.manifest
    assert max(manifest.parity.ground, manifest.parity.aerial) <= 1e-4
    assert manifest.training["config"] == load_run(run)[0].model_dump(mode="json")
    assert (manifest.training["steps"], manifest.training["seconds"]) == (0, 2)
    assert set(manifest.training) >= {"torch", "onnxruntime", "python"}


def test_the_certificate_holds_sizes_and_times_of_both_views(bundle: ModelBundle) -> None:
    certificate = bundle.manifest.certificate
    assert certificate is not None
    assert certificate.reference == "torch fp32"
    row = certificate.row("fp32")
    assert row is not None
    assert row.ground_bytes == bundle.ground_path.stat().st_size
    assert row.aerial_bytes == bundle.aerial_path.stat().st_size
    assert min(row.ground_cosine, row.aerial_cosine) > 0.999999
    assert min(row.ground_ms, row.aerial_ms) > 0
    assert (row.photo_90_ms is not None) == (bundle.manifest.embedding.columns > 1)


@pytest.mark.parametrize("view", ["ground", "aerial"])
def test_the_files_have_opset_17_and_a_free_batch(bundle: ModelBundle, view: str) -> None:
    model = onnx.load(str(bundle.folder / f"{view}.onnx"))
    assert [(entry.domain, entry.version) for entry in model.opset_import if not entry.domain] == [("", 17)]
    for value in (model.graph.input[0], model.graph.output[0]):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"


@pytest.mark.parametrize("count", [1, 5])
def test_descriptions_have_unit_norm_whatever_the_batch(bundle: ModelBundle, count: int) -> None:
    encoder = OnnxEncoder(bundle)
    ground, aerial = encoder.ground(_photos(bundle, count)), encoder.aerial(_tiles(bundle, count))
    assert ground.shape[0] == aerial.shape[0] == count
    for rows in (ground.reshape(count, -1), aerial[:, 0]):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("columns", [1, 3, 8])
def test_columns_take_any_width(half: ModelBundle, columns: int) -> None:
    ground = OnnxEncoder(half).ground(_photos(half, 2, columns * 16))
    assert ground.shape == (2, columns, 4)
    np.testing.assert_allclose(np.linalg.norm(ground, axis=2), columns**-0.5, atol=1e-5)


def test_half_weights_halve_the_files_and_keep_parity(columns_run: Path, half: ModelBundle, tmp_path: Path) -> None:
    full = export_run(columns_run, tmp_path / "full", half_weights=False)
    assert half.ground_path.stat().st_size < 0.6 * full.ground_path.stat().st_size
    assert max(half.manifest.parity.ground, full.manifest.parity.ground) <= 1e-4


def test_the_same_run_gives_the_same_bundle(transgeo_run: Path, transgeo: ModelBundle, tmp_path: Path) -> None:
    again = export_run(transgeo_run / "checkpoint.pt", tmp_path / "again", half_weights=False)
    assert again.sha256 == transgeo.sha256


def test_a_network_that_differs_leaves_no_bundle(
    transgeo_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.exporting.parity.PARITY_LIMIT", -1.0)
    with pytest.raises(UsageError, match=r"differs by .* from torch"):
        export_run(transgeo_run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["checkpoint.pt", "config.json"])
def test_an_incomplete_run_is_refused(tmp_path: Path, missing: str) -> None:
    for name in {"checkpoint.pt", "config.json"} - {missing}:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=f"{missing} is missing"):
        load_run(tmp_path)


def test_broken_weights_leave_no_bundle(tiny_transgeo: TrainConfig, untrained_run: Save, tmp_path: Path) -> None:
    run = untrained_run(tiny_transgeo)
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    state["learner"]["network.query_net.norm.bias"][0] = torch.nan
    torch.save(state, run / "checkpoint.pt")
    with pytest.raises(UsageError, match="not finite"):
        export_run(run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []
