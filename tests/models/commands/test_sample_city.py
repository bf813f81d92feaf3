from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from models.bundle import ModelBundle
from models.commands.evaluate import command as evaluate
from models.commands.sample_city import command as sample_city


def test_sample_city_writes_what_evaluate_reads(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    city = tmp_path / "city"
    arguments = ["--out", city, "--extent", 150, "--photos", 2, "--panoramas", 3, "--seed", 3]
    written = CliRunner().invoke(sample_city, [str(word) for word in arguments])
    assert (written.exit_code, written.exception) == (0, None)
    assert (city / "ortho.tif").stat().st_size > 10_000
    arguments = ["--bundle", tiny_bundle.folder, "--pairs", city / "pairs.csv", "--json"]
    measured = CliRunner().invoke(evaluate, [str(word) for word in arguments])
    assert [row["queries"] for row in json.loads(measured.stdout)["rows"]] == [5, 5]
