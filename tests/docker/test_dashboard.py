"""Every series and label that a dashboard or a rule names is really served, or recorded by a rule."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest

from index.build import build_index
from index.bundle import open_index
from index.search import Searcher
from models.encoder import FakeEncoder
from service.app import create_app
from service.index_localizer import IndexLocalizer
from service.settings import Settings
from tests.docker.conftest import ROOT, load_yaml
from tests.docker.expressions import FROM_THE_SCRAPE, grouped_by, of_dashboard, of_rule_files, selectors
from tests.service.conftest import Client
from tests.service.world import PaintedTiles, encode, panorama

RULES = of_rule_files(ROOT)
ROWS = [
    "Now",
    "Latency by stage",
    "Traffic",
    "Errors",
    "Saturation",
    "Batching",
    "Answers and confidence",
    "Index age and canary",
    "Provider",
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Labels by series: of an app that has answered one photo and refused another, and of the recording rules."""
    folder = tmp_path_factory.mktemp("painted") / "index"
    build_index(PaintedTiles(), FakeEncoder(), folder, name="painted")
    app = create_app(Settings(), IndexLocalizer(FakeEncoder(), Searcher(open_index(folder))))
    assert Client(app).raw(encode(panorama(7))).status_code == 200
    assert Client(app).raw(b"no photo").status_code == 422
    labels: dict[str, set[str]] = defaultdict(set)
    for family in app.state.service.metrics.registry.collect():
        for sample in family.samples:
            labels[sample.name] |= set(sample.labels) | FROM_THE_SCRAPE
    labels["up"] = set(FROM_THE_SCRAPE)
    for rule in RULES:
        if "record" in rule:
            labels[rule["record"]] = grouped_by(rule["expr"]) or labels[selectors(rule["expr"])[0].series]
    return labels


def check(expression: str, labels_shown: set[str], served: dict[str, set[str]]) -> None:
    """Hold an expression against what is served: its series, and the labels it matches, groups by or shows."""
    asked = selectors(expression)
    assert asked, expression
    for selector in asked:
        assert selector.series in served, expression
        assert selector.labels <= served[selector.series], expression
    known = set.intersection(*(served[selector.series] for selector in asked))
    assert (grouped_by(expression) | labels_shown) <= known, expression


def test_every_target_asks_for_what_is_served(dashboard: Any, served: dict[str, set[str]]) -> None:
    for target in of_dashboard(dashboard):
        check(target["expr"], set(re.findall(r"{{(\w+)}}", target.get("legendFormat", ""))), served)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("record") or rule["alert"])
def test_every_rule_asks_for_what_is_served(rule: dict[str, Any], served: dict[str, set[str]]) -> None:
    told = re.findall(r"\$labels\.(\w+)", " ".join(rule.get("annotations", {}).values()))
    check(rule["expr"], set(told), served)


def test_what_the_service_shows_is_looked_at(dashboard: Any, served: dict[str, set[str]]) -> None:
    """A series that neither the dashboard nor a rule asks for is either missing there or not worth its place."""
    expressions = [target["expr"] for target in of_dashboard(dashboard)] + [rule["expr"] for rule in RULES]
    asked = {re.sub(r"_(bucket|sum|count)$", "", found.series) for text in expressions for found in selectors(text)}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in served if name.startswith("skyfix_")}
    assert shown - asked == set()


def test_every_concern_has_a_row(dashboard: Any) -> None:
    assert [panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"] == ROWS


def test_every_panel_asks_the_provisioned_source(dashboard: Any) -> None:
    (source,) = load_yaml("docker/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    wanted = {"type": source["type"], "uid": source["uid"]}
    assert all(panel["datasource"] == wanted for panel in dashboard["panels"] if panel["type"] != "row")


def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: Any) -> None:
    cells = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in dashboard["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
