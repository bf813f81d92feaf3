"""Pure ASGI: whoever may not come in is answered before a byte of the body is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Router
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from service.door.guard import Guard
from service.door.keys import Scope
from service.door.limits import Visit
from service.errors import Refused
from service.problems import for_skyfix_error

OPEN: Literal["open"] = "open"
"""No key is asked for; the Host header is looked at all the same."""
Access = Scope | Literal["open"] | None
UNNAMED: Scope = "admin"
"""What a route asks for that the table does not name."""


class Door:
    """ASGI middleware that goes by the route that will answer, never by the URL, which the Host header has a part in.

    Args:
        router: of the application; a path that it does not know has nothing behind it, and gets its 404.
        access: the scope that each route's path asks for; None is open to everybody, under any Host, for probes.
    """

    def __init__(self, app: ASGIApp, guard: Guard, router: Router, access: Mapping[str, Access]) -> None:
        self._app, self._guard, self._router, self._access = app, guard, router, access

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            visit = self._admit(scope)
        except Refused as refusal:
            response = for_skyfix_error(Request(scope), refusal)
            await response(scope, receive, send)
            return
        if visit is None:
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, _counting(receive, visit), send)
        finally:
            visit.leave()

    def _admit(self, scope: AsgiScope) -> Visit | None:
        route = self._route(scope)
        needed = None if route is None else self._access.get(getattr(route, "path", ""), UNNAMED)
        if route is None or needed is not None:
            self._guard.check_host(scope)
        return None if needed is None or needed == OPEN else self._guard.admit(scope, needed)

    def _route(self, scope: AsgiScope) -> BaseRoute | None:
        """Find the route as the router will: by path; one that knows the path but not the method counts too."""
        return next((route for route in self._router.routes if route.matches(scope)[0] is not Match.NONE), None)


def _counting(receive: Receive, visit: Visit) -> Receive:
    async def counted() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            visit.received += len(message.get("body", b""))
        return message

    return counted
