"""`kill -9` at any moment; the same build run again gives what an undisturbed one gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("kills", "step"),
    [(4, 29), pytest.param(25, 1, marks=pytest.mark.slow), pytest.param(200, 1000, marks=pytest.mark.slow)],
)
def test_a_killed_build_gives_the_same_in_the_end(tmp_path: Path, kills: int, step: int) -> None:
    arguments = [sys.executable, "-m", "tests.index.killing", str(tmp_path), str(kills), str(step)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    told = json.loads(done.stdout)
    assert sum(found["kills"] for found in told["random"]) == kills
    assert len(told["points"]) == len(range(1, told["operations"] + 1, step))
    assert told["operations"] > 60
    for found in (*told["random"], *told["points"]):
        assert found["same"], found
        assert 0 <= found["described_again"] <= found["allowed_again"], found
    assert {tuple(point["codes"]) for point in told["points"]} == {(-9, 0)}
