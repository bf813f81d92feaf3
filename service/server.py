"""Two addresses in one process: the public one for photos, the admin one for metrics; both stop on one signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from service.admin import create_admin_app
from service.app import Service, create_app
from service.errors import AddressUnavailable
from service.localizer import Localizer
from service.settings import Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT)
KEEP_ALIVE_S, GRACE_S, BACKLOG = 5, 20, 128


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to whoever runs it beside others."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the service really listens, also when port 0 was asked for."""

    public: str
    admin: str


def serve(settings: Settings, load: Callable[[], Localizer], on_ready: Callable[[Addresses], None]) -> None:
    """Serve until SIGTERM or SIGINT, which both end in a clean return; a second one does not wait for clients.

    The addresses answer at once, /readyz with 503 until `load` has returned.

    Args:
        load: runs in a thread of its own.
        on_ready: called once photos can be answered.

    Raises:
        AddressUnavailable: an address cannot be bound.
        SkyfixError: what `load` raised.
    """
    with bind(settings.host, settings.port) as public, bind(settings.admin_host, settings.admin_port) as admin:
        asyncio.run(_serve(settings, load, on_ready, public, admin))


def bind(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Raises:
        AddressUnavailable: the address is taken, or not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise AddressUnavailable(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another port.") from error


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _serve(
    settings: Settings,
    load: Callable[[], Localizer],
    on_ready: Callable[[Addresses], None],
    public: socket.socket,
    admin: socket.socket,
) -> None:
    app = create_app(settings)
    service: Service = app.state.service
    servers = [_server(app), _server(create_admin_app(service.metrics))]
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, _stop, servers)
    running = [
        asyncio.create_task(server.serve([listener])) for server, listener in zip(servers, (public, admin), strict=True)
    ]
    loading = _in_thread(load)
    try:
        either: list[asyncio.Future[Any]] = [loading, *running]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            service.install(loading.result())
            on_ready(Addresses(url_of(public), url_of(admin)))
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running)


def _server(app: ASGIApp) -> Server:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config)


def _stop(servers: list[Server]) -> None:
    for server in servers:
        server.force_exit = server.should_exit
        server.should_exit = True


def _in_thread(load: Callable[[], Localizer]) -> asyncio.Future[Localizer]:
    """Run `load` in a daemon thread, so that a signal while loading need not wait for it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Localizer] = loop.create_future()

    def settle(result: Localizer | None, error: Exception | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        elif result is not None:
            future.set_result(result)

    def work() -> None:
        try:
            result, error = load(), None
        except Exception as raised:  # handed on to the awaiting task, whatever it is
            result, error = None, raised
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name="load", daemon=True).start()
    return future
