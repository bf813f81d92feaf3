from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.datasets.catalogue import open_dataset
from models.datasets.pairset import PairSet
from models.encoder import FakeEncoder
from models.errors import DatasetError, ImageError, UsageError
from models.evaluation.embeddings import export_embeddings, open_embeddings, read_tile
from models.evaluation.settings import Settings
from tests.models.datasets.made import made_cvusa, made_pairs
from tests.models.evaluation.strips import StripEncoder

Float32s = NDArray[np.float32]
SETTINGS = Settings(orientation="unknown", fov_deg=90.0, turned=True)


class _Counting(FakeEncoder):
    """Counts the pictures it is shown."""

    def __init__(self) -> None:
        super().__init__(columns=12)
        self.photos = self.tiles = 0

    def ground(self, pixels: Float32s) -> Float32s:
        self.photos += len(pixels)
        return super().ground(pixels)

    def aerial(self, pixels: Float32s) -> Float32s:
        self.tiles += len(pixels)
        return super().aerial(pixels)


@pytest.fixture(scope="module")
def cvusa(tmp_path_factory: pytest.TempPathFactory) -> PairSet:
    return open_dataset("cvusa", made_cvusa(tmp_path_factory.mktemp("cvusa"), 20, val=18), "val")


def test_everything_is_described_once(cvusa: PairSet, tmp_path: Path) -> None:
    encoder = _Counting()
    first = export_embeddings(encoder, cvusa, SETTINGS, tmp_path / "e")
    again = export_embeddings(encoder, cvusa, SETTINGS, tmp_path / "e")
    assert (encoder.photos, encoder.tiles) == (18, 18)
    np.testing.assert_array_equal(first.ground, again.ground)
    assert again.ground.dtype == np.float32
    assert (again.ground.shape, again.aerial.shape) == ((18, 48), (18, 48))


def test_rows_are_those_of_the_encoder(cvusa: PairSet, tmp_path: Path) -> None:
    whole = export_embeddings(FakeEncoder(12), cvusa, Settings(), tmp_path / "whole")
    np.testing.assert_allclose(np.linalg.norm(whole.ground, axis=1), 1, atol=1e-6)
    assert (whole.photos == [12, 1, 0]).all()
    narrow = export_embeddings(FakeEncoder(12), cvusa, SETTINGS, tmp_path / "narrow")
    assert (narrow.photos[:, :2] == [3, 12]).all()
    assert (narrow.ground.reshape(18, 12, 4)[:, 3:] == 0).all()


def test_the_folder_says_what_it_was_made_of(cvusa: PairSet, tmp_path: Path) -> None:
    encoder = FakeEncoder(12)
    export_embeddings(encoder, cvusa, SETTINGS, tmp_path / "e")
    meta = json.loads((tmp_path / "e" / "meta.json").read_text())
    expected = {"model_sha256": encoder.sha256, "data_set": "cvusa-val", "queries": 18, "gallery": 18, "fov_deg": 90.0}
    expected |= {"orientation": "unknown", "seed": 0, "corruption": None}
    assert {name: meta[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"seed": 1}, "seed"),
        ({"fov_deg": 70.0}, "fov_deg"),
        ({"orientation": "known"}, "orientation"),
        ({"corruption": "fog", "severity": 2}, "corruption"),
        ({"footprint_m": 30.0}, "footprint_m"),
    ],
)
def test_other_settings_are_refused(cvusa: PairSet, tmp_path: Path, changed: dict[str, object], word: str) -> None:
    export_embeddings(FakeEncoder(12), cvusa, SETTINGS, tmp_path / "e")
    with pytest.raises(UsageError, match=word):
        export_embeddings(FakeEncoder(12), cvusa, SETTINGS.model_copy(update=changed), tmp_path / "e")


def test_another_model_or_data_set_is_refused(cvusa: PairSet, tmp_path: Path) -> None:
    export_embeddings(FakeEncoder(12), cvusa, SETTINGS, tmp_path / "e")
    with pytest.raises(UsageError, match="model"):
        export_embeddings(StripEncoder(90.0), cvusa, SETTINGS, tmp_path / "e")
    with pytest.raises(UsageError, match="data_set"):
        export_embeddings(
            FakeEncoder(12), open_dataset("pairs", made_pairs(tmp_path), "test"), SETTINGS, tmp_path / "e"
        )


