from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from models.errors import AttentionInvalid, UsageError
from models.networks.cropping import (
    KEEP_RATES,
    Crop,
    gather_patches,
    is_telling,
    kept_patches,
    quantise_map,
    require_maps,
    select_patches,
)
from tests.models.networks.numpy_forward import upsample
from tests.models.networks.recipe import Array, far, pixels, small, through_onnx

NAN, INF = float("nan"), float("inf")


def _ramp(batch: int = 1) -> Tensor:
    return torch.arange(16.0).reshape(1, 4, 4).expand(batch, 4, 4)


def _blank(value: float) -> Tensor:
    return torch.full((4, 4), value)


def _spoilt(value: float) -> Tensor:
    attention = _ramp()[0].clone()
    attention[1, 2] = value
    return attention


BLANK = {
    "zero": _blank(0.0),
    "constant": _blank(0.3),
    "noise": 0.3 + 1e-7 * _ramp()[0] / 16,
    "nan": _spoilt(NAN),
    "inf": _spoilt(INF),
    "minus-inf": _spoilt(-INF),
    "all-nan": _blank(NAN),
}


@pytest.mark.parametrize(
    ("keep", "side", "kept"), [(0.64, 400, 256), (0.64, 320, 400), (0.53, 352, 256), (0.79, 288, 255), (1.0, 256, 256)]
)
def test_patches_kept(keep: float, side: int, kept: int) -> None:
    patches = {400: 400, 320: 625, 352: 484, 288: 324, 256: 256}[side]
    assert kept_patches(keep, patches) == kept


def test_the_papers_rates_hold_the_tokens_of_256_pixels() -> None:
    counts = {side: kept_patches(keep, (side // 16) ** 2) for side, keep in KEEP_RATES.items()}
    assert counts == {352: 256, 320: 256, 288: 255}


def test_maps_are_quantised_downwards() -> None:
    quantised = quantise_map(torch.tensor([[[0.0, 1.0], [1.999, 2.0]]])) * 255
    assert quantised.round().tolist() == [[[0, 127], [254, 255]]]


def test_the_largest_value_is_always_the_highest_level() -> None:
    attention = torch.rand(2000, 4, 4, generator=torch.Generator().manual_seed(0))
    assert quantise_map(attention).amax((1, 2)).eq(1).all()


def test_a_finer_grid_is_reached_between_patch_centres() -> None:
    attention = torch.tensor([[[0.0, 4.0]]])  # on four columns: 0, 1, 3, 4
    assert select_patches(attention, (1, 4), 3).tolist() == [[3, 2, 1]]


def test_of_equal_patches_the_first_stay() -> None:
    attention = torch.tensor([[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]])
    assert select_patches(attention, (2, 3), 5).tolist() == [[0, 2, 4, 1, 3]]


def test_unquantised_scores_are_not_rounded() -> None:
    attention = torch.tensor([[[0.5, 0.5 + 1e-6], [0.5 + 2e-6, 0.1234567]]])
    assert select_patches(attention, (2, 2), 3).tolist() == [[2, 1, 0]]


class _Select(torch.nn.Module):
    def forward(self, attention: Tensor) -> Tensor:
        return select_patches(attention, (20, 20), 256)


def _exactly(levels: Array) -> list[list[int]]:
    """Patches kept by whole-number arithmetic: on 20 x 20, bilinear weights of 16 x 16 are hundredths."""
    scores = [np.rint(upsample(image * 100.0, (20, 20))).ravel() for image in levels]
    return [np.argsort(-score, kind="stable")[:256].tolist() for score in scores]


def test_ties_between_levels_are_exact_in_torch_and_in_the_exported_graph() -> None:
    levels = np.random.RandomState(0).randint(0, 256, (300, 16, 16))
    attention = torch.from_numpy(levels.astype("f4") / 255)
    (in_graph,) = through_onnx(_Select(), (attention[:1],), (attention,))
    assert select_patches(attention, (20, 20), 256).tolist() == _exactly(levels)
    assert in_graph.tolist() == _exactly(levels)


def test_kept_patches_carry_their_values() -> None:
    patches = torch.arange(12.0).reshape(1, 6, 2)
    assert gather_patches(patches, torch.tensor([[5, 0]])).tolist() == [[[10, 11], [0, 1]]]


@torch.inference_mode()
def test_the_order_of_kept_patches_does_not_matter() -> None:
    network, batch = small(keep=0.5), pixels(0, 2, 3, 32, 32)
    same_half_reversed = torch.where(_ramp(2) >= 8, 23 - _ramp(2), _ramp(2))
    torch.testing.assert_close(network(batch, _ramp(2)), network(batch, same_half_reversed), atol=1e-5, rtol=0)


@torch.inference_mode()
def test_dropped_patches_are_not_looked_at() -> None:
    network, batch = small(keep=0.5), pixels(0, 1, 3, 32, 32)
    changed = batch.clone()
    changed[:, :, :16] = 7.0  # the ramp keeps the two lower rows of patches
    assert torch.equal(network(batch, _ramp()), network(changed, _ramp()))
    changed[:, :, 16:] = 7.0
    assert not torch.allclose(network(batch, _ramp()), network(changed, _ramp()), atol=1e-4)


@torch.inference_mode()
def test_keeping_everything_equals_no_cropping() -> None:
    batch = pixels(0, 2, 3, 32, 32)
    assert far(small(keep=1.0)(batch, _ramp(2)), small()(batch)) < 1e-6


def test_a_missing_map_is_refused() -> None:
    with pytest.raises(AttentionInvalid, match="none was given"):
        small(keep=0.5)(pixels(0, 1, 3, 32, 32))


@pytest.mark.parametrize("blank", BLANK.values(), ids=BLANK.keys())
def test_a_blank_map_is_refused_and_named(blank: Tensor) -> None:
    attention = torch.stack([_ramp()[0], blank])
    assert is_telling(attention).tolist() == [True, False]
    with pytest.raises(AttentionInvalid, match=r"images \[1\] of the batch"):
        small(keep=0.5)(pixels(0, 2, 3, 32, 32), attention)
    with pytest.raises(AttentionInvalid, match="constant or not finite"):
        quantise_map(attention)


@pytest.mark.parametrize("maps", [1, 3])
def test_another_number_of_maps_than_images_is_refused(maps: int) -> None:
    with pytest.raises(AttentionInvalid, match=rf"\({maps}, 4, 4\) for 2 images"):
        require_maps(_ramp(maps), 2)


def test_blank_maps_become_nan_in_the_exported_graph_and_their_neighbours_do_not() -> None:
    network, maps = small(keep=0.5), torch.stack([_ramp()[0], *BLANK.values()])
    batch = pixels(0, len(maps), 3, 32, 32)
    (found,) = through_onnx(network, (batch[:1], maps[:1]), (batch, maps))
    assert torch.from_numpy(found).isnan().all(1).tolist() == [False] + [True] * len(BLANK)
    assert far(found[:1], network(batch[:1], maps[:1]).detach()) < 1e-5


@pytest.mark.parametrize("keep", [0.0, -0.1, 1.01, NAN])
def test_shares_outside_zero_to_one_are_refused(keep: float) -> None:
    with pytest.raises(UsageError, match=r"\(0, 1\]"):
        Crop(keep)


def test_an_unknown_guide_is_refused() -> None:
    with pytest.raises(UsageError, match="'stage-1', 'self' or 'none'"):
        Crop(0.64, "stage-2")  # type: ignore[arg-type]
