from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from models.errors import CheckpointMismatch, CheckpointUnreadable, SkyfixError, UsageError
from models.exporting.quantise import quantise_file
from models.importing.delivery import Order
from models.importing.ledger import Declared
from models.importing.onnx_pair import import_onnx_pair
from tests.models.importing.made import save_onnx

TOML = """\
[ground]
height_px = 16
width_px = 16
panorama_aspect = 0.2
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
[aerial]
size_px = 16
footprint_m = 60
resampling = "linear"
[embedding]
channels = 8
normalise = true
"""


def _toml(folder: Path, text: str = TOML) -> Path:
    (folder / "preprocessing.toml").write_text(text)
    return folder / "preprocessing.toml"


def _import(folder: Path, pairs: Path, ground: Path, aerial: Path, text: str = TOML, **order: Any) -> ModelBundle:
    return import_onnx_pair(ground, aerial, _toml(folder, text), Order(folder / "b", held_out=pairs, **order))


def _original(path: Path, pixels: NDArray[Any]) -> NDArray[np.float32]:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    rows = np.concatenate([session.run(None, {name: picture[None]})[0] for picture in pixels]).astype(np.float32)
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _noise() -> NDArray[np.float32]:
    return np.random.default_rng(5).standard_normal((3, 3, 16, 16)).astype(np.float32)


@pytest.mark.parametrize(
    "made",
    [
        {},
        {"batch": 1},
        {"inputs": "pixels", "outputs": "embedding"},
        {"inputs": "embedding", "outputs": "pixels"},
        {"external": True},
        {"opset": 13},
        {"opset": 20},
    ],
    ids=str,
)
def test_any_pair_is_served_as_its_authors_made_it(tmp_path: Path, pairs: Path, made: dict[str, Any]) -> None:
    ground, aerial = save_onnx(tmp_path / "g.onnx"), save_onnx(tmp_path / "a.onnx", **made)
    pixels = _noise()
    expected = _original(aerial, pixels)
    bundle = _import(tmp_path, pairs, ground, aerial)
    (tmp_path / "a.bin").unlink(missing_ok=True)  # weights beside the file were taken in
    encoder = OnnxEncoder(bundle)
    np.testing.assert_allclose(encoder.aerial(pixels)[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(encoder.aerial(pixels), axis=2), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.ground(pixels)[:, 0], _original(ground, pixels), atol=1e-5)


def test_half_precision_gets_float32_ends(tmp_path: Path, pairs: Path) -> None:
    half = save_onnx(tmp_path / "h.onnx", half=True)
    bundle = _import(tmp_path, pairs, half, half)
    expected = _original(half, _noise().astype(np.float16))
    np.testing.assert_allclose(OnnxEncoder(bundle).aerial(_noise())[:, 0], expected, atol=2e-3)


def test_the_manifest_says_what_the_toml_file_says(tmp_path: Path, pairs: Path) -> None:
    pair = save_onnx(tmp_path / "g.onnx"), save_onnx(tmp_path / "a.onnx")
    declared = Declared(weights_licence="CC0-1.0", weights_holder="A. Company")
    manifest = _import(tmp_path, pairs, *pair, name="mine", version=3, declared=declared).manifest
    assert (manifest.title, manifest.attribution) == ("mine@3", "A. Company")
    assert manifest.licence == "weights: CC0-1.0; training data: not declared"
    assert (manifest.aerial.resampling, manifest.aerial.footprint_m) == ("linear", 60)
    assert manifest.ground.mean == (0.5, 0.5, 0.5)
    assert set(manifest.training["files"]) == {"ground", "aerial"}
    assert manifest.certificate is not None
    assert manifest.certificate.reference == "onnxruntime fp32"
    assert [row.precision for row in manifest.certificate.rows] == ["fp32", "int8"]


def test_named_ends_are_picked_from_several(tmp_path: Path, pairs: Path) -> None:
    path = save_onnx(tmp_path / "g.onnx")
    model = onnx.load(str(path))
    model.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["n", 48]))
    onnx.save(model, str(path))
    with pytest.raises(CheckpointMismatch, match=r"there are 2: \['y', 'flat'\]"):
        _import(tmp_path, pairs, path, path)
    named = TOML.replace("size_px", 'output = "flat"\nsize_px').replace("height_px", 'output = "y"\nheight_px')
    with pytest.raises(CheckpointMismatch, match=r"gives \(2, 48\) for 2 pictures; .* 8 values each"):
        _import(tmp_path, pairs, path, path, named)
    _import(tmp_path, pairs, path, path, named.replace('"flat"', '"y"'))


