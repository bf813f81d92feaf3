"""The options of `skyfix evaluate` and which of them go together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from models.datasets.pairset import PairSet
from models.datasets.vigor_labels import Kind as Labels
from models.errors import UsageError
from models.evaluation.corruptions.catalogue import CORRUPTIONS, SEVERITIES
from models.evaluation.metrics import TieRule
from models.evaluation.report.document import check_report_path
from models.evaluation.settings import FULL_DEG, Orientation

BOTH: tuple[Orientation, ...] = ("known", "unknown")


@dataclass(frozen=True, slots=True)
class EvaluateOptions:
    """As the command line gave them."""

    bundle: Path | None
    protocol: str | None
    root: Path | None
    labels: Labels
    pairs: Path | None
    city: int | None
    places: int
    extent_m: float
    stride_m: float | None
    fovs: tuple[float, ...]
    orientation: Literal["known", "unknown", "both"] | None
    seed: int
    footprint_m: float | None
    ground_resolution_m: float | None
    corruption: str | None
    recentre: bool
    conditions: bool
    severity: str
    ties: TieRule
    embeddings: Path | None
    report: Path | None
    threads: int
    record: bool
    markdown: bool
    as_json: bool

    @property
    def protocol_name(self) -> str:
        return self.protocol or "own"

    @property
    def data(self) -> Path:
        """The data set's folder, or the pairs file."""
        found = self.pairs if self.protocol_name == "own" else self.root
        if found is None:
            raise UsageError("Name the data set: --root DIR, or --pairs FILE for your own pairs.")
        return found

    @property
    def corruptions(self) -> tuple[str, ...]:
        if self.corruption is None:
            return ()
        return tuple(CORRUPTIONS) if self.corruption == "all" else (self.corruption,)

    @property
    def severities(self) -> tuple[int, ...]:
        return SEVERITIES if self.severity == "all" else (int(self.severity),)

    def orientations(self) -> tuple[Orientation, ...]:
        """What was asked for; both where nothing was."""
        return tuple(each for each in BOTH if self.orientation in (each, "both", None))

    def published_orientations(self, fov_deg: float, pairs: PairSet) -> tuple[Orientation, ...]:
        """What was asked for; else known for whole panoramas, unknown for narrower views and where no heading is."""
        if self.orientation is not None:
            return self.orientations()
        return BOTH[:1] if fov_deg >= FULL_DEG and not np.isnan(pairs.heading_deg).all() else BOTH[1:]

    def check(self) -> None:
        """Raise UsageError for options that do not go together."""
        if self.city is not None:
            self._check_city()
        elif self.protocol_name != "own" and (self.root is None or self.pairs is not None):
            raise UsageError(
                f"--protocol {self.protocol} wants --root DIR, the folder of the data set, and no --pairs."
            )
        elif self.protocol_name == "own" and (self.pairs is None or self.root is not None):
            raise UsageError("Give one of --protocol NAME --root DIR, --pairs FILE or --city SEED.")
        if self.conditions or self.markdown:
            self._check_conditions()
        if self.recentre and self.city is not None:
            raise UsageError("--recentre goes with --pairs or --protocol; the model is at home in sample cities.")
        if self.record and self.city is None:
            raise UsageError("Only figures on sample cities are recorded: others cannot be had again by everyone.")
        if self.report is not None:
            check_report_path(self.report)

    def _check_conditions(self) -> None:
        if self.city is None or not self.conditions:
            raise UsageError("--conditions renders a sample city and wants --city SEED; --markdown wants --conditions.")
        if self.record or self.stride_m is not None:
            raise UsageError("--conditions compares centred tiles and prints a table; leave --record and --stride out.")

    def _check_city(self) -> None:
        for name in (
            "protocol",
            "root",
            "pairs",
            "corruption",
            "embeddings",
            "report",
            "footprint_m",
            "ground_resolution_m",
        ):
            if getattr(self, name) is not None:
                raise UsageError(f"--city renders its own photos and tiles; leave --{name.replace('_', '-')} out.")
