"""CVACT: Canberra; 35,532 training, 8,884 validation and 92,802 test pairs of a panorama and an aerial image.

Layout, as TransGeo (the .mat inside) and Sample4Geo (the .mat beside) read it:

    ACT_data.mat or ANU_data_small/ACT_data.mat
    ANU_data_small/streetview/<id>_grdView.jpg                   panorama, 1664 x 832
    ANU_data_small/satview_polish/<id>_satView_polish.jpg        aerial image, 1200 x 1200
    ANU_data_test/...                                            the same for the test set

The .mat holds panoIds, utm (metres, one row an id) and three structures of 1-based rows: trainSet.trainInd,
valSet.valInd and valSetAll.valInd. Panoramas are north-aligned, their centre column heads 0; TransGeo cuts them to
their middle half (a `panorama_aspect` of 0.25), Sample4Geo takes them whole. The columns of `utm` are named nowhere,
and published code takes distances only; in Canberra a UTM northing is above 6,000 km while no easting reaches 1,000 km,
so the larger column is taken as the northing.
Source: Liu and Li, "Lending Orientation to Neural Networks for Cross-view Geo-localization", CVPR 2019.
"""

from __future__ import annotations

import logging
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.datasets.aligned import aligned_pairs
from models.datasets.files import absent
from models.datasets.pairset import Floats, Ints, PairSet, Positions
from models.errors import DatasetError

logger = logging.getLogger(__name__)
Split = Literal["train", "val", "test"]
SMALL, TEST, TABLE = "ANU_data_small", "ANU_data_test", "ACT_data.mat"
EXPECTED = f"expected the CVACT root that holds {SMALL}/, {TEST}/ and {TABLE}"
SUBSETS: dict[Split, tuple[str, str, str]] = {
    "train": (SMALL, "trainSet", "trainInd"),
    "val": (SMALL, "valSet", "valInd"),
    "test": (TEST, "valSetAll", "valInd"),
}
UNREADABLE = (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, NotImplementedError, zlib.error)


@dataclass(frozen=True, slots=True)
class Table:
    """What ACT_data.mat says of one split, in its order."""

    ids: list[str]
    utm_m: Floats
    """(pairs, 2): east, north."""


def read_cvact(root: Path, split: Split) -> PairSet:
    """Read one split; pairs with a missing image are left out, as the published code does, and counted in the log.

    Args:
        root: the folder above ANU_data_small/ and ANU_data_test/, or one of the two.
        split: `test` is the large set of the 5 m protocol.

    Raises:
        DatasetError: another folder, a .mat that is none or lacks a field, or no pair left.
    """
    images, path = _find(root, SUBSETS[split][0])
    table = _read_table(path, *SUBSETS[split][1:])
    ground = [images / "streetview" / f"{name}_grdView.jpg" for name in table.ids]
    aerial = [images / "satview_polish" / f"{name}_satView_polish.jpg" for name in table.ids]
    kept = _existing(ground, aerial)
    utm_m = table.utm_m[kept]
    return aligned_pairs(
        f"cvact-{split}",
        [ground[row] for row in kept],
        [aerial[row] for row in kept],
        Positions("metres", ground=utm_m, aerial=utm_m),
    )


def _find(root: Path, folder: str) -> tuple[Path, Path]:
    """Give the folder of a subset's images and the .mat."""
    base = root.parent if root.name in (SMALL, TEST) else root
    images = base / folder
    if not (images / "streetview").is_dir():
        raise DatasetError(f"{base} has no {folder}/streetview/; {EXPECTED}.")
    places = (base / SMALL, base, images)
    path = next((place / TABLE for place in places if (place / TABLE).is_file()), None)
    if path is None:
        raise DatasetError(f"{base} has no {TABLE}, nor has {SMALL}/ in it; {EXPECTED}.")
    return images, path


def _existing(ground: list[Path], aerial: list[Path]) -> Ints:
    """Give the rows of which both images are there."""
    gone = {*absent(ground), *absent(aerial)}
    kept = np.array([row for row, pair in enumerate(zip(ground, aerial, strict=True)) if gone.isdisjoint(pair)])
    skipped = len(ground) - len(kept)
    if skipped:
        first = next(path for pair in zip(ground, aerial, strict=True) for path in pair if path in gone)
        if not len(kept):
            raise DatasetError(f"Of all {skipped} pairs an image is missing, the first is {first}; {EXPECTED}.")
        logger.warning(
            "%d of %d pairs are left out because an image is missing, the first is %s.", skipped, len(ground), first
        )
    return kept


def _read_table(path: Path, group: str, field: str) -> Table:
    content = _load(path, group)
    ids = [str(name).strip() for name in np.asarray(_field(path, content, "panoIds")).reshape(-1)]
    utm_m = _east_north(path, _field(path, content, "utm"), len(ids))
    rows = np.asarray(_field(path, content, group, field)).reshape(-1)
    if not rows.size:
        raise DatasetError(f"{path}: {group}.{field} is empty, so the split has no pairs.")
    if rows.dtype.kind not in "uif" or not ((rows >= 1) & (rows <= len(ids)) & (rows == np.rint(rows))).all():
        raise DatasetError(f"{path}: {group}.{field} holds other values than rows 1 to {len(ids)} of panoIds.")
    chosen = rows.astype(np.int64) - 1
    return Table([ids[row] for row in chosen], utm_m[chosen])


def _load(path: Path, group: str) -> dict[str, Any]:
    from scipy.io import loadmat  # type: ignore[import-untyped]
    from scipy.io.matlab import MatReadError  # type: ignore[import-untyped]

    try:
        content: dict[str, Any] = loadmat(path, variable_names=["panoIds", "utm", group], simplify_cells=True)
    except (*UNREADABLE, MatReadError, struct.error) as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise DatasetError(f"{path} is not a MATLAB file (version 4 to 7.2): {reason}. Download it again.") from error
    return content


def _field(path: Path, content: dict[str, Any], *names: str) -> Any:
    value: Any = content
    for depth, name in enumerate(names):
        if not isinstance(value, dict) or name not in value:
            raise DatasetError(
                f"{path} has no {'.'.join(names[: depth + 1])}; expected panoIds, utm, trainSet.trainInd, "
                "valSet.valInd and valSetAll.valInd, as in the ACT_data.mat of CVACT."
            )
        value = value[name]
    return value


def _east_north(path: Path, utm: NDArray[Any], count: int) -> Floats:
    """Give (count, 2) metres, east first."""
    utm_m = np.atleast_2d(np.asarray(utm))
    if utm_m.shape != (count, 2) or utm_m.dtype.kind not in "uif":
        raise DatasetError(f"{path}: utm is {utm_m.dtype} of shape {utm_m.shape}, not two metres for {count} panoIds.")
    ordered: Floats = utm_m.astype(np.float64)[:, np.argsort(np.abs(utm_m).max(axis=0), kind="stable")]
    return ordered
