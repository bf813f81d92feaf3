"""Both networks once more in NumPy, float64, written from their papers alone: what the torch ones are held against."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
State = Mapping[str, Array]
EPS = 1e-6
erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu(x: Array) -> Array:
    out: Array = x * 0.5 * (1 + erf(x / math.sqrt(2)))
    return out


def layer_norm(x: Array, state: State, name: str) -> Array:
    """Over the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPS)
    out: Array = scaled * state[f"{name}.weight"] + state[f"{name}.bias"]
    return out


def linear(x: Array, state: State, name: str) -> Array:
    out: Array = x @ state[f"{name}.weight"].T + state[f"{name}.bias"]
    return out


def patchwise(image: Array, state: State, name: str) -> Array:
    """Convolution whose kernel equals its stride: (H, W, C) -> (rows, columns, out)."""
    weight = state[f"{name}.weight"]
    side = weight.shape[2]
    rows, columns = image.shape[0] // side, image.shape[1] // side
    cut = image[: rows * side, : columns * side].reshape(rows, side, columns, side, -1)
    out: Array = np.einsum("rucvi,oiuv->rco", cut, weight, optimize=True) + state[f"{name}.bias"]
    return out


def attention_weights(x: Array, state: State, name: str, heads: int) -> tuple[Array, Array]:
    """Softmax rows (heads, T, T) and values (heads, T, C / heads)."""
    tokens, width = x.shape
    qkv = linear(x, state, f"{name}.qkv").reshape(tokens, 3, heads, width // heads)
    q, k, v = (qkv[:, part].transpose(1, 0, 2) for part in range(3))
    logits = q @ k.transpose(0, 2, 1) / math.sqrt(width // heads)
    rows = np.exp(logits - logits.max(-1, keepdims=True))
    return rows / rows.sum(-1, keepdims=True), v


def block(x: Array, state: State, name: str, heads: int) -> Array:
    weights, values = attention_weights(layer_norm(x, state, f"{name}.norm1"), state, f"{name}.attn", heads)
    mixed = (weights @ values).transpose(1, 0, 2).reshape(x.shape)
    x = x + linear(mixed, state, f"{name}.attn.proj")
    hidden = gelu(linear(layer_norm(x, state, f"{name}.norm2"), state, f"{name}.mlp.fc1"))
    return x + linear(hidden, state, f"{name}.mlp.fc2")


def tokens_of(image: Array, state: State, kept: NDArray[np.intp] | None = None) -> Array:
    """(H, W, 3) -> (2 + patches, C), or the patches of the given indices only."""
    patches = patchwise(image, state, "patch_embed.proj")
    patches = patches.reshape(-1, patches.shape[2]) + state["pos_embed"][0, 2:]
    special = np.concatenate([state["cls_token"][0], state["dist_token"][0]]) + state["pos_embed"][0, :2]
    return np.concatenate([special, patches if kept is None else patches[kept]])


def embed(image: Array, state: State, heads: int, depth: int, kept: NDArray[np.intp] | None = None) -> Array:
    """One image (H, W, 3) -> (D,)."""
    x = tokens_of(image, state, kept)
    for index in range(depth):
        x = block(x, state, f"blocks.{index}", heads)
    x = layer_norm(x, state, "norm")
    out: Array = (linear(x[0], state, "head") + linear(x[1], state, "head_dist")) / 2
    return out


def attention_map(image: Array, state: State, heads: int, depth: int, grid: tuple[int, int]) -> Array:
    """What the last block's class and distillation tokens look at: (rows, columns)."""
    x = tokens_of(image, state)
    for index in range(depth - 1):
        x = block(x, state, f"blocks.{index}", heads)
    last = f"blocks.{depth - 1}"
    weights, _ = attention_weights(layer_norm(x, state, f"{last}.norm1"), state, f"{last}.attn", heads)
    summed: Array = weights[:, :2, 2:].sum((0, 1))
    return summed.reshape(grid)


def upsample(image: Array, grid: tuple[int, int]) -> Array:
    """Bilinear on pixel centres, edges held: (h, w) -> grid."""
    for axis in (0, 1):
        length = image.shape[axis]
        place = np.clip((np.arange(grid[axis]) + 0.5) * length / grid[axis] - 0.5, 0, length - 1)
        low = np.minimum(place.astype(int), length - 1)
        share = np.expand_dims(place - low, 1 - axis)
        high = np.minimum(low + 1, length - 1)
        image = np.take(image, low, axis) * (1 - share) + np.take(image, high, axis) * share
    return image


def depthwise(image: Array, state: State, name: str) -> Array:
    """Every channel on its own, zeros around: (H, W, C) -> (H, W, C)."""
    weight = state[f"{name}.weight"]
    reach = weight.shape[2] // 2
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)))
    total = np.zeros_like(image) + state[f"{name}.bias"]
    for u, v in np.ndindex(*weight.shape[2:]):
        total += padded[u : u + image.shape[0], v : v + image.shape[1]] * weight[:, 0, u, v]
    return total


def convnext(image: Array, state: State, depths: tuple[int, ...]) -> Array:
    """One image (H, W, 3) -> (D,)."""
    x = layer_norm(patchwise(image, state, "stem.0"), state, "stem.1")
    for level, depth in enumerate(depths):
        stage = f"stages.{level}"
        if level > 0:
            x = patchwise(layer_norm(x, state, f"{stage}.downsample.0"), state, f"{stage}.downsample.1")
        for index in range(depth):
            name = f"{stage}.blocks.{index}"
            hidden = layer_norm(depthwise(x, state, f"{name}.conv_dw"), state, f"{name}.norm")
            hidden = linear(gelu(linear(hidden, state, f"{name}.mlp.fc1")), state, f"{name}.mlp.fc2")
            x = x + hidden * state[f"{name}.gamma"]
    return layer_norm(x.mean((0, 1)), state, "head.norm")
