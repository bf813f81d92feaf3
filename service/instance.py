"""What the routes of one server share: settings, metrics, threads, and the indexes by name."""

from __future__ import annotations

import os
from collections.abc import Callable

from service.door.guard import Guard
from service.environment import program_version
from service.heights import open_heights
from service.localizer import Localizer
from service.metrics import Metrics
from service.pipeline import Pipeline
from service.room.threads import Room
from service.served import Served
from service.settings import Settings
from service.tracing import Tracer, open_tracer

OpenRoom = Callable[[Settings, Metrics], Room]


class Service:
    """What the routes share: settings, metrics, threads, and the indexes by the names that the settings give them."""

    def __init__(self, settings: Settings, tracer: Tracer | None = None, open_room: OpenRoom | None = None) -> None:
        self.settings = settings
        self.guard = Guard(settings)
        self.version = program_version()
        self.metrics = Metrics(self.version)
        self.heights = open_heights(settings)
        self.tracer = tracer or open_tracer(settings.otlp_endpoint, self.version, os.environ)
        self.pipeline = Pipeline(self.metrics, settings.sizes, open_room and open_room(settings, self.metrics))
        self.served = Served([index.name for index in settings.index] or [""])
        self.draining = False

    def reload_keys(self) -> None:
        """Read the key file again; a bad one changes nothing."""
        taken = self.guard.reload()
        if taken is not None:
            self.metrics.key_reloads.labels("taken" if taken else "refused").inc()

    def install(self, localizer: Localizer, key: str = "") -> None:
        """Answer with this localizer from now on; it has just answered its probes.

        Raises:
            IndexMismatch: another index is called the same.
        """
        self.served.install(key, localizer)
        self.metrics.serve(self.served, self.settings.provider)

    def note_recall(self, localizer: Localizer, recall: float) -> None:
        """Remember what the probes of a localizer said, if it is one that answers."""
        for resident in self.served:
            if resident.localizer is localizer:
                resident.recall = recall
        self.metrics.serve(self.served, self.settings.provider)
