"""The curve of a run for TensorBoard."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest

from models.training import board
from models.training.board import FOLDER, scalars, write_board

ROW = {
    "step": 800,
    "epoch": 2,
    "loss": 1.5,
    "learning_rate": 0.001,
    "pairs_per_s": 30.0,
    "recall": {"360-unknown R@1": 0.5, "90-unknown R@5": 0.25},
    "seconds": 10.0,
}


def test_what_is_drawn_has_the_metric_first() -> None:
    assert scalars(ROW) == {
        "run/loss": 1.5,
        "run/learning_rate": 0.001,
        "run/pairs_per_s": 30.0,
        "R@1/360-unknown": 0.5,
        "R@5/90-unknown": 0.25,
    }


def test_without_the_extra_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "find_spec", lambda _: None)
    write_board(tmp_path, ROW)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="the extra `tensorboard` is not installed")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_look_is_told_and_what_was_done_twice_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for step, loss in ((800, 1.5), (1600, 9.0), (1600, 1.0)):
        write_board(tmp_path, ROW | {"step": step, "loss": loss})
        time.sleep(1.0)  # TensorBoard reads files of the same second in the order of their names
    told = EventAccumulator(str(tmp_path / FOLDER))
    told.Reload()
    assert [(event.step, event.value) for event in told.Scalars("run/loss")] == [(800, 1.5), (1600, 1.0)]
    assert told.Scalars("R@1/360-unknown")[0].value == 0.5


def test_a_disk_that_refuses_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    write_board(tmp_path, ROW)
    assert (tmp_path / FOLDER).read_text() == "in the way"
