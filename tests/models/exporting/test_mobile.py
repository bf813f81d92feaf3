from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from click.testing import CliRunner

from models.artefact import read_manifest, verify_files
from models.bundle import ModelBundle
from models.camera import Camera
from models.commands.export import command as export
from models.encoder import OnnxEncoder
from models.errors import UsageError
from models.exporting.device_notes import check_photo
from models.exporting.graph import sample_pixels
from models.exporting.mobile import DeviceManifest, export_mobile
from models.exporting.noise import noise_sample
from models.exporting.run import export_run
from models.preprocess import ground_input
from models.training.config import TrainConfig

Save = Callable[[TrainConfig], Path]


@pytest.fixture(scope="module")
def bundle(tiny_columns: TrainConfig, untrained_run: Save, tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    return export_run(untrained_run(tiny_columns), tmp_path_factory.mktemp("export") / "bundle")


@pytest.fixture(scope="module")
def folder(bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mobile") / "device"
    export_mobile(bundle, out)
    return out


@pytest.fixture
def manifest(folder: Path) -> DeviceManifest:
    return read_manifest(folder, DeviceManifest, 1)


@pytest.fixture
def notes(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "preprocessing.json").read_text())
    return found


def _answer(path: Path, pixels: Any) -> Any:
    return ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["embedding"], {"pixels": pixels})[0]


@pytest.mark.parametrize("columns", [8, 2])
def test_the_ort_file_answers_like_the_onnx_file(folder: Path, bundle: ModelBundle, columns: int) -> None:
    pixels = sample_pixels(bundle.manifest.ground, 3, columns * 16).numpy()
    found, expected = (_answer(folder / name, pixels) for name in ("ground.ort", "ground.onnx"))
    assert found.shape == (3, columns * 4)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_onnx_file_is_the_one_that_is_shipped(folder: Path, bundle: ModelBundle) -> None:
    assert (folder / "ground.onnx").read_bytes() == bundle.ground_path.read_bytes()


def test_every_file_is_in_the_manifest(folder: Path, manifest: DeviceManifest, bundle: ModelBundle) -> None:
    verify_files(folder, {file.file: file.sha256 for file in manifest.files})
    assert [file.file for file in manifest.files] == ["ground.onnx", "ground.ort", "preprocessing.json"]
    assert manifest.model_sha256 == bundle.sha256


def test_the_certificate_measures_both_files(folder: Path, manifest: DeviceManifest, bundle: ModelBundle) -> None:
    onnx, optimised = manifest.certificate.rows
    assert [row.size_bytes for row in (onnx, optimised)] == [
        (folder / name).stat().st_size for name in ("ground.onnx", "ground.ort")
    ]
    assert (onnx.cosine, onnx.difference) == (1, 0)
    assert optimised.cosine > 0.999999
    assert optimised.difference <= 1e-5
    for row in (onnx, optimised):
        assert row.photo_90_ms is not None
        assert min(row.panorama_ms, row.photo_90_ms) > 0
    assert manifest.certificate.runs >= 20
    assert manifest.certificate.aerial_bytes == bundle.aerial_path.stat().st_size


def test_the_check_can_be_had_from_the_files_alone(folder: Path, notes: dict[str, Any], bundle: ModelBundle) -> None:
    check, manifest = notes["check"], bundle.manifest
    ready = ground_input(check_photo(), Camera("perspective", 90.0), manifest.ground, manifest.embedding)
    assert check["pixels_shape"] == [1, *ready.pixels.shape]
    found = _answer(folder / "ground.ort", ready.pixels[None])[0]
    np.testing.assert_allclose(found[:8], check["embedding_starts_with"], atol=2e-5)


def test_the_notes_hold_what_a_canvas_needs(notes: dict[str, Any]) -> None:
    photo = notes["photo"]
    assert photo["column_px"] * notes["output"]["columns"] == photo["width_px"]
    assert photo["column_deg"] * notes["output"]["columns"] == 360
    width = notes["check"]["columns_seen"] * photo["column_px"] + 2 * photo["margin_px"]
    assert notes["check"]["pixels_shape"] == [1, 3, photo["height_px"], width]


def test_a_network_of_one_width_has_no_narrow_photo(
    tiny_transgeo: TrainConfig, untrained_run: Save, tmp_path: Path
) -> None:
    plain = export_run(untrained_run(tiny_transgeo), tmp_path / "bundle")
    found = export_mobile(plain, tmp_path / "device")
    assert [row.photo_90_ms for row in found.certificate.rows] == [None, None]
    assert noise_sample(plain.manifest).narrow == []


def test_a_taken_folder_and_another_answer_leave_nothing(
    bundle: ModelBundle, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="not empty"):
        export_mobile(bundle, folder)
    monkeypatch.setattr("models.exporting.mobile.PARITY_LIMIT", -1.0)
    with pytest.raises(UsageError, match=r"ground.ort differs by"):
        export_mobile(bundle, tmp_path / "device")
    assert list(tmp_path.iterdir()) == []


def test_the_command_takes_a_bundle(cells_bundle: ModelBundle, tmp_path: Path) -> None:
    given = ["--target", "mobile", "--bundle", str(cells_bundle.folder), "--out", str(tmp_path / "device"), "--json"]
    result = CliRunner().invoke(export, given)
    assert result.exception is None, result.exception
    assert json.loads(result.stdout)["model_sha256"] == cells_bundle.sha256
    pixels = sample_pixels(cells_bundle.manifest.ground, 1).numpy()
    expected = OnnxEncoder(cells_bundle).ground(pixels).reshape(1, -1)
    np.testing.assert_allclose(_answer(tmp_path / "device" / "ground.ort", pixels), expected, atol=1e-5)


def test_the_command_takes_a_run(tiny_columns: TrainConfig, untrained_run: Save, tmp_path: Path) -> None:
    given = ["--target", "mobile", "--checkpoint", str(untrained_run(tiny_columns)), "--out", str(tmp_path / "device")]
    result = CliRunner().invoke(export, given)
    assert result.exception is None, result.exception
    assert "ground.ort" in result.stdout
    assert "of 90 degrees" in result.stdout


@pytest.mark.parametrize(
    "given", [(), ("--bundle", "b"), ("--bundle", "b", "--checkpoint", "c", "--target", "mobile")], ids=len
)
def test_one_source_must_be_named(given: tuple[str, ...], tmp_path: Path) -> None:
    result = CliRunner().invoke(export, [*given, "--out", str(tmp_path / "device")])
    assert isinstance(result.exception, UsageError)
