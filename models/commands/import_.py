"""`skyfix import`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from models.bundle import ModelBundle
from models.errors import UsageError
from models.importing.delivery import Order
from models.importing.ledger import Declared
from models.importing.onnx_pair import import_onnx_pair
from models.importing.preprocessing import SAMPLE
from models.importing.published import DatasetName
from models.importing.sample4geo import import_sample4geo
from models.importing.transgeo import Choice, Guide, PanoramaSet, import_transgeo

FILE = click.Path(path_type=Path)
OPTIONS = [
    click.option("--out", required=True, type=FILE, help="Model bundle to make."),
    click.option("--name", default="", help="Of the model. [default: after what it is]"),
    click.option("--version", default=1, show_default=True, type=click.IntRange(min=1)),
    click.option(
        "--precision",
        type=click.Choice(["fp32", "int8"]),
        default="fp32",
        show_default=True,
        help="int8 is refused if it changes the best tile of more than one photo in a hundred.",
    ),
    click.option("--held-out", type=FILE, help="pairs.csv to try the networks on. [default: a rendered city]"),
    click.option(
        "--sample-places",
        default=100,
        show_default=True,
        type=click.IntRange(min=2),
        help="Places of the rendered city; every one costs seconds with large networks.",
    ),
    click.option(
        "--footprint-m",
        type=click.FloatRange(0, 10_000, min_open=True),
        help="Ground length of a tile's side. [default: worked out from the data set, or the TOML file's]",
    ),
    click.option("--weights-licence", default="", help="Under which you hold the weights: an SPDX name or words."),
    click.option("--weights-holder", default="", help="Who made the weights."),
    click.option("--weights-source", default="", help="Where the weights came from."),
    click.option("--training-data-licence", default="", help="Of the imagery they were trained on."),
    click.option("--training-data-source", default="", help="What they were trained on."),
    click.option("--json", "as_json", is_flag=True, help="Print the manifest as one JSON object."),
]


ONNX_HELP = "\n\n".join(
    [
        "Any pair of ONNX networks, and a TOML file that says how pictures become their inputs.",
        "Input and output are renamed, a norm is appended if asked for, weights in files beside are taken in. The TOML "
        "file, with all its keys:",
        *("\b\n" + part for part in SAMPLE.strip().split("\n\n")),
    ]
)
DECLARED = ("weights_licence", "weights_holder", "weights_source", "training_data_licence", "training_data_source")


def common(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every import has."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def order_of(options: dict[str, Any]) -> Order:
    """Gather the common options."""
    declared = Declared(**{name: options.pop(name) for name in DECLARED})
    return Order(declared=declared, **options)


@click.group("import")
def command() -> None:
    """Turn someone's weights into a model bundle, with a certificate of what the conversion changed.

    Nothing in the files is run. The licences that you declare travel in the bundle's manifest.
    """


@command.command("transgeo")
@click.argument("file", type=FILE)
@click.option("--guide", help="For stage 2: the stage-1 checkpoint that says where to look, or `self`.")
@click.option("--no-crop", is_flag=True, help="For stage 2: look at all patches.")
@click.option(
    "--dataset",
    type=click.Choice(get_args(PanoramaSet)),
    help="CVUSA and CVACT have equal shapes. [default: by the path, else cvusa]",
)
@click.option("--heads", type=click.IntRange(min=1), help="Of attention. [default: one for each 64 channels]")
@common
def transgeo(
    file: Path,
    guide: str | None,
    no_crop: bool,
    dataset: PanoramaSet | None,
    heads: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """An official TransGeo checkpoint (checkpoint.pth.tar, model_best.pth.tar), or its bare state_dict.

    Stage, data set, field of view and size are told from the shapes.
    """
    if guide is not None and no_crop:
        raise UsageError("--guide and --no-crop exclude each other; give one.")
    chosen: Guide = "none" if no_crop else None
    if guide is not None:
        chosen = "self" if guide == "self" else Path(guide)
    _say(import_transgeo(file, order_of(options), Choice(chosen, dataset, heads)), as_json)


@command.command("sample4geo")
@click.argument("file", type=FILE)
@click.option(
    "--dataset",
    type=click.Choice(get_args(DatasetName)),
    help="What it was trained on. [default: by the path, as in cvact/weights_e36.pth, else cvusa]",
)
@click.option("--fov", "fov_deg", type=float, help="With university: field of view of your photos, degrees.")
@common
def sample4geo(file: Path, dataset: DatasetName | None, fov_deg: float | None, as_json: bool, **options: Any) -> None:
    """An official Sample4Geo checkpoint (weights_e*.pth); every name must match."""
    _say(import_sample4geo(file, order_of(options), dataset, fov_deg=fov_deg), as_json)


@command.command("onnx", help=ONNX_HELP)
@click.argument("ground", type=FILE)
@click.argument("aerial", type=FILE)
@click.argument("preprocessing", type=FILE)
@common
def onnx(ground: Path, aerial: Path, preprocessing: Path, as_json: bool, **options: Any) -> None:
    _say(import_onnx_pair(ground, aerial, preprocessing, order_of(options)), as_json)


def _say(bundle: ModelBundle, as_json: bool) -> None:
    manifest = bundle.manifest
    for note in manifest.training.get("notes", ()):
        click.echo(f"note: {note}", err=True)
    if as_json:
        click.echo(json.dumps(manifest.model_dump(mode="json") | {"sha256": bundle.sha256}, indent=1))
        return
    click.echo(f"{bundle.folder}: {manifest.title}, {manifest.precision}\n{manifest.label}\n{manifest.licence}")
    if manifest.certificate is None:
        return
    click.echo(f"against {manifest.certificate.reference}, on {manifest.certificate.sample}:")
    for row in manifest.certificate.rows:
        click.echo(
            f"{row.precision} {row.runtime:11}  cosine ground {row.ground_cosine:.6f} aerial {row.aerial_cosine:.6f}  "
            f"same best tile {row.top_1_agreement:.1%}  ground {row.ground_ms:.1f} ms aerial {row.aerial_ms:.1f} ms  "
            f"{row.size_bytes / 1e6:.1f} MB"
        )
