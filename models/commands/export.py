"""`skyfix export`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import click

from models.bundle import ModelBundle, open_model_bundle
from models.errors import UsageError
from models.exporting.joined import export_joined
from models.exporting.mobile import DeviceManifest, export_mobile
from models.exporting.run import export_run


@click.command("export")
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path),
    help="checkpoint.pt of a run, or its folder. Several runs of one network of azimuth columns are joined.",
)
@click.option("--bundle", type=click.Path(path_type=Path), help="With --target mobile: a bundle instead of a run.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make.")
@click.option(
    "--target",
    type=click.Choice(["bundle", "mobile"]),
    default="bundle",
    show_default=True,
    help="A model bundle, or the photo's network for devices: ONNX, ORT format and preprocessing.json.",
)
@click.option("--full-weights", is_flag=True, help="Store weights as float32 instead of float16.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as one JSON object.")
def command(
    checkpoints: tuple[Path, ...],
    bundle: Path | None,
    out: Path,
    target: Literal["bundle", "mobile"],
    full_weights: bool,
    as_json: bool,
) -> None:
    """Write a model bundle (ONNX opset 17, L2 norm inside) or what a device needs of one.

    Parity with torch is checked, sizes and times on one thread of this machine go into the manifest.
    """
    if bool(checkpoints) == (bundle is not None) or (bundle is not None and (target == "bundle" or full_weights)):
        raise UsageError("Give --checkpoint RUN; or, with --target mobile alone, --bundle B as it is.")
    if target == "bundle":
        _say_bundle(_export(checkpoints, out, full_weights), as_json)
        return
    with TemporaryDirectory() as folder:
        source = (
            _export(checkpoints, Path(folder) / "bundle", full_weights) if bundle is None else open_model_bundle(bundle)
        )
        _say_mobile(export_mobile(source, out), out, as_json)


def _export(checkpoints: Sequence[Path], out: Path, full_weights: bool) -> ModelBundle:
    if len(checkpoints) > 1:
        return export_joined(checkpoints, out, half_weights=not full_weights)
    return export_run(checkpoints[0], out, half_weights=not full_weights)


def _say_bundle(bundle: ModelBundle, as_json: bool) -> None:
    manifest = bundle.manifest
    if as_json:
        click.echo(json.dumps(manifest.model_dump(mode="json") | {"sha256": bundle.sha256}, indent=1))
        return
    parity, size = manifest.parity, (bundle.ground_path.stat().st_size, bundle.aerial_path.stat().st_size)
    click.echo(
        f"{bundle.folder}: {manifest.title}, ground {size[0] / 1e6:.1f} MB aerial {size[1] / 1e6:.1f} MB, "
        f"parity ground {parity.ground:.1e} aerial {parity.aerial:.1e}"
    )
    proof = manifest.certificate
    row = proof.row("fp32") if proof else None
    if proof is not None and row is not None:
        narrow = "" if row.photo_90_ms is None else f", photo of 90 degrees {row.photo_90_ms:.1f} ms"
        click.echo(f"one thread of {proof.cpu}: photo {row.ground_ms:.1f} ms{narrow}, tile {row.aerial_ms:.1f} ms")


def _say_mobile(manifest: DeviceManifest, out: Path, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(manifest.model_dump(mode="json"), indent=1))
        return
    click.echo(f"{out}: {manifest.name}@{manifest.version}; one thread of {manifest.certificate.cpu}:")
    for row in manifest.certificate.rows:
        narrow = "" if row.photo_90_ms is None else f", of 90 degrees {row.photo_90_ms:.1f} ms"
        click.echo(
            f"{row.file}: {row.size_bytes / 1e6:.1f} MB, photo {row.panorama_ms:.1f} ms{narrow}, "
            f"cosine {row.cosine:.6f}, difference {row.difference:.1e}"
        )
