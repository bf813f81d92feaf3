"""TransGeo: two distilled vision transformers, and attend-and-zoom in the aerial branch.

Source: Zhu, Shah, Chen, "TransGeo: Transformer Is All You Need for Cross-view Image Geo-localization", CVPR 2022.
Parameter names equal those of the published checkpoints, so that their state dictionaries load as they are; a guide,
which they lack, adds the names `guide.*`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.errors import UsageError
from models.networks.cropping import Crop, quantise_map
from models.networks.network import Network, View
from models.networks.polar import PolarView
from models.networks.resample import Antialiased
from models.networks.transformer import DistilledTransformer, TransformerSize

__all__ = ["SHARED_PARTS", "Crop", "DistilledTransformer", "TransGeo", "TransformerSize"]

SHARED_PARTS = ("patch_embed", "blocks", "norm", "head", "head_dist")
"""What both branches have in common under weight sharing; tokens and position embeddings stay their own."""


class TransGeo(Network):
    """The pair of encoders: `query_net` for ground, `reference_net` for aerial.

    Args:
        ground_px, aerial_px: input sizes (height, width).
        size: shape of all encoders.
        share: both views use one transformer body.
        crop: stage 2; None is stage 1. With the guide "stage-1" a third, frozen encoder `guide` sees the tile
            resampled to its own size, and everything from tile to embedding is one graph.
        position_embedding: False trains without, an ablation.
        polar: redraw the tile along rays at `ground_px` before `reference_net`, which then has that input size.

    Raises:
        UsageError: a tile that is not square where it must be, or polar together with cropping.
    """

    def __init__(
        self,
        ground_px: tuple[int, int],
        aerial_px: tuple[int, int],
        size: TransformerSize | None = None,
        *,
        share: bool = False,
        crop: Crop | None = None,
        position_embedding: bool = True,
        polar: bool = False,
    ) -> None:
        super().__init__()
        size = size or TransformerSize()
        _check(aerial_px, crop, polar)
        self.crop = crop if crop is not None and crop.crops else None
        keep = None if self.crop is None else self.crop.keep
        seen_px = ground_px if polar else aerial_px
        self.query_net = DistilledTransformer(ground_px, size, position_embedding=position_embedding)
        self.reference_net = DistilledTransformer(seen_px, size, keep, position_embedding=position_embedding)
        if share:
            for name in SHARED_PARTS:
                setattr(self.reference_net, name, getattr(self.query_net, name))
        self.polar = PolarView(aerial_px[0], *ground_px) if polar else None
        self.guide: DistilledTransformer | None = None
        if self.crop is not None and self.crop.guide == "stage-1":
            guide_px = self.crop.guide_px
            self.shrink = Antialiased(aerial_px[0], guide_px)
            self.guide = DistilledTransformer((guide_px, guide_px), size, position_embedding=position_embedding)
            self.guide.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> TransGeo:
        """Switch between training and evaluation; the guide stays in evaluation."""
        super().train(mode)
        if self.guide is not None:
            self.guide.eval()
        return self

    def ground(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1, D), L2-normalised: one column, a plain vector."""
        return F.normalize(self.ground_raw(pixels), dim=-1)[:, None]

    def aerial(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1, D), L2-normalised."""
        return F.normalize(self.aerial_raw(pixels), dim=-1)[:, None]

    def attends(self, view: View) -> bool:
        """Say whether there is a map: always, but of a tile that is redrawn along rays."""
        return view == "ground" or self.polar is None

    def attended(self, view: View, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """As `Network.attended`: attention of the last block; of a tile that is cropped, the map that guides it."""
        if view == "ground":
            raw, maps = self.query_net.attended(pixels)
        elif self.crop is None:
            raw, maps = self.reference_net.attended(pixels)
        else:
            maps = self.guide_map(pixels)
            raw = self._cropped(pixels, maps)
        return F.normalize(raw, dim=-1)[:, None], maps

    def ground_raw(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D) as the published network gives it, not normalised."""
        out: Tensor = self.query_net(pixels)
        return out

    def aerial_raw(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D), not normalised.

        Raises:
            AttentionInvalid: the guide's map of a tile is constant or not finite; a traced graph gives NaN instead.
        """
        if self.polar is not None:
            pixels = self.polar(pixels)
        if self.crop is not None:
            return self._cropped(pixels, self.guide_map(pixels))
        out: Tensor = self.reference_net(pixels)
        return out

    def _cropped(self, pixels: Tensor, guide: Tensor) -> Tensor:
        quantised = self.crop is not None and self.crop.quantised
        out: Tensor = self.reference_net(pixels, quantise_map(guide) if quantised else guide)
        return out

    @torch.no_grad()
    def guide_map(self, pixels: Tensor) -> Tensor:
        """Attention that guides the cropping of tiles (B, 3, H, W), not quantised: (B, h, w) on the guide's grid.

        Raises:
            UsageError: this network does not crop.
        """
        if self.crop is None:
            raise UsageError("This network does not crop, so nothing guides it; build it with crop=Crop(...).")
        if self.guide is None:
            return self.reference_net.attention_map(pixels)
        return self.guide.attention_map(self.shrink(pixels))


def _check(aerial_px: tuple[int, int], crop: Crop | None, polar: bool) -> None:
    crops = crop is not None and crop.crops
    if polar and crops:
        raise UsageError("Polar tiles are not cropped by attention; leave out one of polar and crop.")
    if (polar or crops) and aerial_px[0] != aerial_px[1]:
        raise UsageError(f"Tiles are {aerial_px[0]} x {aerial_px[1]} pixels; polar views and guides need squares.")
