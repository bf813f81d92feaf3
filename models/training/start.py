"""Weights to begin with: DeiT's for ImageNet, or those of a first stage."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from models.errors import CheckpointMismatch, CheckpointUnreadable, UsageError
from models.importing.safe_load import load_checkpoint, strip_prefix
from models.networks.positions import DEIT_GRID, adopt_state
from models.networks.transformer import DistilledTransformer
from models.networks.transgeo import TransGeo
from models.training.config import TrainConfig
from models.training.model import Learner

DEIT_URL = "https://dl.fbaipublicfiles.com/deit/deit_small_distilled_patch16_224-649709d9.pth"


def start_from(config: TrainConfig, learner: Learner, file: Path | None) -> None:
    """Fill a fresh learner with the weights that its configuration begins with.

    Args:
        config: the run; `start.kind` says what the file must be.
        learner: freshly made; filled in place.
        file: DeiT's checkpoint, or a first stage: checkpoint.pt of a run here, or of TransGeo an official .pth.tar.

    Raises:
        UsageError: a file is needed and none was given, or the other way round.
        CheckpointError: it is not of that kind.
    """
    kind = config.start.kind
    if kind == "scratch":
        if file is not None:
            raise UsageError("The configuration starts from scratch; set start.kind to use --init.")
        return
    network = learner.network
    if kind == "deit" and not isinstance(network, TransGeo):
        raise UsageError("Only TransGeo can start from DeiT's weights.")
    if file is None:
        raise UsageError(
            f"The configuration starts from DeiT's ImageNet weights: get {DEIT_URL} and give it with --init FILE, or "
            'set start.kind = "scratch".'
            if kind == "deit"
            else "The configuration continues a first stage: give its checkpoint with --init FILE."
        )
    if not isinstance(network, TransGeo):
        _continue_run(learner, file)
    elif kind == "deit":
        state = load_checkpoint(file).state
        for branch in (network.query_net, network.reference_net):
            branch.load_state_dict(adopt_state(state, branch, from_grid=DEIT_GRID))
    else:
        _continue_stage_1(network, _first_stage(file))


def _continue_run(learner: Learner, file: Path) -> None:
    """Take over everything that a run of the same network has learnt, its temperature too."""
    state = _own_run(file)
    if state is None:
        raise CheckpointMismatch(
            f"{file} is no checkpoint of a run of this program, and only such a run has this network."
        )
    try:
        learner.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointMismatch(f"{file} is of another network than the configuration's: {error}.") from error


def _first_stage(file: Path) -> dict[str, Tensor]:
    """Give the tensors of a TransGeo under their official names, whoever wrote the checkpoint.

    Raises:
        CheckpointError: it is neither a run of this program nor an official file.
    """
    own = _own_run(file)
    if own is None:
        return strip_prefix(load_checkpoint(file).state)
    return {name.removeprefix("network."): value for name, value in own.items() if name.startswith("network.")}


def _own_run(file: Path) -> Mapping[str, Tensor] | None:
    """Weights of a run of this program; None for any other file."""
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return None  # official checkpoints hold a number that only `load_checkpoint` reads
    except (OSError, RuntimeError, EOFError) as error:
        raise CheckpointUnreadable(f"{file} cannot be read as a checkpoint: {error}.") from error
    return content["learner"] if isinstance(content, Mapping) and "learner" in content else None


def _continue_stage_1(network: TransGeo, tensors: Mapping[str, Tensor]) -> None:
    """Warm start: everything is taken over, position embeddings of the aerial branch resized to its new grid."""
    for name, branch in (("query_net", network.query_net), ("reference_net", network.reference_net)):
        branch.load_state_dict(adopt_state(_branch(tensors, name), branch))
    if isinstance(network.guide, DistilledTransformer):
        network.guide.load_state_dict(_branch(tensors, "reference_net"))


def _branch(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
