"""What `skyfix evaluate --city SEED --conditions` does: one table of everything that may happen to a photo."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from models.bundle import ModelBundle
from models.commands.evaluate_options import EvaluateOptions
from models.encoder import OnnxEncoder
from models.evaluation.benchmark import CityBenchmark
from models.evaluation.endurance import Endurance, Endured, measure_endurance
from models.evaluation.photographs import Setting

CONDITION_FOVS_DEG = (360.0, 90.0)
ALL_CORRUPTIONS = "all corruptions"
Line = tuple[str, ...]


def measure_conditions(bundle: ModelBundle, options: EvaluateOptions, command: str) -> None:
    """Measure every condition, with progress on stderr, and print the table, Markdown or JSON."""
    benchmark = CityBenchmark.render(options.city or 0, options.places, options.extent_m)
    known = options.orientations() if options.orientation else ("unknown",)
    settings = [Setting(fov, each) for fov in options.fovs or CONDITION_FOVS_DEG for each in known]
    columns = (TextColumn("conditions"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("conditions", total=None)
        found = measure_endurance(
            benchmark,
            OnnxEncoder(bundle, threads=options.threads),
            settings,
            options.severities,
            seed=options.seed,
            on_progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    title = bundle.manifest.title
    if options.as_json:
        means = [row for setting in settings for row in condensed(found, setting)]
        document = {"model": title, "command": command, **found.model_dump(mode="json")}
        click.echo(json.dumps(document | {"means": [row.model_dump(mode="json") for row in means]}))
    elif options.markdown:
        click.echo(markdown(found, settings, title, command))
    else:
        console = Console()
        for setting in settings:
            console.print(table(found, setting, title))


def condensed(found: Endurance, setting: Setting) -> list[Endured]:
    """One row a condition: corruptions by their mean over the severities, which are None then, and all of them."""
    rows = [row for row in found.rows if (row.fov_deg, row.orientation) == (setting.fov_deg, setting.orientation)]
    grouped: dict[str, list[Endured]] = {}
    for row in rows:
        grouped.setdefault(row.condition, []).append(row)
    spoiled = [row for row in rows if row.family == "corruption"]
    means = [_mean(name, group) for name, group in grouped.items()]
    return [*means, _mean(ALL_CORRUPTIONS, spoiled)]


def _mean(condition: str, rows: Sequence[Endured]) -> Endured:
    """The error of a mean of rows is the mean error: they share their photos, so it does not shrink."""
    if len(rows) == 1 and rows[0].condition == condition:
        return rows[0].model_copy(update={"severity": None})
    values = ("recall_at_1", "recall_at_5", "drop_at_1", "drop_at_5", "drop_at_1_error")
    mean = {name: float(np.mean([getattr(row, name) for row in rows])) for name in values}
    return rows[0].model_copy(update={**mean, "condition": condition, "severity": None})


def header(settings: Sequence[Setting]) -> Line:
    cells = "R@1", "R@5", "drop at 1", "R@1 by severity"
    return "photo", *(f"{_words(setting)}: {cell}" for setting in settings for cell in cells)


def lines(found: Endurance, settings: Sequence[Setting]) -> list[Line]:
    """Cells of the table in %: a line a condition, its name and four columns a setting."""
    blocks = [condensed(found, setting) for setting in settings]
    return [
        (rows[0].condition, *(cell for row in rows for cell in _cells(row, found)))
        for rows in zip(*blocks, strict=True)
    ]


def _cells(row: Endured, found: Endurance) -> Line:
    same = [
        one
        for one in found.rows
        if one.severity is not None
        and (one.condition, one.fov_deg, one.orientation) == (row.condition, row.fov_deg, row.orientation)
    ]
    drop = "" if row.family == "clear" else f"{100 * row.drop_at_1:.1f} ± {100 * row.drop_at_1_error:.1f}"
    by_severity = " ".join(f"{100 * one.recall_at_1:.0f}" for one in same)
    return f"{100 * row.recall_at_1:.1f}", f"{100 * row.recall_at_5:.1f}", drop, by_severity


def _words(setting: Setting) -> str:
    return f"{setting.fov_deg:g}°, heading {setting.orientation}"


def table(found: Endurance, setting: Setting, title: str) -> Table:
    """One setting, narrow enough for a terminal."""
    shown = Table(
        title=f"{title} on {found.protocol}: {_words(setting)}, {found.queries} photos, {found.gallery} tiles: %",
        caption="drop against clear-day ± its standard error, of the same photos; a tie counts against the model",
        box=SIMPLE_HEAD,
    )
    for name in ("photo", "R@1", "R@5", "drop at 1", "R@1 by severity"):
        shown.add_column(name, justify="right", no_wrap=True)
    for line in lines(found, [setting]):
        shown.add_row(*line)
    return shown


def markdown(found: Endurance, settings: Sequence[Setting], title: str, command: str) -> str:
    """The same table for a notebook, under the command that made it."""
    names = header(settings)
    head = f"    {command}\n\n{title} on {found.protocol}, {found.queries} photos, {found.gallery} tiles, in %:\n"
    ruled = [names, ("---",) * len(names), *lines(found, settings)]
    return "\n".join([head, *(f"| {' | '.join(line)} |" for line in ruled)])
