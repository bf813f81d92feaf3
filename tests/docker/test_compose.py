"""docker-compose.yml: every service is locked down, and the three find each other."""

from __future__ import annotations

import re
from typing import Any

import pytest

from service.settings import Settings, refuse_unknown_names
from tests.docker.conftest import ROOT, load_yaml
from tests.docker.test_dockerfile import SECRET

SERVICES = ("skyfix", "prometheus", "grafana")


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_locked_down(services: Any, name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] == 256
    assert service["mem_limit"]
    assert not {"privileged", "cap_add", "user", "network_mode"} & set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(services: Any, name: str) -> None:
    assert services[name]["ports"]
    assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])


@pytest.mark.parametrize("name", SERVICES)
def test_settings_are_not_secret(services: Any, name: str) -> None:
    assert not [key for key in services[name].get("environment", {}) if SECRET.search(key)]


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_image_is_pinned_by_version_and_digest(services: Any, name: str) -> None:
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", services[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_tmp_is_small_and_runs_nothing(services: Any, name: str) -> None:
    (tmp,) = services[name]["tmpfs"]
    path, _, options = tmp.partition(":")
    assert path == "/tmp"
    assert {"size=64m", "noexec", "nosuid", "nodev"} <= set(options.split(","))


@pytest.mark.parametrize(("name", "path"), [("prometheus", "/-/ready"), ("grafana", "/api/health")])
def test_others_say_when_they_are_healthy(services: Any, name: str, path: str) -> None:
    """The image of the service has its own check, so that --wait waits for all three."""
    check = services[name]["healthcheck"]
    port = services[name]["ports"][0].split(":")[-1]
    assert check["test"][0] == "CMD"
    assert check["test"][-1] == f"http://127.0.0.1:{port}{path}"
    assert set(check) == {"test", "start_period", "interval", "timeout", "retries"}


def test_only_prometheus_shares_a_network_with_the_admin_address(services: Any) -> None:
    networks = load_yaml("docker-compose.yml")["networks"]
    assert networks["scrape"] == {"internal": True}
    members = {net: {name for name in services if net in services[name]["networks"]} for net in networks}
    assert members == {"photos": {"skyfix"}, "scrape": {"skyfix", "prometheus"}, "charts": {"prometheus", "grafana"}}


@pytest.mark.parametrize("name", SERVICES)
def test_logs_do_not_fill_the_disk(services: Any, name: str) -> None:
    assert set(services[name]["logging"]["options"]) == {"max-size", "max-file"}


def test_index_is_mounted_read_only_and_never_made_up(services: Any) -> None:
    (index,) = services["skyfix"]["volumes"]
    assert (index["target"], index["read_only"]) == ("/index", True)
    assert index["bind"] == {"create_host_path": False}


def test_admin_port_is_not_published(services: Any) -> None:
    refuse_unknown_names(services["skyfix"]["environment"])
    assert services["skyfix"]["environment"]["SKYFIX_ADMIN_HOST"] == "0.0.0.0"
    assert [port.split(":")[1:] for port in services["skyfix"]["ports"]] == [["8080", str(default("port"))]]


def test_prometheus_scrapes_the_admin_address() -> None:
    (job,) = load_yaml("docker/prometheus/prometheus.yml")["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"skyfix:{default('admin_port')}"]}]


def test_grafana_asks_prometheus(services: Any) -> None:
    (source,) = load_yaml("docker/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    assert source["url"] == f"http://prometheus:{services['prometheus']['ports'][0].split(':')[-1]}"


def test_grafana_finds_the_dashboards(services: Any) -> None:
    (provider,) = load_yaml("docker/grafana/provisioning/dashboards/skyfix.yml")["providers"]
    folder = provider["options"]["path"]
    assert f"./docker/grafana/dashboards:{folder}:ro" in services["grafana"]["volumes"]
    assert services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{folder}/skyfix.json"


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_mounted_files_exist(services: Any, name: str) -> None:
    mounted = [volume.split(":")[0] for volume in services[name]["volumes"] if volume.startswith("./")]
    assert mounted
    assert all((ROOT / path).is_dir() for path in mounted)


def test_gpu_overlay_changes_the_target_and_takes_a_device() -> None:
    service = load_yaml("docker/compose.gpu.yml")["services"]["skyfix"]
    assert service["build"] == {"target": "gpu"}
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


def test_without_keys_it_says_so_and_the_overlay_asks_for_them(services: Any) -> None:
    overlay = load_yaml("docker/compose.keys.yml")["services"]["skyfix"]
    refuse_unknown_names(overlay["environment"])
    open_house, asked = (part["environment"]["SKYFIX_INSECURE_NO_AUTH"] for part in (services["skyfix"], overlay))
    assert (open_house, asked) == ("true", "false")
    (keys,) = overlay["volumes"]
    assert keys["read_only"] is True
    assert overlay["command"] == ["serve", "--key-file", f"{keys['target']}/keys.json"]


def default(name: str) -> Any:
    return Settings.model_fields[name].default
