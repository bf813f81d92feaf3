"""Helpers that keep the token of a track between its steps, for either client."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from service.client.asynchronous import AsyncClient
from service.client.errors import ProblemError
from service.client.synchronous import Client
from service.client.tracks import TOKEN_INVALID, Tracked


class Tracker:
    """Follows one camera.

    Args:
        client: asks; may be shared by many trackers.
        settled: what goes for every step: `camera`, `yaw_deg`, `index`, `top_k`.

    Attributes:
        last: the answer of the last step.
    """

    def __init__(self, client: Client, **settled: Any) -> None:
        self._client, self._settled = client, settled
        self.last: Tracked | None = None

    def step(self, timestamp: datetime | str, **seen: Any) -> Tracked:
        """Take one step, with what `Client.track` takes. Raises as that.

        A track whose token the service no longer believes (expired, another generation of the index) begins anew.
        """
        token = None if self.last is None else self.last.track_token
        try:
            self.last = self._client.track(timestamp, track_token=token, **{**self._settled, **seen})
        except ProblemError as problem:
            if problem.code != TOKEN_INVALID or token is None:
                raise
            self.last = self._client.track(timestamp, **{**self._settled, **seen})
        return self.last


class AsyncTracker:
    """`Tracker` for programs with an event loop; one step at a time."""

    def __init__(self, client: AsyncClient, **settled: Any) -> None:
        self._client, self._settled = client, settled
        self.last: Tracked | None = None

    async def step(self, timestamp: datetime | str, **seen: Any) -> Tracked:
        """As `Tracker.step`."""
        token = None if self.last is None else self.last.track_token
        try:
            self.last = await self._client.track(timestamp, track_token=token, **{**self._settled, **seen})
        except ProblemError as problem:
            if problem.code != TOKEN_INVALID or token is None:
                raise
            self.last = await self._client.track(timestamp, **{**self._settled, **seen})
        return self.last
