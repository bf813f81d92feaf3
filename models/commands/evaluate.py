"""`skyfix evaluate`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from models.bundle import ModelBundle, default_bundle_path, open_model_bundle, record_accuracy
from models.commands.evaluate_options import EvaluateOptions
from models.commands.evaluate_protocol import measure
from models.commands.evaluate_tables import city_table, protocol_table, robustness_table
from models.commands.own_scale import ground_resolution_option
from models.encoder import OnnxEncoder
from models.evaluation.corruptions.catalogue import CORRUPTIONS, SEVERITIES
from models.evaluation.protocols import PROTOCOLS

CITY_FOVS_DEG = (360.0, 180.0, 90.0, 70.0)


@click.command("evaluate")
@click.option(
    "--bundle", type=click.Path(path_type=Path), help="Model bundle. [default: the one that comes with Skyfix]"
)
@click.option("--protocol", type=click.Choice(list(PROTOCOLS)), help="A published data set; `own` goes with --pairs.")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the published data set.")
@click.option("--labels", type=click.Choice(["original", "corrected"]), default="original", show_default=True)
@click.option("--pairs", type=click.Path(path_type=Path), help="Your own photos: a pairs.csv.")
@click.option("--city", type=int, help="Seed of a sample city, instead of --protocol or --pairs.")
@click.option("--places", default=1000, show_default=True, help="Places of the sample city.")
@click.option("--extent", "extent_m", default=1200.0, show_default=True, help="Side of the sample city, metres.")
@click.option(
    "--stride", "stride_m", type=float, help="Grid gallery at this stride in metres instead of centred tiles."
)
@click.option(
    "--fov", "fovs", type=click.FloatRange(10, 360), multiple=True, help="Field of view, degrees; repeat for more rows."
)
@click.option(
    "--orientation",
    type=click.Choice(["known", "unknown", "both"]),
    help="Is the heading given? [default: both; published data sets: known at 360 degrees, else unknown]",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the angles and the corruptions."
)
@click.option("--footprint-m", type=float, help="With --pairs: metres of aerial image to use. [default: the bundle's]")
@ground_resolution_option
@click.option(
    "--recentre", is_flag=True, help="Measure once more with each view's mean description taken away (no labels)."
)
@click.option("--corruption", type=click.Choice([*CORRUPTIONS, "all"]), help="Spoil the photos, after a clean row.")
@click.option(
    "--conditions",
    is_flag=True,
    help="With --city: night, weather, seasons, change, occlusion and all corruptions, against a clear day.",
)
@click.option("--severity", type=click.Choice([*map(str, SEVERITIES), "all"]), default="all", show_default=True)
@click.option(
    "--ties",
    type=click.Choice(["pessimistic", "published"]),
    default="pessimistic",
    show_default=True,
    help="Rule that the table shows: a tie counts against the model, or for it as in published code.",
)
@click.option("--embeddings", type=click.Path(path_type=Path), help="Folder to keep descriptions in and to reuse.")
@click.option("--report", type=click.Path(path_type=Path), help="Write an HTML page with curves and pictures.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--record", is_flag=True, help="With --city: write figures and command into the bundle's manifest.")
@click.option("--markdown", is_flag=True, help="With --conditions: print the table as Markdown, for a notebook.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Measure recall on a published data set, on your own pairs or on a sample city.

    Ties count against the model; --json and --report give both rules.
    """
    options = EvaluateOptions(**given)
    options.check()
    bundle = open_model_bundle(options.bundle or default_bundle_path())
    if options.conditions:
        from models.commands.evaluate_conditions import measure_conditions

        measure_conditions(bundle, options, spelled(context))
        return
    if options.city is not None:
        _measure_city(bundle, options)
        return
    found = measure(OnnxEncoder(bundle, threads=options.threads), options, spelled(context))
    if options.as_json:
        click.echo(json.dumps({"model": bundle.manifest.title} | found.document()))
        return
    console = Console()
    console.print(protocol_table(found.results, options.ties))
    for robustness in found.robustness:
        console.print(robustness_table(robustness))


def spelled(context: click.Context) -> str:
    """Write down the command that was given."""
    words = [context.command_path if " " in context.command_path else f"skyfix {context.info_name}"]
    for parameter in context.command.params:
        name = str(parameter.name)
        if context.get_parameter_source(name) is ParameterSource.DEFAULT:
            continue
        value = context.params[name]
        for each in value if parameter.multiple else (value,):
            words += [parameter.opts[0]] if each is True else [parameter.opts[0], shlex.quote(_word(each))]
    return " ".join(words)


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _measure_city(bundle: ModelBundle, options: EvaluateOptions) -> None:
    from models.evaluation.benchmark import CityBenchmark
    from models.evaluation.photographs import Setting

    benchmark = CityBenchmark.render(options.city or 0, options.places, options.extent_m)
    settings = [
        Setting(fov, orientation) for fov in options.fovs or CITY_FOVS_DEG for orientation in options.orientations()
    ]
    rows = benchmark.score(OnnxEncoder(bundle, threads=options.threads), settings, options.stride_m)
    if options.record:
        words = f"skyfix evaluate --city {options.city} --places {options.places} --extent {options.extent_m:g}"
        words += f" --stride {options.stride_m:g}" if options.stride_m is not None else ""
        record_accuracy(bundle, [row.model_copy(update={"command": words}) for row in rows])
    if options.as_json:
        click.echo(json.dumps({"model": bundle.manifest.title, "rows": [row.model_dump(mode="json") for row in rows]}))
        return
    Console().print(city_table(bundle.manifest.title, rows))
