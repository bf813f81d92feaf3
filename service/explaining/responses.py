"""An explanation as part of an answer: at most 4 KB."""

from __future__ import annotations

import base64
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.geo import Floats
from service.explaining.attention import Attention, Kind, shades


class Out(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class GridOut(Out):
    width: int = Field(ge=1, description="Cells from left to right.")
    height: int = Field(ge=1, description="Cells from top to bottom; all of them cover the picture, edge to edge.")
    values: str = Field(description="Base64 of a byte a cell, row by row from the upper left; 255 is the largest.")


class ColumnsOut(Out):
    cosines: tuple[float, ...] = Field(description="Of each column, from left to right; their mean is the similarity.")
    at_large: float = Field(description="Mean similarity of the photo to places of the index; values are above it.")
    left_deg: float = Field(description="Left edge of the first column, from the photo's centre, clockwise.")
    north_deg: float = Field(ge=0, lt=360, description="The same edge on the tile, clockwise from true north.")
    step_deg: float = Field(gt=0, le=360, description="Width of a column.")
    lat: float = Field(description="Where they stand in the tile: the likeliest spot of the place.")
    lon: float


class AttentionOut(Out):
    """Where the network looked, or which directions spoke for the first candidate; only where it was asked for."""

    kind: Annotated[Kind, Field(description="attention: of a transformer; contribution: what each direction adds.")]
    photo: Annotated[GridOut, Field(description="Over the upright photo.")]
    tile: Annotated[GridOut | None, Field(description="Over the first candidate's tile, north up.")] = None
    columns: Annotated[ColumnsOut | None, Field(description="The numbers of a contribution.")] = None


def attention_out(found: Attention | None) -> AttentionOut | None:
    if found is None:
        return None
    photo, tile, columns = found.photo, found.tile, found.columns
    one_scale = float(columns.more.max()) if columns is not None else None
    return AttentionOut(
        kind=found.kind,
        photo=_grid(photo, one_scale),
        tile=None if tile is None else _grid(tile, one_scale),
        columns=None
        if columns is None
        else ColumnsOut(
            cosines=tuple(round(value, 3) + 0.0 for value in columns.cosines.tolist()),
            at_large=round(columns.at_large, 3) + 0.0,
            left_deg=round(columns.left_deg, 3) + 0.0,
            north_deg=round(columns.north_deg, 3) % 360.0,
            step_deg=round(columns.step_deg, 3),
            lat=round(columns.lat, 7),
            lon=round(columns.lon, 7),
        ),
    )


def _grid(grid: Floats, largest: float | None) -> GridOut:
    height, width = grid.shape
    values = shades(grid, float(grid.max()) if largest is None else largest)
    return GridOut(width=width, height=height, values=base64.b64encode(values.tobytes()).decode("ascii"))
