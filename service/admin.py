"""The admin application: /metrics and /admin/reload, on an address of its own, never on the public one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.errors import SkyfixError
from service.metrics import Metrics


def create_admin_app(metrics: Metrics, reload: Callable[[], Awaitable[str]]) -> Starlette:
    """Build the application that Prometheus scrapes and that loads model and index anew.

    Args:
        metrics: of the service.
        reload: gives the title of the index that answers then; raises SkyfixError where the old one goes on.
    """

    async def serve_metrics(request: Request) -> Response:
        """Speak OpenMetrics to who asks for it, for only that has exemplars."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), headers={"Content-Type": media_type})

    async def serve_reload(_: Request) -> Response:
        try:
            return JSONResponse({"result": "taken", "index": await reload()})
        except SkyfixError as error:
            return JSONResponse({"result": "refused", "code": error.code, "detail": str(error)}, 409)

    return Starlette(routes=[Route("/metrics", serve_metrics), Route("/admin/reload", serve_reload, methods=["POST"])])
