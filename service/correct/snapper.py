"""The road network, if the operator has one to ask: known to the route by what it does."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

from models.errors import EnvironmentConflict, UsageError
from service.correct.responses import SnappedOut
from service.fleet.fix import Corrected, Fix, FleetNotice
from service.settings import Settings


class Snapping(Protocol):
    async def snap(
        self, fixes: Sequence[Fix], corrected: Sequence[Corrected]
    ) -> tuple[dict[int, SnappedOut], tuple[FleetNotice, ...]]:
        """Give places on roads by index, and what failed; raises nothing for what the other side does."""


def open_snapper(settings: Settings) -> Snapping | None:
    """Make what asks the road network; None where the settings name none.

    Raises:
        UsageError: the URL is none.
        EnvironmentConflict: the extra `client` is not installed.
    """
    if settings.snap_url is None:
        return None
    if not settings.snap_url.startswith(("http://", "https://")):
        raise UsageError("SKYFIX_SNAP_URL is no http:// or https:// URL, such as http://127.0.0.1:8002.")
    try:
        module = importlib.import_module("service.correct.snapping")
    except ModuleNotFoundError as error:
        missing = "Snapping needs httpx: install the `client` extra, as in pip install 'skyfix[client]'."
        raise EnvironmentConflict(missing) from error
    return cast(Snapping, module.Snapper(settings.snap_url, settings.snap_kind, settings.snap_timeout_s))
