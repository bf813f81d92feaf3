from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.errors import CheckpointMismatch, UsageError
from models.importing.recognise import recognise
from models.networks.transgeo import TransformerSize
from tests.models.importing.made import SMALL, transgeo_state


def _positions(ground: int, aerial: int, width: int = 64) -> dict[str, Tensor]:
    return {
        "query_net.pos_embed": torch.zeros(1, ground, width),
        "reference_net.pos_embed": torch.zeros(1, aerial, width),
    }


@pytest.mark.parametrize(
    ("ground", "aerial", "family", "stage", "fov_deg", "ground_px", "aerial_px", "keep"),
    [
        (268, 258, "cvusa/cvact", 1, 360, (112, 616), 256, None),
        (268, 402, "cvusa/cvact", 2, 360, (112, 616), 320, 0.64),
        (268, 486, "cvusa/cvact", 2, 360, (112, 616), 352, 0.53),
        (268, 326, "cvusa/cvact", 2, 360, (112, 616), 288, 0.79),
        (135, 402, "cvusa/cvact", 2, 180, (112, 308), 320, 0.64),
        (65, 258, "cvusa/cvact", 1, 90, (112, 154), 256, None),
        (51, 258, "cvusa/cvact", 1, 70, (112, 119), 256, None),
        (802, 402, "vigor", 1, 360, (320, 640), 320, None),
        (802, 627, "vigor", 2, 360, (320, 640), 400, 0.64),
        (202, 402, "vigor", 1, 90, (320, 160), 320, None),
    ],
)
def test_positions_tell_the_setting(
    ground: int,
    aerial: int,
    family: str,
    stage: int,
    fov_deg: int,
    ground_px: tuple[int, int],
    aerial_px: int,
    keep: float | None,
) -> None:
    found = recognise(_positions(ground, aerial), "file")
    assert (found.family, found.stage, found.fov_deg) == (family, stage, fov_deg)
    assert (found.ground_px, found.aerial_px, found.keep) == (ground_px, aerial_px, keep)


def test_shapes_tell_the_size_of_the_transformers() -> None:
    size = TransformerSize(width=128, depth=3, heads=2, mlp_ratio=2, embedding=10)
    assert recognise(transgeo_state(size=size), "file").size == size


def test_heads_are_64_channels_wide_unless_told() -> None:
    assert recognise(_positions(268, 258, 384), "file").size.heads == 6
    assert recognise(_positions(268, 258, 384), "file", heads=12).size.heads == 12
    with pytest.raises(UsageError, match=r"24 channels .* give --heads"):
        recognise(_positions(268, 258, 24), "file")
    with pytest.raises(UsageError, match="24 channels do not divide into 5 heads"):
        recognise(_positions(268, 258, 24), "file", heads=5)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (_positions(300, 258), r"300 positions; known are 268 \(CVUSA/CVACT 360°\)"),
        (
            _positions(268, 627),
            r"627 positions; beside a ground branch of CVUSA/CVACT known are 258 \(stage 1, 256 px\)",
        ),
        (
            {"query_net.pos_embed": torch.zeros(1, 268, 64)},
            "only query_net found .1 tensors., reference_net is missing",
        ),
        ({"cls_token": torch.zeros(1), "head.bias": torch.zeros(1)}, "It looks like one transformer"),
        ({"net.cls_token": torch.zeros(1), "net.head.bias": torch.zeros(1)}, r"names all begin with 'net\.'"),
        ({"logit_scale": torch.zeros(()), "model.a": torch.zeros(1)}, "use `skyfix import sample4geo`"),
        ({"a": torch.zeros(1), "b": torch.zeros(1)}, r"its 2 names begin with 'a', 'b'\. Is it another model"),
        ({"query_net.a": torch.zeros(1), "reference_net.a": torch.zeros(1)}, "pos_embed is missing"),
    ],
)
def test_what_is_no_such_checkpoint_is_said(state: dict[str, Tensor], message: str) -> None:
    with pytest.raises(CheckpointMismatch, match=message):
        recognise(state, "file")


def test_words_for_people() -> None:
    words = recognise(transgeo_state(320), "file").words
    assert words == "stage 2 of CVUSA or CVACT, 360 degrees, tiles of 320 px"
    assert SMALL.patch_px == 16
