"""Weights that any program can regenerate, tiny networks, and one way through ONNX."""

from __future__ import annotations

import io
import warnings
import zlib
from functools import cache
from typing import Any, TypeVar

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.networks.transformer import DistilledTransformer, TransformerSize

SMALL = TransformerSize(width=24, depth=2, heads=3, patch_px=8, embedding=10)
DEEP = TransformerSize()
SCALES = ("norm1.weight", "norm2.weight", "norm.weight")
"""Endings of the names whose values are drawn around one instead of around zero."""
OPSET = 17

Module = TypeVar("Module", bound=nn.Module)
Array = NDArray[Any]


@cache
def drawn(name: str, shape: tuple[int, ...], scale: float) -> Tensor:
    """Values of one parameter, seeded by its name."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape) * scale
    return torch.from_numpy(np.asarray(values + name.endswith(SCALES), dtype="f4"))


def regenerated(network: Module, prefix: str = "", scale: float = 0.02) -> Module:
    """Fill a network (on the meta device, if it is large) by the recipe."""
    state = {name: drawn(prefix + name, tuple(value.shape), scale) for name, value in network.state_dict().items()}
    network.load_state_dict({name: value.clone() for name, value in state.items()}, assign=True)
    return network.eval()


def encoder(
    prefix: str,
    image_px: tuple[int, int],
    size: TransformerSize = DEEP,
    keep: float | None = None,
    scale: float = 0.02,
) -> DistilledTransformer:
    """One encoder by the recipe; `prefix` is query or reference."""
    with torch.device("meta"):
        network = DistilledTransformer(image_px, size, keep)
    return regenerated(network, f"{prefix}_net.", scale)


def small(image_px: tuple[int, int] = (32, 32), keep: float | None = None) -> DistilledTransformer:
    """An encoder of 4 x 4 patches whose attention differs clearly between patches."""
    return encoder("query", image_px, SMALL, keep, scale=0.2)


def pixels(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype("f4"))


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def far(found: Tensor | Array, expected: Tensor | Array) -> float:
    return float(np.abs(np.asarray(found) - np.asarray(expected)).max())


class Call(nn.Module):
    """A method of a module as a module of its own, to be exported."""

    def __init__(self, module: nn.Module, method: str) -> None:
        super().__init__()
        self.module, self.method = module, method

    def forward(self, *inputs: Tensor) -> Tensor:
        out: Tensor = getattr(self.module, self.method)(*inputs)
        return out


def through_onnx(module: nn.Module, traced: tuple[Tensor, ...], *batches: tuple[Tensor, ...]) -> list[Array]:
    """Export with one set of inputs, free batch axis, and run others through ONNX Runtime."""
    names = [f"input{index}" for index in range(len(traced))]
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            traced,
            file,  # type: ignore[arg-type]
            input_names=names,
            output_names=["embedding"],
            dynamic_axes={name: {0: "batch"} for name in (*names, "embedding")},
            opset_version=OPSET,
            dynamo=False,
        )
    session = ort.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    feeds = [dict(zip(names, (value.numpy() for value in batch), strict=True)) for batch in batches]
    return [session.run(["embedding"], feed)[0] for feed in feeds]
