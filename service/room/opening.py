"""Which room the settings ask for."""

from __future__ import annotations

from service.metrics import Metrics
from service.room.processes import ProcessRoom, Watched
from service.room.threads import Room, ThreadRoom
from service.settings import Settings


def open_room(settings: Settings, metrics: Metrics) -> Room:
    """Start the decode workers, or with `decode_workers` 0 threads, where nothing that hangs can be ended."""
    if not settings.decode_workers:
        return ThreadRoom(settings.decode_threads)
    watched = Watched(metrics.decode_workers.set, lambda reason: metrics.decode_workers_ended.labels(reason).inc())
    return ProcessRoom(settings.decode_workers, settings.max_pixels, decode_s=settings.decode_s, watched=watched)
