"""The one door to data sets: a kind, where it lies, and which split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from models.datasets.cvact import read_cvact
from models.datasets.cvusa import read_cvusa
from models.datasets.own import own_pairs
from models.datasets.pairset import PairSet
from models.datasets.university import read_university
from models.datasets.vigor import read_vigor
from models.datasets.vigor_labels import Kind
from models.errors import DatasetError, UsageError


@dataclass(frozen=True, slots=True)
class Dataset:
    """How one kind of data set is read."""

    splits: tuple[str, ...]
    """The training split first."""
    read: Callable[[Path, Any, Kind], PairSet]
    has_corrected_labels: bool = False


def _own(root: Path, split: str) -> PairSet:
    """Read `root` itself if it is a file, or <split>.csv or else pairs.csv in it."""
    if not root.is_dir():
        return own_pairs(root)
    path = next((root / name for name in (f"{split}.csv", "pairs.csv") if (root / name).is_file()), None)
    if path is None:
        raise DatasetError(f"{root} has neither {split}.csv nor pairs.csv; name the file itself.")
    return own_pairs(path)


DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        "cvusa": Dataset(("train", "val"), lambda root, split, _: read_cvusa(root, split)),
        "cvact": Dataset(("train", "val", "test"), lambda root, split, _: read_cvact(root, split)),
        "vigor-same": Dataset(
            ("train", "test"), lambda root, split, labels: read_vigor(root, split, "same", labels), True
        ),
        "vigor-cross": Dataset(
            ("train", "test"), lambda root, split, labels: read_vigor(root, split, "cross", labels), True
        ),
        "university": Dataset(("train", "test"), lambda root, split, _: read_university(root, split, "street")),
        "university-drone": Dataset(("train", "test"), lambda root, split, _: read_university(root, split, "drone")),
        "pairs": Dataset(("train", "val", "test"), lambda root, split, _: _own(root, split)),
    }
)


def open_dataset(kind: str, root: Path, split: str, *, labels: Kind = "original") -> PairSet:
    """Read a split of a data set on disk.

    Args:
        kind: a key of `DATASETS`.
        root: its folder; for `pairs` a pairs.csv, which is every split, or a folder with <split>.csv or pairs.csv.
        split: one of the kind's splits.
        labels: `corrected` takes SliceMatch's labels of VIGOR.

    Raises:
        UsageError: no such kind, split or labels.
        DatasetError: what lies at `root` is not that data set, or not whole.
    """
    if kind not in DATASETS:
        raise UsageError(f"There is no data set {kind!r}; there are {', '.join(DATASETS)}.")
    dataset = DATASETS[kind]
    if split not in dataset.splits:
        raise UsageError(f"{kind} has no split {split!r}; it has {', '.join(dataset.splits)}.")
    if labels not in ("original", "corrected") or (labels == "corrected" and not dataset.has_corrected_labels):
        raise UsageError(f"{kind} has no labels {labels!r}; corrected labels are for vigor-same and vigor-cross.")
    return dataset.read(root, split, labels)
