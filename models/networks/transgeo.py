"""TransGeo: two distilled vision transformers and attention-guided non-uniform cropping.

Source: Zhu, Shah, Chen, "TransGeo: Transformer Is All You Need for Cross-view Image Geo-localization", CVPR 2022; the
transformer is DeiT's distilled ViT (Touvron et al., ICML 2021). Parameter names equal those of the published
checkpoints, so that their state dictionaries load as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
        mixed = F.scaled_dot_product_attention(q, k, v)  # (B, heads, T, C / heads)
        out: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return out


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
        keep: patches kept by attention-guided cropping, int(k * N); None keeps all.
    """

    def __init__(self, image_px: tuple[int, int], size: TransformerSize, keep: float | None = None) -> None:
        super().__init__()
        self.image_px, self.size = image_px, size
        self.grid = (image_px[0] // size.patch_px, image_px[1] // size.patch_px)
        patches = self.grid[0] * self.grid[1]
        self.kept = None if keep is None else int(keep * patches)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, SPECIAL_TOKENS + patches, size.width))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, size.width))
        self.patch_embed = PatchEmbed(size.width, size.patch_px)
        self.blocks = nn.ModuleList(Block(size.width, size.heads, size.mlp_ratio) for _ in range(size.depth))
        self.norm = nn.LayerNorm(size.width, eps=LAYER_NORM_EPS)
        self.head = nn.Linear(size.width, size.embedding)
        self.head_dist = nn.Linear(size.width, size.embedding)
        self._initialise()

    def _initialise(self) -> None:
        for token in (self.cls_token, self.dist_token, self.pos_embed):
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
            ValueError: wrong input size, a map without cropping, or cropping without a map.
        """
        tokens = self.norm(self._encode(self._tokens(pixels, attention)))
        out: Tensor = (self.head(tokens[:, 0]) + self.head_dist(tokens[:, 1])) / 2
        return out

    def attention_map(self, pixels: Tensor) -> Tensor:
        """Attention that the last block pays from the class and distillation tokens to the patches.

        Softmax over all keys, summed over heads and over the two query rows: (B, 3, H, W) -> (B, h, w).
        """
        x = self._tokens(pixels, None, crop=False)
        for block in list(self.blocks)[:-1]:
            x = block(x)
        last = self.blocks[-1]
        q, k, _ = last.attn.split(last.norm1(x))  # type: ignore[operator]
        weights = (q[:, :, :SPECIAL_TOKENS] @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
        summed: Tensor = weights[..., SPECIAL_TOKENS:].sum((1, 2))
        return summed.reshape(-1, *self.grid)

    def _encode(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x

    def _tokens(self, pixels: Tensor, attention: Tensor | None, crop: bool = True) -> Tensor:
        """(B, 3, H, W) -> (B, 2 + patches or kept patches, C) with position embeddings."""
        if tuple(pixels.shape[-2:]) != self.image_px:
            raise ValueError(f"got images of {tuple(pixels.shape[-2:])} pixels, this encoder takes {self.image_px}")
        patches = self.patch_embed(pixels) + self.pos_embed[:, SPECIAL_TOKENS:]
        if crop and self.kept is not None:
            if attention is None:
                raise ValueError("attention-guided cropping needs an attention map, and none was given")
            patches = gather_patches(patches, select_patches(attention, self.grid, self.kept))
        elif attention is not None:
            raise ValueError("an attention map was given, but this encoder does not crop")
        special = torch.cat([self.cls_token, self.dist_token], 1) + self.pos_embed[:, :SPECIAL_TOKENS]
        return torch.cat([special.expand(patches.shape[0], -1, -1), patches], 1)


def quantise_map(attention: Tensor) -> Tensor:
    """Bring a map to the 256 levels of the published attention images: floor(255 * map / max) / 255."""
    return torch.floor(255 * attention / attention.amax((1, 2), keepdim=True)) / 255


def select_patches(attention: Tensor, grid: tuple[int, int], kept: int) -> Tensor:
    """Indices (B, kept) of the patches that get the most attention, on a grid that may be finer than the map."""
    upsampled = F.interpolate(attention[:, None], size=grid, mode="bilinear", align_corners=False)
    return upsampled.flatten(1).topk(kept, dim=1).indices


def gather_patches(patches: Tensor, index: Tensor) -> Tensor:
    """(B, N, C), (B, K) -> (B, K, C)."""
    return patches.gather(1, index[..., None].expand(-1, -1, patches.shape[-1]))


class TransGeo(nn.Module):
    """The pair of encoders: `query_net` for ground, `reference_net` for aerial.

    Args:
        ground_px, aerial_px: input sizes (height, width).
        size: shape shared by both.
        share: True makes both views use one transformer body (position embeddings stay their own).
    """

    def __init__(
        self,
        ground_px: tuple[int, int],
        aerial_px: tuple[int, int],
        size: TransformerSize | None = None,
        *,
        share: bool = False,
    ) -> None:
        super().__init__()
        size = size or TransformerSize()
        self.query_net = DistilledTransformer(ground_px, size)
        self.reference_net = DistilledTransformer(aerial_px, size)
        if share:
            for name in ("patch_embed", "blocks", "norm", "head", "head_dist"):
                setattr(self.reference_net, name, getattr(self.query_net, name))

    def ground(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1, D), L2-normalised: one column, a plain vector."""
        return F.normalize(self.query_net(pixels), dim=-1)[:, None]

    def aerial(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 1, D), L2-normalised."""
        return F.normalize(self.reference_net(pixels), dim=-1)[:, None]
