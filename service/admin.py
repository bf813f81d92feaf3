"""The admin application: /metrics, on an address of its own, never on the public one."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.metrics import Metrics


def create_admin_app(metrics: Metrics) -> Starlette:
    """Build the application that Prometheus scrapes."""

    async def serve_metrics(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/metrics", serve_metrics)])
