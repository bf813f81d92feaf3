"""What a worker has to answer before it is given work, so that no row is made by another model or version."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

import onnxruntime as ort

from models.encoder import Encoder
from models.errors import WorkerRefused


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whatever decides a row besides the pixels; equal ones describe alike."""

    model: str
    """Identity of the model bundle, sha256."""
    preprocessing: str
    """Sha256 of what turns pictures into tensors."""
    skyfix: str
    onnxruntime: str


def credentials_of(encoder: Encoder) -> Credentials:
    """Say what this process would describe with."""
    try:
        skyfix = version("skyfix")
    except PackageNotFoundError:
        skyfix = "0+unknown"
    return Credentials(encoder.sha256, encoder.manifest.preprocessing_sha256, skyfix, ort.__version__)


def check_credentials(mine: Credentials, theirs: Credentials, worker: str) -> None:
    """Raise WorkerRefused, with both values of all that differs, unless a worker describes as this process would."""
    here, there = asdict(mine), asdict(theirs)
    differing = [f"{key} is {there[key]} there, {here[key]} here" for key in here if there[key] != here[key]]
    if differing:
        raise WorkerRefused(
            f"{worker} would not describe tiles as this process does: {'; '.join(differing)}. "
            "Install the same versions and the same model bundle on all machines, then run the same command again."
        )
