"""`skyfix serve`: answer photos over HTTP until told to stop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from models.errors import UsageError
from service.index_localizer import IndexLocalizer
from service.loading import load_localizer, warm_up
from service.server import Addresses, serve
from service.settings import Settings, load_settings


@click.command()
@click.option("--index", type=click.Path(path_type=Path), help="Index folder, or region; or SKYFIX_INDEX.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder; the committed one by default.")
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
def command(**given: Any) -> None:
    """Serve POST /localize with one index, or with the many of a region.

    Every option, and limits besides, can be set by an environment variable with the prefix SKYFIX_.
    """
    settings = load_settings(**given)
    if settings.index is None:
        raise UsageError("No index is given. Use --index DIR or SKYFIX_INDEX; `skyfix index build` makes one.")
    if settings.insecure_no_auth:
        click.echo(f"warning: whoever reaches {settings.host} is answered: nobody is asked for a key.", err=True)
    index, started = settings.index, time.monotonic()

    def load() -> IndexLocalizer:
        localizer = _load(settings, index)
        warm_up(localizer)
        about = localizer.about
        click.echo(f"{about.index}: {about.index_tiles} tiles, model {about.model} on {about.provider}.")
        return localizer

    def on_ready(addresses: Addresses) -> None:
        click.echo(f"Ready in {time.monotonic() - started:.1f} s at {addresses.public} (metrics at {addresses.admin}).")
        key = ' -H "X-API-Key: $KEY"' if settings.key_file else ""
        click.echo(f"Try: curl -F image=@photo.jpg{key} {addresses.public}/localize")

    serve(settings, load, on_ready)


def _load(settings: Settings, index: Path) -> IndexLocalizer:
    return load_localizer(
        index,
        settings.bundle,
        provider=settings.provider,
        threads=settings.threads,
        limits=settings.image_limits,
        max_open=settings.max_open,
    )
