"""`skyfix demo`: from an orthophoto to answers over HTTP, on a synthetic city, in about a minute."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from index.build import build_index
from index.bundle import open_index
from index.sources.opening import open_source
from models.bundle import ModelBundle, default_bundle_path, open_model_bundle
from models.calibration.model import CONFIDENCE_RADIUS_M
from models.encoder import OnnxEncoder
from models.errors import BundleError
from models.pairs import read_pairs
from service.demo import (
    CLOSE_M,
    Located,
    curl_command,
    free_port,
    locate,
    offer_samples,
    plan_shots,
    running_service,
)
from service.errors import DemoFailed

GROUND_RESOLUTION_M, STRIDE_M = 0.5, 16.0
"""The stride is for models that describe only the middle of a tile."""
PORT, ADMIN_PORT = 8080, 9090


@click.command()
@click.option("--once", is_flag=True, help="Stop the service at the end instead of leaving it running.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Folder to use.")
@click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help="Another seed, another city.")
@click.option("--extent", type=click.FloatRange(300, 2000), default=600.0, show_default=True, help="City side, metres.")
@click.option("--pictures", type=click.IntRange(2, 50), default=6, show_default=True, help="Photos, and panoramas.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder; the committed one by default.")
@click.option("--port", type=click.IntRange(1, 65535), help="Public port; 8080 if it is free, else any.")
def command(
    once: bool, out: Path, seed: int, extent: float, pictures: int, bundle: Path | None, port: int | None
) -> None:
    """Render a synthetic city, index its orthophoto, serve it, and locate pictures taken in its streets."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    console = Console(highlight=False)
    console.print(f"[bold]A synthetic city (seed {seed}, {extent:g} m), made by code; no real place.[/bold]")
    model = open_model_bundle(bundle or default_bundle_path())
    console.print(f"Model {model.manifest.title}: {model.manifest.label}")
    with _step(console, "Render the orthophoto and the street pictures"):
        city = render_city(out, seed, extent, pictures)
    with _step(console, "Cut the orthophoto into tiles and index them"):
        index = index_city(city, model, out)
    shots = plan_shots(read_pairs(city / "pairs.csv"), seed)
    gallery = offer_samples(shots, out / f"samples-{city.name}")
    ports = port or free_port(PORT), free_port(ADMIN_PORT)
    try:
        with ExitStack() as stack:
            with _step(console, "Start the service"):
                url, process = stack.enter_context(running_service(index, model.folder, *ports, gallery))
            with _step(console, f"Ask it about {len(shots)} pictures"):
                located = [locate(url, shot) for shot in shots]
            for result in located:
                console.print(answer_table(result))
            print_summary(console, located)
            console.print(f"Ask yourself: {curl_command(url, shots[0])}", soft_wrap=True)
            if not once:
                where = f"[bold]Open {url}/ in a browser[/bold] (metrics at 127.0.0.1:{ports[1]}). Ctrl-C stops it."
                console.print(where, soft_wrap=True)
                if process.wait():
                    raise DemoFailed(f"The service ended with exit code {process.returncode}.")
    except KeyboardInterrupt:
        console.print("Stopped.")


@contextmanager
def _step(console: Console, what: str) -> Iterator[None]:
    started = time.monotonic()
    console.print(f"{what} ... ", end="")
    yield
    console.print(f"{time.monotonic() - started:.1f} s")


def render_city(out: Path, seed: int, extent_m: float, pictures: int) -> Path:
    """Write the city, unless it is there from an earlier run; give its folder."""
    from models.sample_city import write_sample_city  # numba, which only this command needs

    city = out / f"city-{seed}-{extent_m:g}m-{pictures}"
    if not (city / "pairs.csv").is_file():
        write_sample_city(
            city,
            seed=seed,
            extent_m=extent_m,
            photos=pictures,
            panoramas=pictures,
            ground_resolution_m=GROUND_RESOLUTION_M,
        )
    return city


def index_city(city: Path, model: ModelBundle, out: Path) -> Path:
    """Index the orthophoto, unless a sound index of this city by this model is there; give the index folder."""
    folder = out / f"index-{city.name}-{model.sha256[:8]}"
    try:
        shown = open_index(folder, model).manifest.imagery is not None
    except BundleError:
        shown = False
    if not shown:
        view = model.manifest.aerial
        source = open_source(
            [city / "ortho.tif"],
            footprint_m=view.footprint_m,
            size_px=view.size_px,
            stride_m=None if view.cells else STRIDE_M,
            cells=view.cells,
        )
        build_index(source, OnnxEncoder(model, views=("aerial",)), folder, name="sample-city", thumbnails=True)
    return folder


def answer_table(located: Located) -> Table:
    """Show the candidates of one picture beside its true position."""
    shot = located.shot
    calibrated = "confidence" in located.answer
    columns = ("rank", "lat", "lon", *(("prob.",) if calibrated else ()), "similarity", "heading", "metres off")
    table = Table(*columns, title=shot.caption, title_justify="left", box=SIMPLE_HEAD)
    heading = "" if shot.true_heading_deg is None else f"{shot.true_heading_deg:.0f}°"
    table.add_row("true", f"{shot.lat:.6f}", f"{shot.lon:.6f}", *[""] * (len(columns) - 5), heading, "", style="dim")
    for candidate, error_m in zip(located.answer["candidates"], located.errors_m, strict=True):
        heading = candidate.get("heading_deg")
        table.add_row(
            str(candidate["rank"]),
            f"{candidate['lat']:.6f}",
            f"{candidate['lon']:.6f}",
            *((f"{candidate['probability']:.1%}",) if calibrated else ()),
            f"{candidate['similarity']:.3f}",
            "given" if heading is None else f"{heading:.0f}°",
            f"{error_m:.1f}",
            style="bold" if error_m <= CLOSE_M else None,
        )
    table.caption = verdict_line(located)
    table.caption_justify = "left"
    return table


def verdict_line(located: Located) -> str | None:
    """Sum up what a calibrated answer says of itself."""
    answer, position = located.answer, located.answer.get("position", {})
    if "radius_m_95" not in position:
        return None
    return (
        f"{answer['status']}: within 25 m with {answer['confidence']:.0%}; "
        f"68 % within {position['radius_m_68']:.0f} m, 95 % within {position['radius_m_95']:.0f} m"
    )


def print_summary(console: Console, located: Sequence[Located]) -> None:
    """Sum up how far the first candidates were off."""
    groups = {
        "all": list(located),
        "heading given": [result for result in located if result.shot.heading_is_told],
        "heading unknown": [result for result in located if not result.shot.heading_is_told],
    }
    console.print("[bold]First candidates:[/bold]")
    for name, results in groups.items():
        errors = np.array([result.errors_m[0] if result.errors_m else np.inf for result in results])
        close = int((errors <= CLOSE_M).sum())
        median = f"median {np.median(errors):.1f} m off, " if len(errors) else ""
        console.print(f"  {name}: {median}{close} of {len(errors)} within {CLOSE_M:g} m")
    sure = [result for result in located if result.answer.get("status") == "localized"]
    if sure:
        right = sum(result.errors_m[0] <= CONFIDENCE_RADIUS_M for result in sure)
        console.print(f"  called localized: {len(sure)}, of which {right} within {CONFIDENCE_RADIUS_M:g} m")
