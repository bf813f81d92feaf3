"""GET /map/{index}/{z}/{x}/{y}: the index's own imagery as map tiles, for the page."""

from __future__ import annotations

import hashlib
import re

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from service.instance import Service

MAP = "/map/{index}/{z}/{x}/{y}"
NUMBER = re.compile(r"[0-9]{1,8}", re.ASCII)
KEPT_S = 3600
"""A generation's pictures do not change, and its name is part of the address where the page asks."""


def add_map(app: FastAPI, service: Service) -> None:
    if not service.settings.page:
        return

    @app.get(MAP, include_in_schema=False)
    async def map_tile(request: Request, index: str, z: str, x: str, y: str) -> Response:
        if not all(NUMBER.fullmatch(part) for part in (z, x, y)):
            raise HTTPException(404)
        localizer = service.served.named(index).ask()
        zoom, column, row = int(z), int(x), int(y)
        data = await service.pipeline.off_loop(lambda: localizer.map_tile(zoom, column, row))
        cached = {"Cache-Control": f"private, max-age={KEPT_S}", "X-Content-Type-Options": "nosniff"}
        if data is None:
            return Response(status_code=204, headers=cached)
        etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=cached | {"ETag": etag})
        return Response(data, media_type="image/webp", headers=cached | {"ETag": etag})
