"""The curve of a run, live: curve.csv and curve.png beside the checkpoint, made anew from the log at every look.

Whoever trains watches the files; a reader finds the old ones or the new ones, never half of one.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from models.training.chart import INK, PALETTE, PAPER, SOFT, Chart, Point, Series, draw_chart, write

CSV, PNG = "curve.csv", "curve.png"
WIDTH, HIGH, HEAD, LINE = 1200, 300, 44, 22
PLAIN = ("step", "epoch", "seconds", "loss", "learning_rate", "pairs_per_s")
Row = dict[str, Any]
logger = logging.getLogger(__name__)


def write_curve(log: Path, title: str, total_steps: int) -> None:
    """Make both files beside a log.

    A disk that refuses is a warning: the run goes on.

    Args:
        log: lines as `models.training.loop` writes them.
        title: of the run.
        total_steps: where the run ends.
    """
    try:
        rows = read_log(log)
        _replace(log.with_name(CSV), table(rows).encode())
        stream = io.BytesIO()
        draw_curve(rows, title, total_steps).save(stream, "PNG")
        _replace(log.with_name(PNG), stream.getvalue())
    except OSError as error:
        logger.warning("the curve beside %s cannot be written: %s", log, error)


def read_log(log: Path) -> list[Row]:
    """Read the lines of a log by rising step; of a step that was done twice the last, of a line cut short nothing."""
    rows: dict[int, Row] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        rows[row["step"]] = row
    return [rows[step] for step in sorted(rows)]


def table(rows: Sequence[Row]) -> str:
    """Lay out rows as CSV, recalls by their names; what a row lacks is empty."""
    names = list(dict.fromkeys(name for row in rows for name in row["recall"]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*PLAIN, *names])
    for row in rows:
        writer.writerow([*(row.get(name, "") for name in PLAIN), *(row["recall"].get(name, "") for name in names)])
    return text.getvalue()


def draw_curve(rows: Sequence[Row], title: str, total_steps: int) -> Image.Image:
    """Draw loss and learning rate, and below them each kind of recall, one line a kind of photo."""
    names = list(dict.fromkeys(name for row in rows for name in row["recall"]))
    kinds = list(dict.fromkeys(_parts(name)[0] for name in names))
    metrics = list(dict.fromkeys(_parts(name)[1] for name in names))
    colours = {kind: PALETTE[place % len(PALETTE)] for place, kind in enumerate(kinds)}
    upper = [Chart(said, [Series(_points(rows, key), PALETTE[0])]) for key, said in _UPPER]
    lower = [
        Chart(
            metric,
            [Series(_recalls(rows, name), colours[_parts(name)[0]]) for name in names if _parts(name)[1] == metric],
            True,
        )
        for metric in metrics
    ]
    legend = [kind for kind in kinds if kind]
    whole = Image.new("RGB", (WIDTH, HEAD + 2 * HIGH + LINE * bool(legend) + 12), PAPER)
    pen = ImageDraw.Draw(whole)
    write(pen, (20, HEAD / 2), title, 20, INK, "lm")
    last = rows[-1] if rows else None
    said = f"step {last['step']} of {total_steps}" if last else f"{total_steps} steps to go"
    write(pen, (WIDTH - 20, HEAD / 2), said, 15, SOFT, "rm")
    for top, charts in ((HEAD, upper), (HEAD + HIGH, lower)):
        for place, chart in enumerate(charts):
            width = WIDTH // len(charts)
            whole.paste(draw_chart(chart, (width, HIGH), float(total_steps)), (place * width, top))
    x = 62.0
    for kind in legend:
        y = HEAD + 2 * HIGH + LINE / 2
        pen.line([x, y, x + 22, y], colours[kind], 3)
        write(pen, (x + 30, y), kind, 14, INK, "lm")
        x += 60 + pen.textlength(kind, font_size=14)
    return whole


_UPPER = (("loss", "Loss, mean since the last look"), ("learning_rate", "Learning rate"))


def _parts(name: str) -> tuple[str, str]:
    """Take "360-unknown R@1" apart: the kind of photo, or nothing, and the metric."""
    kind, _, metric = name.rpartition(" ")
    return kind, metric


def _points(rows: Sequence[Row], key: str) -> list[Point]:
    return [(row["step"], float(row.get(key, math.nan))) for row in rows]


def _recalls(rows: Sequence[Row], name: str) -> list[Point]:
    return [(row["step"], float(row["recall"].get(name, math.nan))) for row in rows]


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
