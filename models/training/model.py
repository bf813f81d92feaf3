"""From a configuration to a network, and the face that every network shows to the training loop."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.networks.azimuth import AzimuthColumns, AzimuthSize
from models.networks.lite0 import pretrained_stem
from models.networks.rays import RaySize
from models.networks.transgeo import Crop, TransformerSize, TransGeo
from models.training.architectures import ColumnsModel, TransGeoModel
from models.training.config import TrainConfig

INITIAL_TEMPERATURE = 0.07


class Learner(nn.Module):
    """A network and its temperature; of azimuth columns the part behind the frozen front is what learns.

    Args:
        network: the model itself; its parameters are those saved and exported.
    """

    def __init__(self, network: AzimuthColumns | TransGeo) -> None:
        super().__init__()
        self.network = network
        self.log_scale = nn.Parameter(torch.tensor(-math.log(INITIAL_TEMPERATURE)))

    def ground_rest(self, front: Tensor) -> Tensor:
        network = self.network
        return network.ground_rest(front) if isinstance(network, AzimuthColumns) else network.ground(front)

    def aerial_rest(self, front: Tensor) -> Tensor:
        """Describe tiles of a network without a front; azimuth columns also want to know where the camera stands."""
        return self.network.aerial(front)


def azimuth_size(model: ColumnsModel) -> AzimuthSize:
    """Shape of the ground encoder that a configuration asks for."""
    return AzimuthSize(
        columns=model.columns,
        channels=model.channels,
        width=model.width,
        depth=model.depth,
        heads=model.heads,
        hidden=model.hidden,
        rows=model.rows,
        margin_columns=model.margin_columns,
        weighted=model.weighted,
    )


def ray_size(model: ColumnsModel, footprint_m: float) -> RaySize:
    """Shape of the aerial encoder that a configuration asks for, for tiles of this footprint."""
    return RaySize(
        tile_px=model.tile_px,
        footprint_m=footprint_m,
        per_side=model.cells.per_side,
        spacing_m=model.cells.spacing_m,
        channels=model.aerial_channels,
        width=model.aerial_width,
        depth=model.aerial_depth,
        rings_m=model.rings_m,
        kept=model.kept,
        far_rings_m=model.far_rings_m,
    )


def build_network(config: TrainConfig, *, pretrained: bool = True) -> AzimuthColumns | TransGeo:
    """Make the untrained network of a configuration.

    Args:
        config: the run.
        pretrained: load the stem's ImageNet weights (needs the `stem` extra); False when a checkpoint follows.
    """
    model = config.model
    if isinstance(model, ColumnsModel):
        stem = pretrained_stem() if pretrained else None
        return AzimuthColumns(azimuth_size(model), ray_size(model, config.footprint_m), stem)
    crop = model.crop
    network = TransGeo(
        model.view_px,
        (model.aerial_px, model.aerial_px),
        transformer_size(model),
        share=model.share,
        crop=None if crop is None else Crop(crop.keep, crop.guide, crop.guide_px, crop.quantised),
        position_embedding=model.position_embedding,
        polar=model.polar,
    )
    for branch in (network.query_net, network.reference_net):
        branch.checkpoint_blocks = config.compute.checkpoint_blocks
    return network


def transformer_size(model: TransGeoModel) -> TransformerSize:
    return TransformerSize(
        width=model.width, depth=model.depth, heads=model.heads, patch_px=model.patch_px, embedding=model.embedding
    )
