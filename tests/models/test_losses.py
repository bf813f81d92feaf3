from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.losses import (
    contrastive,
    correlate,
    heading_cross_entropy,
    hinge_triplet,
    pair_similarity,
    soft_margin_triplet,
    symmetric_infonce,
)


def _unit(seed: int, *shape: int) -> Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return F.normalize(torch.from_numpy(values), dim=-1)


def _columns(seed: int, batch: int, columns: int, channels: int = 3) -> Tensor:
    return _unit(seed, batch, columns, channels) / math.sqrt(columns)


def _raw(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape)).requires_grad_()


@pytest.fixture
def golden(shared: Path) -> tuple[dict[str, Any], Any]:
    folder = shared / "golden"
    return json.loads((folder / "small_goldens_meta.json").read_text()), np.load(folder / "small_goldens.npz")


def test_triplet_of_a_hand_made_batch() -> None:
    similarity = torch.tensor([[0.9, 0.4], [0.6, 0.8]], dtype=torch.float64)
    gaps = [0.4 - 0.9, 0.6 - 0.8, 0.6 - 0.9, 0.4 - 0.8]  # by rows, then by columns
    expected = sum(math.log1p(math.exp(20 * gap)) for gap in gaps) / 4
    assert soft_margin_triplet(similarity).item() == pytest.approx(expected, abs=1e-12)


def test_alpha_20_on_cosines_is_10_on_squared_distances() -> None:
    q, r = _unit(0, 12, 16), _unit(1, 12, 16)
    squared = (q[:, None] - r[None]).square().sum(-1)
    gap = 10 * (squared.diagonal()[:, None] - squared), 10 * (squared.diagonal()[None, :] - squared)
    off = ~torch.eye(12, dtype=torch.bool)
    expected = sum(torch.log1p(torch.exp(g[off])).mean() for g in gap) / 2
    torch.testing.assert_close(soft_margin_triplet(q @ r.T, 20.0), expected, atol=1e-12, rtol=0)


def test_hinge_of_a_hand_made_batch() -> None:
    similarity = torch.tensor([[0.9, 0.4], [0.6, 0.8]], dtype=torch.float64)
    gaps = [2 * (0.4 - 0.9), 2 * (0.6 - 0.8), 2 * (0.6 - 0.9), 2 * (0.4 - 0.8)]  # by rows, then by columns
    expected = sum(max(0.0, gap + 0.7) for gap in gaps) / 4
    assert hinge_triplet(similarity, 0.7).item() == pytest.approx(expected, abs=1e-12)
    assert expected == pytest.approx((0.3 + 0.1) / 4)


