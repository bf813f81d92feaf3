"""What a TransGeo checkpoint is, told from the shapes of its tensors alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from models.errors import CheckpointMismatch, UsageError
from models.importing.comparing import common_start
from models.networks.cropping import KEEP_RATES
from models.networks.transformer import SPECIAL_TOKENS, TransformerSize

Family = Literal["cvusa/cvact", "vigor"]
BRANCHES = ("query_net.", "reference_net.")
PATCH_PX = 16
HEAD_WIDTH = 64
PANORAMA_PX: dict[Family, tuple[int, int]] = {"cvusa/cvact": (112, 616), "vigor": (320, 640)}
FOVS = (360, 180, 90, 70)
FIRST_STAGE_PX: dict[Family, int] = {"cvusa/cvact": 256, "vigor": 320}
SECOND_STAGE_PX: dict[Family, dict[int, float]] = {
    "cvusa/cvact": KEEP_RATES,
    "vigor": {400: 0.64},
}
"""Side of the enlarged tile -> share of the patches kept, as published."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The network that a checkpoint belongs to."""

    family: Family
    stage: Literal[1, 2]
    fov_deg: int
    ground_px: tuple[int, int]
    aerial_px: int
    keep: float | None
    """Share of the patches that stage 2 keeps; None in stage 1."""
    size: TransformerSize

    @property
    def panorama_width_px(self) -> int:
        return PANORAMA_PX[self.family][1]

    @property
    def words(self) -> str:
        """For messages."""
        sets = self.family.upper().replace("/", " or ")
        return f"stage {self.stage} of {sets}, {self.fov_deg} degrees, tiles of {self.aerial_px} px"


def recognise(state: Mapping[str, Tensor], source: str, heads: int | None = None) -> Recognised:
    """Tell data set, stage, field of view and size of the transformers.

    Args:
        state: names without the prefix `module.`.
        source: file, for messages.
        heads: of attention; None: one for each 64 channels, as in DeiT. Shapes do not tell.

    Raises:
        CheckpointMismatch: a branch is missing, or the numbers of positions are not those of a published setting.
        UsageError: the width is no multiple of 64 and `heads` is not given, or does not divide it.
    """
    _require_branches(state, source)
    ground, aerial = (_positions(state, f"{branch}pos_embed", source) for branch in BRANCHES)
    known = {_tokens(_ground_px(family, fov)): (family, fov) for family in PANORAMA_PX for fov in FOVS}
    if ground not in known:
        raise CheckpointMismatch(
            f"{source}: query_net.pos_embed has {ground} positions; known are "
            + ", ".join(f"{tokens} ({family.upper()} {fov}°)" for tokens, (family, fov) in known.items())
            + ". Export a network of another input size yourself and use `skyfix import onnx`."
        )
    family, fov_deg = known[ground]
    sides = {FIRST_STAGE_PX[family]: None, **SECOND_STAGE_PX[family]}
    side = next((side for side in sides if _tokens((side, side)) == aerial), None)
    if side is None:
        raise CheckpointMismatch(
            f"{source}: reference_net.pos_embed has {aerial} positions; beside a ground branch of {family.upper()} "
            + "known are "
            + ", ".join(
                f"{_tokens((px, px))} (stage {1 if keep is None else 2}, {px} px)" for px, keep in sides.items()
            )
            + ". The two branches may come from different runs."
        )
    keep = sides[side]
    size = _size(state, source, heads)
    return Recognised(family, 1 if keep is None else 2, fov_deg, _ground_px(family, fov_deg), side, keep, size)


def _require_branches(state: Mapping[str, Tensor], source: str) -> None:
    counts = {branch: sum(name.startswith(branch) for name in state) for branch in BRANCHES}
    if all(counts.values()):
        return
    if any(counts.values()):
        only, lacking = sorted(counts, key=lambda branch: -counts[branch])
        raise CheckpointMismatch(
            f"{source}: only {only[:-1]} found ({counts[only]} tensors), {lacking[:-1]} is missing. "
            "Both branches are needed: give the whole checkpoint.pth.tar or model_best.pth.tar."
        )
    start = common_start(state)
    if f"{start}cls_token" in state:
        hint = "It looks like one transformer, for example DeiT's ImageNet weights, which are no TransGeo checkpoint."
    elif f"{start}model.stem.0.weight" in state or "logit_scale" in state:
        hint = "It looks like Sample4Geo: use `skyfix import sample4geo`."
    else:
        hint = "Is it another model?"
    shown = f"all begin with {start!r}" if start else f"begin with {', '.join(map(repr, list(state)[:3]))}"
    raise CheckpointMismatch(
        f"{source}: expected names that begin with 'query_net.' and 'reference_net.', perhaps after 'module.'; "
        f"its {len(state)} names {shown}. {hint}"
    )


def _positions(state: Mapping[str, Tensor], name: str, source: str) -> int:
    found = state.get(name)
    if found is None or found.ndim != 3:
        what = "is missing" if found is None else f"has shape {tuple(found.shape)}"
        raise CheckpointMismatch(
            f"{source}: {name} {what}; expected (1, positions, channels), which tells stage and data set. "
            "A network trained without position embedding cannot be imported this way."
        )
    return int(found.shape[1])


def _size(state: Mapping[str, Tensor], source: str, heads: int | None) -> TransformerSize:
    """Width, depth and embedding from the ground branch; what is missing there is DeiT-S, and found missing later."""
    standard = TransformerSize()
    rows = {name: tensor.shape[0] for name, tensor in state.items() if tensor.ndim}
    width = state["query_net.pos_embed"].shape[2]
    depth = len({name.split(".")[2] for name in state if name.startswith("query_net.blocks.")}) or standard.depth
    hidden = rows.get("query_net.blocks.0.mlp.fc1.weight", standard.mlp_ratio * width)
    embedding = rows.get("query_net.head.weight", standard.embedding)
    if heads is None and width % HEAD_WIDTH:
        raise UsageError(
            f"{source}: {width} channels do not divide into heads of {HEAD_WIDTH}, and shapes do not tell how many "
            "heads there are; give --heads."
        )
    count = heads or width // HEAD_WIDTH
    if count < 1 or width % count:
        raise UsageError(f"{source}: {width} channels do not divide into {count} heads; give another --heads.")
    return TransformerSize(width, depth, count, PATCH_PX, max(1, hidden // width), embedding)


def _ground_px(family: Family, fov_deg: int) -> tuple[int, int]:
    height, width = PANORAMA_PX[family]
    return height, int(fov_deg / 360 * width)


def _tokens(image_px: tuple[int, int]) -> int:
    return SPECIAL_TOKENS + (image_px[0] // PATCH_PX) * (image_px[1] // PATCH_PX)
