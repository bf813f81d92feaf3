"""Requests and answers as they were: of a sample city (`python -m benchmarks.sets`, city 4201), and of the demo's."""

from __future__ import annotations

from typing import Any

from service.examples import EXAMPLES
from service.openapi_localize import IMAGE_EXAMPLE

Json = dict[str, Any]
REQUEST_ID = "0d6a1f7c93b84e6f8a52c7d1e0b4f396"
BATCH_QUESTION: Json = {
    "images": [
        {"image": IMAGE_EXAMPLE, "camera": {"fov_deg": 78.579}},
        {"image": IMAGE_EXAMPLE, "prior": None, "camera": {"heading_deg": 210, "heading_accuracy_deg": 40}},
    ],
    "top_k": 2,
    "prior": {"lat": 48.000558, "lon": 9.0047344, "accuracy_m": 35, "accuracy_percentile": 68},
}
BATCH_ANSWER: Json = {
    "request_id": REQUEST_ID,
    "results": [
        {"status": 200, "answer": {**EXAMPLES["localized"].answer, "request_id": REQUEST_ID}},
        {
            "type": "urn:skyfix:problem:image_too_small",
            "title": "Image too small",
            "status": 422,
            "code": "image_too_small",
            "detail": "The image is 8 x 8 pixels; each side needs 32.",
            "request_id": REQUEST_ID,
            "errors": [{"pointer": "images.1", "detail": "The image is 8 x 8 pixels; each side needs 32."}],
        },
    ],
}
SET_QUESTION: Json = {
    "images": [{"image": IMAGE_EXAMPLE}, {"image": IMAGE_EXAMPLE}, {"image": IMAGE_EXAMPLE}],
    "top_k": 2,
    "camera": {"fov_deg": 90},
}
SET_ANSWER: Json = {
    "request_id": REQUEST_ID,
    "status": "localized",
    "position": {
        "lat": 48.0054611,
        "lon": 9.0012455,
        "radius_m_68": 5.3,
        "radius_m_95": 9.0,
        "covariance_enu_m2": [7.11, 0.16, 0.16, 17.1],
    },
    "confidence": 0.987,
    "confidence_definition": "P(error <= 25 m)",
    "probability_outside_index": 0.038,
    "candidates": [
        {
            "rank": 1,
            "lat": 48.0054611,
            "lon": 9.0012455,
            "similarity": 0.786027,
            "probability": 0.9454,
            "tile": {"id": "80-592", "bounds": [9.0000004, 48.0046048, 9.0021447, 48.0060438]},
        },
        {
            "rank": 2,
            "lat": 48.0058912,
            "lon": 9.0025382,
            "similarity": 0.724684,
            "probability": 0.005,
            "tile": {"id": "176-656", "bounds": [9.0012875, 48.0051806, 9.0034318, 48.0066196]},
        },
    ],
    "search": {"mode_used": "global", "tiles_scanned": 484, "index": "city4201@1", "model": "sample-city@3"},
    "notices": [],
    "timings_ms": {"search": 693.86, "posterior": 21.59},
    "photos": [
        {"used": True, "heading": {"deg": 186.71, "accuracy_deg_68": 4.9}, "notices": []},
        {"used": True, "heading": {"deg": 71.14, "accuracy_deg_68": 6.0}, "notices": []},
        {"used": True, "heading": {"deg": 16.33, "accuracy_deg_68": 4.3}, "notices": []},
    ],
}
