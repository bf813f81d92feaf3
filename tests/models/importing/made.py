"""Checkpoints, ONNX networks and held-out pairs made by code: the layouts are real, the sizes small."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import Tensor

from models.networks.transgeo import TransformerSize, TransGeo

Pixels = NDArray[np.uint8]
SMALL = TransformerSize(width=64, depth=1, heads=1, embedding=64)
BEST_ACC1 = 94.08


def transgeo_state(
    aerial_px: int = 256, ground_px: tuple[int, int] = (112, 616), size: TransformerSize = SMALL, seed: int = 0
) -> dict[str, Tensor]:
    """Random weights under official names, without the prefix."""
    torch.manual_seed(seed)
    return TransGeo(ground_px, (aerial_px, aerial_px), size).state_dict()


def save_official(path: Path, state: Mapping[str, Tensor], **more: Any) -> Path:
    """Write a file as the official training does: prefix, numpy scalar, a copy of every weight in the optimiser."""
    named = OrderedDict((f"module.{name}", value) for name, value in state.items())
    group = {"rho": 2.5, "adaptive": True, "lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.03}
    optimizer = {
        "state": {number: {"old_p": value.clone()} for number, value in enumerate(named.values())},
        "param_groups": [{**group, "amsgrad": False, "params": list(range(len(named)))}],
    }
    content = {"epoch": 50, "state_dict": named, "best_acc1": np.float64(BEST_ACC1), "optimizer": optimizer}
    torch.save(content | more, path)
    return path


def colour_state() -> dict[str, Tensor]:
    """Weights of a stage-1 TransGeo that describes a picture by the mean of its patches' colours, in both views alike.

    Attention is even, the MLP adds nothing, positions and tokens are zero and both heads are the identity.
    """
    state = {name: torch.zeros_like(value) for name, value in transgeo_state().items()}
    torch.manual_seed(3)
    width, area = SMALL.width, SMALL.patch_px**2
    mixture, offset = torch.randn(width, 3), torch.randn(width)
    for name, value in state.items():
        if name.endswith(("norm.weight", "norm1.weight", "norm2.weight")):
            value += 1.0
        elif name.endswith(("attn.proj.weight", "head.weight", "head_dist.weight")):
            value += torch.eye(width)
        elif name.endswith("attn.qkv.weight"):
            value[-width:] += torch.eye(width)
        elif name.endswith("patch_embed.proj.weight"):
            value += mixture[:, :, None, None] / area
        elif name.endswith("patch_embed.proj.bias"):
            value += offset
    return state


def noise(seed: int, height: int, width: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_pairs(folder: Path, photos: int, tiles: int, *, colours: bool = False, fov_deg: str = "") -> Path:
    """Write a pairs.csv; photo i belongs to tile i mod `tiles`.

    Pictures are noise, or with `colours` noise around one of 64 well separated colours a tile.
    """
    folder.mkdir(parents=True, exist_ok=True)
    levels = np.stack(np.meshgrid(*[[20, 90, 160, 235]] * 3), axis=-1).reshape(-1, 3)
    rows = ["ground,aerial,lat,lon,heading_deg,fov_deg"]

    def save(name: str, seed: int, tile: int, height: int, width: int) -> None:
        pixels = noise(seed, height, width)
        if colours:
            pixels = (levels[tile] + pixels % 9).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name)

    for tile in range(tiles):
        save(f"a{tile}.png", 1000 + tile, tile, 40, 40)
    for photo in range(photos):
        save(f"g{photo}.png", photo, photo % tiles, 32, 176)
        rows.append(f"g{photo}.png,a{photo % tiles}.png,,,0,{fov_deg}")
    (folder / "pairs.csv").write_text("\n".join(rows) + "\n")
    return folder / "pairs.csv"


def save_onnx(
    path: Path,
    *,
    size: int = 8,
    inputs: str = "x",
    outputs: str = "y",
    batch: int | str = "n",
    side: int = 16,
    half: bool = False,
    external: bool = False,
    op_type: str = "MatMul",
    domain: str = "",
    opset: int = 17,
) -> Path:
    """Write mean colours over 4 x 4 blocks times a random matrix: (n, 3, side, side) -> (n, size), not normalised."""
    cells = 3 * (side // 4) ** 2
    dtype = np.float16 if half else np.float32
    weight = np.random.default_rng(size).standard_normal((cells, size)).astype(dtype)
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    nodes = [
        helper.make_node("AveragePool", [inputs], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["pooled"], ["flat"], axis=1),
        helper.make_node(op_type, ["flat", "weight"], [outputs], domain=domain),
    ]
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info(inputs, kind, [batch, 3, side, side])],
        [helper.make_tensor_value_info(outputs, kind, [batch, size])],
        [numpy_helper.from_array(weight, "weight")],
    )
    imports = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    onnx.save(model, str(path), save_as_external_data=external, location=f"{path.stem}.bin", size_threshold=0)
    return path
