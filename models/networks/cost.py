"""Parameters and multiply-adds of the networks, counted from their shapes alone: nothing is built.

Two counts are in use. The TransGeo paper's "11.32 GFLOPs" are the multiply-adds of both stage-1 encoders without the
attention products, each bias counted as its tool did (`Cost.as_published`); counting tools that see every matrix
product add those products and leave biases out (`Cost.with_attention`). Layer norms count in neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.networks.convnext import MLP_RATIO, ConvNextSize
from models.networks.cropping import Crop, kept_patches
from models.networks.transformer import SPECIAL_TOKENS, TransformerSize


@dataclass(frozen=True, slots=True)
class Cost:
    """What one image costs.

    Args:
        parameters: trained numbers.
        multiply_adds: of convolutions and linear layers.
        attention_multiply_adds: of queries with keys and of attention with values.
        bias_adds: one for every output number of a convolution, but only one for every output channel of a linear
            layer, however many tokens pass: the convention of ptflops 0.6.7.
    """

    parameters: int = 0
    multiply_adds: int = 0
    attention_multiply_adds: int = 0
    bias_adds: int = 0

    @property
    def as_published(self) -> int:
        """Multiply-adds as the paper counts them: without attention products."""
        return self.multiply_adds + self.bias_adds

    @property
    def with_attention(self) -> int:
        """Multiply-adds of every matrix product, no biases; twice this are the floating-point operations."""
        return self.multiply_adds + self.attention_multiply_adds

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.parameters + other.parameters,
            self.multiply_adds + other.multiply_adds,
            self.attention_multiply_adds + other.attention_multiply_adds,
            self.bias_adds + other.bias_adds,
        )

    def __mul__(self, times: int) -> Cost:
        return Cost(
            self.parameters * times,
            self.multiply_adds * times,
            self.attention_multiply_adds * times,
            self.bias_adds * times,
        )


@dataclass(frozen=True, slots=True)
class PairCost:
    """Both branches, and the guide of stage 2 on its own: the paper's figures leave it out."""

    ground: Cost
    aerial: Cost
    guide: Cost

    @property
    def total(self) -> Cost:
        """Ground and aerial, without the guide."""
        return self.ground + self.aerial


def transformer_cost(image_px: tuple[int, int], size: TransformerSize, keep: float | None = None) -> Cost:
    """Count one `DistilledTransformer`; all patches are embedded, the blocks see those that are kept."""
    patches = _patches(image_px, size)
    tokens = SPECIAL_TOKENS + (patches if keep is None else kept_patches(keep, patches))
    heads = _linear(size.width, size.embedding) * 2
    return _embedding(patches, size) + _block(tokens, size) * size.depth + _norm(size.width) + heads


def attention_map_cost(image_px: tuple[int, int], size: TransformerSize) -> Cost:
    """Count `DistilledTransformer.attention_map`: of the last block only keys and two rows of queries matter."""
    patches = _patches(image_px, size)
    tokens = SPECIAL_TOKENS + patches
    rows = Cost(attention_multiply_adds=SPECIAL_TOKENS * tokens * size.width)
    last = _linear(size.width, 3 * size.width, tokens) + _norm(size.width) + rows
    return _embedding(patches, size) + _block(tokens, size) * (size.depth - 1) + last


def transgeo_cost(
    ground_px: tuple[int, int],
    aerial_px: tuple[int, int],
    size: TransformerSize | None = None,
    *,
    share: bool = False,
    crop: Crop | None = None,
    polar: bool = False,
) -> PairCost:
    """Count a `TransGeo`, arguments as there; under weight sharing the common parameters count as the ground's.

    The polar view is a weighted gather and counts nothing; the guide's resampling is two matrix products and counts.
    """
    size = size or TransformerSize()
    crops = crop if crop is not None and crop.crops else None
    seen_px = ground_px if polar else aerial_px
    ground = transformer_cost(ground_px, size)
    aerial = transformer_cost(seen_px, size, None if crops is None else crops.keep)
    if share:
        own = size.width * (2 * SPECIAL_TOKENS + _patches(seen_px, size))
        aerial = aerial + Cost(parameters=own - aerial.parameters)
    return PairCost(ground, aerial, Cost() if crops is None else _guide(aerial_px, size, crops))


def convnext_cost(image_px: tuple[int, int], size: ConvNextSize | None = None) -> Cost:
    """Count Sample4Geo's network for one image of (height, width), its temperature included."""
    size = size or ConvNextSize()
    height, width = image_px[0] // 4, image_px[1] // 4
    total = _convolution(3 * 4 * 4, size.widths[0], height * width) + _norm(size.widths[0]) + Cost(parameters=1)
    for level, (depth, channels) in enumerate(zip(size.depths, size.widths, strict=True)):
        if level > 0:
            height, width = height // 2, width // 2
            before = size.widths[level - 1]
            total = total + _norm(before) + _convolution(before * 2 * 2, channels, height * width)
        total = total + _convnext_block(channels, height * width) * depth
    return total + _norm(size.widths[-1])


def _patches(image_px: tuple[int, int], size: TransformerSize) -> int:
    rows, columns = size.grid(image_px)
    return rows * columns


def _guide(aerial_px: tuple[int, int], size: TransformerSize, crop: Crop) -> Cost:
    if crop.guide == "self":
        looked = attention_map_cost(aerial_px, size)
        return looked + Cost(parameters=-looked.parameters)
    guide_px = (crop.guide_px, crop.guide_px)
    looked, held = attention_map_cost(guide_px, size), transformer_cost(guide_px, size)
    resampled = 3 * crop.guide_px * aerial_px[0] * (aerial_px[0] + crop.guide_px)
    return looked + Cost(parameters=held.parameters - looked.parameters, multiply_adds=resampled)


def _embedding(patches: int, size: TransformerSize) -> Cost:
    """Patches, tokens and positions."""
    tokens = Cost(parameters=size.width * (2 * SPECIAL_TOKENS + patches))
    return _convolution(3 * size.patch_px**2, size.width, patches) + tokens


def _block(tokens: int, size: TransformerSize) -> Cost:
    width, hidden = size.width, size.mlp_ratio * size.width
    products = Cost(attention_multiply_adds=2 * tokens * tokens * width)
    attention = _linear(width, 3 * width, tokens) + _linear(width, width, tokens) + products
    return attention + _linear(width, hidden, tokens) + _linear(hidden, width, tokens) + _norm(width) * 2


def _convnext_block(width: int, positions: int) -> Cost:
    hidden = MLP_RATIO * width
    mlp = _linear(width, hidden, positions) + _linear(hidden, width, positions)
    return _convolution(7 * 7, width, positions) + _norm(width) + mlp + Cost(parameters=width)


def _convolution(fan_in: int, channels: int, positions: int) -> Cost:
    weights = fan_in * channels
    return Cost(weights + channels, weights * positions, bias_adds=channels * positions)


def _linear(width_in: int, width: int, tokens: int = 1) -> Cost:
    weights = width_in * width
    return Cost(weights + width, weights * tokens, bias_adds=width)


def _norm(width: int) -> Cost:
    return Cost(parameters=2 * width)
