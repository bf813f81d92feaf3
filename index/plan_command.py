"""`skyfix index plan`: area, tiles, bytes, time and the best possible error, before anything is built."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from index.options import SOURCE, ZOOM
from index.planning.opening import opener
from index.planning.plan import Imagery, Option, Plan
from index.planning.planner import Planner
from index.planning.sizes import PROFILES
from index.planning.units import length, size, size_words, time_words
from index.sources.tile_folder import Scheme
from index.stores.profiles import Profile
from models.bundle import default_bundle_path, open_model_bundle
from models.encoder import OnnxEncoder, ProviderPolicy
from models.errors import PlanImpossible

LEAST_WIDTH = 110
"""Characters; a narrower terminal wraps the table."""


@click.command("plan")
@SOURCE
@click.option(
    "--bundle", type=click.Path(path_type=Path), help="Model bundle. [default: the one that comes with Skyfix]"
)
@click.option("--budget", "budget_bytes", type=size, help="Room for the index, for example 2GB: the finest that fits.")
@click.option("--error", "error_m", type=length, help="Mean error to reach, for example 15m: the coarsest that does.")
@click.option(
    "--stride",
    "--stride-m",
    "strides",
    type=length,
    multiple=True,
    help="Metres between centres to look at; repeat for more. [default: several around the usual one]",
)
@click.option(
    "--tile-m",
    "--footprint-m",
    "footprint_m",
    type=click.FloatRange(1, 10_000),
    help="Side of the square of ground that the model sees of a tile. [default: what it was trained on]",
)
@ZOOM
@click.option(
    "--scheme", type=click.Choice(["xyz", "tms"]), help="Rows of a folder of such tiles. [default: as it says]"
)
@click.option("--profile", type=click.Choice(PROFILES), default="exact", show_default=True, help="For --budget.")
@click.option("--threads", type=click.IntRange(1, 256), help="Tiles described at once. [default: one a core]")
@click.option("--device", type=click.Choice(["cpu", "prefer-gpu", "require-gpu"]), default="cpu", show_default=True)
@click.option(
    "--measure-s",
    type=click.FloatRange(0, 600),
    default=3.0,
    show_default=True,
    help="Seconds for each of the two measurements.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    sources: tuple[Path, ...],
    bundle: Path | None,
    budget_bytes: float | None,
    error_m: float | None,
    strides: tuple[float, ...],
    footprint_m: float | None,
    zoom: int | None,
    scheme: Scheme | None,
    profile: Profile,
    threads: int | None,
    device: ProviderPolicy,
    measure_s: float,
    as_json: bool,
) -> None:
    """Say what an index of some imagery would cost and could be worth; nothing is built."""
    model = open_model_bundle(bundle or default_bundle_path())
    view = model.manifest.aerial
    side_m = footprint_m or view.footprint_m
    open_at = opener(
        sources, footprint_m=side_m, size_px=view.size_px, cells=view.cells_over(side_m), zoom=zoom, scheme=scheme
    )
    encoder = OnnxEncoder(model, policy=device, views=("aerial",))
    options = [word for path in sources for word in ("--source", str(path))]
    options += [] if bundle is None else ["--bundle", str(bundle)]
    options += [] if zoom is None else ["--zoom", str(zoom)]
    options += [] if scheme is None else ["--scheme", scheme]
    options += [] if footprint_m is None else ["--tile-m", f"{footprint_m:g}"]
    options += [] if profile == "exact" else ["--profile", profile]
    planner = Planner(open_at, encoder, seconds=measure_s, workers=threads, profile=profile)
    try:
        plan = planner.plan(strides, budget_bytes, error_m)
    except PlanImpossible:
        if not as_json:
            _print(planner.plan(strides), options)
        raise
    if as_json:
        click.echo(json.dumps(asdict(plan) | {"cells": plan.cells and plan.cells.model_dump()}))
    else:
        _print(plan, options)


def _print(plan: Plan, build_options: Sequence[str]) -> None:
    for notice in plan.notices:
        click.echo(f"notice: {notice}", err=True)
    console = Console()
    console.width = max(console.width, LEAST_WIDTH)
    for line in describe(plan):
        click.echo(line)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in _head(plan):
        table.add_column(name, justify="right", no_wrap=True)
    for option in plan.options:
        table.add_row(*_row(option, is_usual=option.stride_m == plan.usual_stride_m))
    console.print(table)
    for line in legend(plan):
        click.echo(line)
    if plan.chosen is not None:
        click.echo(choice_words(plan, plan.chosen))
        click.echo(build_words(plan, build_options))


def describe(plan: Plan) -> list[str]:
    """Give the lines above the table."""
    area = "" if plan.area_km2 is None else f", about {plan.area_km2:.3g} km2"
    box = "" if plan.box_km2 is None else f" in a box of {plan.box_km2:.3g} km2"
    cells = "" if plan.cells is None else f", {plan.cells.count} cells in each, {plan.cells.spacing_m:g} m apart"
    bad = f", {plan.sampled_bad} of {plan.sampled + plan.sampled_bad} bad" if plan.sampled_bad else ""
    speed = plan.speed
    cut = "" if speed.cut is None else f", {speed.cut:.3g} tiles/s read and cut"
    return [
        f"imagery: {plan.source}{area}{box}",
        f"resolution: {resolution_words(plan.imagery)}",
        f"model: {plan.model}, tiles of {plan.footprint_m:g} m{cells}",
        f"this machine: {speed.described:.3g} tiles/s described{cut} (on {plan.sampled} from all over it{bad})",
    ]


def resolution_words(imagery: Imagery) -> str:
    """Hold the imagery's resolution against the model's."""
    found = f"{imagery.finest_m:.3g} m"
    if imagery.coarsest_m > imagery.finest_m * 1.01:
        found = f"{imagery.finest_m:.3g} to {imagery.coarsest_m:.3g} m"
    enlarged = imagery.coarsest_m / imagery.wanted_m
    verdict = "fine enough" if enlarged <= 1.01 else f"enlarged {enlarged:.2g} times, so expect less"
    return (
        f"{found} per pixel; the model sees {imagery.wanted_m:.3g} m: {verdict} (refused above {imagery.limit_m:.3g} m)"
    )


def legend(plan: Plan) -> list[str]:
    """Say what the columns of the table are."""
    lines = [
        f"{', '.join(plan.options[0].bytes)}: the index, by --profile. disk: free while it is built. "
        "time: describing here.",
        "error, worst: how far a perfect retriever is off, on average and at most; no model is better than that.",
    ]
    if any(option.described_share < 1 for option in plan.options):
        lines.append("ground: share of it in the cells of some tile; photos from elsewhere are hard to find.")
    if plan.usual_stride_m is not None:
        lines.append("*: what a build takes unless told otherwise.")
    return lines


def _head(plan: Plan) -> list[str]:
    return ["stride", "tiles", *plan.options[0].bytes, "disk", "time", "error", "worst", "ground"]


def _row(option: Option, is_usual: bool) -> list[str]:
    known = option.mean_error_m is not None and option.worst_error_m is not None
    return [
        "ready cut" if option.stride_m is None else f"{option.stride_m:.4g} m{' *' if is_usual else ''}",
        f"{option.tiles:,}",
        *map(size_words, option.bytes.values()),
        size_words(option.build_bytes),
        time_words(option.embed_s),
        f"{option.mean_error_m:.2f} m" if known else "unknown",
        f"{option.worst_error_m:.2f} m" if known else "unknown",
        f"{option.described_share:.0%}",
    ]


def choice_words(plan: Plan, option: Option) -> str:
    """Say what was chosen."""
    error = "" if option.mean_error_m is None else f", error {option.mean_error_m:.2f} m"
    stride = "these tiles" if option.stride_m is None else f"stride {option.stride_m:g} m"
    sizes = ", ".join(f"{size_words(count)} ({name})" for name, count in option.bytes.items())
    words = f"chosen: {stride}: {option.tiles:,} tiles, {sizes}, {time_words(option.build_s)} to build{error}"
    if option.described_share < 1:
        words += f"; {1 - option.described_share:.0%} of the ground lies in no cell"
    if option.stride_m is not None and option.stride_m == min(other.stride_m or 0.0 for other in plan.options):
        words += " (the finest looked at; name finer ones with --stride)"
    return words


def build_words(plan: Plan, options: Sequence[str]) -> str:
    """Give the command that builds what was chosen."""
    words = ["skyfix", "index", "build", *options, "--out", "DIR"]
    if plan.chosen is not None and plan.chosen.stride_m is not None:
        words += ["--stride-m", f"{plan.chosen.stride_m:g}"]
    return shlex.join(words)
