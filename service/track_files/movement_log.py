"""A CSV of how a camera moved: what wheels or steps counted, or how fast it was.

    time,forward_m,turn_deg         metres and degrees clockwise since the row before
    time,speed_mps[,heading_deg]    speed, and the heading it went to, clockwise from true north

`time` is ISO 8601 (UTC where it names no zone) or seconds since 1970; with photos that know no time, seconds since the
first of them.
"""

from __future__ import annotations

import csv
import io
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.errors import TrackFileInvalid
from service.track_files.values import read_heading, read_number, read_time
from service.track_files.whole import check_points, read_whole

MOST_BYTES = 64 << 20
TIMES = ("time", "timestamp", "seconds")
LASTS_S = 5.0
"""A speed counts for so long after it was measured."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How it moved over one interval: way and turn, or speed."""

    forward_m: float | None = None
    """Along the middle between the old and the new heading."""
    turn_deg: float = 0.0
    speed_mps: float | None = None
    heading_deg: float | None = None


@dataclass(frozen=True, slots=True)
class MovementLog:
    """Rows by rising time; `values` are (forward_m, turn_deg) of steps, else (speed_mps, heading_deg or NaN)."""

    is_steps: bool
    times_s: Sequence[float]
    values: Sequence[tuple[float, float]]

    def between(self, start_s: float, end_s: float) -> Moved | None:
        """Say how it moved from one time to another; None where no row tells.

        Steps are those whose rows lie after `start_s`, up to `end_s`; a row that lies across either counts whole.
        """
        first, last = bisect_right(self.times_s, start_s), bisect_right(self.times_s, end_s)
        rows = self.values[first:last]
        if self.is_steps:
            return _together(rows) if rows else None
        if not rows and last and end_s - self.times_s[last - 1] <= LASTS_S:
            rows = self.values[last - 1 : last]
        if not rows:
            return None
        heading = rows[-1][1]
        speed = sum(speed for speed, _ in rows) / len(rows)
        return Moved(speed_mps=speed, heading_deg=None if math.isnan(heading) else heading)


def _together(rows: Sequence[tuple[float, float]]) -> Moved:
    """Drive all steps one after another; give the way there, seen from the middle heading."""
    x = y = heading = 0.0
    for forward_m, turn_deg in rows:
        middle = math.radians(heading + turn_deg / 2)
        x, y = x + forward_m * math.sin(middle), y + forward_m * math.cos(middle)
        heading += turn_deg
    middle = math.radians(heading / 2)
    return Moved(forward_m=x * math.sin(middle) + y * math.cos(middle), turn_deg=heading)


def read_movement(path: Path) -> MovementLog:
    """Read a log.

    Raises:
        TrackFileInvalid: columns are missing, or a row holds no number or time, or goes back in time; with its line.
        TrackFileTooLarge: it has more bytes or rows than are read.
    """
    try:
        text = read_whole(path, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrackFileInvalid(f"{path} is no UTF-8 text. Save it as CSV in UTF-8.") from error
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        time, first, second = _columns(path, head)
        times: list[float] = []
        values: list[tuple[float, float]] = []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            check_points(str(path), len(times) + 1)
            cells = {name: cell.strip() for name, cell in zip(head, row, strict=False)}
            moment, value = _time(cells.get(time, "")), read_number(cells.get(first, ""))
            if moment is None or value is None:
                raise TrackFileInvalid(
                    f"{path}, line {reader.line_num}: {time} and {first} have to be there, as numbers."
                )
            if times and moment < times[-1]:
                raise TrackFileInvalid(f"{path}, line {reader.line_num}: its time is before that of the row above.")
            times.append(moment)
            values.append((value, _second(second, cells.get(second, ""), f"{path}, line {reader.line_num}")))
    except csv.Error as error:
        raise TrackFileInvalid(f"{path}, line {reader.line_num}: {error}.") from error
    if not times:
        raise TrackFileInvalid(f"{path} has no row below its head.")
    return MovementLog(first == "forward_m", times, values)


def _columns(path: Path, head: list[str]) -> tuple[str, str, str]:
    time = next((name for name in TIMES if name in head), None)
    if time is not None and "forward_m" in head:
        return time, "forward_m", "turn_deg"
    if time is not None and "speed_mps" in head:
        return time, "speed_mps", "heading_deg"
    raise TrackFileInvalid(
        f"{path} has the columns {', '.join(head)[:120] or 'none'}. A log of movement has time,forward_m,turn_deg or "
        "time,speed_mps,heading_deg."
    )


def _second(name: str, text: str, where: str) -> float:
    """Read a turn, 0 where there is none, or a heading, NaN where there is none."""
    if not text:
        return 0.0 if name == "turn_deg" else math.nan
    value = read_number(text) if name == "turn_deg" else read_heading(text)
    if value is None:
        raise TrackFileInvalid(f"{where}: {name} has to be a number.")
    return value


def _time(text: str) -> float | None:
    number = read_number(text)
    if number is not None:
        return number
    read = read_time(text)
    return None if read is None else read[0].timestamp()
