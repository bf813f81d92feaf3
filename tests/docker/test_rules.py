"""Recording and alert rules: promtool's checks and unit tests, and what no promtool looks at."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.docker.conftest import ROOT, load_yaml
from tests.docker.expressions import of_rule_files

RULES = sorted((ROOT / "docker/prometheus/rules").glob("*.yml"))
CASES = sorted((ROOT / "tests/docker/rules").glob("*.yml"))
BOOK = "docs/monitoring.md"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
ALERTS = [rule for rule in of_rule_files(ROOT) if "alert" in rule]


def promtool(*arguments: str) -> str:
    done = subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_rules_and_configuration_are_well_formed() -> None:
    assert "SUCCESS" in promtool("check", "rules", *map(str, RULES))
    assert "2 rule files found" in promtool("check", "config", "docker/prometheus/prometheus.yml")


@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(case: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", str(case))


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fired: set[str] = set()
    silent = 0
    for case in CASES:
        for test in load_yaml(str(case.relative_to(ROOT)))["tests"]:
            for asked in test.get("promql_expr_test", []):
                samples = asked["exp_samples"]
                fired |= {name for sample in samples for name in re.findall(r'alertname="(\w+)"', sample["labels"])}
                silent += not samples
    assert fired == {rule["alert"] for rule in ALERTS}
    assert silent >= len(ALERTS)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_says_what_is_wrong_and_where_to_read_on(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    page, _, anchor = notes["runbook_url"].partition("#")
    assert (page, anchor) == (BOOK, rule["alert"].lower())
    assert re.search(rf"^### {rule['alert']}$", (ROOT / BOOK).read_text(encoding="utf-8"), re.MULTILINE)


def test_prometheus_reads_the_rules() -> None:
    assert load_yaml("docker/prometheus/prometheus.yml")["rule_files"] == ["rules/*.yml"]
