"""Areas as GeoJSON (RFC 7946) says them: positions are [lon, lat] in WGS84 degrees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from index.areas import AnyOf, Area
from index.polygon import Polygon
from models.errors import ParameterError, UsageError
from models.geo import Floats

MOST_POSITIONS, MOST_BYTES = 100_000, 16_000_000
SHORTEST_POSITION = 2


def read_area(path: Path) -> Area:
    """Read an area from a GeoJSON file.

    Raises:
        UsageError: the file cannot be read, is larger than 16 MB or holds no JSON.
        ParameterError: see `area_from_geojson`.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise UsageError(f"{path} is larger than {MOST_BYTES:,} bytes, which no area needs. Simplify its polygons.")
        found = json.loads(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {str(error)[:200]}.") from error
    return area_from_geojson(found)


def area_from_geojson(value: object) -> Area:
    """Make an area of a Polygon or MultiPolygon, of a Feature of one, or of all of a FeatureCollection.

    Args:
        value: as `json.loads` gives it. Heights are passed over, and so is whatever says more about a feature.

    Raises:
        ParameterError: it is none of these, a ring is open or no ring, a position is none in degrees of lon and lat,
            or there are more than 100,000 of them; the pointer says where.
    """
    polygons, seen = [], 0
    for pointer, rings in _polygons(value, "area"):
        corners = []
        for number, ring in enumerate(rings):
            seen += len(ring) if isinstance(ring, list) else 0
            if seen > MOST_POSITIONS:
                raise ParameterError(pointer, f"There are more than {MOST_POSITIONS:,} positions; simplify the area.")
            corners.append(_corners(ring, f"{pointer}.{number}"))
        try:
            polygons.append(Polygon(corners[0], corners[1:]))
        except ParameterError as error:
            raise ParameterError(pointer, error.detail) from error
    return polygons[0] if len(polygons) == 1 else AnyOf(tuple(polygons))


def _polygons(value: object, pointer: str, depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    """Give the rings of every polygon, the outer one first, and where they stand."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "FeatureCollection" and depth == 0:
        for number, feature in enumerate(_list(value, "features", pointer)):
            yield from _polygons(feature, f"{pointer}.features.{number}", depth + 1)
    elif kind == "Feature" and depth <= 1 and isinstance(value, dict):
        yield from _polygons(value.get("geometry"), f"{pointer}.geometry", depth + 2)
    elif kind == "Polygon":
        yield f"{pointer}.coordinates", _list(value, "coordinates", pointer)
    elif kind == "MultiPolygon":
        for number, rings in enumerate(_list(value, "coordinates", pointer)):
            where = f"{pointer}.coordinates.{number}"
            if not isinstance(rings, list) or not rings:
                raise ParameterError(where, "A polygon is a list of rings, the outer one first.")
            yield where, rings
    else:
        found = f"type {kind!r}" if kind is not None else f"a {type(value).__name__} without a type"
        raise ParameterError(pointer, f"An area is a GeoJSON Polygon or MultiPolygon, not {str(found)[:80]}.")


def _list(value: Any, name: str, pointer: str) -> list[Any]:
    found = value.get(name)
    if not isinstance(found, list) or not found:
        raise ParameterError(f"{pointer}.{name}", f"A {value['type']} has a list of {name}, with at least one in it.")
    return found


def _corners(ring: object, pointer: str) -> Floats:
    """(V, 2) lat, lon of a closed ring."""
    if not isinstance(ring, list):
        raise ParameterError(pointer, "A ring is a list of positions [lon, lat].")
    for number, position in enumerate(ring):
        if not (
            isinstance(position, list) and len(position) >= SHORTEST_POSITION and all(map(_is_degrees, position[:2]))
        ):
            raise ParameterError(f"{pointer}.{number}", f"{str(position)[:80]} is no position [lon, lat] in degrees.")
        lon, lat = position[:2]
        if abs(lat) > 90 or abs(lon) > 180:
            hint = "; the longitude comes first" if abs(lat) <= 180 and abs(lon) <= 90 else ""
            raise ParameterError(f"{pointer}.{number}", f"lon {lon:g}, lat {lat:g} is not a WGS84 position{hint}.")
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise ParameterError(pointer, "A ring has at least four positions, and the last is the first again.")
    return np.array([(position[1], position[0]) for position in ring], dtype=np.float64)


def _is_degrees(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 360
