"""The TOML file that says how pictures become the inputs of a pair of ONNX files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from models.artefact import Frozen
from models.bundle import AerialView, AnyGroundView, Embedding, GroundView, Resampling, StretchedView, Triple
from models.errors import UsageError
from models.normalisation import IMAGENET_MEAN, IMAGENET_STD

UNSEALED = "0" * 64
SAMPLE = """\
[ground]                         # a photo stretched to a fixed size
height_px = 112
width_px = 616                   # int(fov_deg / 360 * panorama_width_px)
panorama_width_px = 616          # [default: width_px * 360 / fov_deg, rounded up]
panorama_aspect = 0.5            # height / width of its panoramas; taller ones lose rows [default: 1, none]
fov_deg = 360                    # the one field of view that it takes [default: 360]
resampling = "antialiased"       # or "linear", as OpenCV does [default: antialiased]
mean = [0.485, 0.456, 0.406]     # [default: these, ImageNet's]
std = [0.229, 0.224, 0.225]
input = "x"                      # [default: the only one]
output = "y"

# or a 360 degree canvas, for networks of azimuth columns:
# [ground]
# kind = "canvas"
# height_px = 96
# width_px = 384
# vertical_fov_deg = 90
# margin_px = 0
# any_width = true

[aerial]                         # a square tile, north up
size_px = 256
footprint_m = 70.0               # ground length of its side
resampling = "antialiased"

[embedding]
channels = 1000
columns = 1                      # azimuth columns; a plain vector is one [default: 1]
normalise = true                 # append an L2 norm [default: false]
"""


class Ends(Frozen):
    """Names of a network's input and output; empty: the only one."""

    input: str = ""
    output: str = ""
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD


class Stretched(Ends):
    kind: Literal["stretched"] = "stretched"
    height_px: int
    width_px: int
    panorama_width_px: int | None = None
    panorama_aspect: float = 1.0
    fov_deg: float = Field(default=360.0, gt=0, le=360)
    resampling: Resampling = "antialiased"


class Canvas(Ends):
    kind: Literal["canvas"]
    height_px: int
    width_px: int
    vertical_fov_deg: float
    margin_px: int = 0
    any_width: bool = False


class Tile(Ends):
    size_px: int
    footprint_m: float
    resampling: Resampling = "antialiased"


class Layout(Frozen):
    channels: int
    columns: int = 1
    normalise: bool = False


class Preprocessing(Frozen):
    """The whole file; unknown keys are refused."""

    ground: Annotated[Stretched | Canvas, Field(discriminator="kind")]
    aerial: Tile
    embedding: Layout

    def views(self) -> tuple[Embedding, AnyGroundView, AerialView]:
        """Give the views as a manifest has them; the files' sums are not known yet."""
        names = {"input", "output"}
        given = self.ground.model_dump(exclude=names, exclude_none=True) | {"sha256": UNSEALED}
        ground: AnyGroundView
        if isinstance(self.ground, Canvas):
            ground = GroundView.model_validate(given)
        else:
            whole = int(-(-self.ground.width_px * 360 // self.ground.fov_deg))
            ground = StretchedView.model_validate({"panorama_width_px": whole} | given)
        aerial = AerialView.model_validate(self.aerial.model_dump(exclude=names) | {"sha256": UNSEALED})
        return Embedding(columns=self.embedding.columns, channels=self.embedding.channels), ground, aerial


def read_preprocessing(path: Path) -> Preprocessing:
    """Read and validate the file.

    Raises:
        UsageError: absent, not TOML, a key that is unknown, missing or out of range, or layouts that do not agree.
    """
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from error
    ground = document.get("ground")
    if isinstance(ground, dict):
        ground.setdefault("kind", "stretched")
    try:
        found = Preprocessing.model_validate(document)
        embedding, view, _ = found.views()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("stretched", "canvas"))
        raise UsageError(
            f"{path}: {where}: {first['msg']} ({error.error_count()} problem(s)). `skyfix import onnx --help` shows a "
            "file with all keys."
        ) from error
    if isinstance(view, StretchedView) and embedding.columns != 1:
        raise UsageError(f"{path}: a stretched photo keeps no azimuth, so embedding.columns is 1.")
    if isinstance(view, GroundView) and view.width_px % embedding.columns:
        raise UsageError(f"{path}: {view.width_px} px do not divide into {embedding.columns} columns.")
    return found
