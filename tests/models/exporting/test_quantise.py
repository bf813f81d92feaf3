from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.bundle import ModelBundle, open_model_bundle
from models.encoder import OnnxEncoder
from models.exporting.quantise import NothingToQuantise, is_quantised, quantise_bundle, quantise_file

Float32s = NDArray[np.float32]


def _save(path: Path, *, shared: bool = False, product: bool = True) -> Path:
    """A convolution, then products: (n, 3, 8, 8) -> (n, 16)."""
    draw = np.random.default_rng(0)
    weights = {
        "kernel": draw.standard_normal((32, 3, 8, 8)).astype(np.float32),
        "wide": draw.standard_normal((32, 32)).astype(np.float32),
        "last": draw.standard_normal((32, 16)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "kernel"], ["patch"], strides=[8, 8]),
        helper.make_node("Flatten", ["patch"], ["row" if product else "embedding"], axis=1),
    ]
    if product:
        nodes += [
            helper.make_node("Identity", ["wide"], ["again"]),
            helper.make_node("MatMul", ["row", "again" if shared else "wide"], ["mixed"]),
            helper.make_node("MatMul", ["mixed", "last"], ["embedding"]),
        ]
    size = 16 if product else 32
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", size])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def _run(path: Path, pixels: Float32s) -> Float32s:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(["embedding"], {"pixels": pixels})
    return np.asarray(found)


@pytest.mark.parametrize("shared", [False, True])
def test_products_become_integer_and_say_nearly_the_same(tmp_path: Path, shared: bool) -> None:
    source, target = _save(tmp_path / "a.onnx", shared=shared), tmp_path / "b.onnx"
    assert quantise_file(source, target) == 2
    pixels = np.random.default_rng(1).standard_normal((4, 3, 8, 8)).astype(np.float32)
    expected, found = _run(source, pixels), _run(target, pixels)
    cosine = (expected * found).sum(1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(found, axis=1)
    assert cosine.min() > 0.995
    assert not np.array_equal(expected, found)


def test_convolutions_stay_and_weights_keep_to_seven_bits(tmp_path: Path) -> None:
    quantise_file(_save(tmp_path / "a.onnx"), tmp_path / "b.onnx")
    model = onnx.load(str(tmp_path / "b.onnx"))
    ops = [node.op_type for node in model.graph.node]
    assert (ops.count("Conv"), ops.count("MatMulInteger"), ops.count("MatMul")) == (1, 2, 0)
    values = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    eight_bit = [value for value in values.values() if value.dtype == np.int8 and value.ndim == 2]
    assert len(eight_bit) == 2
    assert max(np.abs(value).max() for value in eight_bit) <= 64
    assert [entry.key for entry in model.metadata_props] == []


def test_it_can_be_told_that_a_file_is_quantised(tmp_path: Path) -> None:
    quantise_file(_save(tmp_path / "a.onnx"), tmp_path / "b.onnx")
    assert not is_quantised(onnx.load(str(tmp_path / "a.onnx")))
    assert is_quantised(onnx.load(str(tmp_path / "b.onnx")))


def test_without_products_there_is_nothing_to_quantise(tmp_path: Path) -> None:
    with pytest.raises(NothingToQuantise, match=r"a\.onnx has no product"):
        quantise_file(_save(tmp_path / "a.onnx", product=False), tmp_path / "b.onnx")


def test_a_weight_that_two_products_share_is_not_turned_twice(tmp_path: Path) -> None:
    model = onnx.load(str(_save(tmp_path / "a.onnx")))
    conv, flatten, _, _, last = model.graph.node
    turned = [
        helper.make_node("Gemm", [given, "wide"], [made], transB=1)
        for given, made in (("row", "once"), ("once", "mixed"))
    ]
    nodes = [conv, flatten, *turned, last]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(tmp_path / "shared.onnx"))
    assert quantise_file(tmp_path / "shared.onnx", tmp_path / "b.onnx") == 3
    pixels = np.random.default_rng(1).standard_normal((4, 3, 8, 8)).astype(np.float32)
    expected, found = _run(tmp_path / "shared.onnx", pixels), _run(tmp_path / "b.onnx", pixels)
    cosine = (expected * found).sum(1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(found, axis=1)
    assert cosine.min() > 0.99


def test_half_precision_is_left_alone(tmp_path: Path) -> None:
    model = onnx.load(str(_save(tmp_path / "a.onnx")))
    for weight in model.graph.initializer:
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), weight.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, str(tmp_path / "half.onnx"))
    with pytest.raises(NothingToQuantise, match="float32"):
        quantise_file(tmp_path / "half.onnx", tmp_path / "b.onnx")


def test_nothing_is_printed_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
        warnings.simplefilter("error")
        quantise_file(_save(tmp_path / "a.onnx"), tmp_path / "b.onnx")
    assert caplog.text == ""
    assert logging.root.manager.disable == logging.NOTSET
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.onnx", "b.onnx", "scratch"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_bundle_becomes_one_that_computes_in_integers(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    made = quantise_bundle(tiny_bundle, tmp_path / "int8")
    assert made.manifest.precision == "int8"
    assert made == open_model_bundle(tmp_path / "int8")
    assert made.sha256 != tiny_bundle.sha256
    pixels = np.random.default_rng(1).standard_normal((2, 3, 32, 32)).astype(np.float32)
    both = [OnnxEncoder(bundle).aerial(pixels)[:, 0] for bundle in (tiny_bundle, made)]
    assert (both[0] * both[1]).sum(1).min() > 0.99
