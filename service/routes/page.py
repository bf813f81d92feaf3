"""GET / and the files below /page, and the sample photos of a demo; nothing here asks for a key."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from service.instance import Service
from service.page.files import INDEX, PageFile, has_map, policy, read_files
from service.page.samples import read_samples

PAGE = "/page/{path:path}"
SAMPLES, SAMPLE = "/samples/list", "/samples/{name}"
OPEN_PAGES = ("/", PAGE, SAMPLES, SAMPLE)
"""Not in the OpenAPI document: programs have nothing to do with them."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(self)",
}
logger = logging.getLogger("skyfix")


def add_page(app: FastAPI, service: Service) -> None:
    settings = service.settings
    if not settings.page:
        return
    files = read_files()
    if not has_map(files):
        logger.warning("the page has no map library: python -m service.page.vendor fetches it")
    headers = HEADERS | {"Content-Security-Policy": policy(settings.page_style_url)}
    samples = {} if settings.page_samples is None else read_samples(settings.page_samples)

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return _send(request, files[INDEX], headers)

    @app.get(PAGE, include_in_schema=False)
    async def asset(request: Request, path: str) -> Response:
        if path not in files or path == INDEX:
            raise HTTPException(404)
        return _send(request, files[path], headers)

    @app.get(SAMPLES, include_in_schema=False)
    async def sample_list() -> Response:
        listed = [sample.told for sample in samples.values()]
        return Response(json.dumps({"samples": listed}), media_type="application/json", headers=HEADERS)

    @app.get(SAMPLE, include_in_schema=False)
    async def sample(name: str) -> Response:
        if name not in samples:
            raise HTTPException(404)
        return Response(_read(samples[name].path), media_type=samples[name].media_type, headers=HEADERS)


def _send(request: Request, file: PageFile, headers: dict[str, str]) -> Response:
    sent = headers | {"ETag": file.etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=sent)
    return Response(file.content, media_type=file.media_type, headers=sent)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HTTPException(404) from error
