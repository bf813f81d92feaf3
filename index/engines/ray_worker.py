"""What runs inside a Ray actor: one session of the model. Imported there from the Skyfix that is installed there."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.describer import Float16s, describe_batch
from index.engines.handshake import Credentials, credentials_of
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder, ProviderPolicy


@dataclass(frozen=True, slots=True)
class Opening:
    """How a worker opens its model."""

    bundle: str | None
    """Folder on the worker's machine; None: the bundle that comes with the Skyfix installed there."""
    policy: ProviderPolicy


class RayDescriber:
    """An actor; nothing can go wrong before the first call, whose errors reach the driver as they are."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    @cached_property
    def _encoder(self) -> OnnxEncoder:
        model = open_model_bundle(Path(self._opening.bundle) if self._opening.bundle else default_bundle_path())
        return OnnxEncoder(model, policy=self._opening.policy, views=("aerial",))

    def credentials(self) -> tuple[Credentials, str]:
        """Open the model, and say what it is and on which machine."""
        return credentials_of(self._encoder), platform.node()

    def describe(self, pixels: NDArray[np.float32]) -> Float16s:
        """(N, 3, S, S) -> (N, D) or (N, C, D)."""
        return describe_batch(pixels, self._encoder)
