from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from index.build_metrics import EVERY_S, BuildMetrics, Meter
from index.gathering import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _read(path: Path) -> dict[str, float]:
    """Values by name, and by name and state where there is one; the other labels are checked."""
    found = {}
    for family in text_string_to_metric_families(path.read_text()):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert (labels.pop("job_kind"), labels.pop("index")) == ("build", "town")
            found[" ".join([sample.name.removeprefix("skyfix_index_build_"), *labels.values()])] = sample.value
    return found


def test_the_file_says_how_far_it_is(tmp_path: Path) -> None:
    clock = Clock()
    metrics = BuildMetrics(tmp_path / "skyfix.prom", "build", "town", clock)
    clock.now += 10.0
    metrics.show(Progress(indexed=150, quarantined=10, total=660, resumed=100))
    told = _read(tmp_path / "skyfix.prom")
    assert told.pop("last_update_timestamp_seconds") > 1.7e9
    assert told == {
        "tiles indexed": 150,
        "tiles quarantined": 10,
        "tiles_expected": 660,
        "tiles_per_second": 5.0,
        "eta_seconds": 100.0,
        "state running": 1,
        "state published": 0,
        "state stopped": 0,
        "state failed": 0,
    }


def test_it_is_not_written_for_every_tile_but_at_the_end(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "skyfix.prom"
    metrics = BuildMetrics(path, "build", "town", clock)
    metrics.show(Progress(1, 0, 10))
    for number in range(2, 5):
        clock.now += EVERY_S / 4
        metrics.show(Progress(number, 0, 10))
        assert _read(path)["tiles indexed"] == 1
    metrics.end("stopped")
    assert (_read(path)["tiles indexed"], _read(path)["state stopped"], _read(path)["state running"]) == (4, 1, 0)
    assert [found.name for found in tmp_path.iterdir()] == ["skyfix.prom"]


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    metrics = BuildMetrics(tmp_path / "none" / "skyfix.prom", "build", "town")
    metrics.show(Progress(1, 0, 10))
    metrics.end("published")


@pytest.mark.parametrize(
    ("done", "rate", "eta_s"),
    [(Progress(0, 0, 10), 0.0, None), (Progress(20, 5, 45), 2.0, 10.0), (Progress(20, 0, 15), 2.0, 0.0)],
)
def test_the_rest_takes_as_long_as_what_is_done(done: Progress, rate: float, eta_s: float | None) -> None:
    clock = Clock()
    meter = Meter(clock)
    clock.now += 10.0
    assert (meter.tiles_per_s(done), meter.eta_s(done)) == (rate, eta_s)
