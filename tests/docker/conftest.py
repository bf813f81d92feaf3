"""The container files, parsed once."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@dataclass
class Stage:
    """One FROM of a Dockerfile, with its instructions in order."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [arguments for name, arguments in self.steps if name == instruction]

    @property
    def env(self) -> dict[str, str]:
        words = [word for line in self.all("ENV") for word in shlex.split(line)]
        return dict(word.split("=", 1) for word in words)


def parse_dockerfile(text: str) -> dict[str, Stage]:
    """Stages by name; the nameless last one as ""."""
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    stages: dict[str, Stage] = {}
    for instruction, _, arguments in (line.partition(" ") for line in lines if line.strip()):
        if instruction == "FROM":
            base, _, name = arguments.partition(" AS ")
            stages[name] = Stage(base)
        elif stages:
            stages[list(stages)[-1]].steps.append((instruction, arguments.strip()))
    return stages


@pytest.fixture(scope="session")
def stages() -> dict[str, Stage]:
    return parse_dockerfile((ROOT / "docker" / "Dockerfile").read_text())


@pytest.fixture(scope="session")
def runtime(stages: dict[str, Stage]) -> Stage:
    """What the cpu and the gpu image share."""
    return stages["base"]


def load_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.fixture(scope="session")
def services() -> Any:
    """Services of docker-compose.yml by name."""
    return load_yaml("docker-compose.yml")["services"]


@pytest.fixture(params=sorted((ROOT / "docker/grafana/dashboards").iterdir()), ids=lambda path: path.stem)
def dashboard(request: pytest.FixtureRequest) -> Any:
    """Each dashboard in turn."""
    return json.loads(request.param.read_text())
