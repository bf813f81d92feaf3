"""What a training run learns from: sample cities or pairs on disk."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from models.artefact import Frozen


class Shot(Frozen):
    """A kind of photo to train on; one is rendered per place."""

    fov_deg: float = Field(ge=10, le=360)
    orientation: Literal["known", "unknown"]
    weight: float = Field(default=1.0, gt=0)
    """Share of the batches drawn from this kind, relative to the others."""

    @property
    def name(self) -> str:
        return f"{self.fov_deg:g}-{self.orientation}"


class CityData(Frozen):
    """Pairs rendered from sample cities."""

    kind: Literal["sample-city"]
    cities: tuple[int, ...] = Field(min_length=1)
    extent_m: float = 1000.0
    places: int = Field(ge=8)
    """Places per city."""
    min_separation_m: float = 18.0
    tile_draws: int = Field(default=2, ge=1)
    """Aerial tiles rendered per place, each with its own season, light and camera offset."""
    offset_m: float = Field(default=0.0, ge=0)
    """The camera stands up to this far east or west and north or south of the tile's centre."""
    shots: tuple[Shot, ...] = Field(min_length=1)
    seed: int = 1
    """Of places, seasons and cameras."""


class PhotoKind(Frozen):
    """Photos of so many columns of the canvas, and how often they are drawn."""

    columns: int = Field(ge=1)
    weight: float = Field(default=1.0, gt=0)
    group: str = Field(min_length=1)
    """Every step shows each of its tiles one photo of each group; a kind may be in several."""


class ViewData(Frozen):
    """Views rendered from sample cities for azimuth columns, through the frozen stem."""

    kind: Literal["sample-views"]
    cities: tuple[int, ...] = Field(min_length=1)
    extent_m: float = 800.0
    places: int = Field(ge=8)
    """Places per city."""
    min_separation_m: float = 18.0
    draws: int = Field(default=2, ge=1)
    """Aerial tiles per place, each of its own season, light, footprint error and camera offset."""
    photo_draws: int = Field(default=1, ge=1)
    """Panoramas per place, each of its own moment, and a cut of every kind from each."""
    moments: int = Field(default=6, ge=1)
    """Times of visit shared by the photos of a city."""
    recut: float = Field(default=0.0, ge=0, le=1)
    """Share of the photos that are taken out of the panorama's features at a heading drawn anew each step."""
    covered: float = Field(default=0.0, ge=0, le=1)
    """Share of the photos in which a block of features is another photo's."""
    restyled: float = Field(default=0.0, ge=0, le=1)
    """Share of the photos and of the tiles whose features are given another style."""
    offset_m: float = Field(default=16.0, ge=0)
    """The camera stands up to this far east or west and north or south of the tile's centre."""
    footprint_error: float = Field(default=0.05, ge=0)
    """Standard deviation of the tile's true footprint over the one that it is taken for."""
    partial_tiles: float = Field(default=0.25, ge=0, le=1)
    """Share of tiles of which only a square about the camera is there, or what the imagery's edges leave."""
    remember: bool = False
    """Tell photos apart from what the other tiles of their cities were described as when last seen."""
    remember_from_step: int = Field(default=0, ge=0)
    """First step that does so; before, the descriptions say too little."""
    photos: tuple[PhotoKind, ...] = Field(min_length=1)
    seed: int = 1

    @property
    def kinds(self) -> tuple[int, ...]:
        """Columns of the photos that are kept, widest first."""
        return tuple(sorted({photo.columns for photo in self.photos}, reverse=True))

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(photo.group for photo in self.photos))


class PairData(Frozen):
    """Pairs on disk, in the layout of a public data set or of one's own pairs.csv."""

    kind: Literal["cvusa", "cvact", "vigor-same", "vigor-cross", "university", "university-drone", "pairs"]
    root: str = ""
    """Folder of the data set, or the pairs.csv; `--data` replaces it."""
    split: str = "train"
    labels: Literal["original", "corrected"] = "original"
    orientation: Literal["known", "unknown"] = "known"
    """`unknown`: every photo is turned by an angle of its own each time it is read."""
    validation_split: str = "val"
    validation_root: str = ""
    """Where the validation split lies elsewhere: the second pairs.csv."""
    validation_queries: int | None = Field(default=None, ge=2)
    """Watch only so many photos, evenly spread; all tiles stay in the gallery."""
