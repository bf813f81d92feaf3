"""One line a request: whose key, what route, how it ended, how long it took, how much came; nothing of the content."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, MutableMapping
from ipaddress import ip_address, ip_network
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.route_labels import RouteLabels, label_of

UNMATCHED = "unmatched"
CLIENT_GONE = 499
TOLD_BITS = {4: 24, 6: 48}
"""Of an address, by its version."""
logger = logging.getLogger("skyfix.access")


class AccessLog:
    """ASGI middleware around all others, which leave `request_id`, `key_id`, `rejected` and `timeline` in the state.

    Args:
        routes: paths that may be named; any other is `unmatched`, as a path can hold anything.
        quiet: those of probes, told at level debug.
    """

    def __init__(self, app: ASGIApp, routes: Collection[str], quiet: Collection[str] = ()) -> None:
        self._app, self._labels, self._quiet = app, RouteLabels(routes), frozenset(map(label_of, quiet))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._labels.find(scope.get("path", "")) or UNMATCHED
        level = logging.DEBUG if route in self._quiet else logging.INFO
        if scope["type"] != "http" or not logger.isEnabledFor(level):
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        status, received = 0, 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def seen(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, counted, seen)
        finally:
            ms = round((time.perf_counter() - started) * 1000, 2)
            fields = fields_of(scope, state, route, status or CLIENT_GONE, ms, received)
            logger.log(level, "request", extra={"fields": fields})


def fields_of(
    scope: Scope, state: dict[str, Any], route: str, status: int, ms: float, received: int
) -> dict[str, str | int | float]:
    """Give what a line says; what does not apply is left out."""
    fields: dict[str, str | int | float | None] = {
        "request_id": state.get("request_id"),
        "key": state.get("key_id"),
        "peer": network_of(scope.get("client")),
        "route": route,
        "status": status,
        "code": state.get("rejected"),
        "ms": ms,
        "bytes": received,
    }
    size_px = state["timeline"].size_px if "timeline" in state else None
    if size_px is not None:
        fields["width_px"], fields["height_px"] = size_px
    return {name: value for name, value in fields.items() if value is not None}


def network_of(client: object) -> str | None:
    """Give the network of `scope["client"]`, a pair of host and port: of IPv4 the /24, of IPv6 the /48."""
    host = client[0] if isinstance(client, (tuple, list)) and client else ""
    try:
        address = ip_address(str(host).partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None) or address
    return str(ip_network((str(mapped), TOLD_BITS[mapped.version]), strict=False))
