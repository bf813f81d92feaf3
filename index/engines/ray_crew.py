"""Ray actors as workers of a fleet. Ray itself restarts and repeats nothing: a replacement has to prove itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.engines.describing import Float16s
from index.engines.fleet import Worker, WorkerLost
from index.engines.handshake import Credentials
from index.engines.ray_worker import Opening, RayDescriber
from models.errors import EncoderError, SkyfixError, WorkerRefused

START_S = 120.0
"""Within it an actor must have found a place, started and opened its model."""


class RayActor:
    """One actor."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self.actor = ray, actor
        self.name = "A Ray worker"

    def credentials(self) -> Credentials:
        try:
            found, machine = self._answer(self.actor.credentials.remote(), START_S)
        except SkyfixError as error:
            raise WorkerRefused(f"A Ray worker cannot open the model [{error.code}]: {error}") from error
        self.name = f"The Ray worker on {machine}"
        given: Credentials = found
        return given

    def describe(self, pixels: NDArray[np.float32]) -> Float16s:
        rows: Float16s = self._answer(self.actor.describe.remote(pixels), None)
        return rows

    def _answer(self, reference: Any, timeout_s: float | None) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference, timeout=timeout_s)
        except errors.RayTaskError as error:
            if isinstance(error.cause, SkyfixError):
                raise error.cause from None
            raise EncoderError(f"{self.name} failed: {error.cause or _first_line(error)}") from error
        except errors.GetTimeoutError as error:
            raise WorkerLost(f"it did not start within {timeout_s:g} s; the cluster may be full.") from error
        except errors.RayError as error:
            raise WorkerLost(f"{self.name} was lost ({type(error).__name__}: {_first_line(error)}).") from error


class RayCrew:
    """Starts actors.

    Args:
        ray: the module, connected.
        opening: how they open the model.
        gpu: each gets a GPU of its own, else a core.
    """

    def __init__(self, ray: Any, opening: Opening, *, gpu: bool) -> None:
        self._ray, self._opening = ray, opening
        needs = {"num_gpus": 1, "num_cpus": 0} if gpu else {"num_cpus": 1}
        self._actor = ray.remote(max_restarts=0, max_task_retries=0, **needs)(RayDescriber)

    def hire(self) -> RayActor:
        try:
            return RayActor(self._ray, self._actor.remote(self._opening))
        except self._ray.exceptions.RayError as error:
            raise WorkerLost(_first_line(error)) from error

    def dismiss(self, worker: Worker) -> None:
        if isinstance(worker, RayActor):
            self._ray.kill(worker.actor, no_restart=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
