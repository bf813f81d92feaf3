from __future__ import annotations

from pathlib import Path

import pytest

from models.bundle import GroundView, StretchedView
from models.errors import UsageError
from models.importing.preprocessing import SAMPLE, read_preprocessing

SHORT = """\
[ground]
height_px = 16
width_px = 20
fov_deg = 70
[aerial]
size_px = 16
footprint_m = 70
[embedding]
channels = 8
"""
CANVAS = SHORT.replace("fov_deg = 70", 'kind = "canvas"\nvertical_fov_deg = 45\nany_width = true')


def _write(folder: Path, text: str) -> Path:
    (folder / "p.toml").write_text(text)
    return folder / "p.toml"


def test_the_documented_sample_is_valid(tmp_path: Path) -> None:
    said = read_preprocessing(_write(tmp_path, SAMPLE))
    _, ground, aerial = said.views()
    assert isinstance(ground, StretchedView)
    assert (said.ground.input, said.ground.output, said.embedding.normalise) == ("x", "y", True)
    assert (ground.panorama_width_px, ground.panorama_aspect, aerial.footprint_m) == (616, 0.5, 70)


def test_defaults(tmp_path: Path) -> None:
    embedding, ground, aerial = read_preprocessing(_write(tmp_path, SHORT)).views()
    assert isinstance(ground, StretchedView)
    assert int(70 / 360 * ground.panorama_width_px) == 20
    assert ground.mean == aerial.mean == (0.485, 0.456, 0.406)
    assert (ground.panorama_aspect, aerial.resampling, embedding.columns) == (1, "antialiased", 1)


def test_a_canvas(tmp_path: Path) -> None:
    embedding, ground, _ = read_preprocessing(_write(tmp_path, CANVAS + "columns = 5")).views()
    assert isinstance(ground, GroundView)
    assert (ground.any_width, ground.margin_px, ground.vertical_fov_deg, embedding.size) == (True, 0, 45, 40)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SHORT + "colour = 3", "embedding.colour: Extra inputs are not permitted"),
        (SHORT.replace("height_px", "hight_px"), "ground.height_px: Field required"),
        (SHORT.replace("size_px = 16", "size_px = 3"), "size_px: Input should be greater than or equal to 8"),
        (SHORT.replace("[aerial]", "[areal]"), "aerial: Field required"),
        (SHORT.replace("fov_deg = 70", 'kind = "round"'), "ground: Input tag 'round'"),
        (SHORT + "columns = 2", "embedding.columns is 1"),
        (CANVAS + "columns = 3", "20 px do not divide into 3 columns"),
        ("[ground", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_preprocessing(_write(tmp_path, text))


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_preprocessing(tmp_path / "p.toml")
