"""What the photos of an evaluation show and what is known of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.artefact import Frozen
from models.bundle import ModelManifest, StretchedView
from models.errors import UsageError
from models.image import WHOLE_PX

Orientation = Literal["known", "unknown"]
FULL_DEG = 360.0


class Settings(Frozen):
    """Everything besides model and data set that an embedding depends on."""

    orientation: Orientation = "known"
    fov_deg: float | None = Field(default=None, gt=0, le=360)
    """Cut this horizontal field of view out of every panorama; None: all that the network takes."""
    turned: bool = False
    """Panoramas are turned by an angle drawn from seed and query, and keep their first columns, as published for
    unknown orientation; otherwise the middle is cut, where north stands if the heading is known."""
    seed: int = Field(default=0, ge=0)
    long_side_px: int = Field(default=WHOLE_PX, ge=1)
    """A JPEG photo may be decoded at a reduced scale as long as its long side keeps this length."""
    footprint_m: float | None = Field(default=None, gt=0)
    """Ground length of the square cut out of each aerial image; None takes the images whole."""
    ground_resolution_m: float | None = Field(default=None, gt=0)
    """Metres a pixel of the aerial images whose data set does not say; None: each shows the footprint at any size."""
    all_cells: bool = False
    """Compare every cell of each tile; otherwise the middle one alone, where the camera of a centred pair stands."""
    corruption: str | None = None
    """Name in `corruptions.catalogue`, applied to photos only, seeded by query."""
    severity: int | None = Field(default=None, ge=1, le=5)

    @property
    def name(self) -> str:
        """Short, fit for a folder: 90-unknown, whole-known."""
        return f"{'whole' if self.fov_deg is None else f'{self.fov_deg:g}'}-{self.orientation}"

    def corrupted(self, corruption: str, severity: int) -> Settings:
        return self.model_copy(update={"corruption": corruption, "severity": severity})


def panorama_fov_deg(settings: Settings, manifest: ModelManifest) -> float:
    """Give what is cut out of a panorama, degrees.

    Raises:
        UsageError: the network was made for another field of view.
    """
    view = manifest.ground
    if not isinstance(view, StretchedView):
        return settings.fov_deg or FULL_DEG
    if settings.fov_deg not in (None, view.fov_deg):
        raise UsageError(
            f"{manifest.title} takes photos of {view.fov_deg:g} degrees and no others; --fov {settings.fov_deg:g} "
            f"needs a network made for {settings.fov_deg:g} degrees. Give its bundle, or --fov {view.fov_deg:g}."
        )
    return view.fov_deg
