from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.errors import UsageError
from models.training.mining import RandomSampler
from models.training.nearest import nearest_by_position
from models.training.neighbours import NeighbourSampler

CITIES, SIZE = 6, 8
PAIRS = CITIES * SIZE
TOWN = np.arange(PAIRS) // SIZE
LOOKS = np.arange(PAIRS) % CITIES
"""Eight towns apart from each other; what looks alike is spread over all of them."""


def _near() -> NDArray[np.int64]:
    rng = np.random.default_rng(0)
    lat, lon = 10.0 * TOWN + rng.uniform(0, 1, PAIRS), rng.uniform(0, 1, PAIRS)
    return nearest_by_position("lat-lon", np.stack([lat, lon], axis=1), SIZE - 1)


def _sampler(**options: Any) -> NeighbourSampler:
    filled: dict[str, Any] = {"near": _near(), "select": SIZE} | options
    sampler = NeighbourSampler(PAIRS, CITIES, SIZE, 0, listed=SIZE - 1, first_mined_epoch=2, **filled)
    sampler.record(np.arange(PAIRS), torch.eye(CITIES)[LOOKS], torch.eye(CITIES)[LOOKS])
    return sampler


def test_batches_are_towns_before_there_are_embeddings() -> None:
    plan = _sampler().plan(0)
    assert plan.shape == (CITIES, SIZE)
    assert all(len(set(TOWN[batch])) == 1 for batch in plan)
    assert sorted(plan.ravel().tolist()) == list(range(PAIRS))


def test_batches_are_look_alikes_afterwards() -> None:
    plan = _sampler().plan(2)
    assert all(len(set(LOOKS[batch])) == 1 for batch in plan)
    assert sorted(plan.ravel().tolist()) == list(range(PAIRS))


def test_half_of_the_company_is_the_nearest_of_all() -> None:
    sampler, near = _sampler(select=4), _near()
    for first, *company in sampler.plan(0)[:, :5].tolist()[:1]:
        assert company[:2] == near[first, :2].tolist()
        assert set(company[2:]) <= set(near[first, 2:].tolist())


def test_a_plan_belongs_to_its_epoch_and_state() -> None:
    sampler, restored = _sampler(), NeighbourSampler(PAIRS, CITIES, SIZE, 0, near=_near(), first_mined_epoch=2)
    restored.listed, restored.select = sampler.listed, sampler.select
    restored.restore(sampler.state())
    assert np.array_equal(sampler.plan(2), restored.plan(2))
    assert not np.array_equal(sampler.plan(2), sampler.plan(3))


def test_without_positions_the_first_epochs_are_random() -> None:
    assert np.array_equal(_sampler(near=None).plan(1), RandomSampler(PAIRS, SIZE, 0).plan(1))


@pytest.mark.parametrize("epoch", [0, 2])
def test_pairs_that_share_a_tile_never_meet(epoch: int) -> None:
    tiles = (np.arange(PAIRS) // 2)[:, None]
    plan = _sampler(conflicts=tiles).plan(epoch)
    assert plan.shape == (CITIES, SIZE)
    assert all(len(set((batch // 2).tolist())) == SIZE for batch in plan)


def test_unrecorded_pairs_bring_random_company() -> None:
    sampler = NeighbourSampler(PAIRS, CITIES, SIZE, 0, listed=SIZE - 1, select=SIZE, first_mined_epoch=0)
    sampler.record([0, 1], torch.eye(CITIES)[:2], torch.eye(CITIES)[:2])
    assert all(len(set(batch)) == SIZE for batch in sampler.plan(0).tolist())


def test_lists_of_other_pairs_are_refused() -> None:
    with pytest.raises(UsageError, match="one a pair"):
        NeighbourSampler(PAIRS + 1, CITIES, SIZE, 0, near=_near())
