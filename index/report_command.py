"""`skyfix index report`: a page about an index, and whether its places can be told from each other."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from index.bundle import Index, open_index
from index.options import INDEX
from index.report.aliasing import Int64s, Twins, find_twins
from index.report.page import Findings, render_page
from index.report.verdict import Judged, headline, judge, sentence
from models.errors import OutputUnwritable
from models.evaluation.report.document import check_report_path

FOVS_DEG = (360.0, 90.0)
FAR_M = 150.0
MOST_COMPARISONS = 20_000_000
"""Of a tile with a position: about a minute on one core."""
LEAST_SAMPLE = 64


@click.command("report")
@INDEX
@click.option("--out", required=True, type=click.Path(path_type=Path), help="HTML file; an older one is replaced.")
@click.option(
    "--far-m",
    type=click.FloatRange(min=0, min_open=True),
    help="Tiles this far apart must be told from each other. [default: 150, or the side of a tile if that is more]",
)
@click.option(
    "--sample", type=click.IntRange(min=1), help="Tiles to find twins for. [default: as many as take about a minute]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(path: Path, out: Path, far_m: float | None, sample: int | None, as_json: bool) -> None:
    """Write one HTML page: coverage, imagery, what was left out, and where places look alike."""
    check_report_path(out)
    index = open_index(path)
    findings = look(index, far_m or max(FAR_M, index.manifest.footprint_m), sample)
    _write(out, render_page(findings))
    if as_json:
        views = [_figures(*view) for view in findings.views]
        click.echo(json.dumps({"report": str(out), "index": index.title, "tiles": len(index), "views": views}))
    else:
        click.echo(headline(findings.views))
        for view in findings.views:
            click.echo(sentence(*view))
        click.echo(f"written to {out}")


def look(index: Index, far_m: float, sample: int | None = None) -> Findings:
    """Find twins for an evenly spread sample of tiles, seen whole and, where there are headings, a quarter of it."""
    rows = choose_rows(len(index), index.cell_count, sample)
    fovs = FOVS_DEG if index.manifest.embedding.columns > 1 else FOVS_DEG[:1]
    found = []
    with Progress(console=Console(stderr=True)) as bar:
        for fov_deg in fovs:
            task = bar.add_task(f"twins, {fov_deg:g}°", total=1.0)

            def show(share: float, task: Any = task) -> None:
                bar.update(task, completed=share)

            twins = find_twins(index, rows, far_m, fov_deg, show)
            found.append((twins, judge(twins)))
    return Findings(index, tuple(found))


def choose_rows(count: int, cells: int, sample: int | None) -> Int64s:
    """Give rows, rising and evenly spread over the order of the index; all of them where that is cheap enough."""
    wanted = sample or max(LEAST_SAMPLE, MOST_COMPARISONS // (count * cells))
    return np.unique(np.linspace(0, count - 1, min(wanted, count)).astype(np.int64))


def _figures(twins: Twins, judged: Judged) -> dict[str, Any]:
    def middle(values: Any) -> float | None:
        return None if np.isnan(values).all() else round(float(np.nanmedian(values)), 6)

    return {
        "fov_deg": twins.fov_deg,
        "far_m": twins.far_m,
        "compared": int(judged.known.sum()),
        "twin_share": judged.twin_share,
        "close_share": judged.close_share,
        "median_similarity": middle(twins.similarity),
        "median_typical": middle(twins.typical),
        "median_beside": middle(twins.beside),
    }


def _write(path: Path, page: str) -> None:
    """Replace a file in one step."""
    fresh = path.with_name(f".{path.name}.tmp-{secrets.token_hex(4)}")
    try:
        fresh.write_text(page, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise OutputUnwritable(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        fresh.unlink(missing_ok=True)
