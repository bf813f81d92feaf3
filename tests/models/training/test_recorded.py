from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from models.errors import CheckpointMismatch, UsageError
from models.training.recorded import Recorded

ROWS = np.array([4, 1])


def _kept(recorded: Recorded) -> list[list[float]]:
    rounded: list[list[float]] = recorded.ground.astype(float).round(3).tolist()
    return rounded


def test_embeddings_are_kept_normalised_in_half_precision() -> None:
    recorded = Recorded(5, 2)
    recorded.record(ROWS, torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.ones(2, 2))
    assert _kept(recorded) == [[0, 0], [0, 1], [0, 0], [0, 0], [0.6, 0.8]]
    assert recorded.aerial[4].tolist() == [np.float16(0.5**0.5)] * 2
    assert recorded.known.tolist() == [False, True, False, False, True]


def test_the_latest_embedding_counts() -> None:
    recorded = Recorded(5, 2)
    for value in (1.0, -1.0):
        recorded.record(ROWS, torch.tensor([[value, 0.0]] * 2), torch.ones(2, 2))
    assert _kept(recorded)[4] == [-1, 0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_columns_of_any_precision_with_a_graph_are_taken(dtype: torch.dtype) -> None:
    recorded = Recorded(5, 4)
    columns = torch.ones(2, 2, 2, dtype=dtype, requires_grad=True)
    recorded.record(ROWS, columns, columns)
    assert recorded.ground[1].tolist() == [0.5] * 4


def test_arrays_are_taken_too() -> None:
    recorded = Recorded(5, 2)
    recorded.record([0], np.array([[0.0, -3.0]]), np.array([[1.0, 0.0]]))
    assert _kept(recorded)[0] == [0, -1]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_passed_over(value: float) -> None:
    recorded = Recorded(5, 2)
    recorded.record(ROWS, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[value, 1.0], [0.0, 1.0]]))
    assert recorded.known.tolist() == [False, True, False, False, False]
    assert not recorded.ground[4].any()


def test_another_size_is_refused() -> None:
    with pytest.raises(UsageError, match="of 3 numbers were recorded; the sampler was made for 2"):
        Recorded(5, 2).record(ROWS, torch.ones(2, 3), torch.ones(2, 3))


def test_a_state_goes_through_a_file(tmp_path: Path) -> None:
    first, second = Recorded(5, 3), Recorded(5, 3, tmp_path / "memory")
    first.record(ROWS, torch.eye(3)[:2], torch.eye(3)[1:])
    torch.save(first.state(), tmp_path / "state.pt")
    second.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    for name in ("ground", "aerial", "known"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("other", [Recorded(6, 3), Recorded(5, 2)])
def test_a_state_of_something_else_is_refused(other: Recorded) -> None:
    with pytest.raises(CheckpointMismatch, match=r"shapes .* this run keeps .*; resume with"):
        Recorded(5, 3).restore(other.state())


def test_a_state_without_embeddings_is_refused() -> None:
    with pytest.raises(CheckpointMismatch, match=r"shapes \{\}"):
        Recorded(5, 3).restore({})


def test_files_hold_what_memory_would(tmp_path: Path) -> None:
    recorded = Recorded(5, 3, tmp_path)
    recorded.record(ROWS, torch.eye(3)[:2], F.normalize(torch.ones(2, 3)))
    recorded.ground.flush()  # type: ignore[attr-defined]
    assert np.load(tmp_path / "ground.npy")[4].tolist() == [1, 0, 0]
    assert (tmp_path / "aerial.npy").stat().st_size - 2 * 5 * 3 <= 128