def test_hinge_is_the_margin_on_squared_distances() -> None:
    q, r = _unit(0, 9, 5), _unit(1, 9, 5)
    squared = (q[:, None] - r[None]).square().sum(-1)
    gaps = [squared[i, i] - d for i in range(9) for j in range(9) if i != j for d in (squared[i, j], squared[j, i])]
    expected = torch.stack([max(gap + 0.5, gap * 0) for gap in gaps]).mean()
    torch.testing.assert_close(hinge_triplet(q @ r.T, 0.5), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("halved", [True, False])
def test_contrastive_of_a_hand_made_batch(halved: bool) -> None:
    similarity = torch.tensor([[0.5, 0.875], [-1.0, 1.0]], dtype=torch.float64)  # distances 1, 0.5, 2 and 0
    expected = (1**2 + (1.2 - 0.5) ** 2 + 0 + 0) / 4 * (0.5 if halved else 1)
    assert contrastive(similarity, 1.2, halved=halved).item() == pytest.approx(expected, abs=1e-12)


def test_contrastive_without_the_half_is_exactly_twice() -> None:
    similarity = _unit(0, 9, 5) @ _unit(1, 9, 5).T
    assert contrastive(similarity, 1.0, halved=False).item() == 2 * contrastive(similarity, 1.0, halved=True).item()


@pytest.mark.parametrize(
    "loss",
    [lambda s: hinge_triplet(s, 0.5), lambda s: contrastive(s, 1.0, halved=True)],
    ids=["hinge", "contrastive"],
)
def test_a_satisfied_batch_has_no_gradient(loss: Any) -> None:
    """Matching pairs coincide, strangers stand at right angles: a distance of 1.41, a squared one of 2."""
    q = torch.eye(4, dtype=torch.float64).requires_grad_()
    value = loss(F.normalize(q, dim=1) @ torch.eye(4, dtype=torch.float64))
    value.backward()
    assert value.item() == 0
    assert q.grad is not None
    assert not q.grad.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_contrastive_is_safe_where_strangers_coincide(dtype: torch.dtype) -> None:
    rows = torch.tensor([[0.6, 0.8], [0.6, 0.8]], dtype=dtype, requires_grad=True)
    unit = F.normalize(rows, dim=1)
    loss = contrastive((unit @ unit.T) * (1 + 1e-7), 1.0, halved=False)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(0.5, abs=1e-3)
    assert rows.grad is not None
    assert rows.grad.isfinite().all()


@pytest.mark.parametrize("alpha", [10, 20])
def test_triplet_equals_the_official_one_in_value_and_gradient(golden: Any, alpha: int) -> None:
    meta, arrays = golden
    name = f"soft_triplet_alpha{alpha}"
    q, k = _raw(10, 8, 16), _raw(11, 8, 16)
    loss = soft_margin_triplet(F.normalize(q, dim=1) @ F.normalize(k, dim=1).T, float(alpha))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(meta[name]["loss"], abs=1e-12)
    for found, wanted in ((q.grad, "grad_q"), (k.grad, "grad_k")):
        assert found is not None
        np.testing.assert_allclose(found.numpy(), arrays[f"{name}_{wanted}"], atol=1e-12)


@pytest.mark.parametrize("gap", [-1e4, 1e4])
def test_triplet_stays_finite_at_large_gaps(gap: float) -> None:
    similarity = torch.tensor([[0.0, gap], [gap, 0.0]], requires_grad=True)
    loss = soft_margin_triplet(similarity)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(max(0.0, 20 * gap))
    assert similarity.grad is not None
    assert similarity.grad.isfinite().all()


@pytest.mark.parametrize(
    "loss",
    [
        soft_margin_triplet,
        lambda s: symmetric_infonce(s, 14.0, 0.1),
        lambda s: hinge_triplet(s, 0.9),
        lambda s: contrastive(s, 1.3, halved=True),
        lambda s: contrastive(s, 1.3, halved=False),
    ],
    ids=["triplet", "infonce", "hinge", "contrastive-halved", "contrastive"],
)
def test_gradients_are_those_of_finite_differences(loss: Any) -> None:
    similarity = _unit(2, 4, 4).requires_grad_()
    assert loss(similarity).item() > 0
    assert torch.autograd.gradcheck(loss, (similarity,))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_infonce_equals_its_formula(smoothing: float) -> None:
    similarity, scale = _unit(3, 6, 6).numpy(), 1 / 0.07
    target = np.full((6, 6), smoothing / 6) + np.eye(6) * (1 - smoothing)

    def one_way(logits: Any) -> float:
        log_share = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return float(-(target * log_share).sum(axis=1).mean())

    expected = (one_way(similarity * scale) + one_way(similarity.T * scale)) / 2
    assert symmetric_infonce(torch.from_numpy(similarity), scale, smoothing).item() == pytest.approx(expected)


@pytest.mark.parametrize("smoothing", ["0.1", "0.0"])
def test_infonce_equals_the_official_one(golden: Any, smoothing: str) -> None:
    meta, arrays = golden
    f1, f2 = _raw(70, 12, 20), _raw(71, 12, 20)
    similarity = F.normalize(f1, dim=1) @ F.normalize(f2, dim=1).T
    loss = symmetric_infonce(similarity, 1 / 0.07, float(smoothing))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(meta[f"infonce_ls{smoothing}"]["loss"], abs=1e-12)
    assert f1.grad is not None
    np.testing.assert_allclose(f1.grad.numpy(), arrays[f"infonce_ls{smoothing}_grad1"], atol=1e-12)


@pytest.mark.parametrize(("seen", "total"), [(1, 1), (3, 8), (8, 8), (1, 5)])
def test_correlation_equals_the_loop_over_everything(seen: int, total: int) -> None:
    ground, aerial = _columns(4, 2, seen), _columns(5, 3, total)
    found = correlate(ground, aerial)
    for b, n, s in np.ndindex(2, 3, total):
        cosines = [F.cosine_similarity(ground[b, j], aerial[n, (j + s) % total], dim=0).item() for j in range(seen)]
        assert found[b, n, s].item() == pytest.approx(np.mean(cosines))


def test_rolling_a_tile_rolls_its_correlation() -> None:
    ground, aerial = _columns(6, 2, 3), _columns(7, 4, 8)
    rolled = correlate(ground, aerial.roll(3, dims=1))
    torch.testing.assert_close(rolled, correlate(ground, aerial).roll(3, dims=2))


def test_a_photo_cut_out_of_a_tile_correlates_at_its_place() -> None:
    tile = _columns(8, 1, 8)
    photo = tile.roll(-5, dims=1)[:, :4] * math.sqrt(2)
    correlation = correlate(photo, tile)[0, 0]
    assert correlation.argmax().item() == 5
    assert correlation[5].item() == pytest.approx(1)


def test_the_heading_loss_of_a_whole_shift() -> None:
    correlation = torch.tensor([[0.1, 0.7, 0.2, -0.3]])
    expected = -torch.log_softmax(correlation * 5, dim=1)[0, 1]
    torch.testing.assert_close(heading_cross_entropy(correlation, torch.tensor([1.0]), 5.0), expected)


def test_a_shift_between_columns_is_shared_around_the_circle() -> None:
    correlation = torch.tensor([[0.1, 0.7, 0.2, -0.3]])
    log_share = torch.log_softmax(correlation * 5, dim=1)[0]
    expected = -(0.75 * log_share[3] + 0.25 * log_share[0])
    torch.testing.assert_close(heading_cross_entropy(correlation, torch.tensor([3.25]), 5.0), expected)


@pytest.mark.parametrize(("shift", "own"), [(0.0, 0.1), (1.0, 0.7), (1.5, 0.7), (2.0, 0.2), (3.5, 0.1)])
def test_pairs_count_at_their_true_shift_and_strangers_at_their_best(shift: float, own: float) -> None:
    correlation = torch.tensor([0.1, 0.7, 0.2, -0.3]).expand(2, 2, 4)
    similarity = pair_similarity(correlation, torch.tensor([shift, 1.0]))
    torch.testing.assert_close(similarity, torch.tensor([[own, 0.7], [0.7, 0.7]]))
