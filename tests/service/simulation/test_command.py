"""What the command refuses before anything is rendered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "either --serve"),
        (["--serve", "--url", "http://x"], "either --serve"),
        (["--serve", "--tau", "60", "20"], "rise"),
        (["--url", "http://x", "--foreign", "3"], "go with --serve"),
        (["--serve", "--extent", "400", "--minutes", "1", "--photo-every", "600", "--photos-only"], "Nothing is to be"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], words: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["simulate-fleet", "--out", str(tmp_path), *options])
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.slow
def test_a_fleet_in_an_unseen_city_is_corrected_from_end_to_end(tmp_path: Path) -> None:
    arguments = ["--serve", "--extent", "500", "--vehicles", "2", "--minutes", "2", "--photo-every", "15"]
    arguments += ["--out", str(tmp_path / "out"), "--work", str(tmp_path / "work"), "--city", "5203"]
    result = CliRunner().invoke(main, ["simulate-fleet", *arguments])
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "out/figures.json").read_text(encoding="utf-8"))
    corrected = figures["arms"]["corrected, photos of 360°"]["groups"][0]
    assert corrected["before"]["count"] > 200
    assert corrected["ratio"]["median"] < 0.5
    bare = figures["arms"]["corrected, no photos"]
    assert bare["statuses"] == {"kept": corrected["before"]["count"]}
    assert len(list((tmp_path / "out").glob("vehicle-*.png"))) == 2
    tracked = CliRunner().invoke(main, ["simulate-fleet", *arguments, "--use", "track", "--replicas", "2"])
    assert tracked.exit_code == 0, tracked.output
    assert "each answered once and in its place" in tracked.output
