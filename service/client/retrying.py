"""One call as a conversation without a wire: what to send, how long to wait, when to give up.

A generator, so that the sync and the async client run the very same decisions. Every call here is a question that
changes nothing, so it may be asked again after any failure of the connection.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from service.client.errors import ConnectionFailed, DeadlinePassed

TRY_AGAIN = frozenset({429, 503})
TIMEOUT_HEADER, MOST_TIMEOUT_MS = "X-Request-Timeout-Ms", 600_000


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how patiently to ask again, always within the time of the call.

    The n-th pause is drawn from 0 to `first_s` doubled n times, at most `longest_s`; what `Retry-After` asks for comes
    before it, so that clients who were sent away together do not come back together.
    """

    most: int = 4
    """Further attempts after the first; 0 asks once."""
    first_s: float = 0.2
    longest_s: float = 5.0

    def __post_init__(self) -> None:
        if self.most < 0 or self.first_s <= 0 or self.longest_s < self.first_s:
            raise ValueError(f"{self} cannot be: most >= 0, 0 < first_s <= longest_s.")

    def pause_s(self, attempt: int, share: float) -> float:
        """Give the pause after an attempt, counted from 0; `share` is the draw, from 0 to 1."""
        return share * min(self.longest_s, self.first_s * 2.0 ** min(attempt, 60))


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked; `headers` hold the key, so it is not shown."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    takes: frozenset[int] = frozenset({200})
    """Statuses that are an answer; the others are problems."""


@dataclass(frozen=True, slots=True)
class Send:
    """Step: send the call once."""

    timeout_s: float
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wait:
    """Step: do nothing for so long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whole. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")


@dataclass(frozen=True, slots=True)
class Failure:
    """Nothing whole came back; `repeatable` if another attempt may fare better."""

    error: Exception
    repeatable: bool
    timed_out: bool = False


Conversation = Generator[Send | Wait, Reply | Failure | None, Reply]


def converse(
    call: Call,
    timeout_s: float,
    retries: Retries,
    clock: Callable[[], float] = time.monotonic,
    draw: Callable[[], float] = random.random,
) -> Conversation:
    """Ask until there is an answer, another attempt is pointless, or the time is over.

    Raises:
        ConnectionFailed: no attempt brought an answer.
        DeadlinePassed: the time ran out while one was waited for.
    """
    ends = clock() + timeout_s
    for attempt in range(retries.most + 1):
        left_s = ends - clock()
        if left_s <= 0:
            raise DeadlinePassed(f"{call.path} got no answer within {timeout_s:g} s.")
        milliseconds = max(1, min(MOST_TIMEOUT_MS, int(left_s * 1000)))
        outcome = yield Send(left_s, {**call.headers, TIMEOUT_HEADER: str(milliseconds)})
        pause_s = retries.pause_s(attempt, draw())
        last = attempt == retries.most
        if isinstance(outcome, Reply):
            if outcome.status not in TRY_AGAIN or outcome.status in call.takes:
                return outcome
            pause_s += retry_after_s(outcome.headers.get("retry-after"))
            if last or pause_s >= ends - clock():
                return outcome
        elif outcome is None:
            raise TypeError("a step to send was answered with nothing")
        elif outcome.timed_out:  # each attempt has all the time that is left
            raise DeadlinePassed(f"{call.path} got no answer within {timeout_s:g} s.") from outcome.error
        elif last or not outcome.repeatable or pause_s >= ends - clock():
            tried = f"{attempt + 1} attempt{'s' if attempt else ''}"
            raise ConnectionFailed(f"{call.path} got no answer in {tried}: {outcome.error}") from outcome.error
        yield Wait(pause_s)
    raise AssertionError("unreachable")


def retry_after_s(header: str | None) -> float:
    """Read Retry-After, seconds or a date; what is neither counts as none, and none as 0."""
    if header is None:
        return 0.0
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
