"""What the tests of every part share: a tiny real model bundle, and real or golden files where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.artefact import sha256_file, write_manifest
from models.bundle import AerialView, ModelBundle, open_model_bundle
from models.cells import Cells
from models.encoder import FakeEncoder

OPSET, IR_VERSION = 17, 8
FOURTH_CHANNEL = 0.1


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of golden vectors and real files, which are not part of the repository."""
    beside = Path(__file__).parents[1].parent / "shared"
    folder = Path(os.environ.get("SKYFIX_SHARED", beside))
    if not folder.is_dir():
        pytest.skip(f"no real or golden files at {folder}")
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """A model bundle on disk whose ONNX networks compute what `FakeEncoder` computes."""
    return _save_bundle(tmp_path_factory.mktemp("tiny") / "bundle", FakeEncoder())


@pytest.fixture(scope="session")
def cells_bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """The same with nine cells a tile, 8 m apart."""
    cells = Cells(per_side=3, spacing_m=8.0)
    return _save_bundle(tmp_path_factory.mktemp("cells") / "bundle", FakeEncoder(cells=cells))


def _save_bundle(folder: Path, encoder: FakeEncoder) -> ModelBundle:
    folder.mkdir()
    manifest = encoder.manifest
    _save_ground(folder / "ground.onnx", manifest.ground.height_px)
    _save_aerial(folder / "aerial.onnx", manifest.embedding.columns, manifest.aerial)
    views = {
        name: getattr(manifest, name).model_copy(update={"sha256": sha256_file(folder / f"{name}.onnx")})
        for name in ("ground", "aerial")
    }
    write_manifest(folder, manifest.model_copy(update=views))
    return open_model_bundle(folder)


def _save_ground(path: Path, height: int) -> None:
    """Mean colour of every 8 px column: (N, 3, H, 8 w) -> (N, 4 w)."""
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["means"], kernel_shape=[height, 8], strides=[height, 8]),
        helper.make_node("Squeeze", ["means", "second"], ["colours"]),
        helper.make_node("Transpose", ["colours"], ["columns"], perm=[0, 2, 1]),
    ]
    _save(path, nodes, ["batch", 3, height, "width"], {"second": np.array([2])})


def _save_aerial(path: Path, columns: int, view: AerialView) -> None:
    """Mean colour of every azimuth sector around every cell: (N, 3, S, S) -> (N, C * 4 W)."""
    nodes = [
        helper.make_node("Reshape", ["pixels", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "sectors"], ["colours"]),
        helper.make_node("Transpose", ["colours"], ["columns"], perm=[0, 2, 1]),
    ]
    size, parts = view.size_px, []
    half = size / 2 - np.abs(view.cell_offsets_m).max() / view.footprint_m * size
    for cell in view.cell_offsets_m / view.footprint_m * size:
        east = (np.arange(size) + 0.5 - size / 2 - cell[0])[None, :]
        south = (np.arange(size) + 0.5 - size / 2 + cell[1])[:, None]
        azimuth = np.degrees(np.arctan2(east, -south)) % 360.0
        seen = (np.abs(east) < half) & (np.abs(south) < half)
        parts.append(((azimuth * columns // 360.0)[..., None] == np.arange(columns)) & seen[..., None])
    member = np.concatenate(parts, axis=2).reshape(size * size, -1)
    sectors = (member / member.sum(axis=0)).astype(np.float32)
    constants = {"sectors": sectors, "shape": np.array([0, 3, size * size])}
    _save(path, nodes, ["batch", 3, size, size], constants, view.cell_count)


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    input_shape: list[int | str],
    constants: dict[str, NDArray[np.generic]],
    cells: int = 1,
) -> None:
    """Write a network that ends in (N, w, 3) `columns`: a fourth channel, unit columns, then a unit row a cell."""
    constants = constants | {
        "norm": np.array(cells**0.5, dtype=np.float32),
        "widen": np.eye(3, 4, dtype=np.float32),
        "fourth": np.array([0, 0, 0, FOURTH_CHANNEL], dtype=np.float32),
    }
    nodes = [
        *nodes,
        helper.make_node("MatMul", ["columns", "widen"], ["wide"]),
        helper.make_node("Add", ["wide", "fourth"], ["padded"]),
        helper.make_node("LpNormalization", ["padded"], ["unit"], axis=-1, p=2),
        helper.make_node("Flatten", ["unit"], ["row"], axis=1),
        helper.make_node("LpNormalization", ["row"], ["whole"], axis=-1, p=2),
        helper.make_node("Mul", ["whole", "norm"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", "size"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
