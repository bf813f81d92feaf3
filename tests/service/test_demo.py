"""What the demo asks and how it counts; the whole of it on a small city."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.bundle import ModelBundle
from models.pairs import Pair
from service.cli import main
from service.demo import Shot, curl_command, free_port, plan_shots
from service.errors import DemoFailed
from service.parameters import from_flat


def pair(number: int, fov_deg: float | None) -> Pair:
    return Pair(Path(f"{number}.jpg"), Path("aerial.png"), 48.0, 9.0 + number / 1000, 10.0 * number, fov_deg, 0.5)


def test_every_second_heading_is_kept_back_and_the_last_of_a_kind_gets_a_prior() -> None:
    shots = plan_shots([pair(number, None if number < 3 else 90.0) for number in range(6)], seed=1)
    assert [shot.heading_is_told for shot in shots] == [True, False, True, True, False, True]
    assert [shot.prior is not None for shot in shots] == [False, False, True, False, False, True]
    assert [shot.fov_deg for shot in shots] == [None] * 3 + [90.0] * 3
    assert plan_shots([pair(0, None)], seed=1) == plan_shots([pair(0, None)], seed=1)


def test_fields_of_a_shot_are_good_parameters() -> None:
    shot = Shot(Path("a.jpg"), 48.0, 9.0, 90.0, 359.9999, True, (48.0001, 9.0001))
    request = from_flat(shot.fields.items())
    assert request.prior is not None
    assert request.camera.fov_deg == 90.0
    assert "fov_deg=90" in curl_command("http://x", shot)


def test_a_pair_without_a_position_is_refused() -> None:
    nowhere = Pair(Path("a.jpg"), Path("b.png"), None, None, None, None, None)
    with pytest.raises(DemoFailed, match="no position"):
        plan_shots([nowhere], seed=1)


def test_free_port_is_another_one_when_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]


@pytest.mark.slow
def test_demo_from_end_to_end(tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    options = ["--once", "--extent", "300", "--pictures", "2", "--out", tmp_path, "--bundle", tiny_bundle.folder]
    arguments = ["demo", *map(str, options)]
    first, again = CliRunner().invoke(main, arguments), CliRunner().invoke(main, arguments)
    for result in (first, again):
        assert result.exit_code == 0, result.output
        assert "synthetic city" in result.output
        assert "First candidates" in result.output
