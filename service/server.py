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
from fastapi import FastAPI
from starlette.types import ASGIApp

from service.admin import create_admin_app
from service.app import Service, create_app
from service.door.hosts import HostGuard, allowed_hosts
from service.door.protocol import WireLimits, guarded
from service.errors import AddressUnavailable
from service.localizer import Localizer
from service.settings import Settings

SIGNALS = (signal.SIGTERM, signal.SIGINT)
GRACE_S, BACKLOG = 20, 128


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

    SIGHUP reads the key file again.

    The addresses answer at once, /readyz with 503 until `load` has returned.

    Args:
        load: runs in a thread of its own.
        on_ready: called once photos can be answered.

    Raises:
        UsageError, KeyFileInvalid: it would let in everybody, or the key file is not to be trusted.
        AddressUnavailable: an address cannot be bound.
        SkyfixError: what `load` raised.
    """
    app = create_app(settings)
    with bind(settings.host, settings.port) as public, bind(settings.admin_host, settings.admin_port) as admin:
        asyncio.run(_serve(app, load, on_ready, public, admin))


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
    app: FastAPI,
    load: Callable[[], Localizer],
    on_ready: Callable[[Addresses], None],
    public: socket.socket,
    admin: socket.socket,
) -> None:
    service: Service = app.state.service
    admin_hosts = allowed_hosts("", service.settings.admin_host)
    admin_app = HostGuard(create_admin_app(service.metrics), admin_hosts)
    servers = [make_server(each, service) for each in (app, admin_app)]
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, _stop, servers)
    loop.add_signal_handler(signal.SIGHUP, service.reload)
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


def make_server(app: ASGIApp, service: Service) -> Server:
    """Make the server of one address, with the limits on connections of the service's settings."""
    limits = WireLimits.of(service.settings)
    config = uvicorn.Config(
        app,
        http=guarded(limits, service.metrics.count_refused_on_the_wire),
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.keep_alive_s,  # type: ignore[arg-type]  # seconds, of which it takes fractions too
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
