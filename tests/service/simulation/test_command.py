"""What the command refuses before anything is rendered."""

from __future__ import annotations

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
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], words: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["simulate-fleet", "--out", str(tmp_path), *options])
    assert result.exit_code == 2
    assert words in result.output
