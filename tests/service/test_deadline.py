from __future__ import annotations

import pytest

from service.deadline import Deadline, deadline_of
from service.errors import DeadlineExceeded, InvalidTimeout
from service.sizes import encoding_sizes


def test_never_does_not_pass() -> None:
    Deadline().check()
    assert Deadline.after(None) == Deadline()


def test_what_has_passed_raises() -> None:
    with pytest.raises(DeadlineExceeded, match="not begun"):
        Deadline.after(0.0).check()
    Deadline.after(60.0).check()


def test_the_header_counts_in_milliseconds_up_to_what_is_allowed() -> None:
    soon, later, none = deadline_of("1500", 30.0), deadline_of("600000", 30.0), deadline_of(None, 30.0)
    assert soon.at is not None
    assert later.at is not None
    assert none.at is not None
    assert later.at - soon.at == pytest.approx(28.5, abs=0.5)
    assert none.at - later.at == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize("header", ["", "0", "-1", "1.5", "abc", "600001", "9" * 400, "１２", "1 ", "0x10", "1e3"])
def test_anything_else_is_refused(header: str) -> None:
    with pytest.raises(InvalidTimeout, match="whole number of milliseconds"):
        deadline_of(header, 30.0)


@pytest.mark.parametrize(
    ("policy", "threads", "cores", "expected"),
    [("cpu", 1, 8, (8, 1)), ("cpu", 4, 8, (2, 1)), ("cpu", 16, 8, (1, 1)), ("prefer-gpu", 1, 8, (1, 32))],
)
def test_runs_follow_cores_on_a_cpu_and_batches_a_gpu(
    policy: str, threads: int, cores: int, expected: tuple[int, int]
) -> None:
    assert encoding_sizes(policy, threads, cores) == expected
