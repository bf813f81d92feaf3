"""From an official Sample4Geo checkpoint to a model bundle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from models.bundle import AerialView, Embedding, ModelBundle, ModelManifest, Parity, StretchedView
from models.errors import UsageError
from models.exporting.certificate import torch_candidates
from models.exporting.run import export_bundle
from models.importing.comparing import require_match, shapes
from models.importing.delivery import Order, deliver, join_notes
from models.importing.ledger import SAMPLE4GEO_CODE, licence_line, licence_notes, make_ledger
from models.importing.published import DATASETS, Chosen, DatasetName, choose_dataset, footprint
from models.importing.safe_load import Checkpoint, load_checkpoint, strip_prefix
from models.networks.convnext import ConvNextSize, Sample4Geo
from models.normalisation import IMAGENET_MEAN, IMAGENET_STD

UNSEALED = "0" * 64
ATTRIBUTION = "Sample4Geo: Deuser, Habel, Oswald, ICCV 2023."
AERIAL_PX = 384


@dataclass(frozen=True, slots=True)
class GroundPx:
    height: int
    width: int


GROUND_PX: dict[DatasetName, GroundPx] = {
    "cvusa": GroundPx(140, 768),
    "cvact": GroundPx(140, 768),
    "vigor": GroundPx(384, 768),
    "university": GroundPx(384, 384),
}
REASON = (
    "These are not the weights of Sample4Geo's ConvNeXt-B. Give a published weights_e*.pth, which is a plain "
    "state_dict with the names logit_scale, model.stem.*, model.stages.*, model.head.*; every name must be there, "
    "because a network filled in part answers nonsense without an error."
)


def import_sample4geo(
    file: Path,
    order: Order,
    dataset: DatasetName | None = None,
    *,
    fov_deg: float | None = None,
    size: ConvNextSize | None = None,
) -> ModelBundle:
    """Make a bundle of an official checkpoint.

    Args:
        file: state dictionary, with or without the prefix `module.`.
        order: where to, and which precision.
        dataset: that it was trained on; shapes do not tell, and sizes depend on it. None: what the path says (the
            published files lie in folders of their data set), else CVUSA, with a note.
        fov_deg: horizontal field of view of the photos to be sent. Panoramas need none. University-1652's drone and
            street photos state none, so there it is the operator's to say; the network only stretches what it gets.
        size: of the network; None: ConvNeXt-B.

    Raises:
        CheckpointError: the file is unsafe, unreadable or not of this network, listing the names that differ.
        UsageError: `fov_deg` is missing, or given for panoramas.
    """
    chosen = choose_dataset(file, dataset, get_args(DatasetName))
    fov = _fov(chosen.dataset, fov_deg)
    size = size or ConvNextSize()
    checkpoint = load_checkpoint(file)
    state = strip_prefix(checkpoint.state)
    with torch.device("meta"):
        expected = shapes(Sample4Geo(size).state_dict())
    require_match(state, expected, file.name, REASON)
    network = Sample4Geo(size)
    network.load_state_dict(state, strict=True)
    manifest = _manifest(checkpoint, chosen, fov, size, order)
    return deliver(
        order,
        lambda folder: export_bundle(network, manifest, folder, half_weights=False),
        lambda bundle: torch_candidates(network, bundle.manifest),
    )


def _fov(dataset: DatasetName, fov_deg: float | None) -> float:
    if dataset != "university":
        if fov_deg not in (None, 360.0):
            raise UsageError(
                f"Sample4Geo of {DATASETS[dataset].title} takes panoramas of 360 degrees; leave out --fov."
            )
        return 360.0
    if fov_deg is None or not 20 <= fov_deg <= 150:
        raise UsageError(
            "University-1652 does not say how wide its drone's and street cameras see. Give --fov, the horizontal "
            "field of view of your own photos in degrees, 20 to 150; photos of another are refused when served."
        )
    return fov_deg


def _manifest(
    checkpoint: Checkpoint, chosen: Chosen[DatasetName], fov_deg: float, size: ConvNextSize, order: Order
) -> ModelManifest:
    dataset = chosen.dataset
    ledger = make_ledger(order.declared, SAMPLE4GEO_CODE, dataset)
    ground_m = footprint(dataset, order.footprint_m)
    title, ground_px = DATASETS[dataset].title, GROUND_PX[dataset]
    colours: dict[str, Any] = {"sha256": UNSEALED, "mean": IMAGENET_MEAN, "std": IMAGENET_STD, "resampling": "linear"}
    photos = "panoramas" if fov_deg == 360 else f"photos of {fov_deg:g} degrees"
    return ModelManifest(
        name=order.name or f"sample4geo-{dataset}",
        version=order.version,
        label=f"Sample4Geo for {title}, {photos}. Weights taken over from {checkpoint.path.name[:80]}; their accuracy "
        "was not measured here.",
        licence=licence_line(ledger),
        attribution=ATTRIBUTION,
        embedding=Embedding(columns=1, channels=size.widths[-1]),
        ground=StretchedView(
            height_px=ground_px.height,
            width_px=ground_px.width,
            panorama_width_px=math.ceil(ground_px.width * 360 / fov_deg),
            panorama_aspect=DATASETS[dataset].panorama_aspect,
            fov_deg=fov_deg,
            **colours,
        ),
        aerial=AerialView(size_px=AERIAL_PX, footprint_m=ground_m.side_m, **colours),
        parity=Parity(ground=0.0, aerial=0.0, samples=1),
        ledger=ledger,
        training={
            "imported": "sample4geo",
            "file": checkpoint.path.name,
            "file_sha256": checkpoint.sha256,
            "dataset": dataset,
            "fov_deg": fov_deg,
            "logit_scale": round(float(checkpoint_scale(checkpoint)), 6),
            "reported_by_file": checkpoint.facts,
            "notes": join_notes(chosen.note, ground_m.assumption, licence_notes(ledger)),
        },
    )


def checkpoint_scale(checkpoint: Checkpoint) -> float:
    """Give the logarithm of the inverse temperature that the weights were trained with."""
    return float(strip_prefix(checkpoint.state)["logit_scale"])
