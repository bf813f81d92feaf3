"""`skyfix serve`: answer photos over HTTP until told to stop."""

from __future__ import annotations

import logging
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from models.errors import SkyfixError, UsageError
from service.index_localizer import IndexLocalizer
from service.index_paths import IndexAt
from service.keeper import wait_for_threads
from service.loading import load_localizer, warm_up
from service.logs import Outlet, open_log
from service.models_held import ModelsHeld
from service.open_files import connections_allowed
from service.server import Addresses, serve
from service.settings import Settings, load_settings
from service.workers import supervise

logger = logging.getLogger("skyfix")

LAST_WAIT_S = 1.0


@click.command()
@click.option(
    "--index",
    multiple=True,
    metavar="[NAME=]DIR",
    help="Index folder or region, or SKYFIX_INDEX. Once for each of several, with the name that requests give.",
)
@click.option(
    "--bundle",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Model bundle folder; the committed one by default. Each index takes the one it was built with.",
)
@click.option("--host", help="Public address, 127.0.0.1 by default.")
@click.option("--port", type=int, help="Public port, 8080 by default; 0 takes a free one.")
@click.option("--admin-host", help="Address of /metrics, 127.0.0.1 by default.")
@click.option("--admin-port", type=int, help="Port of /metrics, 9090 by default; 0 takes a free one.")
@click.option("--key-file", type=click.Path(path_type=Path), help="API keys, made by `skyfix keys new`.")
@click.option(
    "--insecure-no-auth", is_flag=True, default=None, help="Ask nobody for a key, also on an address beyond loopback."
)
@click.option("--allowed-hosts", help="Host headers to answer, by commas; on loopback its own names by default.")
@click.option("--provider", type=click.Choice(["cpu", "prefer-gpu", "require-gpu"]), help="cpu by default.")
@click.option("--threads", type=int, help="Threads inside one run of the network, 1 by default.")
@click.option("--strict", is_flag=True, default=None, help="End at once if an index cannot be loaded at the start.")
@click.option("--workers", type=int, help="Processes behind the public port, 1 by default; ports of /metrics follow.")
def command(**given: Any) -> int:
    """Serve POST /localize with one index, the many of a region, or several by name, the first being the default.

    Every option, and limits besides, can be set by an environment variable with the prefix SKYFIX_.
    """
    settings = load_settings(**given)
    if not settings.index:
        raise UsageError("No index is given. Use --index DIR or SKYFIX_INDEX; `skyfix index build` makes one.")
    if settings.workers > 1:
        with open_log(settings.log_format, settings.log_level):
            return supervise(settings, serve_as_worker)
    run(settings)
    return 0


def serve_as_worker(settings: Settings) -> None:
    """Serve in a process of its own, which ends with the exit code and the one line of the command."""
    from service.cli import exit_code_of

    try:
        run(settings)
    except SkyfixError as error:
        click.echo(f"error: {error} [{error.code}]", err=True)
        sys.exit(exit_code_of(type(error)))


def run(settings: Settings) -> None:
    """Serve until told to end. Raises what `service.server.serve` raises."""
    with open_log(settings.log_format, settings.log_level) as log:
        _serve(settings, log)
    if not wait_for_threads(LAST_WAIT_S):  # a large index is being loaded, for nobody
        sys.stderr.flush()
        os._exit(0)


def _serve(settings: Settings, log: Outlet) -> None:
    if settings.insecure_no_auth:
        logger.warning("whoever reaches %s is answered: nobody is asked for a key", settings.host)
    connections = connections_allowed(settings.max_connections)
    if connections < settings.max_connections:
        logger.warning("the limit on open files leaves room for %d connections", connections)
        settings = settings.model_copy(update={"max_connections": connections})
    started, models = time.monotonic(), ModelsHeld(settings.bundle, settings.provider, settings.threads)

    def load(at: IndexAt) -> IndexLocalizer:
        limits, max_open = settings.image_limits, settings.max_open
        localizer = load_localizer(at.path, models, name=at.name, limits=limits, max_open=max_open)
        warm_up(localizer)
        about = localizer.about
        logger.info(f"{about.index}: {about.index_tiles} tiles, model {about.model} on {about.provider}.")
        return localizer

    def on_ready(addresses: Addresses) -> None:
        logger.info(
            f"Ready in {time.monotonic() - started:.1f} s at {addresses.public} (metrics at {addresses.admin})."
        )
        key = ' -H "X-API-Key: $KEY"' if settings.key_file else ""
        logger.info(f"Try: curl -F image=@photo.jpg{key} {addresses.public}/localize")

    serve(settings, {at.name: partial(load, at) for at in settings.index}, on_ready, log)
