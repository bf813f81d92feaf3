"""The live curve: what the log says, whatever happened to the log, and never half a file."""

from __future__ import annotations

import csv
import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.training.chart import PALETTE, Chart, Series, draw_chart, ticks
from models.training.curve import draw_curve, read_log, write_curve

BLUE = np.array([0x2A, 0x6F, 0xDB])


def _row(step: int, loss: float = 2.0, **recall: float) -> dict[str, Any]:
    named = {name.replace("_", " "): value for name, value in recall.items()}
    return {"step": step, "epoch": 1, "loss": loss, "learning_rate": 1e-3, "recall": named, "seconds": 1.5 * step}


def _log(path: Path, *rows: dict[str, Any], tail: str = "") -> Path:
    log = path / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows) + tail)
    return log


def test_both_files_say_what_the_log_says(tmp_path: Path) -> None:
    log = _log(tmp_path, _row(100, 3.0, near=0.1), _row(200, 2.0, near=0.4, far=0.2))
    write_curve(log, "run", 400)
    rows = list(csv.DictReader((tmp_path / "curve.csv").read_text().splitlines()))
    assert [(row["step"], row["loss"], row["near"], row["far"]) for row in rows] == [
        ("100", "3.0", "0.1", ""),
        ("200", "2.0", "0.4", "0.2"),
    ]
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.width == 1200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.csv", "curve.png", "log.jsonl"]


def test_a_line_cut_short_is_left_out_and_a_step_done_twice_counts_once(tmp_path: Path) -> None:
    log = _log(tmp_path, _row(100, 3.0), _row(200, 9.0), _row(200, 2.0), tail='{"step": 300, "lo')
    assert [(row["step"], row["loss"]) for row in read_log(log)] == [(100, 3.0), (200, 2.0)]


def test_a_disk_that_refuses_stops_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = _log(tmp_path, _row(100))
    (tmp_path / "curve.csv").mkdir()
    with caplog.at_level(logging.WARNING):
        write_curve(log, "run", 400)
    assert "cannot be written" in caplog.text


@pytest.mark.parametrize("rows", [[], [_row(10)], [_row(10, math.nan, x=math.inf), _row(20, math.inf)]])
def test_there_is_always_a_picture(rows: list[dict[str, Any]]) -> None:
    assert draw_curve(rows, "run", 100).width == 1200


def test_a_line_goes_where_its_values_are() -> None:
    """From 0 at the left to all at the right, in a chart of shares."""
    points = [(0.0, 0.0), (50.0, 1.0), (100.0, 0.0)]
    picture = np.asarray(draw_chart(Chart("t", [Series(points, PALETTE[0])], True), (400, 200), 100.0)).astype(int)
    rows, columns = np.nonzero(np.abs(picture - BLUE).max(axis=2) < 30)
    top = columns[rows == rows.min()].mean()
    assert top == pytest.approx(62 + (400 - 62 - 30) / 2, abs=2)
    assert columns.min() == pytest.approx(62, abs=4)
    assert columns.max() == pytest.approx(370, abs=4)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 20000.0), (-3.0, 7.5), (8e-4, 1.2e-3), (5.0, 5.1)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 6
    assert low - 1e-9 <= found[0] <= found[-1] <= high + 1e-9
