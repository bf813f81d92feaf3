"""What a client raises. A tree of its own: who uses it has neither the service nor its errors at hand.

ClientError
|- ProblemError        the service refused, and says why
|- UnexpectedAnswer    something answered that is no Skyfix, or one that this client does not understand
|- ConnectionFailed    nothing answered, however often it was tried
|- DeadlinePassed      the time of the call ran out
"""

from __future__ import annotations

from service.client.answers import Fault


class ClientError(Exception):
    """The root; wrong arguments are ValueError, as anywhere."""


class ProblemError(ClientError):
    """A problem+json: `code` is stable and for programs, `detail` for people."""

    def __init__(
        self, *, status: int, code: str, title: str, detail: str, request_id: str, errors: tuple[Fault, ...] = ()
    ) -> None:
        faults = "".join(f" {fault.pointer}: {fault.detail}" for fault in errors)
        super().__init__(f"{status} {code}: {detail}{faults} (request {request_id})")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.request_id = request_id
        self.errors = errors


class UnexpectedAnswer(ClientError):
    """`status` is that of HTTP; `request_id` is there if the answer named one."""

    def __init__(self, message: str, *, status: int, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class ConnectionFailed(ClientError):
    """The reason is the exception's `__cause__`."""


class DeadlinePassed(ClientError):
    """The call's `timeout_s` ran out before an answer."""
