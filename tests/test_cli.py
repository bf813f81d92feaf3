"""The root command: what it imports, what it says, how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from models.errors import ChecksumMismatch, ParameterError
from service import cli

HEAVY = ("torch", "faiss", "onnxruntime", "numba", "rasterio", "fastapi", "numpy", "pyarrow")
ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, service.cli\n"
        "try: service.cli.main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(name in done.stdout for name in cli.COMMANDS)


@pytest.mark.parametrize("module", ["service.commands.serve", "service.commands.localize"])
def test_serving_needs_no_training_and_no_imagery_packages(module: str) -> None:
    heavy = ("torch", "numba", "rasterio", "pyproj", "onnx")
    done = run("-c", f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_no_subcommand_and_unknown_subcommand_are_wrong_use() -> None:
    assert CliRunner().invoke(cli.main, []).exit_code == 2
    assert CliRunner().invoke(cli.main, ["fly"]).exit_code == 2
    assert "skyfix" in CliRunner().invoke(cli.main, ["--version"]).output


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ChecksumMismatch("bad.bin is damaged."), 3, "error: bad.bin is damaged. [checksum_mismatch]\n"),
        (ParameterError("top_k", "is 0."), 2, "error: top_k: is 0. [invalid_parameter]\n"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 1, "`train` extra"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    @click.command()
    @click.option("--json", is_flag=True)
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.Root, "get_command", lambda *_: fail)
    result = CliRunner().invoke(cli.main, ["serve"])
    assert result.exit_code == code
    assert line in result.stderr
    assert "Traceback" not in result.output
    if isinstance(error, ChecksumMismatch):
        with_json = CliRunner().invoke(cli.main, ["serve", "--json"])
        assert json.loads(with_json.stdout)["error"]["code"] == "checksum_mismatch"


def test_every_listed_command_exists_where_it_says() -> None:
    for name in ("serve", "localize", "demo", "index"):
        result = CliRunner().invoke(cli.main, [name, "--help"])
        assert result.exit_code == 0, result.output
