"""Two addresses in one process: the public one for photos, the admin one for metrics; both stop on one signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from service.admin import create_admin_app
from service.app import create_app
from service.door.hosts import HostGuard, allowed_hosts
from service.door.protocol import WireLimits, guarded
from service.errors import AddressUnavailable
from service.instance import Service
from service.keeper import Keeper, Load
from service.logs import Outlet
from service.open_files import AcceptErrors
from service.room.opening import open_room
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


def serve(
    settings: Settings,
    load: Load | Mapping[str, Load],
    on_ready: Callable[[Addresses], None],
    log: Outlet | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, which both end in a clean return; a second one does not wait for clients.

    SIGHUP reads the key file again and loads models and indexes anew, beside the old ones, as POST /admin/reload does.
    With `drain_s`, the first signal only makes /readyz say so for that long, so that a balancer looks elsewhere.

    The addresses answer at once, /readyz with 503 until everything is loaded.

    Args:
        load: opens the only index, or, by the names in the settings, each of several; in a thread of its own.
        on_ready: called once photos can be answered from every index.
        log: where lines go that may be dropped, to be counted.

    Raises:
        UsageError, KeyFileInvalid: it would let in everybody, or the key file is not to be trusted.
        AddressUnavailable: an address cannot be bound.
        ProviderUnavailable: there is no GPU, and there has to be one.
        SkyfixError: what a load raised, if the settings are strict.
    """
    app = create_app(settings, open_room=open_room)
    if log is not None:
        log.on_drop = app.state.service.metrics.log_lines_dropped.inc
    loads = load if isinstance(load, Mapping) else {"": load}
    try:
        with (
            bind(settings.host, settings.port, shared=settings.reuse_port) as public,
            bind(settings.admin_host, settings.admin_port) as admin,
        ):
            asyncio.run(_serve(app, loads, on_ready, public, admin))
    finally:
        app.state.service.pipeline.close()


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Open a listening socket, `shared` with others that were opened so.

    Raises:
        AddressUnavailable: the address is taken, or not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=shared)
    except OSError as error:
        raise AddressUnavailable(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another port.") from error


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _serve(
    app: FastAPI,
    loads: Mapping[str, Load],
    on_ready: Callable[[Addresses], None],
    public: socket.socket,
    admin: socket.socket,
) -> None:
    service: Service = app.state.service
    admin_hosts = allowed_hosts("", service.settings.admin_host)
    settings, timed = service.settings, service.metrics.timing
    timed_loads = {key: timed(load) for key, load in loads.items()}
    at = Addresses(url_of(public), url_of(admin))
    keeper = Keeper(
        service, timed_loads, settings.canary_every_s, strict=settings.strict, on_complete=lambda: on_ready(at)
    )
    admin_app = HostGuard(create_admin_app(service.metrics, keeper.reload), admin_hosts)
    servers = [make_server(each, service) for each in (app, admin_app)]
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(AcceptErrors())
    for number in SIGNALS:
        loop.add_signal_handler(number, _drain, loop, service, servers)
    loop.add_signal_handler(signal.SIGHUP, _reload, service, keeper)
    running = [
        asyncio.create_task(server.serve([listener])) for server, listener in zip(servers, (public, admin), strict=True)
    ]
    keeping = asyncio.create_task(keeper.run())
    try:
        ends: list[asyncio.Future[Any]] = [keeping, *running]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            keeping.result()
    finally:
        keeping.cancel()
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
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.keep_alive_s,  # type: ignore[arg-type]  # seconds, of which it takes fractions too
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config)


def _reload(service: Service, keeper: Keeper) -> None:
    service.reload_keys()
    keeper.reload_in_background()


def _drain(loop: asyncio.AbstractEventLoop, service: Service, servers: list[Server]) -> None:
    """The first signal announces the end, which comes after `drain_s`; a second one brings it at once."""
    if service.draining or not service.settings.drain_s:
        _stop(servers)
    else:
        loop.call_later(service.settings.drain_s, _stop_once, servers)
    service.draining = True


def _stop_once(servers: list[Server]) -> None:
    if not any(server.should_exit for server in servers):
        _stop(servers)


def _stop(servers: list[Server]) -> None:
    for server in servers:
        server.force_exit = server.should_exit
        server.should_exit = True
