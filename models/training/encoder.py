"""A network in torch behind the same protocol as an exported bundle, so that one evaluation serves both."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import ModelManifest, Parity, identity
from models.networks.azimuth import AzimuthColumns
from models.networks.transgeo import TransGeo
from models.training.config import TrainConfig

Float32s = NDArray[np.float32]


class TorchEncoder:
    """Implements `models.encoder.Encoder` on the CPU, without gradients."""

    provider = "torch"

    def __init__(self, config: TrainConfig, network: AzimuthColumns | TransGeo) -> None:
        embedding, ground, aerial = config.views
        self._network = network.eval()
        self.manifest = ModelManifest(
            name=config.name,
            version=config.version,
            label=config.label,
            licence=config.licence,
            attribution=config.attribution,
            embedding=embedding,
            ground=ground,
            aerial=aerial,
            parity=Parity(ground=0.0, aerial=0.0, samples=1),
            training={},
        )
        self.sha256 = identity(self.manifest)

    def ground(self, pixels: Float32s) -> Float32s:
        with torch.inference_mode():
            out: Float32s = self._network.ground(torch.from_numpy(pixels)).numpy()
        return out

    def aerial(self, pixels: Float32s) -> Float32s:
        with torch.inference_mode():
            out: Float32s = self._network.aerial(torch.from_numpy(pixels)).flatten(1).numpy()
        return out
