"""From an official TransGeo checkpoint to a model bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from models.bundle import AerialView, Embedding, ModelBundle, ModelManifest, Parity, StretchedView
from models.errors import CheckpointMismatch, UsageError
from models.exporting.certificate import torch_candidates
from models.exporting.run import export_bundle
from models.importing.comparing import require_match, shapes
from models.importing.delivery import Order, deliver, join_notes
from models.importing.ledger import TRANSGEO_CODE, licence_line, licence_notes, make_ledger
from models.importing.published import DATASETS, Chosen, choose_dataset, footprint
from models.importing.recognise import FIRST_STAGE_PX, Recognised, recognise
from models.importing.safe_load import Checkpoint, load_checkpoint, strip_prefix
from models.networks.transgeo import Crop, TransGeo
from models.normalisation import IMAGENET_MEAN, IMAGENET_STD
from models.provenance import Cropping

UNSEALED = "0" * 64
ATTRIBUTION = "TransGeo: Zhu, Shah, Chen, CVPR 2022."
Guide = Path | Literal["self", "none"] | None
PanoramaSet = Literal["cvusa", "cvact", "vigor"]
ASPECTS: dict[PanoramaSet, float] = {"cvusa": 224 / 1232, "cvact": 0.25, "vigor": 0.5}
"""Height over width of what is stretched; of CVACT's panoramas, 832 x 1664, the middle half."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What shapes do not tell.

    Args:
        guide: who says where stage 2 looks. A stage-1 checkpoint, as published; "self", the stage-2 encoder on all
            patches; "none", no cropping. One is needed for a stage-2 checkpoint, and None for stage 1.
        dataset: CVUSA and CVACT have the same shapes but not the same panoramas (CVACT's keep their middle half);
            None: what the path says, else CVUSA, with a note.
        heads: of attention; None: one for each 64 channels.
    """

    guide: Guide = None
    dataset: PanoramaSet | None = None
    heads: int | None = None


def import_transgeo(file: Path, order: Order, choice: Choice | None = None) -> ModelBundle:
    """Make a bundle of an official checkpoint, or of a bare state dictionary with its names.

    Raises:
        CheckpointError: the file is unsafe, unreadable or not of this network; the message says what it is instead.
        UsageError: a choice is missing or does not fit.
    """
    choice = choice or Choice()
    checkpoint = load_checkpoint(file)
    state = strip_prefix(checkpoint.state)
    found = recognise(state, file.name, choice.heads)
    chosen = _dataset(found, choice.dataset, file)
    require_match(state, _expected(found), file.name, f"By its positions it is {found.words}.")
    crop, guide_state, cropping = _cropping(found, choice, file.name)
    network = TransGeo(found.ground_px, (found.aerial_px, found.aerial_px), found.size, crop=crop)
    network.load_state_dict(state | guide_state, strict=True)
    manifest = _manifest(checkpoint, found, chosen, cropping, order)
    return deliver(
        order,
        lambda folder: export_bundle(network, manifest, folder, half_weights=False),
        lambda bundle: torch_candidates(network, bundle.manifest),
    )


def _expected(found: Recognised) -> dict[str, tuple[int, ...]]:
    """Names and shapes of both branches, of a network that takes no memory."""
    with torch.device("meta"):
        network = TransGeo(found.ground_px, (found.aerial_px, found.aerial_px), found.size)
    return shapes(network.state_dict())


def _dataset(found: Recognised, given: PanoramaSet | None, file: Path) -> Chosen[PanoramaSet]:
    fitting: tuple[PanoramaSet, ...] = ("vigor",) if found.family == "vigor" else ("cvusa", "cvact")
    if given is not None and given not in fitting:
        raise CheckpointMismatch(
            f"{file.name} is {found.words}, not of {given.upper()}; leave out --dataset or correct it."
        )
    return choose_dataset(file, given, fitting)


def _cropping(found: Recognised, choice: Choice, source: str) -> tuple[Crop | None, dict[str, Tensor], Cropping | None]:
    guide = choice.guide
    if found.keep is None:
        if guide is not None:
            raise UsageError(f"{source} is {found.words}: stage 1 crops nothing; leave out --guide and --no-crop.")
        return None, {}, None
    if guide is None:
        raise UsageError(
            f"{source}: reference_net.pos_embed is that of {found.words}. Such a network is told where to look by a "
            "stage-1 encoder, which is not in this file. Give --guide FILE (the stage-1 checkpoint it was started "
            "from), or --guide self (its own attention on the whole tile), or --no-crop (all patches)."
        )
    if isinstance(guide, str):
        return Crop(found.keep, guide), {}, Cropping(keep=found.keep, guide=guide)
    guide_px = FIRST_STAGE_PX[found.family]
    checkpoint = load_checkpoint(guide)
    cropping = Cropping(keep=found.keep, guide="stage-1", guide_source=f"{guide.name}, sha256 {checkpoint.sha256}")
    return Crop(found.keep, "stage-1", guide_px), _guide_state(checkpoint, found), cropping


def _guide_state(checkpoint: Checkpoint, found: Recognised) -> dict[str, Tensor]:
    """Take the aerial branch of a stage-1 checkpoint as the guide's tensors.

    Raises:
        CheckpointMismatch: it is of another stage, data set or size.
    """
    state, source = strip_prefix(checkpoint.state), f"--guide {checkpoint.path.name}"
    other = recognise(state, source, found.size.heads)
    if (other.stage, other.family, other.size) != (1, found.family, found.size):
        size = f"{other.size.depth} blocks of {other.size.width} channels, {other.size.embedding} in the embedding"
        raise CheckpointMismatch(
            f"{source} is {other.words} ({size}); the guide of {found.words} is a stage-1 checkpoint of the same data "
            f"set and size, with tiles of {FIRST_STAGE_PX[found.family]} px. Give that, or --guide self, or --no-crop."
        )
    require_match(state, _expected(other), source, f"By its positions it is {other.words}.")
    branch = "reference_net."
    return {f"guide.{name.removeprefix(branch)}": state[name] for name in state if name.startswith(branch)}


def _manifest(
    checkpoint: Checkpoint, found: Recognised, chosen: Chosen[PanoramaSet], cropping: Cropping | None, order: Order
) -> ModelManifest:
    dataset = chosen.dataset
    ledger = make_ledger(order.declared, TRANSGEO_CODE, dataset)
    ground_m = footprint(dataset, order.footprint_m)
    colours: dict[str, Any] = {"sha256": UNSEALED, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    narrow = "" if found.fov_deg == 360 else f"-fov{found.fov_deg}"
    title = DATASETS[dataset].title
    return ModelManifest(
        name=order.name or f"transgeo-{dataset}{narrow}-stage-{found.stage}",
        version=order.version,
        label=f"TransGeo, stage {found.stage} for {title}, {_photos(found)}. Weights taken over from "
        f"{checkpoint.path.name[:80]}; their accuracy was not measured here.",
        licence=licence_line(ledger),
        attribution=ATTRIBUTION,
        embedding=Embedding(columns=1, channels=found.size.embedding),
        ground=StretchedView(
            height_px=found.ground_px[0],
            width_px=found.ground_px[1],
            panorama_width_px=found.panorama_width_px,
            panorama_aspect=ASPECTS[dataset],
            fov_deg=found.fov_deg,
            **colours,
        ),
        aerial=AerialView(size_px=found.aerial_px, footprint_m=ground_m.side_m, **colours),
        parity=Parity(ground=0.0, aerial=0.0, samples=1),
        cropping=cropping,
        ledger=ledger,
        training=_training(
            checkpoint, found, dataset, join_notes(chosen.note, ground_m.assumption, licence_notes(ledger))
        ),
    )


def _photos(found: Recognised) -> str:
    return "panoramas" if found.fov_deg == 360 else f"photos of {found.fov_deg} degrees"


def _training(checkpoint: Checkpoint, found: Recognised, dataset: PanoramaSet, notes: list[str]) -> dict[str, Any]:
    return {
        "imported": "transgeo",
        "file": checkpoint.path.name,
        "file_sha256": checkpoint.sha256,
        "stage": found.stage,
        "dataset": dataset,
        "fov_deg": found.fov_deg,
        "heads": found.size.heads,
        "reported_by_file": checkpoint.facts,
        "notes": notes,
    }
