"""The run: photos are looked at a few at a time, concluded one after another in their order, and reported."""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from models.artefact import canonical_json
from models.disk import DISK, Disk
from models.errors import EncoderUnavailable, SkyfixError, SourceError, UsageError
from service.environment import program_version
from service.errors import NotCalibrated
from service.geotagging.concluding import Conclusion, conclude, odd, unforeseen
from service.geotagging.looking import Look, Looker
from service.geotagging.memory import Memory
from service.geotagging.options import Options
from service.geotagging.report import write_report
from service.geotagging.report_folder import archive, report_folder
from service.geotagging.rows import Row
from service.geotagging.walk import Leftover, Odd, Photo, walk
from service.index_localizer import UNCALIBRATED, IndexLocalizer
from service.pictures.background import Background, PlainGround
from service.query import Query

MOST_FAILURES = 5
"""Runs of the network that may fail one after another before it is not the photos' fault."""
MOST_AT_ONCE = 4
PLAIN = PlainGround()
logger = logging.getLogger("skyfix")
Progress = Callable[[int, int], None]
"""Photos done, and all there are."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did."""

    rows: tuple[Row, ...]
    left: int
    """Photos that were not reached, as the run was stopped."""
    report: Path
    notices: tuple[str, ...] = ()
    """What did not come off besides."""

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(row.outcome for row in self.rows)

    @property
    def new(self) -> int:
        return sum(row.is_new for row in self.rows)


def geotag(
    root: Path,
    localizer: IndexLocalizer,
    query: Query,
    options: Options,
    report: Path,
    *,
    background: Background = PLAIN,
    stopped: Callable[[], bool] = lambda: False,
    progress: Progress = lambda done, total: None,  # noqa: ARG005
    at_once: int | None = None,
    disk: Disk = DISK,
) -> Done:
    """Give positions to the photos of an archive that have none.

    Args:
        root: the archive.
        localizer: of a calibrated model.
        query: what to ask about every photo.
        options: which positions are written, and how.
        report: folder for the journal and the report; made.
        background: what the map is drawn on.
        stopped: asked between photos; those at hand are finished.
        progress: told after every photo.
        at_once: photos that are looked at at once; a few by default.
        disk: what to write through.

    Raises:
        NotCalibrated: the model has no calibration.
        UsageError: the archive is no folder.
        EncoderUnavailable: the network fails on one photo after another.
        BackendUnavailable, BundleError: nobody to ask any longer. The report holds what was done, as after any error.
        OutputError: the report cannot be written, or another run is writing it.
    """
    if UNCALIBRATED in localizer.recipe.first_notices:
        raise NotCalibrated(
            f"The model {localizer.about.model} has no calibration, so a good answer cannot be told from a guess. "
            "Calibrate it (skyfix calibrate) or take another bundle."
        )
    root = root.resolve()
    if not root.is_dir():
        raise UsageError(f"{root} is no folder.")
    with archive(root), report_folder(report):
        memory = Memory(report, _question(localizer, query), disk)
        items = list(_tidied(root, options))
        looker = Looker(localizer, query, memory, options, program_version())
        rows: list[Row] = []
        trouble: SkyfixError | None = None
        try:
            for conclusion in _concluded(items, looker, options, stopped, at_once or _at_once(), disk):
                if conclusion.photo is not None and conclusion.known is not None:
                    memory.keep(conclusion.photo, conclusion.known)
                rows.append(conclusion.row)
                progress(len(rows), len(items))
                _check(localizer, rows)
        except SkyfixError as error:
            trouble = error
        notices = _reported(report, rows, background, root.name, disk)
        if trouble is not None:
            raise trouble
    return Done(tuple(rows), len(items) - len(rows), report, notices)


def _reported(report: Path, rows: list[Row], background: Background, title: str, disk: Disk) -> tuple[str, ...]:
    """Write the report; a map without its imagery is no reason to call the run a failure."""
    try:
        write_report(report, rows, background, title, disk)
    except SourceError as error:
        return (f"The map was not drawn: {error}",)
    return ()


def _check(localizer: IndexLocalizer, rows: list[Row]) -> None:
    """Hold what was concluded against what the network did, which is some photos ahead."""
    last = rows[-MOST_FAILURES:]
    failed = len(last) == MOST_FAILURES and all(row.outcome == "failed" for row in last)
    if failed and localizer.failures_in_a_row >= MOST_FAILURES:
        raise EncoderUnavailable(f"The network failed {MOST_FAILURES} times in a row. {last[-1].detail}")


def _at_once() -> int:
    return min(MOST_AT_ONCE, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _question(localizer: IndexLocalizer, query: Query) -> str:
    """Everything that an answer depends on besides the photo and what is written down beside it."""
    about = localizer.about
    who = [about.index, str(about.index_created), about.model, about.model_precision, program_version()]
    return canonical_json([who, repr(query)]).decode()


def _tidied(root: Path, options: Options) -> Iterator[Photo | Odd]:
    """Walk, and remove what a killed run left."""
    for item in walk(root):
        if not isinstance(item, Leftover):
            yield item
        elif not options.dry_run:
            with suppress(OSError):
                item.path.unlink()


def _concluded(
    items: list[Photo | Odd], looker: Looker, options: Options, stopped: Callable[[], bool], at_once: int, disk: Disk
) -> Iterator[Conclusion]:
    """Look ahead by a few photos, so that one is decoded while the network runs on another."""
    ahead: deque[tuple[Photo, Future[Look]] | Odd] = deque()
    waiting = iter(items)
    with ThreadPoolExecutor(at_once, "look") as pool:
        while True:
            while len(ahead) < at_once + 1 and not stopped():
                item = next(waiting, None)
                if item is None:
                    break
                ahead.append(item if isinstance(item, Odd) else (item, pool.submit(looker.look, item)))
            if not ahead:
                return
            first = ahead.popleft()
            if isinstance(first, Odd):
                yield odd(first)
                continue
            photo, look = first
            try:
                conclusion = conclude(look.result(), options, disk)
            except (SkyfixError, OSError):
                raise
            except Exception as error:  # the outermost loop: one photo must not stop all others, every time
                logger.exception("%s", photo.name)
                conclusion = unforeseen(photo, error)
            yield conclusion
