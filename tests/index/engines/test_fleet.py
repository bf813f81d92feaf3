"""Workers behind one queue: order, replacements, and what ends the work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from index.build import Run, build_index
from index.describer import describe_batch
from index.engines.describing import Describing
from index.engines.fleet import RETRIES, Fleet, open_fleet
from index.engines.handshake import Credentials
from index.workspace import WORK
from models.encoder import Encoder, FakeEncoder
from models.errors import ExecutorUnavailable, WorkerRefused
from tests.index.engines.crew import Local, LocalCrew
from tests.index.made import Noise

ENCODER = FakeEncoder()
TILES = list(np.random.default_rng(0).standard_normal((40, 3, 32, 32)).astype(np.float32))
ROWS = np.concatenate([describe_batch(tile[None], ENCODER) for tile in TILES])


def _rows(fleet: Fleet) -> np.ndarray:
    return np.concatenate([future.result() for future in [fleet.submit([tile]) for tile in TILES]])


def test_rows_come_in_the_order_of_the_tiles_whoever_is_slow() -> None:
    crew = LocalCrew(ENCODER)
    with open_fleet(ENCODER, crew, 3) as fleet:
        assert np.array_equal(_rows(fleet), ROWS)
    assert crew.dismissed == {0, 1, 2}
    assert all(worker.calls > 1 for worker in crew.hired)


def test_a_lost_worker_is_replaced_and_its_batches_repeated() -> None:
    batches = count()
    crew = LocalCrew(ENCODER, dies=lambda _, call: call > 1 and next(batches) in (9, 19))
    with open_fleet(ENCODER, crew, 2) as fleet:
        assert np.array_equal(_rows(fleet), ROWS)
    assert len(crew.hired) == 4
    assert sum(worker.dead for worker in crew.hired) == 2
    assert sum(worker.calls - 1 for worker in crew.hired) >= len(TILES) + 2


def test_a_batch_that_kills_every_worker_is_given_up() -> None:
    crew = LocalCrew(ENCODER, dies=lambda _, call: call > 1)
    with open_fleet(ENCODER, crew, 1) as fleet:
        future = fleet.submit(TILES[:2])
        with pytest.raises(ExecutorUnavailable, match=r"A batch of 2 lost its worker 4 times, last: Worker 3 was lost"):
            future.result()
    assert [worker.calls for worker in crew.hired[: 1 + RETRIES]] == [2, 2, 2, 2]


def test_the_rest_go_on_where_no_other_comes_up() -> None:
    crew = LocalCrew(ENCODER, dies=lambda number, call: number == 0 and call == 3, most=2)
    with open_fleet(ENCODER, crew, 2) as fleet:
        assert np.array_equal(_rows(fleet), ROWS)


def test_when_the_last_is_lost_nobody_waits_for_ever() -> None:
    crew = LocalCrew(ENCODER, dies=lambda _, call: call == 5, most=2)
    with open_fleet(ENCODER, crew, 2) as fleet:
        futures = [fleet.submit([tile]) for tile in TILES]
        errors = [future.exception(timeout=30) for future in futures]
    assert sum(error is None for error in errors) == 6
    assert {type(error) for error in errors} == {type(None), ExecutorUnavailable}
    assert "nobody is left to hire" in str(errors[-1])


def test_fewer_than_were_asked_for_are_refused() -> None:
    crew = LocalCrew(ENCODER, most=2)
    with pytest.raises(ExecutorUnavailable, match=r"Only . of 3 workers came up: nobody is left"):
        open_fleet(ENCODER, crew, 3).__enter__()
    assert crew.dismissed == {0, 1}


@pytest.mark.parametrize("field", ["model", "preprocessing", "skyfix", "onnxruntime"])
def test_another_model_or_version_is_refused_with_both_values(field: str) -> None:
    def other(number: int, mine: Credentials) -> Credentials:
        return replace(mine, **{field: "other"}) if number == 1 else mine

    crew = LocalCrew(ENCODER, shown=other)
    with pytest.raises(WorkerRefused, match=rf"Worker 1 would not .*{field} is other there, \S+ here\."):
        open_fleet(ENCODER, crew, 2).__enter__()
    assert len(crew.hired) == 2, "no second try"
    assert crew.dismissed == {0, 1}


def test_a_replacement_proves_itself_too() -> None:
    crew = LocalCrew(
        ENCODER,
        dies=lambda number, call: number == 0 and call == 3,
        shown=lambda number, mine: replace(mine, skyfix="9.9") if number else mine,
    )
    with open_fleet(ENCODER, crew, 1) as fleet:
        assert np.array_equal(fleet.submit([TILES[0]]).result(), ROWS[:1])
        with pytest.raises(WorkerRefused, match=r"skyfix is 9\.9 there"):
            fleet.submit([TILES[1]]).result()
    assert len(crew.hired) == 2


def test_leaving_ends_what_is_under_way() -> None:
    begun, never = threading.Event(), threading.Event()

    class Stuck(Local):
        def describe(self, pixels: np.ndarray) -> np.ndarray:
            begun.set()
            never.wait(30)
            return super().describe(pixels)

    class StuckCrew(LocalCrew):
        def hire(self) -> Local:
            worker = super().hire()
            return Stuck(worker.number, worker.encoder, worker.shown, worker.dies)

        def dismiss(self, worker: object) -> None:
            assert isinstance(worker, Stuck)
            worker.dies = lambda *_: True
            never.set()

    with open_fleet(ENCODER, StuckCrew(ENCODER), 1) as fleet:
        futures = [fleet.submit([tile]) for tile in TILES]
        assert begun.wait(30)
    assert all(future.cancelled() or future.exception() is not None for future in futures)


@dataclass(frozen=True)
class Crewed:
    """An engine of workers of this process."""

    crew: LocalCrew

    @contextmanager
    def open(self, encoder: Encoder, batch: int) -> Iterator[tuple[Describing, int]]:  # noqa: ARG002
        with open_fleet(encoder, self.crew, 2) as fleet:
            yield fleet, fleet.at_once


def _contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_an_index_is_the_same_by_workers_that_die_and_after_they_are_all_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    source, run = Noise(count=100, bad=(7,), blank=(33, 40)), Run(shard_tiles=16, workers=2)

    def build(name: str, crew: LocalCrew | None) -> dict[str, bytes]:
        engine = None if crew is None else Crewed(crew)
        build_index(source, FakeEncoder(), tmp_path / name, name="noise", run=replace(run, engine=engine))
        return _contents(tmp_path / name)

    expected = build("local", None)
    assert build("dying", LocalCrew(ENCODER, dies=lambda number, call: number < 5 and call == 9)) == expected
    with pytest.raises(ExecutorUnavailable, match="Run the same command again"):
        build("gone", LocalCrew(ENCODER, dies=lambda _, call: call == 30, most=2))
    assert len(list((tmp_path / "gone" / WORK).glob("shard-*.npy"))) == 3
    crew = LocalCrew(ENCODER)
    assert build("gone", crew) == expected
    assert sum(worker.calls - 1 for worker in crew.hired) < 60
