"""Which Host headers are answered: on loopback only its own names, as a web page may reach it by a name of its own.

A page may point its own name at 127.0.0.1 and then talk to what listens there; its Host gives it away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from models.errors import UsageError
from service.errors import HostRefused

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
ANY = "*"
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")
Headers = Iterable[tuple[bytes, bytes]]


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address; what is not known to be loopback is not."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_hosts(setting: str, bound: str) -> frozenset[str] | None:
    """Read the list of hosts; None allows any.

    Args:
        setting: names by commas, `*` for any; empty for the default, which on loopback is its own names, else any.
        bound: the address that is listened on.

    Raises:
        UsageError: an entry is no host name.
    """
    names = [name for name in (part.strip() for part in setting.split(",")) if name]
    if not names:
        return LOOPBACK_NAMES | {f"[{bound}]" if ":" in bound else bound} if is_loopback(bound) else None
    if ANY in names:
        return None
    for name in names:
        found = HOST.fullmatch(name.encode())
        if found is None or found[2]:
            raise UsageError(f"SKYFIX_ALLOWED_HOSTS: {name!r} is no host name; give names without port, or *.")
    return frozenset(_plain(name) for name in names)


def check_host(headers: Headers, allowed: frozenset[str] | None) -> None:
    """Hold a request's Host against the list.

    Raises:
        HostRefused: it is missing, given twice, malformed, or not on the list.
    """
    given = [value for name, value in headers if name == b"host"]
    found = HOST.fullmatch(given[0]) if len(given) == 1 else None
    if found is None:
        raise HostRefused("A request needs exactly one Host header, which names a host.")
    if allowed is not None and _plain(found[1].decode()) not in allowed:
        raise HostRefused(
            "This service does not answer to that Host. Its operator lists hosts in SKYFIX_ALLOWED_HOSTS."
        )


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


class HostGuard:
    """ASGI middleware for an address that has nothing but the Host to go by: a bare 400 for the others."""

    def __init__(self, app: ASGIApp, allowed: frozenset[str] | None) -> None:
        self._app, self._allowed = app, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                check_host(scope["headers"], self._allowed)
            except HostRefused as refusal:
                await PlainTextResponse(str(refusal), 400)(scope, receive, send)
                return
        await self._app(scope, receive, send)
