"""Attention-guided non-uniform cropping: which patches of a tile the second stage looks at.

Maps are never trusted blindly. One that is missing, constant or not finite would keep arbitrary patches and still give
a plausible embedding, so it is refused; inside an exported graph, which cannot raise, it makes the embedding NaN.

Source: Zhu et al., TransGeo (CVPR 2022), section 3.3 (attend and zoom in).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from models.errors import AttentionInvalid, UsageError

KEEP_RATES = {352: 0.53, 320: 0.64, 288: 0.79}
"""Input side in pixels -> share of patches kept; all hold the token count of 256 x 256 uncropped (0.79 lacks one)."""
LEVELS, LEVEL_TOLERANCE = 255, 1e-3
BLANK_SPREAD = 1e-5
"""A map whose values differ by less than this share of the largest is constant up to the rounding of float32."""


@dataclass(frozen=True, slots=True)
class Crop:
    """How the aerial branch of stage 2 crops.

    Args:
        keep: share of patches kept, in (0, 1].
        guide: who looks first. "stage-1" is a frozen encoder of its own, "self" the stage-2 encoder on all its
            patches, "none" runs stage-2 weights on all patches and crops nothing.
        guide_px: input side of the stage-1 encoder; only "stage-1" reads it.
        quantised: bring the map to the 256 levels of the published attention images first.
    """

    keep: float
    guide: Literal["stage-1", "self", "none"] = "stage-1"
    guide_px: int = 256
    quantised: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise UsageError(f"keep is {self.keep}; the share of patches kept must lie in (0, 1], for example 0.64.")
        if self.guide not in ("stage-1", "self", "none"):
            raise UsageError(f"guide is {self.guide!r}; choose 'stage-1', 'self' or 'none'.")

    @property
    def crops(self) -> bool:
        return self.guide != "none"


def _tracing() -> bool:
    traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return traced


def kept_patches(keep: float, patches: int) -> int:
    """Count the patches that stay; cut down to an integer, as the published code does: 0.79 of 324 are 255."""
    return int(keep * patches)


def is_telling(attention: Tensor) -> Tensor:
    """Say which maps (B, h, w) of a batch are finite and not constant: (B,) bool."""
    low, high = attention.amin((1, 2)), attention.amax((1, 2))
    finite = attention.isfinite().flatten(1).all(1)
    return finite & (high - low > BLANK_SPREAD * torch.maximum(low.abs(), high.abs()))


def require_maps(attention: Tensor | None, images: int) -> Tensor:
    """Return the maps if there is one for every image and each says where to look.

    While a graph is being traced nothing can be raised about values: blank maps become zeros there, and
    `nan_where_blank` marks their embeddings.

    Raises:
        AttentionInvalid: no maps, another number of maps than images, or a map that is constant or not finite.
    """
    if attention is None:
        raise AttentionInvalid("Attention-guided cropping needs an attention map for every image, and none was given.")
    if _tracing():
        return torch.where(is_telling(attention)[:, None, None], attention, 0.0)
    if attention.ndim != 3 or attention.shape[0] != images:
        raise AttentionInvalid(f"Got attention maps of shape {tuple(attention.shape)} for {images} images (B, h, w).")
    blank = (~is_telling(attention)).nonzero().flatten().tolist()
    if blank:
        raise AttentionInvalid(
            f"The attention maps of images {blank[:8]} of the batch are constant or not finite and cannot guide the "
            "cropping; check the tiles and the guide's weights, or run without cropping."
        )
    return attention


def nan_where_blank(embedding: Tensor, attention: Tensor | None) -> Tensor:
    """Make the embeddings (B, D) of blank maps NaN in a traced graph; change nothing elsewhere."""
    if attention is None or not _tracing():
        return embedding
    return torch.where(is_telling(attention)[:, None], embedding, float("nan"))


def quantise_map(attention: Tensor) -> Tensor:
    """Bring maps (B, h, w) to the 256 levels of the published attention images: floor(map / max * 255) / 255.

    Raises:
        AttentionInvalid: as `require_maps`, on the map as it was before rounding noise could become levels.
    """
    attention = require_maps(attention, attention.shape[0])
    return torch.floor(attention / attention.amax((1, 2), keepdim=True) * LEVELS) / LEVELS


def select_patches(attention: Tensor, grid: tuple[int, int], kept: int) -> Tensor:
    """Indices (B, kept) of the patches that get the most attention, most first; of equals the lower index.

    Args:
        attention: (B, h, w), brought to `grid` bilinearly (pixel centres, not corners).
        grid: rows and columns of the patches to choose from.
        kept: how many stay.
    """
    scores = _scores(attention, grid)
    if _tracing():
        return scores.topk(kept, dim=1).indices  # TopK of ONNX breaks ties by the lower index, that of torch does not
    return scores.argsort(dim=1, descending=True, stable=True)[:, :kept]


def _scores(attention: Tensor, grid: tuple[int, int]) -> Tensor:
    """Upsample maps (B, h, w) to (B, patches), free of rounding noise where a map has only 256 levels.

    Between levels bilinear weights give multiples of a known fraction, so equal scores are frequent (at the cut in 4 %
    of images); counted in whole fractions they tie on every machine, instead of being ordered by noise.
    """
    upsampled = F.interpolate(attention[:, None], size=grid, mode="bilinear", align_corners=False).flatten(1)
    sides = zip(grid, attention.shape[1:], strict=True)
    fractions = LEVELS * math.prod(2 * side // math.gcd(side, int(coarse)) for side, coarse in sides)
    off_level = (attention * LEVELS - torch.round(attention * LEVELS)).abs().amax((1, 2))
    return torch.where((off_level < LEVEL_TOLERANCE)[:, None], torch.round(upsampled * fractions), upsampled)


def gather_patches(patches: Tensor, index: Tensor) -> Tensor:
    """(B, N, C), (B, K) -> (B, K, C)."""
    return patches.gather(1, index[..., None].expand(-1, -1, patches.shape[-1]))