def test_a_foreign_folder_is_left_alone(cvusa: PairSet, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="not empty"):
        export_embeddings(FakeEncoder(12), cvusa, SETTINGS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_broken_picture_leaves_no_folder(tmp_path: Path) -> None:
    root = made_cvusa(tmp_path / "cvusa", 4, val=3)
    (root / "streetview/panos/0000003.jpg").write_bytes(b"\xff\xd8\xff broken")
    with pytest.raises(ImageError):
        export_embeddings(FakeEncoder(12), open_dataset("cvusa", root, "val"), SETTINGS, tmp_path / "e")
    assert [path.name for path in tmp_path.iterdir()] == ["cvusa"]


def test_tiles_of_an_earlier_export_are_used_again(cvusa: PairSet, tmp_path: Path) -> None:
    encoder = _Counting()
    first = export_embeddings(encoder, cvusa, SETTINGS, tmp_path / "a")
    foggy = SETTINGS.corrupted("fog", 5)
    second = export_embeddings(encoder, cvusa, foggy, tmp_path / "b", gallery=tmp_path / "a")
    assert (encoder.photos, encoder.tiles) == (36, 18)
    np.testing.assert_array_equal(first.aerial, second.aerial)
    assert not np.array_equal(first.ground, second.ground)


@pytest.mark.parametrize("damage", ["remove", "shorten", "meta"])
def test_a_damaged_folder_is_refused(cvusa: PairSet, tmp_path: Path, damage: str) -> None:
    made = export_embeddings(FakeEncoder(12), cvusa, SETTINGS, tmp_path / "e")
    if damage == "remove":
        (made.folder / "aerial.npy").unlink()
    elif damage == "shorten":
        np.save(made.folder / "ground.npy", np.asarray(made.ground)[:-1])
    else:
        (made.folder / "meta.json").write_text("{}")
    with pytest.raises(DatasetError):
        open_embeddings(made.folder)


def test_progress_counts_tiles_and_photos(cvusa: PairSet, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    export_embeddings(FakeEncoder(12), cvusa, SETTINGS, tmp_path / "e", on_progress=lambda *news: told.append(news))
    assert told == [(f"describing {what}", done, 18) for what in ("tiles", "photos") for done in (16, 18)]


def test_own_tiles_are_cut_to_the_footprint(tmp_path: Path) -> None:
    pairs = open_dataset("pairs", made_pairs(tmp_path / "own"), "test")
    whole, cut = (
        export_embeddings(FakeEncoder(12), pairs, Settings(footprint_m=metres), tmp_path / str(metres))
        for metres in (None, 3.2)  # half of 32 px at 0.2 m
    )
    assert not np.allclose(whole.aerial[0], cut.aerial[0])


def test_a_ground_resolution_holds_for_the_tiles_that_do_not_say(tmp_path: Path) -> None:
    stated = open_dataset("pairs", made_pairs(tmp_path / "own"), "test")
    assert stated.ground_resolution_m is not None
    half = stated.ground_resolution_m.copy()
    half[1:] = np.nan
    some, none = (replace(stated, ground_resolution_m=known) for known in (half, None))
    assert (stated.of_unknown_resolution, some.of_unknown_resolution) == (0, len(stated.aerial) - 1)
    assert none.of_unknown_resolution == len(stated.aerial)
    given = Settings(footprint_m=3.2, ground_resolution_m=0.1)

    def tile(pairs: PairSet, row: int, settings: Settings = given) -> int:
        return len(read_tile(pairs, row, settings))

    assert (tile(stated, 0), tile(stated, 1)) == (16, 13)  # 0.2 and 0.25 m as the file says
    assert (tile(some, 0), tile(some, 1)) == (16, 32)
    assert tile(none, 0, Settings(footprint_m=1.6, ground_resolution_m=0.1)) == 16
    assert tile(none, 0, Settings(footprint_m=1.6)) == 32  # taken to show the footprint, whatever its size
