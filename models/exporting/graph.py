"""One view of a network as an ONNX file that holds everything."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models.bundle import AerialView, AnyGroundView, GroundView
from models.encoder import ATTENTION
from models.networks.network import Network, View

OPSET = 17
SMALL_TENSOR = 64


class Flat(nn.Module):
    """One view as the ONNX signature wants it: pixels -> embedding (N, D) and, where there is one, attention (N, h, w).

    Attributes:
        outputs: their names.
    """

    def __init__(self, network: Network, view: View) -> None:
        super().__init__()
        self.network, self.view = network, view
        self.outputs = ("embedding", ATTENTION) if network.attends(view) else ("embedding",)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        if len(self.outputs) > 1:
            described, maps = self.network.attended(self.view, pixels)
            return described.flatten(1), maps
        encode = self.network.ground if self.view == "ground" else self.network.aerial
        return (encode(pixels).flatten(1),)


def sample_pixels(
    view: AnyGroundView | AerialView, batch: int, columns_px: int | None = None, *, seed: int = 0
) -> Tensor:
    """Draw normalised noise of a view's input size; `columns_px` replaces the width of a canvas."""
    generator = torch.Generator().manual_seed(seed)
    if isinstance(view, AerialView):
        return torch.randn(batch, 3, view.size_px, view.size_px, generator=generator)
    margin_px = view.margin_px if isinstance(view, GroundView) else 0
    return torch.randn(batch, 3, view.height_px, (columns_px or view.width_px) + 2 * margin_px, generator=generator)


def is_any_width(view: AnyGroundView | AerialView) -> bool:
    return isinstance(view, GroundView) and view.any_width


def export_view(network: Network, view: View, spec: AnyGroundView | AerialView, path: Path) -> None:
    """Write `pixels` -> `embedding` with a free batch axis and, where the view takes any width, a free width.

    Networks that attend get a second output, `attention`.
    """
    flat = Flat(network, view).eval()
    axes = {name: {0: "batch"} for name in ("pixels", *flat.outputs)}
    if is_any_width(spec):
        axes["pixels"][3] = "width"
        axes["embedding"][1] = "size"
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            flat,
            (sample_pixels(spec, 1),),
            str(path),
            input_names=["pixels"],
            output_names=list(flat.outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
        )


def round_to_half(network: Network) -> None:
    """Round the large tensors of a network to float16 values, in place, so that they can be stored so."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.dtype == torch.float32 and tensor.numel() > SMALL_TENSOR:
                tensor.copy_(tensor.half().float())


def store_half(path: Path) -> None:
    """Keep large weights as float16 behind a cast; ONNX Runtime unfolds them once, at load.

    Batch norms are exported as they are (and fused by ONNX Runtime): fused weights would no longer be exact halves.
    """
    model = onnx.load(str(path))
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size <= SMALL_TENSOR:
            continue
        if not np.array_equal(values, values.astype(np.float16).astype(np.float32)):
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + nodes)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
