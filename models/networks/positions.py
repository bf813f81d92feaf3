"""Carry an encoder's weights to another grid of patches: stage 1 to stage 2, or DeiT to a TransGeo branch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from models.errors import CheckpointMismatch
from models.networks.transformer import SPECIAL_TOKENS, DistilledTransformer

HEADS = ("head", "head_dist")
DEIT_GRID, DEIT_CLASSES = (14, 14), 1000


def resize_positions(
    pos_embed: Tensor, from_grid: tuple[int, int], to_grid: tuple[int, int], *, antialias: bool = False
) -> Tensor:
    """Resample position embeddings bilinearly (pixel centres, not corners); the two special vectors stay as they are.

    Args:
        pos_embed: (1, 2 + N, C), the N patches row-major on `from_grid`.
        from_grid, to_grid: (rows, columns).
        antialias: widen the filter where a side shrinks. The published models were made without, torchvision from
            0.17 on resizes with it.

    Returns:
        (1, 2 + rows * columns, C).

    Raises:
        CheckpointMismatch: `pos_embed` is not of `from_grid`.
    """
    if pos_embed.ndim != 3 or pos_embed.shape[1] != SPECIAL_TOKENS + from_grid[0] * from_grid[1]:
        raise CheckpointMismatch(
            f"pos_embed has shape {tuple(pos_embed.shape)}, expected {SPECIAL_TOKENS} special vectors and a grid of "
            f"{from_grid[0]} x {from_grid[1]} patches; give the grid that the weights were trained with."
        )
    if from_grid == to_grid:
        return pos_embed
    special, patches = pos_embed[:, :SPECIAL_TOKENS], pos_embed[:, SPECIAL_TOKENS:]
    image = patches.reshape(1, *from_grid, -1).permute(0, 3, 1, 2)  # (1, C, rows, columns)
    resized = F.interpolate(image, size=to_grid, mode="bilinear", align_corners=False, antialias=antialias)
    return torch.cat([special, resized.flatten(2).transpose(1, 2)], 1)


def adopt_state(
    state: Mapping[str, Any],
    network: DistilledTransformer,
    *,
    from_grid: tuple[int, int] | None = None,
    antialias: bool = False,
) -> dict[str, Tensor]:
    """Fit the state of one encoder to another: position embeddings resized, every other tensor taken over.

    Stage 1 warm-starts stage 2 this way, and DeiT's published file starts both branches of stage 1. That file holds
    its tensors under "model" (which may be passed as it is) and classifies 1000 classes: an encoder with another
    embedding size keeps `head` and `head_dist` as they were initialised.

    Args:
        state: names as `DistilledTransformer` spells them, without a prefix.
        network: the encoder to be filled; its own state is not changed.
        from_grid: (rows, columns) of the patches in `state`, `DEIT_GRID` for DeiT; None means the network's own grid
            if it has as many patches, a square if not.
        antialias: see `resize_positions`.

    Returns:
        What `network.load_state_dict` takes strictly. A grid that fits already is left untouched, bit for bit; a
        network without position embeddings keeps its zeros.

    Raises:
        CheckpointMismatch: a name is missing or unknown, or a shape other than that of `pos_embed` and heads differs.
    """
    tensors: Mapping[str, Tensor] = state["model"] if isinstance(state.get("model"), Mapping) else state
    own = network.state_dict()
    _check_names(tensors, own)
    adopted = {name: tensors[name] for name in own}
    fits = tensors["pos_embed"].shape == own["pos_embed"].shape
    grid = from_grid or (network.grid if fits else _square(tensors["pos_embed"]))
    adopted["pos_embed"] = resize_positions(tensors["pos_embed"], grid, network.grid, antialias=antialias)
    if not network.position_embedding:
        adopted["pos_embed"] = own["pos_embed"]
    if tensors["head.weight"].shape[0] == DEIT_CLASSES != network.size.embedding:
        adopted |= {name: value for name, value in own.items() if name.startswith(HEADS)}
    differing = [name for name in own if adopted[name].shape != own[name].shape]
    if differing:
        name = differing[0]
        raise CheckpointMismatch(
            f"{len(differing)} tensors have another shape than the encoder's, the first being {name}: "
            f"{tuple(adopted[name].shape)} instead of {tuple(own[name].shape)}; both must be of one transformer size."
        )
    return adopted


def _check_names(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    missing, unknown = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    if missing or unknown:
        raise CheckpointMismatch(
            f"The state is not that of one such encoder: missing {missing[:4]} ({len(missing)} in all), unknown "
            f"{unknown[:4]} ({len(unknown)}); pass the tensors of one branch, without prefix, of the same depth."
        )


def _square(pos_embed: Tensor) -> tuple[int, int]:
    patches = pos_embed.shape[1] - SPECIAL_TOKENS
    side = math.isqrt(max(patches, 0))
    if side * side != patches:
        raise CheckpointMismatch(f"pos_embed holds {patches} patches, which is no square grid; say rows and columns.")
    return side, side
