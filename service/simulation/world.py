"""What a run needs before anybody drives: the city, its imagery, an index of it, a service that answers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from models.bundle import ModelBundle
from models.sample_city import City
from service.commands.demo import index_city, render_city
from service.demo import free_port, running_service

ANY = 0
"""A port that nobody asked for: several runs at once do not meet."""


def seen_in_training(model: ModelBundle, seed: int) -> str:
    """Say whether a model has learned from the city of a seed, as far as its bundle tells."""
    training, calibration = model.manifest.training, model.manifest.calibration
    trained = set[object]()
    for run in (training, *training.get("members", [])):
        config = run.get("config", {})
        trained |= {*config.get("data", {}).get("cities", []), (config.get("validation") or {}).get("city")}
    fitted = set(re.findall(r"\d+", calibration.fitted_on)) if calibration else set()
    if seed in trained:
        return "trained on"
    return "calibrated on" if str(seed) in fitted else "never trained on"


def build_city(seed: int, extent_m: float) -> City:
    """Build the city that `skyfix sample-city` and the demo write for these arguments."""
    return City.generate(seed, extent_m)


def index_of(seed: int, extent_m: float, model: ModelBundle, work: Path) -> Path:
    """Render a city's orthophoto and index it, unless both are there; give the index folder."""
    work.mkdir(parents=True, exist_ok=True)
    return index_city(render_city(work, seed, extent_m, 0), model, work)


def ortho_of(seed: int, extent_m: float, work: Path) -> Path:
    """Give the orthophoto of a city, rendered unless it is there."""
    work.mkdir(parents=True, exist_ok=True)
    return render_city(work, seed, extent_m, 0) / "ortho.tif"


@contextmanager
def serving(index: Path, model: ModelBundle, replicas: int) -> Iterator[list[str]]:
    """Run replicas of the service on loopback, who believe one another's tokens; yield their addresses, then end them.

    Raises:
        DemoFailed: one ended, or was not ready in time.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        secret = folder / "track-secret"
        secret.write_text(secrets.token_urlsafe(48) + "\n", encoding="ascii")
        shared = {"SKYFIX_TRACK_SECRET_FILE": str(secret)}
        urls = []
        for _ in range(replicas):
            ports = free_port(ANY), free_port(ANY)
            url, _process = stack.enter_context(running_service(index, model.folder, *ports, settings=shared))
            urls.append(url)
        yield urls
