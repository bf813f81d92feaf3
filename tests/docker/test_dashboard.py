"""Every series and label that a dashboard names is really served."""

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
from tests.docker.conftest import load_yaml
from tests.service.conftest import Client
from tests.service.world import PaintedTiles, encode, panorama

LABELS = re.compile(r"(\w+)\s*=~?\s*\"|by \(([^)]*)\)")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Labels by series, of an app that has answered one photo and refused another."""
    folder = tmp_path_factory.mktemp("painted") / "index"
    build_index(PaintedTiles(), FakeEncoder(), folder, name="painted")
    app = create_app(Settings(), IndexLocalizer(FakeEncoder(), Searcher(open_index(folder))))
    assert Client(app).raw(encode(panorama(7))).status_code == 200
    assert Client(app).raw(b"no photo").status_code == 422
    labels: dict[str, set[str]] = defaultdict(set)
    for family in app.state.service.metrics.registry.collect():
        for sample in family.samples:
            labels[sample.name] |= set(sample.labels)
    return labels


def targets(dashboard: Any) -> list[dict[str, str]]:
    return [target for panel in dashboard["panels"] for target in panel["targets"]]


def test_every_series_is_served(dashboard: Any, served: dict[str, set[str]]) -> None:
    named = {name for target in targets(dashboard) for name in re.findall(r"skyfix_\w+", target["expr"])}
    assert len(named) >= 15
    assert named <= set(served)


def test_every_label_is_served(dashboard: Any, served: dict[str, set[str]]) -> None:
    for target in targets(dashboard):
        (series,) = set(re.findall(r"skyfix_\w+", target["expr"]))
        words = " ".join(" ".join(found) for found in LABELS.findall(target["expr"])).replace(",", " ").split()
        legend = re.findall(r"{{(\w+)}}", target.get("legendFormat", ""))
        assert {*words, *legend} <= served[series], target


def test_every_panel_asks_the_provisioned_source(dashboard: Any) -> None:
    (source,) = load_yaml("docker/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    wanted = {"type": source["type"], "uid": source["uid"]}
    assert all(panel["datasource"] == wanted for panel in dashboard["panels"])


def test_panels_have_ids_of_their_own_and_do_not_overlap(dashboard: Any) -> None:
    cells = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in dashboard["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
