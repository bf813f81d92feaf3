from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.sources.files import read_inside
from index.sources.folder import FolderSource
from index.tiles import BadTile, Tile
from models.errors import PathUnsafe, TileUnreadable

HEADER = "file,lat,lon,ground_resolution_m"


def _rings(size: int = 128) -> np.ndarray:
    """Red grows by one a pixel to the east, green by one a pixel to the south."""
    rows, columns = np.indices((size, size))
    return np.stack([columns, rows, np.full_like(rows, 9)], axis=2).astype(np.uint8)


def _folder(path: Path, *rows: str) -> Path:
    Image.fromarray(_rings()).save(path / "a.png")
    (path / "tiles.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def _load(path: Path, footprint_m: float = 64.0, size_px: int = 64) -> list[Tile | BadTile]:
    return list(FolderSource(path, footprint_m=footprint_m, size_px=size_px))


def test_the_square_in_the_middle_is_cut_out(tmp_path: Path) -> None:
    (tile,) = _load(_folder(tmp_path, "a.png,51.5,-0.1,1.0"))
    assert isinstance(tile, Tile)
    assert (tile.id, tile.lat, tile.lon, tile.footprint_m) == ("a.png", 51.5, -0.1, 64.0)
    assert np.array_equal(tile.pixels, _rings()[32:96, 32:96])


def test_a_tile_as_large_as_the_footprint_is_used_whole(tmp_path: Path) -> None:
    source = FolderSource(_folder(tmp_path, "a.png,51.5,-0.1,0.5"), footprint_m=64.0, size_px=64)
    (tile,) = source
    assert isinstance(tile, Tile)
    assert source.notices == ()
    assert tile.pixels[0, [0, -1], 0].tolist() == pytest.approx([0, 126], abs=1)


def test_a_smaller_tile_is_filled_with_a_notice(tmp_path: Path) -> None:
    source = FolderSource(_folder(tmp_path, "a.png,51.5,-0.1,0.25"), footprint_m=64.0, size_px=64)
    (tile,) = source
    assert isinstance(tile, Tile)
    assert source.notices[0].startswith("1 tile(s) cover less than 64 m")
    assert tile.pixels[:16].std(axis=(0, 1)).max() == 0
    assert tile.pixels[32, 32, :2].tolist() == pytest.approx([65, 65], abs=2)


def test_bad_tiles_are_told_and_passed_over(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        "a.png,51.5,-0.1,1.0",
        "missing.png,51.5,-0.1,1.0",
        "../a.png,51.5,-0.1,1.0",
        "text.png,51.5,-0.1,1.0",
        "cut.png,51.5,-0.1,1.0",
        "empty.png,51.5,-0.1,1.0",
        "a.png,95,-0.1,1.0",
        "a.png,51.5,-0.1,30",
    )
    (folder / "text.png").write_text("This is not a picture at all.")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:200])
    (folder / "empty.png").touch()
    found = _load(folder)
    assert [tile.code if isinstance(tile, BadTile) else "good" for tile in found] == [
        "good",
        "io_error",
        "path_unsafe",
        "image_type_unsupported",
        "image_undecodable",
        "image_empty",
        "georef_invalid",
        "imagery_too_coarse",
    ]


def test_the_count_and_name_come_from_the_list(tmp_path: Path) -> None:
    source = FolderSource(_folder(tmp_path, "a.png,1,2,1", "b.png,1,2,1"), footprint_m=64.0, size_px=64)
    assert (source.count, source.name, source.bounds) == (2, "tiles listed in tiles.csv", None)


@pytest.mark.parametrize("name", ["../a.png", "/etc/hostname", "sub/../../a.png", "a\0.png", "..\\a.png"])
def test_paths_stay_inside(tmp_path: Path, name: str) -> None:
    with pytest.raises(PathUnsafe):
        read_inside(_folder(tmp_path), name)


def test_links_may_not_lead_out(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(PathUnsafe, match="leads out"):
        read_inside(inside, "link.png")


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    with pytest.raises((PathUnsafe, TileUnreadable)):
        read_inside(tmp_path, "a.png")


def test_a_pipe_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PathUnsafe, match="not a regular file"):
        read_inside(tmp_path, "pipe.png")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as stream:
        stream.truncate(65 * 1024 * 1024)
    with pytest.raises(TileUnreadable, match="at most"):
        read_inside(tmp_path, "huge.png")


def test_real_tiles_from_a_csv(shared: Path, tmp_path: Path) -> None:
    aerial = shared / "real" / "london" / "aerial"
    (tmp_path / "aerial").mkdir()
    lines = [HEADER]
    for image in sorted(aerial.iterdir()):
        (tmp_path / "aerial" / image.name).write_bytes(image.read_bytes())
        _, lat, lon = image.stem.split("_")
        lines.append(f"aerial/{image.name},{lat},{lon},0.48")
    (tmp_path / "tiles.csv").write_text("\n".join(lines))
    found = _load(tmp_path, footprint_m=120.0)
    assert len(found) == 10
    assert all(isinstance(tile, Tile) for tile in found)
