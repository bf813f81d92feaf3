from __future__ import annotations

from index.stores.breaker import FAILURES, REST_S, Breaker


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _opened(clock: Clock) -> Breaker:
    breaker = Breaker(clock=clock)
    for _ in range(FAILURES):
        assert breaker.may_try()
        breaker.failed()
    return breaker


def test_it_opens_after_three_failures_in_a_row() -> None:
    breaker = _opened(Clock())
    assert FAILURES == 3
    assert not breaker.may_try()
    assert breaker.rest_left_s == REST_S == 10.0


def test_a_success_between_failures_starts_the_count_anew() -> None:
    breaker = Breaker(clock=Clock())
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.may_try()


def test_after_the_rest_one_call_is_let_through() -> None:
    clock = Clock()
    breaker = _opened(clock)
    clock.now_s += 9.9
    assert not breaker.may_try()
    clock.now_s += 0.2
    assert [breaker.may_try() for _ in range(3)] == [True, False, False]


def test_the_trial_closes_it_or_opens_it_again() -> None:
    clock = Clock()
    breaker = _opened(clock)
    clock.now_s += REST_S
    assert breaker.may_try()
    breaker.failed()
    assert not breaker.may_try()
    clock.now_s += REST_S
    assert breaker.may_try()
    breaker.succeeded()
    assert [breaker.may_try() for _ in range(3)] == [True, True, True]


def test_a_trial_that_never_ends_does_not_keep_it_open_for_ever() -> None:
    clock = Clock()
    breaker = _opened(clock)
    clock.now_s += REST_S
    assert breaker.may_try()
    clock.now_s += REST_S
    assert breaker.may_try()
