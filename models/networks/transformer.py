"""DeiT's distilled vision transformer, the encoder of each TransGeo branch.

Source: Touvron et al., DeiT (ICML 2021), as TransGeo (CVPR 2022) uses it: no dropout, no stochastic depth, no layer
scale, two linear heads. Parameter names equal those of the published checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from models.networks.cropping import gather_patches, kept_patches, nan_where_blank, require_maps, select_patches

SPECIAL_TOKENS = 2
"""Class token at index 0, distillation token at index 1, patches row-major from index 2."""
LAYER_NORM_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class TransformerSize:
    """Shape of one encoder; the defaults are DeiT-S/16 with TransGeo's 1000-d heads."""

    width: int = 384
    depth: int = 12
    heads: int = 6
    patch_px: int = 16
    mlp_ratio: int = 4
    embedding: int = 1000

    def grid(self, image_px: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of patches in an image of (height, width); what is left over at the edges is dropped."""
        return image_px[0] // self.patch_px, image_px[1] // self.patch_px


class Attention(nn.Module):
    """Multi-head self-attention with one fused projection laid out as [q | k | v], each head-major."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, C) -> three of (B, heads, T, C / heads)."""
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.split(x)
        mixed = attend(q, k, v)  # (B, heads, T, C / heads)
        out: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return out


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention over (B, heads, T, E) each.

    Fused, but for bfloat16 on a CPU: two plain products there train several times as fast.
    """
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:
        out: Tensor = (q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1)).softmax(-1) @ v
        return out
    return F.scaled_dot_product_attention(q, k, v)


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Pre-norm transformer block without dropout or layer scale."""

    def __init__(self, width: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.mlp = Mlp(width, mlp_ratio * width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class PatchEmbed(nn.Module):
    """Non-overlapping convolution; pixels past the last whole patch are dropped."""

    def __init__(self, width: int, patch_px: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=patch_px, stride=patch_px)

    def forward(self, pixels: Tensor) -> Tensor:
        out: Tensor = self.proj(pixels).flatten(2).transpose(1, 2)  # (B, N, C), row-major
        return out


class DistilledTransformer(nn.Module):
    """One TransGeo encoder.

    Args:
        image_px: (height, width) of the only input size it takes.
        size: shape of the transformer.
        keep: share of patches kept by attention-guided cropping; None keeps all and takes no map.
        position_embedding: False holds `pos_embed` at zero for good, an ablation; its name stays in the state.

    Attributes:
        checkpoint_blocks: True recomputes each block in the backward pass, for memory.
    """

    def __init__(
        self,
        image_px: tuple[int, int],
        size: TransformerSize,
        keep: float | None = None,
        *,
        position_embedding: bool = True,
    ) -> None:
        super().__init__()
        self.image_px, self.size, self.grid = image_px, size, size.grid(image_px)
        self.position_embedding, self.checkpoint_blocks = position_embedding, False
        patches = self.grid[0] * self.grid[1]
        self.kept = None if keep is None else kept_patches(keep, patches)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, SPECIAL_TOKENS + patches, size.width), position_embedding)
        self.dist_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.patch_embed = PatchEmbed(size.width, size.patch_px)
        self.blocks = nn.ModuleList(Block(size.width, size.heads, size.mlp_ratio) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.width, eps=LAYER_NORM_EPS)
        self.head = nn.Linear(size.width, size.embedding)
        self.head_dist = nn.Linear(size.width, size.embedding)
        self._initialise()

    def _initialise(self) -> None:
        for token in (self.cls_token, self.dist_token, self.pos_embed):
            if token.requires_grad:
                nn.init.trunc_normal_(token, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, pixels: Tensor, attention: Tensor | None = None) -> Tensor:
        """Embed images.

        Args:
            pixels: (B, 3, H, W) normalised, exactly `image_px`.
            attention: (B, h, w) map that guides the cropping, of any grid; required if and only if cropping is on.

        Returns:
            (B, embedding), not normalised: the mean of the class head and the distillation head.

        Raises:
            AttentionInvalid: cropping with no map, or one that is constant or not finite. A traced graph gives NaN.
            ValueError: wrong input size, or a map without cropping.
        """
        return nan_where_blank(self._embed(self._encode(self._tokens(pixels, attention))), attention)

    def attended(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Embed images, and say where the encoder looked: `forward` and `attention_map` in one pass.

        Raises:
            ValueError: this encoder crops, so its last block sees some of the patches only; or wrong input size.
        """
        if self.kept is not None:
            raise ValueError("this encoder crops; the map that guides the cropping says where it looked")
        x = self._before_last(self._tokens(pixels, None))
        return self._embed(self.blocks[-1](x)), self._looked(x)

    def attention_map(self, pixels: Tensor) -> Tensor:
        """Attention that the last block pays from the class and distillation tokens to the patches.

        Softmax over all keys, summed over heads and over the two query rows: (B, 3, H, W) -> (B, h, w).
        """
        return self._looked(self._before_last(self._tokens(pixels, None, crop=False)))

    def _before_last(self, x: Tensor) -> Tensor:
        for block in list(self.blocks)[:-1]:
            x = block(x)
        return x

    def _embed(self, x: Tensor) -> Tensor:
        """(B, T, C) after the last block -> (B, embedding)."""
        tokens = self.norm(x)
        embedding: Tensor = (self.head(tokens[:, 0]) + self.head_dist(tokens[:, 1])) / 2
        return embedding

    def _looked(self, x: Tensor) -> Tensor:
        """(B, T, C) before the last block, of all patches -> (B, h, w)."""
        last = self.blocks[-1]
        q, k, _ = last.attn.split(last.norm1(x))  # type: ignore[operator]
        weights = (q[:, :, :SPECIAL_TOKENS] @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
        summed: Tensor = weights[..., SPECIAL_TOKENS:].sum((1, 2))
        return summed.reshape(-1, *self.grid)

    def _encode(self, x: Tensor) -> Tensor:
        recompute = self.checkpoint_blocks and self.training and torch.is_grad_enabled()
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if recompute else block(x)
        return x

    def _tokens(self, pixels: Tensor, attention: Tensor | None, crop: bool = True) -> Tensor:
        """(B, 3, H, W) -> (B, 2 + patches or kept patches, C) with position embeddings."""
        if tuple(pixels.shape[-2:]) != self.image_px:
            raise ValueError(f"got images of {tuple(pixels.shape[-2:])} pixels, this encoder takes {self.image_px}")
        patches = self.patch_embed(pixels) + self.pos_embed[:, SPECIAL_TOKENS:]
        if crop and self.kept is not None:
            maps = require_maps(attention, pixels.shape[0])
            patches = gather_patches(patches, select_patches(maps, self.grid, self.kept))
        elif attention is not None:
            raise ValueError("an attention map was given, but this encoder does not crop")
        special = torch.cat([self.cls_token, self.dist_token], 1) + self.pos_embed[:, :SPECIAL_TOKENS]
        return torch.cat([special.expand(patches.shape[0], -1, -1), patches], 1)
