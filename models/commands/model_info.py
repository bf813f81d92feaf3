"""`skyfix model-info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from models.artefact import MANIFEST
from models.bundle import ModelBundle, StretchedView, default_bundle_path, open_model_bundle


@click.command("model-info")
@click.argument("model", required=False)
@click.option("--stage", type=click.IntRange(1, 2), default=1, show_default=True, help="Of a configuration.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; of a bundle the whole manifest.")
def command(model: str | None, stage: int, as_json: bool) -> None:
    """Say what a model is: a bundle (verified; the default one if none is given), or a training configuration.

    Of a TransGeo configuration it counts parameters and multiply-adds.
    """
    if model is None or (Path(model) / MANIFEST).is_file() or Path(model).is_dir():
        _print_bundle(open_model_bundle(Path(model) if model else default_bundle_path()), as_json)
        return
    from models.commands.costs import costs_of, print_costs
    from models.training.config import load_config

    costs = costs_of(load_config(model, stage))
    if as_json:
        click.echo(json.dumps({"configuration": model, "stage": stage, **costs}, indent=1))
    else:
        print_costs(f"{model}, stage {stage}", costs)


def _print_bundle(bundle: ModelBundle, as_json: bool) -> None:
    manifest = bundle.manifest
    if as_json:
        click.echo(json.dumps(manifest.model_dump(mode="json") | {"sha256": bundle.sha256}, indent=1))
        return
    size = sum(path.stat().st_size for path in (bundle.ground_path, bundle.aerial_path)) / 1e6
    click.echo(f"{manifest.title}  {bundle.sha256[:12]}  {size:.1f} MB  {manifest.precision}\n{manifest.label}")
    click.echo(f"licence {manifest.licence}; {manifest.attribution}")
    for line in (*_views(bundle), *_proofs(bundle)):
        click.echo(line)


def _views(bundle: ModelBundle) -> list[str]:
    manifest, ground = bundle.manifest, bundle.manifest.ground
    photo = f"canvas {ground.width_px} x {ground.height_px} px"
    if isinstance(ground, StretchedView):
        photo = f"photos of {ground.fov_deg:g} degrees stretched to {ground.width_px} x {ground.height_px} px"
    lines = [
        f"{manifest.embedding.columns} columns x {manifest.embedding.channels} channels, {photo}, "
        f"tile {manifest.aerial.size_px} px for {manifest.aerial.footprint_m:g} m"
    ]
    if manifest.cropping is not None:
        crop = manifest.cropping
        lines.append(f"attention-guided cropping: keeps {crop.keep:g}, guide {crop.guide} {crop.guide_source}".rstrip())
    return lines


def _proofs(bundle: ModelBundle) -> list[str]:
    manifest = bundle.manifest
    lines = [f"parity with torch: ground {manifest.parity.ground:.1e}, aerial {manifest.parity.aerial:.1e}"]
    if manifest.certificate is not None:
        lines += [_certified(row.model_dump()) for row in manifest.certificate.rows]
    lines += [
        f"licence of {entry.subject}: {entry.licence} (declared by {entry.declared_by})" for entry in manifest.ledger
    ]
    lines += [
        f"{row.protocol}: {row.fov_deg:g} deg, heading {row.orientation}: R@1 {row.recall_at_1:.1%} "
        f"R@5 {row.recall_at_5:.1%} of {row.queries} photos against {row.gallery} tiles"
        for row in manifest.accuracy
    ]
    return lines


def _certified(row: dict[str, Any]) -> str:
    return (
        "{precision} in {runtime}: cosine ground {ground_cosine:.6f} aerial {aerial_cosine:.6f}, same best tile "
        "{top_1_agreement:.1%}, photo {ground_ms:.0f} ms, tile {aerial_ms:.0f} ms".format(**row)
    )
