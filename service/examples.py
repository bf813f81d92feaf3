"""Requests and answers as they were: of the demo's city (`skyfix demo`, seed 2026), whose pictures each request names.

The service is held to them by tests/service/test_openapi.py; a picture of its own shows the same requests to work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """A question about a picture of the demo, in the nested form, and what was answered."""

    summary: str
    picture: str
    request: Json
    answer: Json


EXAMPLES: dict[str, Example] = {
    "localized": Example(
        "A photo with a GPS position of 35 m",
        "photos/0005.jpg",
        {
            "top_k": 2,
            "prior": {"lat": 48.000558, "lon": 9.0047344, "accuracy_m": 35, "accuracy_percentile": 68},
            "camera": {"fov_deg": 78.579},
        },
        {
            "request_id": "9b0c2b0f5d7c4a43a1c5e6f0d2b8a714",
            "status": "localized",
            "position": {
                "lat": 48.0005576,
                "lon": 9.0047883,
                "radius_m_68": 4.6,
                "radius_m_95": 10.1,
                "covariance_enu_m2": [29.62, -2.39, -2.39, 10.47],
            },
            "heading": {"deg": 73.73, "accuracy_deg_68": 4.4},
            "confidence": 0.9944,
            "confidence_definition": "P(error <= 25 m)",
            "probability_outside_index": 0.001,
            "candidates": [
                {
                    "rank": 1,
                    "lat": 48.0005576,
                    "lon": 9.0047883,
                    "similarity": 0.861829,
                    "probability": 0.9915,
                    "heading_deg": 73.73,
                    "distance_to_prior_m": 4.03,
                    "tile": {"id": "ortho-z32-n166203-e00011", "bounds": [9.0036449, 47.9998957, 9.005789, 48.0013347]},
                },
                {
                    "rank": 2,
                    "lat": 48.0004959,
                    "lon": 9.0039321,
                    "similarity": 0.835918,
                    "probability": 0.0052,
                    "heading_deg": 79.35,
                    "distance_to_prior_m": 60.27,
                    "tile": {
                        "id": "ortho-z32-n166203-e00009",
                        "bounds": [9.0027873, 47.9998957, 9.0049314, 48.0013347],
                    },
                },
            ],
            "search": {"mode_used": "prior", "tiles_scanned": 95, "index": "sample-city@1", "model": "sample-city@3"},
            "notices": [],
            "timings_ms": {
                "receive": 0.61,
                "decode": 2.73,
                "preprocess": 3.32,
                "inference": 14.88,
                "search": 85.07,
                "posterior": 43.5,
            },
        },
    ),
    "ambiguous": Example(
        "A photo with its heading and no position",
        "photos/0002.jpg",
        {"top_k": 2, "camera": {"fov_deg": 69.39, "heading_deg": 277.61}},
        {
            "request_id": "4f7d1a52c8e94d0bb6a3f1e07c95d283",
            "status": "ambiguous",
            "position": {
                "lat": 48.0051601,
                "lon": 9.0015003,
                "radius_m_68": 279.3,
                "radius_m_95": 398.7,
                "covariance_enu_m2": [52.9, 4.11, 4.11, 10.64],
            },
            "confidence": 0.4246,
            "confidence_definition": "P(error <= 25 m)",
            "probability_outside_index": 0.0121,
            "candidates": [
                {
                    "rank": 1,
                    "lat": 48.0051601,
                    "lon": 9.0015003,
                    "similarity": 0.816776,
                    "probability": 0.4362,
                    "tile": {
                        "id": "ortho-z32-n166219-e00004",
                        "bounds": [9.0006433, 48.0045004, 9.0027875, 48.0059394],
                    },
                },
                {
                    "rank": 2,
                    "lat": 48.0016517,
                    "lon": 9.0023382,
                    "similarity": 0.813649,
                    "probability": 0.2153,
                    "tile": {
                        "id": "ortho-z32-n166207-e00005",
                        "bounds": [9.0010721, 48.0010469, 9.0032162, 48.0024859],
                    },
                },
            ],
            "search": {"mode_used": "global", "tiles_scanned": 399, "index": "sample-city@1", "model": "sample-city@3"},
            "notices": [],
            "timings_ms": {
                "receive": 0.61,
                "decode": 5.9,
                "preprocess": 6.92,
                "inference": 5.82,
                "search": 11.72,
                "posterior": 2.65,
            },
        },
    ),
    "no_match": Example(
        "A panorama with a GPS position that is wrong",
        "panoramas/0002.jpg",
        {
            "top_k": 1,
            "prior": {"lat": 48.0045, "lon": 9.007, "accuracy_m": 40, "accuracy_percentile": 95},
            "search": {"mode": "prior"},
            "camera": {"projection": "panorama"},
        },
        {
            "request_id": "c2a86e1f03b74f5e9d40b7185aa6e3f9",
            "status": "no_match",
            "position": {
                "lat": 48.0048234,
                "lon": 9.007154,
                "radius_m_68": 13.0,
                "radius_m_95": 21.8,
                "covariance_enu_m2": [59.26, -30.1, -30.1, 225.02],
            },
            "heading": {"deg": 275.1, "accuracy_deg_68": 5.6},
            "confidence": 0.0482,
            "confidence_definition": "P(error <= 25 m)",
            "probability_outside_index": 0.9995,
            "candidates": [
                {
                    "rank": 1,
                    "lat": 48.0048234,
                    "lon": 9.007154,
                    "similarity": 0.652542,
                    "probability": 0.0004,
                    "heading_deg": 275.1,
                    "distance_to_prior_m": 37.75,
                    "tile": {
                        "id": "ortho-z32-n166218-e00017",
                        "bounds": [9.0062183, 48.0042126, 9.0083626, 48.0056516],
                    },
                }
            ],
            "search": {"mode_used": "prior", "tiles_scanned": 75, "index": "sample-city@1", "model": "sample-city@3"},
            "notices": [],
            "timings_ms": {
                "receive": 0.61,
                "decode": 1.86,
                "preprocess": 12.17,
                "inference": 36.6,
                "search": 36.7,
                "posterior": 23.78,
            },
        },
    ),
    "outside_coverage": Example(
        "A prior where there is no imagery",
        "photos/0005.jpg",
        {"prior": {"lat": 52.5163, "lon": 13.3777, "accuracy_m": 60}, "camera": {"fov_deg": 78.579}},
        {
            "request_id": "71e5d9c4b2064a8c8f3e0d96a7b1c254",
            "status": "outside_coverage",
            "candidates": [],
            "search": {"mode_used": "prior", "tiles_scanned": 0, "index": "sample-city@1", "model": "sample-city@3"},
            "notices": [
                {"code": "accuracy_percentile_assumed", "detail": "The accuracy has no percentile; 68 % was assumed."}
            ],
            "timings_ms": {"receive": 0.61, "decode": 11.35, "preprocess": 7.24, "inference": 19.73, "search": 0.41},
        },
    ),
}
"""By status."""

INDEX: Json = {
    "name": "sample-city@1",
    "model": "sample-city@3",
    "provider": "CPUExecutionProvider",
    "tiles": 399,
    "bounds": [9.0, 47.9999977, 9.0080442, 48.0053963],
    "attribution": "",
    "licence": "",
}
INFO: Json = {
    "version": "0.1.0",
    "model": {
        "name": "sample-city@3",
        "label": "Trained on synthetic cities only: panoramas and photos of rendered streets. Expect less "
        "on real imagery.",
        "licence": "Apache-2.0",
        "attribution": "Stem: EfficientNet-Lite0 with ImageNet weights, ML Illustrated, Apache-2.0.",
        "precision": "fp32",
        "licences": [],
        "provider": "CPUExecutionProvider",
    },
    "index": INDEX,
    "indexes": [INDEX],
    "limits": {
        "body_bytes": 8388608,
        "image_pixels": 24000000,
        "image_min_side_px": 32,
        "image_max_side_px": 12000,
        "top_k": 50,
    },
}
