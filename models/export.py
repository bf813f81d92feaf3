"""From a checkpoint to a model bundle: two ONNX files that hold everything, and the proof that they say the same."""

from __future__ import annotations

import platform
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models.artefact import appear_whole, sha256_file, write_manifest
from models.bundle import AerialView, GroundView, ModelBundle, ModelManifest, Parity, open_model_bundle
from models.encoder import OnnxEncoder
from models.errors import UsageError
from models.networks.azimuth import AzimuthColumns
from models.networks.transgeo import TransGeo
from models.training.config import TrainConfig
from models.training.model import Learner, build_network

OPSET = 17
PARITY_LIMIT = 1e-4
PARITY_SAMPLES = 4
SMALL_TENSOR = 64
Network = AzimuthColumns | TransGeo


class _Flat(nn.Module):
    """One view as the ONNX signature wants it: pixels -> embedding (N, D)."""

    def __init__(self, network: Network, view: str) -> None:
        super().__init__()
        self.network, self.view = network, view

    def forward(self, pixels: Tensor) -> Tensor:
        encode = self.network.ground if self.view == "ground" else self.network.aerial
        return encode(pixels).flatten(1)


def load_run(run: Path) -> tuple[TrainConfig, Network, dict[str, Any]]:
    """Open a training run: its configuration, its trained network, and step and seconds.

    Args:
        run: the run's folder or its checkpoint.pt.

    Raises:
        UsageError: no checkpoint or no configuration there.
    """
    folder = run if run.is_dir() else run.parent
    checkpoint = folder / "checkpoint.pt" if run.is_dir() else run
    for needed in (checkpoint, folder / "config.json"):
        if not needed.is_file():
            raise UsageError(f"{needed} is missing; a training run has checkpoint.pt and config.json.")
    config = TrainConfig.model_validate_json((folder / "config.json").read_text())
    learner = Learner(build_network(config, pretrained=False))
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    learner.load_state_dict(state["learner"])
    return config, learner.network, {"steps": state["step"], "seconds": round(state["seconds"])}


def export_bundle(run: Path, out: Path, *, half_weights: bool = True) -> ModelBundle:
    """Write a model bundle from a training run.

    Args:
        run: folder of the run, or its checkpoint.
        out: folder to make; must not exist or be empty.
        half_weights: store weights as float16 and compute in float32: half the size. The torch network is rounded
            first, so parity is measured against the very same numbers.

    Raises:
        UsageError: the networks differ by more than 1e-4 after export, or `out` is taken.
    """
    config, network, facts = load_run(run)
    network.eval()
    if half_weights:
        _round_to_half(network)
    embedding, ground, aerial = config.views
    with appear_whole(out) as folder:
        parity = {}
        for view, spec in (("ground", ground), ("aerial", aerial)):
            path = folder / spec.file
            _export_view(network, view, _sample(spec, 1), path, isinstance(spec, GroundView) and spec.any_width)
            if half_weights:
                _store_half(path)
            parity[view] = _parity(network, view, spec, path)
        manifest = ModelManifest(
            name=config.name,
            version=config.version,
            label=config.label,
            licence=config.licence,
            attribution=config.attribution,
            embedding=embedding,
            ground=ground.model_copy(update={"sha256": sha256_file(folder / ground.file)}),
            aerial=aerial.model_copy(update={"sha256": sha256_file(folder / aerial.file)}),
            parity=Parity(ground=parity["ground"], aerial=parity["aerial"], samples=PARITY_SAMPLES),
            training={"config": config.model_dump(mode="json"), **facts, **_versions()},
        )
        write_manifest(folder, manifest)
    bundle = open_model_bundle(out)
    OnnxEncoder(bundle)
    return bundle


def _versions() -> dict[str, str]:
    return {"torch": torch.__version__, "onnxruntime": ort.__version__, "python": platform.python_version()}


def _round_to_half(network: Network) -> None:
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.dtype == torch.float32 and tensor.numel() > SMALL_TENSOR:
                tensor.copy_(tensor.half().float())


def _sample(view: GroundView | AerialView, batch: int, columns_px: int | None = None) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if isinstance(view, AerialView):
        return torch.randn(batch, 3, view.size_px, view.size_px, generator=generator)
    width = (columns_px or view.width_px) + 2 * view.margin_px
    return torch.randn(batch, 3, view.height_px, width, generator=generator)


def _export_view(network: Network, view: str, sample: Tensor, path: Path, any_width: bool) -> None:
    axes = {"pixels": {0: "batch"}, "embedding": {0: "batch"}}
    if any_width:
        axes["pixels"][3] = "width"
        axes["embedding"][1] = "size"
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Flat(network, view).eval(),
            (sample,),
            str(path),
            input_names=["pixels"],
            output_names=["embedding"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
        )


def _store_half(path: Path) -> None:
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


def _parity(network: Network, view: str, spec: GroundView | AerialView, path: Path) -> float:
    """Largest difference between torch and ONNX Runtime, full width and, where it is free, a narrow photo."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    samples = [_sample(spec, PARITY_SAMPLES)]
    if isinstance(spec, GroundView) and spec.any_width:
        samples.append(_sample(spec, PARITY_SAMPLES, spec.width_px // 4))
    worst = 0.0
    for pixels in samples:
        with torch.inference_mode():
            expected = _Flat(network, view)(pixels).numpy()
        (found,) = session.run(["embedding"], {"pixels": pixels.numpy()})
        worst = max(worst, float(np.abs(found - expected).max()))
    if worst > PARITY_LIMIT:
        raise UsageError(f"The exported {view} network differs by {worst:.2e} from torch; at most {PARITY_LIMIT:g}.")
    return worst
