"""A bundle's ground network back in torch, with the very same weights: what a naive server would run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from models.bundle import ModelBundle
from models.encoder import OnnxEncoder
from models.exporting.graph import export_view, sample_pixels
from models.networks.network import Network
from models.training.config import load_config
from models.training.model import build_network

Floats = NDArray[np.float32]
APART = 1e-4


def torch_twin(config: str, bundle: ModelBundle) -> Network:
    """Build the configuration's network and give it the weights of the bundle's ground.onnx.

    An ONNX file has transposed some weights and renamed them. Which is which is told by exporting the network with
    weights that are all different, and looking where each of them went.

    Raises:
        ValueError: the network then describes noise differently from the bundle.
    """
    network = build_network(load_config(config), pretrained=False).eval()
    torch.manual_seed(0)
    state = network.state_dict()
    for tensor in state.values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    with TemporaryDirectory() as name:
        path = Path(name) / "marked.onnx"
        export_view(network, "ground", bundle.manifest.ground, path)
        marked = _constants(path)
    known = {_mark(tensor.numpy()): name for name, tensor in state.items() if tensor.is_floating_point()}
    served = _constants(bundle.ground_path)
    for name, marks in marked.items():
        for values, turned in ((served.get(name), False), (served.get(name), True)):
            key = known.get(_mark(marks.T if turned else marks))
            if key is not None and values is not None and marks.size > 1:
                state[key].copy_(torch.from_numpy((values.T if turned else values).copy()).reshape(state[key].shape))
                break
    _check(network, bundle)
    return network


def _constants(path: Path) -> dict[str, Floats]:
    """Weights by name, those behind a cast from float16 under the cast's name."""
    graph = onnx.load(str(path)).graph
    found = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    for node in graph.node:
        if node.op_type in ("Cast", "Identity") and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return {name: value.astype(np.float32) for name, value in found.items() if value.dtype.kind == "f"}


def _mark(values: Floats) -> tuple[int, ...]:
    """Tell arrays of random numbers apart by shape and first values."""
    return (*values.shape, hash(np.ascontiguousarray(values).ravel()[:4].tobytes()))


def _check(network: Network, bundle: ModelBundle) -> None:
    pixels = sample_pixels(bundle.manifest.ground, 2)
    with torch.inference_mode():
        described = network.ground(pixels).flatten(1).numpy()
    served = OnnxEncoder(bundle, views=("ground",)).ground(pixels.numpy()).reshape(2, -1)
    apart = float(np.abs(described - served).max())
    if apart > APART:
        raise ValueError(f"The torch twin of {bundle.manifest.title} differs by {apart:.1e}; at most {APART:g}.")
