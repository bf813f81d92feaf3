"""When it is asked again, how long after, and when not: the conversation alone, under a clock that is moved by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from service.client.errors import ConnectionFailed, DeadlinePassed
from service.client.retrying import Call, Failure, Reply, Retries, Send, Wait, converse, retry_after_s

CALL = Call("POST", "/localize", headers={"Content-Type": "image/png"}, body=b"photo")
BUSY = Reply(429, {"retry-after": "2"}, b"")
GONE = Failure(ConnectionResetError("reset"), repeatable=True)


class Talk:
    """Plays the wire: each attempt takes `attempt_s`; half of every largest pause is drawn."""

    def __init__(self, outcomes: list[Reply | Failure], attempt_s: float = 0.0) -> None:
        self.now, self.outcomes, self.attempt_s = 100.0, outcomes, attempt_s
        self.sent: list[Send] = []
        self.waited: list[float] = []

    def run(self, call: Call = CALL, timeout_s: float = 30.0, retries: Retries | None = None) -> Reply:
        conversation = converse(call, timeout_s, retries or Retries(), lambda: self.now, lambda: 0.5)
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Wait):
                    self.waited.append(step.seconds)
                    self.now += step.seconds
                    step = conversation.send(None)
                else:
                    self.sent.append(step)
                    self.now += self.attempt_s
                    step = conversation.send(self.outcomes.pop(0))
        except StopIteration as end:
            reply: Reply = end.value
            return reply


def test_an_answer_ends_it() -> None:
    talk = Talk([Reply(200, {}, b"{}")])
    assert talk.run().status == 200
    assert (len(talk.sent), talk.waited) == (1, [])
    assert talk.sent[0].headers == {"Content-Type": "image/png", "X-Request-Timeout-Ms": "30000"}


@pytest.mark.parametrize("status", [400, 401, 404, 413, 415, 422, 500, 502, 504])
def test_what_would_be_refused_again_is_not_asked_again(status: int) -> None:
    talk = Talk([Reply(status, {"retry-after": "1"}, b"")])
    assert talk.run().status == status
    assert talk.waited == []


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_comes_before_the_pause(status: int) -> None:
    talk = Talk([Reply(status, {"retry-after": "2"}, b""), Reply(status, {}, b""), Reply(200, {}, b"")])
    assert talk.run().status == 200
    assert talk.waited == [2.0 + 0.1, 0.2]


def test_each_attempt_is_told_what_time_is_left() -> None:
    talk = Talk([BUSY, GONE, Reply(200, {}, b"")], attempt_s=1.0)
    talk.run(timeout_s=10.0)
    assert [step.headers["X-Request-Timeout-Ms"] for step in talk.sent] == ["10000", "6900", "5700"]
    assert [step.timeout_s for step in talk.sent] == pytest.approx([10.0, 6.9, 5.7])


def test_a_pause_beyond_the_time_is_not_begun() -> None:
    talk = Talk([Reply(503, {"retry-after": "60"}, b"")])
    assert talk.run(timeout_s=5.0).status == 503
    assert talk.waited == []


def test_it_gives_up_after_so_many_attempts() -> None:
    talk = Talk([BUSY] * 9)
    assert talk.run(retries=Retries(most=2)).status == 429
    assert len(talk.sent) == 3
    assert Talk([BUSY]).run(retries=Retries(most=0)).status == 429


def test_a_status_that_is_an_answer_is_not_asked_again() -> None:
    readyz = Call("GET", "/readyz", takes=frozenset({200, 503}))
    assert Talk([Reply(503, {}, b"")]).run(readyz).status == 503


def test_connections_that_fail_are_tried_again_unless_it_is_pointless() -> None:
    talk = Talk([GONE, GONE, Reply(200, {}, b"")])
    assert talk.run().status == 200
    assert talk.waited == [0.1, 0.2]
    with pytest.raises(ConnectionFailed, match="in 3 attempts: reset") as caught:
        Talk([GONE] * 3).run(retries=Retries(most=2))
    assert isinstance(caught.value.__cause__, ConnectionResetError)
    with pytest.raises(ConnectionFailed, match="in 1 attempt:"):
        Talk([Failure(ValueError("no such protocol"), repeatable=False)]).run()


def test_time_that_ran_out_says_so() -> None:
    late = Failure(TimeoutError(), repeatable=True, timed_out=True)
    with pytest.raises(DeadlinePassed, match=r"within 3 s"):
        Talk([late], attempt_s=3.0).run(timeout_s=3.0)
    with pytest.raises(ConnectionFailed):
        Talk([GONE, GONE, GONE], attempt_s=2.0).run(timeout_s=5.0)


def test_pauses_double_up_to_the_longest_and_are_spread() -> None:
    retries = Retries(first_s=0.2, longest_s=5.0)
    assert [retries.pause_s(n, 1.0) for n in (0, 1, 2, 5, 2000)] == [0.2, 0.4, 0.8, 5.0, 5.0]
    assert retries.pause_s(3, 0.0) == 0.0


@pytest.mark.parametrize("wrong", [{"most": -1}, {"first_s": 0.0}, {"first_s": 2.0, "longest_s": 1.0}])
def test_retries_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        Retries(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "seconds"), [(None, 0), ("7", 7), (" 7 ", 7), ("soon", 0), ("-3", 0), ("", 0), ("1.5", 0), ("٣", 0)]
)
def test_retry_after_in_seconds(header: str | None, seconds: float) -> None:
    assert retry_after_s(header) == seconds


def test_retry_after_as_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert 80 < retry_after_s(format_datetime(later, usegmt=True)) <= 90
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0
