"""`skyfix model-info`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from models.bundle import default_bundle_path, open_model_bundle


@click.command("model-info")
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the whole manifest as one JSON object.")
def command(bundle: Path | None, as_json: bool) -> None:
    """Verify a model bundle (the default one if none is given) and say what it is."""
    opened = open_model_bundle(bundle or default_bundle_path())
    manifest = opened.manifest
    if as_json:
        click.echo(json.dumps(manifest.model_dump(mode="json") | {"sha256": opened.sha256}, indent=1))
        return
    size = sum(path.stat().st_size for path in (opened.ground_path, opened.aerial_path)) / 1e6
    click.echo(f"{manifest.title}  {opened.sha256[:12]}  {size:.1f} MB\n{manifest.label}")
    click.echo(f"licence {manifest.licence}; {manifest.attribution}")
    click.echo(
        f"{manifest.embedding.columns} columns x {manifest.embedding.channels} channels, "
        f"canvas {manifest.ground.width_px} x {manifest.ground.height_px} px, "
        f"tile {manifest.aerial.size_px} px for {manifest.aerial.footprint_m:g} m"
    )
    click.echo(f"parity with torch: ground {manifest.parity.ground:.1e}, aerial {manifest.parity.aerial:.1e}")
    for row in manifest.accuracy:
        click.echo(
            f"{row.protocol}: {row.fov_deg:g} deg, heading {row.orientation}: R@1 {row.recall_at_1:.1%} "
            f"R@5 {row.recall_at_5:.1%} of {row.queries} photos against {row.gallery} tiles"
        )
