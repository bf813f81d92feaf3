from __future__ import annotations

from pathlib import Path

import pytest

from models.datasets.catalogue import DATASETS, open_dataset
from models.errors import DatasetError, UsageError
from tests.models.datasets.made import made_cvact, made_cvusa, made_pairs, made_university, made_vigor


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("data")
    vigor = made_vigor(folder / "vigor", corrected="splits__corrected")
    university = made_university(folder / "university")
    return {
        "cvusa": made_cvusa(folder / "cvusa", 3, val=1, panorama_px=(8, 44), tile_px=12),
        "cvact": made_cvact(folder / "cvact"),
        "vigor-same": vigor,
        "vigor-cross": vigor,
        "university": university,
        "university-drone": university,
        "pairs": made_pairs(folder / "own"),
    }


@pytest.mark.parametrize(("kind", "split"), [(kind, split) for kind, one in DATASETS.items() for split in one.splits])
def test_every_split_of_every_kind_opens(roots: dict[str, Path], kind: str, split: str) -> None:
    pairs = open_dataset(kind, roots[kind], split)
    assert len(pairs) == len(pairs.positive) == len(pairs.semi_positive) == len(pairs.heading_deg) == len(pairs.fov_deg)
    assert pairs.positive.max() < len(pairs.aerial)
    assert pairs.name.startswith(kind) or kind == "university-drone"


def test_the_two_areas_and_views_differ(roots: dict[str, Path]) -> None:
    assert len(open_dataset("vigor-same", roots["vigor-same"], "test").aerial) == 24
    assert len(open_dataset("vigor-cross", roots["vigor-cross"], "test").aerial) == 12
    assert len(open_dataset("university", roots["university"], "test")) == 2
    assert len(open_dataset("university-drone", roots["university"], "test")) == 1


def test_labels_are_passed_on(roots: dict[str, Path]) -> None:
    pairs = open_dataset("vigor-cross", roots["vigor-cross"], "test", labels="corrected")
    assert pairs.name == "vigor-cross-test-corrected"


@pytest.mark.parametrize(
    ("kind", "split", "labels", "message"),
    [
        ("cvusa2", "train", "original", "no data set 'cvusa2'; there are cvusa, cvact"),
        ("cvusa", "test", "original", "cvusa has no split 'test'; it has train, val"),
        ("cvact", "val", "corrected", "cvact has no labels 'corrected'"),
        ("vigor-same", "test", "better", "vigor-same has no labels 'better'"),
    ],
)
def test_wrong_use_is_explained(roots: dict[str, Path], kind: str, split: str, labels: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        open_dataset(kind, roots["cvusa"], split, labels=labels)  # type: ignore[arg-type]


def test_a_folder_of_pairs_may_hold_a_file_a_split(tmp_path: Path) -> None:
    made_pairs(tmp_path, "val.csv")
    with pytest.raises(DatasetError, match=r"neither train\.csv nor pairs\.csv"):
        open_dataset("pairs", tmp_path, "train")
    made_pairs(tmp_path)
    assert open_dataset("pairs", tmp_path, "val").name == "val"
    assert open_dataset("pairs", tmp_path, "train").name == "pairs"
