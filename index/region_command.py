"""`skyfix index region`: put indexes behind one name; and what a region says of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from index.region_file import REGION, write_region
from index.region_plan import RegionPlan, about_region
from index.region_survey import survey
from models.errors import OutputUnwritable


@click.command("region")
@click.argument("roots", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write, by custom region.json.")
@click.option("--name", help="Name of the region. [default: that of the file's folder]")
def command(roots: tuple[Path, ...], out: Path, name: str | None) -> None:
    """Verify the indexes in DIR... and list them in a file that is served like one index.

    Every byte of them is read once. The file names the generation of each; write it again when one has a new one.
    """
    out = out / REGION if out.is_dir() else out
    plan = survey(name or out.resolve().parent.name, roots, lambda line: click.echo(line, err=True))
    try:
        document = write_region(out, plan, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    except OSError as error:
        raise OutputUnwritable(f"Cannot write {out}: {error.strerror}. Choose another file, or free it.") from error
    tiles = sum(member.count for member in document.members)
    click.echo(f"{out}: {document.name}, {len(document.members)} members, {tiles} tiles, {document.tile_ids} tile ids.")


def document_of(plan: RegionPlan) -> dict[str, object]:
    """What `skyfix index info --json` prints of a region."""
    about = about_region(plan)
    return {
        "name": plan.name,
        "tiles": about.tiles,
        "bounds": list(about.bounds),
        "attribution": about.attribution,
        "licence": about.licence,
        "stored_bytes": about.stored_bytes,
        "tile_ids": "qualified" if plan.qualified else "plain",
        "notices": list(plan.notices),
        "members": [
            {
                "name": member.name,
                "generation": member.manifest.generation,
                "sha256": member.manifest.sha256,
                "tiles": member.manifest.count,
                "bounds": list(member.manifest.bounds),
                "vector_bytes": member.vector_bytes,
            }
            for member in plan.members
        ],
    }


def print_region(plan: RegionPlan) -> None:
    """Print a table of the members for people, and the notices below it."""
    about, console = about_region(plan), Console()
    table = Table(title=f"{plan.name}: {about.tiles} tiles in {len(plan.members)} indexes", title_justify="left")
    table.add_column("member", overflow="fold")
    for name in ("generation", "tiles", "GB of vectors"):
        table.add_column(name, justify="right")
    table.add_column("west south east north", overflow="fold")
    for member in plan.members:
        manifest = member.manifest
        box = " ".join(f"{side:.4f}" for side in manifest.bounds)
        table.add_row(
            member.name, str(manifest.generation), str(manifest.count), f"{member.vector_bytes / 1e9:.3f}", box
        )
    console.print(table)
    console.print(f"attribution: {about.attribution or '(none given)'}", highlight=False)
    for notice in plan.notices:
        console.print(f"notice: {notice}", highlight=False)
