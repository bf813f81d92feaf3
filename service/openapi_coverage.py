"""What OpenAPI says of GET /coverage."""

from __future__ import annotations

from typing import Any

from service.coverage import CoverageAnswer, CoverageCollection, CoverageRequest
from service.geojson import MEDIA_TYPE as GEOJSON

Json = dict[str, Any]
AT_A_PLACE: Json = {
    "covered": True,
    "index": "sample-city@1",
    "captured": "2026-06",
    "resolution_m": 0.5,
    "tile": [9.0009, 48.0001, 9.003, 48.0016],
    "radius_m_68": {"70": 9.6, "90": 8.1, "360": 4.4},
}
EVERYWHERE: Json = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[9.0, 48.0], [9.008, 48.0], [9.008, 48.005], [9.0, 48.005], [9.0, 48.0]]],
            },
            "properties": {},
        }
    ],
    "index": "sample-city@1",
    "bounds": [9.0, 48.0, 9.008, 48.005],
    "area_km2": 0.33,
    "captured": ["2026-06"],
    "resolution_m": 0.5,
}


def coverage_parameters() -> list[Json]:
    schema = CoverageRequest.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "required": False, "description": described["description"], "schema": kind}
        for name, described in schema.items()
        for kind in described["anyOf"]
        if kind["type"] != "null"
    ]


def coverage_content() -> Json:
    """At a place one answer, without a place all of the coverage as GeoJSON."""
    return {
        "application/json": {
            "schema": {"$ref": f"#/components/schemas/{CoverageAnswer.__name__}"},
            "example": AT_A_PLACE,
        },
        GEOJSON: {
            "schema": {"$ref": f"#/components/schemas/{CoverageCollection.__name__}"},
            "example": EVERYWHERE,
        },
    }
