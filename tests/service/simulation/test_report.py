"""The report says what was measured, embeds its pictures and loads nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from service.pictures.background import PlainGround
from service.simulation.drives import Drive
from service.simulation.figures import figures_of
from service.simulation.outcome import REJECTED, Answered, outcome_of
from service.simulation.pictures import draw_track, layers_of, runs
from service.simulation.report import Arm, Report, summary, write_report


@pytest.fixture
def arm(drives: list[Drive]) -> Arm:
    """Answers half-way between GPS and truth, with an alarm at every third photo."""
    answers = []
    for drive in drives:
        photos = np.flatnonzero(drive.takes_photo)
        answers.append(
            [
                Answered(
                    step=int(step),
                    lat=float(drive.lat[step] + drive.gps_lat[step]) / 2,
                    lon=float(drive.lon[step] + drive.gps_lon[step]) / 2,
                    radius_68_m=15.0,
                    radius_95_m=25.0,
                    status=REJECTED if step in photos[::3] else "corrected",
                    chi2=1.0,
                    visual_used=bool(drive.takes_photo[step]) and step not in photos[::3],
                    photo=(float(drive.lat[step]), float(drive.lon[step])) if step in photos[::3] else None,
                )
                for step in np.flatnonzero(drive.fixes.has_fix)
            ]
        )
    outcome = outcome_of(drives, answers)
    return Arm("half-way", outcome, figures_of(outcome, 0.01))


def test_half_of_every_error_is_half_of_the_median(arm: Arm) -> None:
    assert arm.figures.group("all fixes").ratio.median == pytest.approx(0.5, abs=0.001)
    assert "ratio 0.50" in summary(arm)
    assert arm.figures.alarms.false.hits == arm.figures.statuses[REJECTED] == 6


def test_page_and_figures_are_written(arm: Arm, drives: list[Drive], tmp_path: Path) -> None:
    picture = tmp_path / "track.png"
    own = arm.outcome.only(arm.outcome.vehicle == 0)
    draw_track(drives[0], own, PlainGround(), "vehicle <0>", picture)
    page = write_report(tmp_path, Report("A <fleet>", {"city": "made"}, [arm], {"vehicle <0>": picture}))
    text = page.read_text(encoding="utf-8")
    assert "A &lt;fleet&gt;" in text
    assert "data:image/jpeg;base64" in text
    assert "http" not in text.replace("http-equiv", "")
    told = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert told["arms"]["half-way"]["alarms"]["most"] == arm.figures.alarms.most


def test_alarms_and_answers_are_layers_and_an_outage_cuts_a_line(arm: Arm, drives: list[Drive]) -> None:
    own = arm.outcome.only(arm.outcome.vehicle == 0)
    labels = [layer.label for layer in layers_of(drives[0], own)]
    assert "answered" in labels
    assert any(label.startswith("alarm") for label in labels)
    assert own.photo_m[own.status == REJECTED] == pytest.approx(0.0, abs=1e-6)
    cut = runs(np.arange(6.0), np.arange(6.0), np.array([0, 1, 2, 10, 11, 12]))
    assert [len(run) for run in cut] == [3, 3]
