from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from models.commands.costs import costs_of
from models.commands.model_info import command as model_info
from models.errors import UsageError
from models.training.config import load_config


@pytest.mark.parametrize(("stage", "without", "whole"), [(1, "11.3247 G", "12.5998 G"), (2, "11.3672 G", "12.6422 G")])
def test_the_published_multiply_adds_are_reproduced(stage: int, without: str, whole: str) -> None:
    printed = CliRunner().invoke(model_info, ["transgeo-cvusa", "--stage", str(stage)]).output
    both = next(line for line in printed.splitlines() if line.startswith("both"))
    assert without in both
    assert whole in both


def test_parameters_are_those_of_the_paper() -> None:
    printed = json.loads(CliRunner().invoke(model_info, ["transgeo-cvusa", "--json"]).output)
    counts = [printed[name]["parameters"] for name in ("ground", "aerial", "both")]
    assert counts == [22_463_312, 22_459_472, 44_922_784]


def test_the_guide_is_counted_apart() -> None:
    assert "guide" not in costs_of(load_config("transgeo-vigor-same"))
    assert costs_of(load_config("transgeo-vigor-same", 2))["guide"]["parameters"] == 22_514_768


def test_sharing_halves_the_parameters() -> None:
    alone, shared = (costs_of(load_config("transgeo-cvusa", 1, (f"model.share={word}",))) for word in ("false", "true"))
    assert 0.50 < shared["both"]["parameters"] / alone["both"]["parameters"] < 0.51


def test_other_networks_are_refused() -> None:
    with pytest.raises(UsageError, match="TransGeo"):
        costs_of(load_config("sample-city"))