@pytest.mark.parametrize(
    ("made", "text", "message"),
    [
        ({"side": 20}, TOML, r"does not run on 1 picture|does not run on 2 picture"),
        ({"size": 9}, TOML, r"9.* for 2 pictures|gives \(2, 9\)"),
        ({}, TOML.replace("normalise = true", ""), "Set normalise = true"),
        ({}, TOML.replace("size_px", 'input = "z"\nsize_px'), r"input 'z' does not exist; there are \['x'\]"),
        ({"op_type": "Magic", "domain": "my.ops"}, TOML, r"a\.onnx: .*Magic|Magic"),
        ({"opset": 99}, TOML, "ONNX Runtime .* cannot load"),
    ],
)
def test_a_pair_that_does_not_fit_is_refused(
    tmp_path: Path, pairs: Path, made: dict[str, Any], text: str, message: str
) -> None:
    ground, aerial = save_onnx(tmp_path / "g.onnx"), save_onnx(tmp_path / "a.onnx", **made)
    with pytest.raises(SkyfixError, match=message) as caught:
        _import(tmp_path, pairs, ground, aerial, text)
    assert isinstance(caught.value, CheckpointMismatch | CheckpointUnreadable)
    assert not (tmp_path / "b").exists()


def test_a_network_that_mixes_a_batch_is_refused(tmp_path: Path, pairs: Path) -> None:
    path = save_onnx(tmp_path / "g.onnx")
    model = onnx.load(str(path))
    model.graph.node[-1].output[0] = "row"
    nodes = [
        helper.make_node("ReduceMean", ["row"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Add", ["row", "mean"], ["y"]),
    ]
    model.graph.node.extend(nodes)
    onnx.save(model, str(path))
    with pytest.raises(CheckpointMismatch, match="mixes the pictures of a batch"):
        _import(tmp_path, pairs, path, path)


@pytest.mark.parametrize("raw", [b"", b"\x00garbage", pickle.dumps({"w": 1}), b"version https://git-lfs"])
def test_a_foreign_file_is_unreadable(tmp_path: Path, pairs: Path, raw: bytes) -> None:
    (tmp_path / "a.onnx").write_bytes(raw)
    with pytest.raises(CheckpointUnreadable, match=r"a\.onnx"):
        _import(tmp_path, pairs, save_onnx(tmp_path / "g.onnx"), tmp_path / "a.onnx")


def test_absent_files_and_absent_weights(tmp_path: Path, pairs: Path) -> None:
    aerial = save_onnx(tmp_path / "a.onnx", external=True)
    with pytest.raises(CheckpointUnreadable, match="does not exist"):
        _import(tmp_path, pairs, tmp_path / "g.onnx", aerial)
    (tmp_path / "a.bin").unlink()
    with pytest.raises(CheckpointUnreadable, match=r"a\.(onnx|bin)"):
        _import(tmp_path, pairs, aerial, aerial)


def test_integer_networks_are_refused(tmp_path: Path, pairs: Path) -> None:
    quantise_file(save_onnx(tmp_path / "g.onnx"), tmp_path / "q.onnx")
    with pytest.raises(UsageError, match="computes in 8-bit integers already"):
        _import(tmp_path, pairs, tmp_path / "q.onnx", tmp_path / "g.onnx")


def test_azimuth_columns_on_a_canvas_of_any_width(tmp_path: Path, pairs: Path, tiny_bundle: ModelBundle) -> None:
    given = tiny_bundle.manifest
    text = f"""
[ground]
kind = "canvas"
height_px = 16
width_px = 64
vertical_fov_deg = 90
any_width = true
[aerial]
size_px = 32
footprint_m = 64
[embedding]
columns = {given.embedding.columns}
channels = {given.embedding.channels}
"""
    bundle = _import(tmp_path, pairs, tiny_bundle.ground_path, tiny_bundle.aerial_path, text)
    photos = np.random.default_rng(0).standard_normal((2, 3, 16, 24)).astype(np.float32)
    expected = OnnxEncoder(tiny_bundle).ground(photos)
    assert expected.shape == (2, 3, 4)
    np.testing.assert_allclose(OnnxEncoder(bundle).ground(photos), expected, atol=1e-5)
