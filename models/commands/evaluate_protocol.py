"""What `skyfix evaluate` does with a data set: every setting, with and without corruption, then the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from models.bundle import StretchedView
from models.commands.evaluate_options import EvaluateOptions
from models.commands.own_scale import warn_of_unknown_scale
from models.datasets.pairset import PairSet
from models.encoder import Encoder
from models.evaluation.embeddings import OnProgress
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.report.document import write_report
from models.evaluation.results import ProtocolResult
from models.evaluation.robustness import Robustness, measure_robustness
from models.evaluation.run import Run, run_protocol, workspace
from models.evaluation.settings import FULL_DEG, Settings


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was measured: one row a setting, and one robustness table a setting if asked for."""

    results: list[ProtocolResult]
    robustness: list[Robustness]

    def document(self) -> dict[str, Any]:
        spoiled = [row for one in self.robustness for row in one.rows]
        document: dict[str, Any] = {"rows": [row.model_dump(mode="json") for row in (*self.results, *spoiled)]}
        if self.robustness:
            document["robustness"] = [
                {"fov_deg": one.clean.fov_deg, "orientation": one.clean.orientation}
                | one.model_dump(mode="json", include={"means", "overall"})
                for one in self.robustness
            ]
        return document


def measure(encoder: Encoder, options: EvaluateOptions, command: str) -> Evaluation:
    """Measure every setting of the options, with progress on stderr."""
    pairs = PROTOCOLS[options.protocol_name].open(options.data, options.labels)
    wanted = all_settings(encoder, options, pairs)
    if wanted[0].footprint_m is not None:
        warn_of_unknown_scale(pairs, wanted[0].footprint_m, options.ground_resolution_m)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars, workspace(options.embeddings) as folder:
        job = _Job(encoder, pairs, options, command, bars, folder, len(wanted) > 1)
        runs = [job.run(settings) for settings in wanted]
        robustness = [job.spoil(run) for run in runs] if options.corruptions else []
        if options.recentre:
            runs += [job.run_recentred(settings) for settings in wanted]
        if options.report is not None:
            write_report(options.report, runs, robustness)
    return Evaluation([run.result for run in runs], robustness)


def all_settings(encoder: Encoder, options: EvaluateOptions, pairs: PairSet) -> list[Settings]:
    """List what is to be measured, in the order of the table."""
    protocol, view = PROTOCOLS[options.protocol_name], encoder.manifest.ground
    usual = view.fov_deg if isinstance(view, StretchedView) else FULL_DEG
    return [
        protocol.settings(
            encoder.manifest,
            orientation=orientation,
            fov_deg=fov,
            seed=options.seed,
            footprint_m=options.footprint_m,
            ground_resolution_m=options.ground_resolution_m,
        )
        for fov in options.fovs or (None,)
        for orientation in (
            options.orientations() if protocol.is_own else options.published_orientations(fov or usual, pairs)
        )
    ]


class _Job:
    """The runs of one command: they share the descriptions of the tiles."""

    def __init__(
        self,
        encoder: Encoder,
        pairs: PairSet,
        options: EvaluateOptions,
        command: str,
        bars: Progress,
        folder: Path,
        several: bool,
    ) -> None:
        self.encoder, self.pairs, self.protocol, self.command = encoder, pairs, options.protocol_name, command
        self.options, self.bars, self.folder, self.several = options, bars, folder, several
        self.gallery: Path | None = None

    def run(self, settings: Settings) -> Run:
        """Measure one setting, in a folder of its own if there are several."""
        found = self._measure(settings, self._folder_of(settings))
        self.gallery = found.measured.embeddings.folder
        return found

    def run_recentred(self, settings: Settings) -> Run:
        """Measure a setting that was measured before, around the mean of each view."""
        return self._measure(settings, self._folder_of(settings), recentred=True)

    def _folder_of(self, settings: Settings) -> Path:
        return self.folder / settings.name if self.several else self.folder

    def spoil(self, clean: Run) -> Robustness:
        def measure_one(name: str, severity: int, folder: Path) -> Run:
            return self._measure(clean.measured.settings.corrupted(name, severity), folder)

        return measure_robustness(clean, self.options.corruptions, self.options.severities, measure_one)

    def _measure(self, settings: Settings, folder: Path, *, recentred: bool = False) -> Run:
        return run_protocol(
            self.encoder,
            self.pairs,
            self.protocol,
            settings,
            folder,
            gallery=self.gallery,
            command=self.command,
            on_progress=_teller(self.bars, settings),
            recentred=recentred,
        )


def _teller(bars: Progress, settings: Settings) -> OnProgress:
    """One bar for each thing that a run does, shown from its first news on."""
    tasks: dict[str, TaskID] = {}
    spoiled = "" if settings.corruption is None else f" {settings.corruption} {settings.severity}"

    def tell(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(f"{settings.name}{spoiled}: {stage}", total=total)
        bars.update(tasks[stage], completed=done)

    return tell
