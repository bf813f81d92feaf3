"""What OpenAPI says of GET /coverage."""

from __future__ import annotations

from typing import Any

from service.alikeness import CoverageDrawn
from service.coverage import CoverageAnswer, CoverageRequest
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

ALIKE: Json = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[9.0, 48.0], [9.0004, 48.0], [9.0004, 48.0003], [9.0, 48.0003], [9.0, 48.0]]],
            },
            "properties": {"aliasing_360": 0.83, "aliasing_90": 1.0, "twin": [9.00604, 48.00489]},
        }
    ],
    "index": "sample-city@1",
    "far_m": 160.0,
    "step_m": 6.4,
    "sampled": 399,
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
    """At a place one answer, without a place all of the coverage as GeoJSON, or where places look alike."""
    return {
        "application/json": {
            "schema": {"$ref": f"#/components/schemas/{CoverageAnswer.__name__}"},
            "example": AT_A_PLACE,
        },
        GEOJSON: {
            "schema": {"$ref": f"#/components/schemas/{CoverageDrawn.__name__}"},
            "examples": {
                "coverage": {"summary": "All of the coverage", "value": EVERYWHERE},
                "aliasing": {"summary": "Where places look alike, with aliasing=true", "value": ALIKE},
            },
        },
    }
