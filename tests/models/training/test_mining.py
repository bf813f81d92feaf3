from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.errors import UsageError
from models.training.mining import MiningSampler, RandomSampler, Sampler

PAIRS, BATCH = 240, 8
TILES = (np.arange(PAIRS)[:, None] // 3 + np.arange(4)) % (PAIRS // 3)
"""Three pairs on a tile, which is semi-positive for nine others, all around the circle: overlaps as in VIGOR."""


def _ring(rows: NDArray[np.int64]) -> torch.Tensor:
    """Places on a circle: the most similar to row i are i - 1 and i + 1."""
    angle = torch.from_numpy(rows) * (2 * np.pi / PAIRS)
    spectrum = torch.arange(1, 9)[None] * angle[:, None]
    return torch.cat([spectrum.cos(), spectrum.sin()], dim=1)


def _mining(seed: int = 0, batch: int = BATCH, rows: Any = None, **options: Any) -> MiningSampler:
    sampler = MiningSampler(PAIRS, 16, batch, seed, **options)
    rows = np.arange(PAIRS) if rows is None else rows
    sampler.record(rows, _ring(rows), _ring(rows))
    return sampler


def _apart(anchors: NDArray[np.int64], partners: NDArray[np.int64]) -> NDArray[np.int64]:
    gap: NDArray[np.int64] = np.abs(anchors - partners)
    return np.minimum(gap, PAIRS - gap)


def _share_a_tile(plan: NDArray[np.int64], tiles: NDArray[np.int64]) -> bool:
    return any(len(np.unique(tiles[batch])) < tiles[batch].size for batch in plan)


def test_a_random_epoch_visits_every_pair_once() -> None:
    plan = RandomSampler(PAIRS, BATCH, 0).plan(0)
    assert plan.dtype == np.int64
    assert plan.shape == (PAIRS // BATCH, BATCH)
    assert sorted(plan.ravel().tolist()) == list(range(PAIRS))


@pytest.mark.parametrize("make", [RandomSampler, lambda n, b, s: MiningSampler(n, 16, b, s)])
def test_an_incomplete_last_batch_is_dropped(make: Any) -> None:
    sampler: Sampler = make(11, 4, 0)
    assert (sampler.batches, sampler.plan(0).shape) == (2, (2, 4))


def test_the_first_epoch_is_random() -> None:
    assert np.array_equal(_mining().plan(0), RandomSampler(PAIRS, BATCH, 0).plan(0))


def test_without_embeddings_an_epoch_stays_random() -> None:
    assert np.array_equal(MiningSampler(PAIRS, 16, BATCH, 0).plan(3), RandomSampler(PAIRS, BATCH, 0).plan(3))


def test_half_of_the_pairs_are_anchors_and_each_once() -> None:
    anchors = _mining().plan(1)[:, : BATCH // 2].ravel()
    assert len(anchors) == len(set(anchors.tolist())) == PAIRS // 2


@pytest.mark.parametrize("hardest", [2, 10])
def test_partners_are_among_the_most_similar(hardest: int) -> None:
    plan = _mining(hardest=hardest).plan(1)
    gaps = _apart(plan[:, : BATCH // 2], plan[:, BATCH // 2 :])
    assert (gaps <= hardest // 2).mean() > 0.98  # the rest: both neighbours stood in the batch already
    assert gaps.max() >= hardest // 2
    assert gaps.min() > 0


def test_partners_are_drawn_from_all_of_the_hardest() -> None:
    """10 candidates, 120 draws: each is expected 12 times."""
    plan = _mining(hardest=10).plan(1)
    signed = (plan[:, BATCH // 2 :] - plan[:, : BATCH // 2] + PAIRS // 2) % PAIRS - PAIRS // 2
    counts = np.bincount(signed.ravel() + PAIRS, minlength=2 * PAIRS)[PAIRS - 5 : PAIRS + 6]
    assert counts[5] == 0
    assert np.delete(counts, 5).min() >= 3


def test_no_pair_stands_twice_in_a_batch() -> None:
    assert all(len(set(batch)) == BATCH for batch in _mining(hardest=2).plan(1).tolist())


def test_partners_come_from_the_pool() -> None:
    partners = _mining(pool=20, hardest=20).plan(1)[:, BATCH // 2 :]
    assert len(set(partners.ravel().tolist())) <= 20


def test_only_recorded_pairs_are_mined() -> None:
    known = np.arange(0, PAIRS, 2)
    plan = _mining(rows=known, hardest=30).plan(1)
    anchors, partners = plan[:, : BATCH // 2].ravel(), plan[:, BATCH // 2 :].ravel()
    assert (partners[np.isin(anchors, known)] % 2 == 0).mean() > 0.8


def test_anchors_without_an_embedding_get_any_partner() -> None:
    """Otherwise all of them would draw from the same two."""
    plan = _mining(rows=np.arange(10), hardest=2).plan(1)
    partners = plan[:, BATCH // 2 :][plan[:, : BATCH // 2] >= 10]
    assert len(np.unique(partners)) > 60


def test_mining_may_begin_with_the_first_epoch() -> None:
    plan = _mining(first_mined_epoch=0, hardest=2).plan(0)
    assert (_apart(plan[:, : BATCH // 2], plan[:, BATCH // 2 :]) == 1).mean() > 0.98


def test_a_batch_of_an_odd_number_is_full() -> None:
    plan = _mining(batch=7).plan(1)
    assert plan.shape == (PAIRS // 7, 7)
    assert all(len(set(batch)) == 7 for batch in plan.tolist())


def test_a_plan_belongs_to_seed_epoch_and_embeddings() -> None:
    plan = _mining().plan(1)
    assert np.array_equal(plan, _mining().plan(1))
    other = _mining()
    other.record(np.arange(PAIRS), _ring(np.arange(PAIRS)), _ring(np.arange(PAIRS)[::-1].copy()))
    for different in (_mining(seed=1).plan(1), _mining().plan(2), other.plan(1)):
        assert not np.array_equal(plan, different)


@pytest.mark.parametrize("epoch", [0, 1])
def test_pairs_that_share_a_tile_never_meet(epoch: int) -> None:
    free, apart = _mining(), _mining(conflicts=TILES)
    assert _share_a_tile(free.plan(1), TILES)
    assert not _share_a_tile(apart.plan(epoch), TILES)
    assert apart.plan(epoch).shape == (PAIRS // BATCH, BATCH)


def test_a_random_epoch_without_common_tiles_still_visits_nearly_all() -> None:
    plan = RandomSampler(PAIRS, BATCH, 0, conflicts=TILES).plan(0)
    assert len(set(plan.ravel().tolist())) >= PAIRS - BATCH


def test_an_anchor_whose_look_alikes_all_conflict_gets_another_partner() -> None:
    """The two most similar pairs always share a tile with the anchor."""
    plan = _mining(hardest=2, conflicts=TILES).plan(1)
    assert _apart(plan[:, : BATCH // 2], plan[:, BATCH // 2 :]).min() > 2
    assert plan.shape == (PAIRS // BATCH, BATCH)


@pytest.mark.parametrize("epoch", [0, 1])
def test_batches_that_cannot_be_are_refused_at_once(epoch: int) -> None:
    with pytest.raises(UsageError, match="give a smaller batch"):
        _mining(conflicts=np.zeros((PAIRS, 1), dtype=int)).plan(epoch)


def test_a_restored_sampler_plans_the_same(tmp_path: Path) -> None:
    first, second = _mining(conflicts=TILES), MiningSampler(PAIRS, 16, BATCH, 0, conflicts=TILES)
    torch.save(first.state(), tmp_path / "state.pt")
    second.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert np.array_equal(first.plan(1), second.plan(1))
    for sampler in (first, second):
        sampler.record(np.arange(9), torch.ones(9, 16), torch.ones(9, 16))
    assert np.array_equal(first.plan(2), second.plan(2))


def test_files_plan_as_memory_does(tmp_path: Path) -> None:
    assert np.array_equal(_mining(folder=tmp_path).plan(1), _mining().plan(1))


def test_a_random_sampler_has_nothing_to_remember() -> None:
    sampler = RandomSampler(PAIRS, BATCH, 0)
    before = sampler.plan(1)
    sampler.record(np.arange(2), torch.ones(2, 4), torch.ones(2, 4))
    sampler.restore(sampler.state())
    assert np.array_equal(sampler.plan(1), before)


@pytest.mark.parametrize(("batch", "options"), [(1, {}), (PAIRS + 1, {}), (8, {"pool": 0}), (8, {"hardest": 0})])
def test_what_cannot_be_drawn_is_refused(batch: int, options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="give"):
        MiningSampler(PAIRS, 16, batch, 0, **options)  # type: ignore[arg-type]
