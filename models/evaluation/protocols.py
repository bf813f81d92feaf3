"""The protocols by name: which data set and split, what counts as right, how pictures are taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from models.bundle import ModelManifest
from models.datasets.catalogue import open_dataset
from models.datasets.pairset import PairSet
from models.datasets.vigor_labels import Kind as Labels
from models.errors import UsageError
from models.evaluation.metrics import OnePercentName
from models.evaluation.neighbours import right_within
from models.evaluation.ranking import RightAnswers
from models.evaluation.settings import Orientation, Settings
from models.image import WHOLE_PX

SERVED_LONG_SIDE_PX = 1024
"""The service decodes a photo no larger than it needs; one's own photos are measured as they would be served."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One way of measuring.

    `own` pairs are taken as a service would: photos as they are, panoramas cut in the middle, the model's footprint cut
    out of each aerial image. The others go by their publications: tiles whole, panoramas of unknown orientation turned.
    """

    kind: str
    split: str
    words: str
    radius_m: float | None = None
    """Every tile this near is right; None: only the tile that belongs to the photo."""
    one_percent: OnePercentName = "floor"
    """How its publication reads "recall at 1 %"."""
    reports_average_precision: bool = False
    camera_anywhere: bool = False
    """Photos are taken anywhere in their tile: a model that describes cells is compared at all of them."""

    @property
    def is_own(self) -> bool:
        return self.kind == "pairs"

    def open(self, root: Path, labels: Labels = "original") -> PairSet:
        """Read the data set at `root`."""
        return open_dataset(self.kind, root, self.split, labels=labels)

    def right(self, pairs: PairSet) -> RightAnswers:
        """Say which references are right."""
        if self.radius_m is None:
            return RightAnswers.one_each(pairs.positive)
        return right_within(pairs.positions, self.radius_m)

    def settings(
        self,
        manifest: ModelManifest,
        *,
        orientation: Orientation,
        fov_deg: float | None = None,
        seed: int = 0,
        footprint_m: float | None = None,
        ground_resolution_m: float | None = None,
    ) -> Settings:
        """Fill in what the protocol fixes.

        One's own panoramas of unknown orientation are turned for models of plain vectors only: a panorama stored north
        up would give its heading away, while a model of azimuth columns searches all headings whatever is stored.
        """
        if not self.is_own and (footprint_m is not None or ground_resolution_m is not None):
            raise UsageError(
                "Published data sets are measured on whole tiles: --footprint-m and --ground-resolution-m are for your "
                "own pairs."
            )
        unknown = orientation == "unknown"
        return Settings(
            orientation=orientation,
            fov_deg=fov_deg,
            turned=unknown and (not self.is_own or manifest.embedding.columns == 1),
            seed=seed,
            long_side_px=SERVED_LONG_SIDE_PX if self.is_own else WHOLE_PX,
            footprint_m=(footprint_m or manifest.aerial.footprint_m) if self.is_own else None,
            ground_resolution_m=ground_resolution_m,
            all_cells=self.camera_anywhere and manifest.aerial.cells is not None,
        )


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "cvusa": Protocol("cvusa", "val", "CVUSA, 8,884 validation pairs, one to one"),
        "cvact-val": Protocol("cvact", "val", "CVACT_val, 8,884 pairs, one to one"),
        "cvact-test": Protocol("cvact", "test", "CVACT_test, 92,802 pairs, one to one by id"),
        "cvact-test-5m": Protocol("cvact", "test", "CVACT_test, any tile within 5 m", 5.0, "floor-plus-one"),
        "vigor-same": Protocol(
            "vigor-same", "test", "VIGOR same-area, the tiles of all four cities", camera_anywhere=True
        ),
        "vigor-cross": Protocol(
            "vigor-cross", "test", "VIGOR cross-area, the tiles of two cities never trained on", camera_anywhere=True
        ),
        "university-street": Protocol(
            "university", "test", "University-1652, street to satellite", None, "rounded-plus-one", True
        ),
        "university-drone": Protocol(
            "university-drone", "test", "University-1652, drone to satellite", None, "rounded-plus-one", True
        ),
        "own": Protocol("pairs", "test", "your own pairs"),
    }
)


def find_protocol(name: str) -> Protocol:
    """Look a protocol up.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in PROTOCOLS:
        raise UsageError(f"There is no protocol {name!r}; there are {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]
