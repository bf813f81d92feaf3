"""One self-contained HTML file of an evaluation: figures, curves, pictures, and the command that gave them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from models.errors import UsageError
from models.evaluation.protocols import find_protocol
from models.evaluation.report.curves import by_heading, error_curve, heading_curve, recall_curve
from models.evaluation.report.pictures import pictures
from models.evaluation.report.style import STYLE
from models.evaluation.report.tables import error_table, recall_table, robustness_table
from models.evaluation.report.wording import is_synthetic
from models.evaluation.results import ProtocolResult
from models.evaluation.robustness import Robustness
from models.evaluation.run import Run

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def check_report_path(path: Path) -> None:
    """Refuse a report that could not be written once everything is measured.

    Raises:
        UsageError: no .html file, or in no folder.
    """
    if path.suffix.lower() not in (".html", ".htm") or path.is_dir():
        raise UsageError(f"The report is an HTML file; {path} does not end in .html.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {path.absolute().parent} for the report.")


def write_report(path: Path, runs: Sequence[Run], robustness: Sequence[Robustness] = ()) -> None:
    """Write a page about runs of one model on one data set.

    Args:
        path: .html file; an older one is replaced.
        runs: one per setting, without corruption; their pictures are read again.
        robustness: tables to add, one per setting.
    """
    path.write_text(render_report(runs, robustness), encoding="utf-8")


def render_report(runs: Sequence[Run], robustness: Sequence[Robustness] = ()) -> str:
    """Give the page's HTML."""
    results, first = [run.result for run in runs], runs[0].result
    charts = [recall_curve(runs), error_curve(runs), heading_curve(runs), *map(by_heading, runs)]
    body = [
        _head(first, runs[0]),
        "<h2>Figures</h2>",
        recall_table(results),
        error_table(results),
        f'<div class="charts">{"".join(charts)}</div>',
        *(f"<h2>Robustness</h2>{robustness_table(one)}" for one in robustness),
        *map(pictures, runs),
    ]
    title = escape(f"{first.model} on {first.data_set}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def _head(result: ProtocolResult, run: Run) -> str:
    synthetic = is_synthetic(run.measured.pairs)
    notice = '<p class="synthetic">These pairs are <b>synthetic</b>: rendered by code, no real place.</p>'
    facts = {
        "model": f"{result.model}, sha256 {result.model_sha256}",
        "what it is": result.model_label,
        "licence of the model": result.model_licence or "(none given)",
        "protocol": f"{result.protocol}: {find_protocol(result.protocol).words}",
        "data set": f"{result.data_set}, {result.queries} photos against {result.gallery} tiles",
        "photos": _photo_words(result),
    }
    if result.without_right_answer:
        facts["no right tile"] = f"{result.without_right_answer} photos, counted as missed"
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in facts.items())
    command = f"<pre>{escape(result.command)}</pre>" if result.command else ""
    title = escape(f"{result.model} on {result.data_set}")
    return f"<h1>{title}</h1>{notice if synthetic else ''}<dl>{rows}</dl>{command}"


def _photo_words(result: ProtocolResult) -> str:
    if result.turned:
        return f"panoramas of unknown heading are turned by angles drawn from seed {result.seed}"
    return "panoramas as they are, or cut to their middle for a narrower field of view"
