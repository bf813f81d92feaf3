"""The engine on Ray: this process walks through the source, actors of a cluster describe, one a GPU or one a core."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from index.describer import cores
from index.engines.describing import Describing
from index.engines.fleet import AT_ONCE, open_fleet
from index.engines.ray_crew import RayCrew
from index.engines.ray_probe import find_cluster
from index.engines.ray_worker import Opening
from models.encoder import Encoder, ProviderPolicy
from models.errors import ExecutorUnavailable, ProviderUnavailable

LEAST_CPUS = 2
"""Ray needs them even for one worker."""
STORE_BYTES = 100_000_000
"""Room for batches on their way, at least; Ray takes a third of the memory otherwise."""
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Actors of a Ray cluster.

    Without an address, and without RAY_ADDRESS in the environment, a cluster of this machine alone is started for the
    job. If this process has a connection already, that is used and left open.
    """

    bundle: Path | None
    """Folder of the model on every machine; None: the bundle that comes with Skyfix."""
    policy: ProviderPolicy = "cpu"
    address: str | None = None
    workers: int | None = None
    """As many as are free when None."""

    @contextmanager
    def open(self, encoder: Encoder, batch: int) -> Iterator[tuple[Describing, int]]:
        """As Engine.open. Also raises ProviderUnavailable: a GPU is required, and the cluster has none."""
        bytes_at_once = 12 * batch * AT_ONCE * encoder.manifest.aerial.size_px**2
        with self._connected(bytes_at_once) as ray:
            gpu = self.on_gpu(ray.cluster_resources())
            free = int(ray.available_resources().get("GPU" if gpu else "CPU", 0))
            opening = Opening(
                None if self.bundle is None else str(self.bundle.resolve()), self.policy if gpu else "cpu"
            )
            with open_fleet(encoder, RayCrew(ray, opening, gpu=gpu), self.workers or max(1, free)) as fleet:
                yield fleet, fleet.at_once

    def on_gpu(self, resources: dict[str, float]) -> bool:
        """Whether workers get a GPU each, in a cluster with such resources."""
        gpus = int(resources.get("GPU", 0))
        if self.policy == "require-gpu" and not gpus:
            raise ProviderUnavailable("require-gpu, but no machine of the Ray cluster has a GPU. Choose prefer-gpu.")
        return self.policy != "cpu" and gpus > 0

    @contextmanager
    def _connected(self, bytes_at_once: int) -> Iterator[Any]:
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        ray = import_module("ray")
        if ray.is_initialized():
            yield ray
            return
        given = self.address or os.environ.get("RAY_ADDRESS")
        how: dict[str, Any] = {"address": find_cluster(given)} if given else self._alone(bytes_at_once)
        try:
            with _own_signals():
                ray.init(log_to_driver=False, logging_level="ERROR", **how)
        except (OSError, RuntimeError, ValueError) as error:
            raise ExecutorUnavailable(
                f"Ray at {given or 'this machine'} cannot be used: {str(error).strip()[:500]} "
                "Mend it and run the same command again, or use --engine local; what is done is kept."
            ) from error
        try:
            yield ray
        finally:
            with _own_signals():
                ray.shutdown()

    def _alone(self, bytes_at_once: int) -> dict[str, Any]:
        workers = self.workers or cores()
        return {
            "address": "local",
            "num_cpus": max(LEAST_CPUS, workers),
            "object_store_memory": max(STORE_BYTES, 3 * bytes_at_once * workers),
            "include_dashboard": False,
        }


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray puts its own handler for SIGTERM in place, which would end the job without keeping what is in work."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
