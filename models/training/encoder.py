"""A network in torch behind the same protocol as an exported bundle, so that one evaluation serves both."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import identity
from models.networks.network import Network
from models.training.config import TrainConfig, draft_manifest

Float32s = NDArray[np.float32]


class TorchEncoder:
    """Implements `models.encoder.Encoder` where the network is, without gradients."""

    provider = "torch"

    def __init__(self, config: TrainConfig, network: Network) -> None:
        self._network = network.eval()
        self._device = next(network.parameters()).device
        self.manifest = draft_manifest(config, {})
        self.sha256 = identity(self.manifest)

    def ground(self, pixels: Float32s) -> Float32s:
        with torch.inference_mode():
            out: Float32s = self._network.ground(self._tensor(pixels)).cpu().numpy()
        return out

    def aerial(self, pixels: Float32s) -> Float32s:
        with torch.inference_mode():
            out: Float32s = self._network.aerial(self._tensor(pixels)).cpu().numpy()
        return out.reshape(len(pixels), -1, self.manifest.embedding.size)

    def _tensor(self, pixels: Float32s) -> torch.Tensor:
        return torch.from_numpy(pixels).to(self._device)
