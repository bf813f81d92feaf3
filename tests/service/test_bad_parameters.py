"""Parameters out of range, unknown, twice, or without what they need."""

from __future__ import annotations

import pytest

from tests.service.conftest import Client, check_problem

PARAMETERS = {
    "top_k": ["0", "-1", "51", "1000000000", "1.5", "", "abc", "9" * 5000, "٣", "0x5", "true", "5 "],
    "lat": ["90.0001", "nan", "NaN", "inf", "1e400", "", "1_0", "52,5", "9" * 400],
    "lon": ["180.1", "-180.1", "Infinity"],
    "radius_m": ["0", "-1", "1e12", "nan"],
    "accuracy_m": ["0", "-5", "1e9"],
    "accuracy_percentile": ["0", "100", "abc"],
    "fov_deg": ["9", "361", "nan", ""],
    "heading_deg": ["360", "361", "-1", "north"],
    "heading_accuracy_deg": ["-1", "181"],
    "pitch_deg": ["61"],
    "roll_deg": ["181"],
    "projection": ["fisheye", ""],
    "mode": ["fast", "AUTO"],
    "use_focal_length": ["1", "True", "yes"],
    "index": ["x" * 201],
}
NEEDED = {
    "lat": {"lon": "13.4", "accuracy_m": "5"},
    "lon": {"lat": "52.5", "accuracy_m": "5"},
    "radius_m": {"lat": "52.5", "lon": "13.4"},
    "accuracy_m": {"lat": "52.5", "lon": "13.4"},
    "accuracy_percentile": {"lat": "52.5", "lon": "13.4", "accuracy_m": "5"},
    "heading_accuracy_deg": {"heading_deg": "0"},
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in PARAMETERS.items() for value in values])
def test_parameters_out_of_range(client: Client, photo: bytes, name: str, value: str) -> None:
    problem = check_problem(client.raw(photo, **{**NEEDED.get(name, {}), name: value}), 422, "invalid_parameter")
    assert [fault["pointer"] for fault in problem["errors"]] == [name]
    assert len(value) < 4 or value not in problem["detail"].split()


@pytest.mark.parametrize("value", ["-0.0", "52", "+52.5", ".5", "5.", "1e1"])
def test_numbers_that_are_fine(client: Client, photo: bytes, value: str) -> None:
    assert client.raw(photo, lat=value, lon="13.4", accuracy_m="60").status_code == 200


DEPENDENCIES = [
    ({"lat": "52.5"}, "lon"),
    ({"lon": "13.4"}, "lat"),
    ({"accuracy_m": "5"}, "lat"),
    ({"lat": "52.5", "lon": "13.4", "accuracy_percentile": "95"}, "accuracy_m"),
    ({"mode": "prior"}, "prior"),
    ({"radius_m": "50"}, "prior"),
    ({"heading_accuracy_deg": "5"}, "heading_deg"),
    ({"fov_deg": "151", "projection": "perspective"}, "fov_deg"),
    ({"mode": "prior", "use_gps_as_prior": "true"}, "use_gps_as_prior"),
]


@pytest.mark.parametrize(("fields", "pointer"), DEPENDENCIES)
def test_parameters_that_need_each_other(client: Client, photo: bytes, fields: dict[str, str], pointer: str) -> None:
    problem = check_problem(client.raw(photo, **fields), 422, "invalid_parameter")
    assert problem["errors"][0]["pointer"] == pointer


def test_unknown_fields_are_refused_with_a_hint_and_without_an_echo(client: Client, photo: bytes) -> None:
    problem = check_problem(client.raw(photo, fov_degrees="70"), 422, "unknown_parameter")
    assert "fov_deg?" in problem["detail"]
    assert "fov_degrees" not in problem["detail"]
    check_problem(client.form(photo, image_url="http://169.254.169.254/"), 422, "unknown_parameter")
    nested = check_problem(client.form(photo, request='{"camera": {"fov": 70}}'), 422, "unknown_parameter")
    assert nested["errors"][0]["pointer"] == "camera"


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        ("{", 400, "malformed_json"),
        ("[]", 400, "malformed_json"),
        ('{"camera": {"fov_deg": NaN}}', 400, "malformed_json"),
        ("[" * 4000, 400, "malformed_json"),
        ('{"top_k": 1, "top_k": 2}', 422, "duplicate_field"),
        ('{"top_k": true}', 422, "invalid_parameter"),
        ('{"top_k": "5"}', 422, "invalid_parameter"),
        ('{"camera": {"fov_deg": 1e999}}', 422, "invalid_parameter"),
        ('{"camera": []}', 422, "invalid_parameter"),
        ('{"prior": {"lat": 52}}', 422, "invalid_parameter"),
        ('{"search": {"index": "\\ud800"}}', 422, "invalid_parameter"),
        ('{"search": {"index": "../x"}}', 404, "unknown_index"),
    ],
)
def test_bad_documents(client: Client, photo: bytes, document: str, status: int, code: str) -> None:
    check_problem(client.form(photo, request=document), status, code)
