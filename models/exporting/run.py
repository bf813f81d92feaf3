"""From a training run to a model bundle."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import onnxruntime as ort
import torch

from models.artefact import appear_whole, sha256_file, write_manifest
from models.bundle import AerialView, AnyGroundView, ModelBundle, ModelManifest, Parity, open_model_bundle
from models.encoder import OnnxEncoder
from models.errors import UsageError
from models.exporting.certificate import certify, onnx_candidate, torch_candidates
from models.exporting.graph import export_view, round_to_half, store_half
from models.exporting.noise import noise_sample
from models.exporting.parity import PARITY_SAMPLES, parity
from models.networks.azimuth import AzimuthColumns
from models.networks.joined import JoinedColumns
from models.networks.network import Network, View
from models.training.architectures import ColumnsModel
from models.training.config import TrainConfig, draft_manifest
from models.training.model import Learner, build_network


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


def export_run(run: Path, out: Path, *, half_weights: bool = True) -> ModelBundle:
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
    if isinstance(config.model, ColumnsModel) and isinstance(network, AzimuthColumns) and config.model.looks > 1:
        network = JoinedColumns([network.eval()], quarters=range(config.model.looks))
    manifest = draft_manifest(config, {"config": config.model_dump(mode="json"), **facts})
    return export_bundle(network, manifest, out, half_weights=half_weights, certified=True)


def export_bundle(
    network: Network, draft: ModelManifest, out: Path, *, half_weights: bool, certified: bool = False
) -> ModelBundle:
    """Write a network as a model bundle that appears whole or not at all.

    Args:
        network: in torch; with `half_weights` its weights are rounded in place.
        draft: manifest in which the files' sums and the parity are still to be filled in.
        out: folder to make.
        half_weights: as in `export_run`.
        certified: measure size, time and cosines on noise and keep them in the manifest.
    """
    network.eval()
    if half_weights:
        round_to_half(network)
    with appear_whole(out) as folder:
        differences, views = {}, dict[str, Any]()
        specs: dict[View, AnyGroundView | AerialView] = {"ground": draft.ground, "aerial": draft.aerial}
        for view, spec in specs.items():
            path = folder / spec.file
            export_view(network, view, spec, path)
            if half_weights:
                store_half(path)
            differences[view] = parity(network, view, spec, path)
            views[view] = spec.model_copy(update={"sha256": sha256_file(path)})
        proof = Parity(ground=differences["ground"], aerial=differences["aerial"], samples=PARITY_SAMPLES)
        training = draft.training | _versions()
        write_manifest(folder, draft.model_copy(update={**views, "parity": proof, "training": training}))
        if certified:
            write_manifest(folder, _certified(network, open_model_bundle(folder)))
    bundle = open_model_bundle(out)
    OnnxEncoder(bundle)
    return bundle


def _certified(network: Network, bundle: ModelBundle) -> ModelManifest:
    """Hold a bundle's files against the network that they were exported from."""
    candidates = [torch_candidates(network, bundle.manifest)[0], onnx_candidate(bundle)]
    certificate, _ = certify(noise_sample(bundle.manifest), candidates)
    return bundle.manifest.model_copy(update={"certificate": certificate})


def _versions() -> dict[str, str]:
    return {"torch": torch.__version__, "onnxruntime": ort.__version__, "python": platform.python_version()}
