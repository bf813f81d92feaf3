"""`skyfix export`."""

from __future__ import annotations

from pathlib import Path

import click

from models.exporting.run import export_run


@click.command("export")
@click.option(
    "--checkpoint", required=True, type=click.Path(path_type=Path), help="checkpoint.pt of a run, or its folder."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Model bundle to make.")
@click.option("--full-weights", is_flag=True, help="Store weights as float32 instead of float16.")
def command(checkpoint: Path, out: Path, full_weights: bool) -> None:
    """Write a model bundle: ONNX opset 17, L2 norm inside, parity with torch checked."""
    bundle = export_run(checkpoint, out, half_weights=not full_weights)
    parity = bundle.manifest.parity
    size = sum(path.stat().st_size for path in (bundle.ground_path, bundle.aerial_path)) / 1e6
    click.echo(
        f"{out}: {bundle.manifest.title}, {size:.1f} MB, parity ground {parity.ground:.1e} aerial {parity.aerial:.1e}"
    )
