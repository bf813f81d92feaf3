"""What a PromQL expression asks for, as far as the tests of dashboards and rules need to know. No parser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

SELECTOR = re.compile(r"((?:skyfix[_:]|process_)[\w:]+|\bup\b)(?:\{([^}]*)\})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPING = re.compile(r"\b(?:by|on|without|ignoring) \(([^)]*)\)")
FROM_THE_SCRAPE = frozenset({"job", "instance"})


class Selector(NamedTuple):
    series: str
    labels: frozenset[str]
    text: str


def selectors(expression: str) -> list[Selector]:
    """Every selector in an expression, without its range."""
    return [
        Selector(found[1], frozenset(MATCHER.findall(found[2] or "")), found[0])
        for found in SELECTOR.finditer(expression)
    ]


def grouped_by(expression: str) -> set[str]:
    """Labels in `by (...)` and its like."""
    return {word for found in GROUPING.findall(expression) for word in found.replace(",", " ").split()}


def of_rule_files(root: Path) -> list[dict[str, Any]]:
    """All rules, those of recording.yml first."""
    files = ("recording.yml", "alerts.yml")
    loaded = [yaml.safe_load((root / "docker/prometheus/rules" / name).read_text(encoding="utf-8")) for name in files]
    return [rule for file in loaded for group in file["groups"] for rule in group["rules"]]


def of_dashboard(dashboard: Any) -> list[dict[str, str]]:
    """Targets of all panels, also of those inside collapsed rows."""
    panels = [inner for panel in dashboard["panels"] for inner in (panel, *panel.get("panels", []))]
    return [target for panel in panels for target in panel.get("targets", [])]
