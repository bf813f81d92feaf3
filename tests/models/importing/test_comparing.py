from __future__ import annotations

import pytest
import torch

from models.errors import CheckpointMismatch
from models.importing.comparing import common_start, require_match

EXPECTED = {"a.weight": (2, 3), "a.bias": (2,), "b.weight": (2, 3)}
STATE = {name: torch.zeros(shape) for name, shape in EXPECTED.items()}


def test_equal_names_and_shapes_pass() -> None:
    require_match(STATE, EXPECTED, "file", "Because.")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"a.bias": None}, r"file: 1 missing: a\.bias\. Because\."),
        ({"c": torch.zeros(1)}, r"1 unexpected: c\."),
        ({"b.weight": torch.zeros(3, 2)}, r"1 of another shape: b\.weight \(3, 2\) instead of \(2, 3\)"),
        ({"a.bias": None, "z.bias": torch.zeros(2)}, r"1 missing: .* 1 probably renamed: z\.bias for a\.bias"),
        ({"a.bias": torch.tensor([0, float("nan")])}, r"1 with NaN or infinite values: a\.bias"),
        ({"a.bias": torch.zeros(2, dtype=torch.int64)}, r"1 not floating-point: a\.bias"),
    ],
)
def test_differences_are_listed(change: dict[str, torch.Tensor | None], message: str) -> None:
    state = {name: value for name, value in (STATE | change).items() if value is not None}
    with pytest.raises(CheckpointMismatch, match=message):
        require_match(state, EXPECTED, "file", "Because.")


def test_long_lists_are_cut() -> None:
    with pytest.raises(
        CheckpointMismatch, match=r"3 missing: a\.weight, a\.bias, b\.weight; 7 unexpected: .* and 2 more"
    ):
        require_match({f"x{number}": torch.zeros(9) for number in range(7)}, EXPECTED, "file", "Because.")


@pytest.mark.parametrize(
    ("names", "start"),
    [
        (["m.a", "m.b"], "m."),
        (["m.net.a", "m.net.b"], "m.net."),
        (["ma", "mb"], ""),
        ([], ""),
        (["m.x.a", "m.xy"], "m."),
    ],
)
def test_common_start(names: list[str], start: str) -> None:
    assert common_start(names) == start
