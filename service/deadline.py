"""How long somebody waits for an answer; work that nobody waits for any more is not begun."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from service.errors import DeadlineExceeded, InvalidTimeout

HEADER = "x-request-timeout-ms"
MOST_MS = 600_000
MILLISECONDS = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment of the monotonic clock; None is never."""

    at: float | None = None

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        return cls(None if seconds is None else time.monotonic() + seconds)

    @property
    def passed(self) -> bool:
        return self.at is not None and time.monotonic() >= self.at

    def check(self) -> None:
        """Raise DeadlineExceeded if it has passed."""
        if self.passed:
            raise DeadlineExceeded(
                "The time that X-Request-Timeout-Ms or the service allows ran out; work was not begun."
            )


NEVER = Deadline()


def deadline_of(header: str | None, most_s: float) -> Deadline:
    """Read X-Request-Timeout-Ms, counted from now.

    Args:
        header: milliseconds as decimal digits; None where there is none.
        most_s: what the service allows anyone.

    Raises:
        InvalidTimeout: no such number.
    """
    if header is None:
        return Deadline.after(most_s)
    if not (
        header.isascii() and header.isdigit() and 1 <= int(header[:9]) <= MOST_MS and len(header) <= len(str(MOST_MS))
    ):
        raise InvalidTimeout(HEADER, f"is not a whole number of milliseconds from 1 to {MOST_MS}.")
    return Deadline.after(min(most_s, int(header) / 1000))
