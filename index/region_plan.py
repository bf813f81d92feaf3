"""What a region is before any of its indexes is opened: members known by their manifests, and a sample of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from index.bundle import Float16s
from index.gallery import About, stored_bytes
from index.manifest import Imagery, IndexManifest
from index.region_reach import Boxes, middle_of, surround
from models.errors import IndexMismatch


@dataclass(frozen=True, slots=True)
class Member:
    """One index of a region; nothing of it but its manifest was read."""

    name: str
    """Unlike that of any other member."""
    folder: Path
    """Of its generation."""
    manifest: IndexManifest
    spacing_m: float
    """Side of the square of ground that each of its cells stands for."""

    @property
    def vector_bytes(self) -> int:
        """Of its vectors, as stored."""
        return self.manifest.count * self.manifest.cell_count * self.manifest.embedding.size * 2


@dataclass(frozen=True, slots=True)
class RegionPlan:
    """Members in the order in which their tiles are numbered."""

    name: str
    members: tuple[Member, ...]
    qualified: bool
    """Whether a tile's id alone may mean two different tiles, so that it is told as `member/id`."""
    background: Float16s
    """(n, D) rows of all members, in proportion to their cells."""
    notices: tuple[str, ...] = ()
    """What the operator should know."""

    @property
    def boxes(self) -> Boxes:
        manifests = [member.manifest for member in self.members]
        return Boxes([manifest.bounds for manifest in manifests], [manifest.footprint_m for manifest in manifests])


def check_alike(members: Sequence[Member]) -> None:
    """Refuse members whose descriptions or names cannot stand beside each other.

    Raises:
        IndexMismatch: naming two members and what differs.
    """
    first = members[0]
    for other in members[1:]:
        for what, one, two in zip(SAME, _identity(first.manifest), _identity(other.manifest), strict=True):
            if one != two:
                raise IndexMismatch(
                    f"{other.folder} has another {what} than {first.folder} ({two} and {one}). All members of a "
                    "region are built with the same model and the same cells: build one of them again."
                )
    seen: dict[str, Member] = {}
    for member in members:
        if member.name in seen:
            raise IndexMismatch(
                f"{member.folder} and {seen[member.name].folder} are both called {member.name}. "
                "Members go by the names of their folders: rename one."
            )
        seen[member.name] = member


SAME = ("model", "preprocessing", "embedding", "grid of cells")


def _identity(manifest: IndexManifest) -> tuple[object, ...]:
    return manifest.model_sha256, manifest.preprocessing_sha256, manifest.embedding, manifest.cells


def spacing_by_manifest(manifest: IndexManifest) -> float:
    """Side of the square of ground of each cell: by the stride, else by the ground that the bounds share out."""
    side_m = manifest.stride_m
    if side_m is None:
        _, _, width_m, height_m = middle_of(manifest.bounds)
        side_m = max(1.0, float(np.sqrt(width_m * height_m / manifest.count)))
    return min(side_m, manifest.footprint_m) / float(np.sqrt(manifest.cell_count))


def about_region(plan: RegionPlan) -> About:
    """Say what the members are together; in the middle lies their largest one."""
    manifests = [member.manifest for member in plan.members]
    shares = np.array([manifest.count for manifest in manifests], dtype=np.float64)
    spacings = np.array([member.spacing_m for member in plan.members])
    even = bool((spacings == spacings[0]).all())
    largest = manifests[int(np.argmax(shares))]
    lat, lon, *_ = middle_of(largest.bounds)
    return About(
        title=plan.name,
        tiles=int(shares.sum()),
        cells=manifests[0].cell_count,
        embedding=manifests[0].embedding,
        footprint_m=max(manifest.footprint_m for manifest in manifests),
        spacing_m=float(spacings[0] if even else np.sqrt(np.average(spacings**2, weights=shares))),
        middle=(lat, lon),
        bounds=surround([manifest.bounds for manifest in manifests]),
        attribution=_joined(manifest.attribution for manifest in manifests),
        licence=_joined(manifest.licence for manifest in manifests),
        stored_bytes=sum(stored_bytes(member.folder) for member in plan.members),
        created=max(datetime.fromisoformat(manifest.created) for manifest in manifests),
        imagery=_zooms([manifest.imagery for manifest in manifests if manifest.imagery is not None]),
    )


def _zooms(shown: Sequence[Imagery]) -> Imagery | None:
    """Those that any member has; None if none shows any."""
    if not shown:
        return None
    return Imagery(min_zoom=min(one.min_zoom for one in shown), max_zoom=max(one.max_zoom for one in shown))


def _joined(texts: Iterable[str]) -> str:
    """Every text once, in the order of the members."""
    return "; ".join(dict.fromkeys(text for text in texts if text))
