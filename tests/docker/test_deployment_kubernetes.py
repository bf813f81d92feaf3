"""The Kubernetes example: valid by the schemas, closed as far as a manifest can close, and set to what exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from starlette.routing import Route

from service.admin import create_admin_app
from service.keeper import Outcome
from service.metrics import Metrics
from service.pipeline import QUEUE
from service.server import GRACE_S
from service.settings import Settings, load_settings
from tests.docker.conftest import ROOT, load_yaml
from tests.docker.test_dockerfile import SECRET

FOLDER = ROOT / "docker" / "kubernetes"
VERSIONS = ("1.34", kubernetes_validate.latest_version())
LABELS = {"app.kubernetes.io/name": "skyfix"}
KUSTOMIZATION = load_yaml("docker/kubernetes/base/kustomization.yaml")


def _documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((FOLDER / "base" / name).read_text(encoding="utf-8")))


MANIFESTS = list(chain.from_iterable(map(_documents, KUSTOMIZATION["resources"])))


def _one(kind: str, name: str = "skyfix") -> Any:
    (found,) = [each for each in MANIFESTS if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


POD = _one("Deployment")["spec"]["template"]["spec"]
(SKYFIX,) = POD["containers"]
ENVIRONMENT = {each["name"]: each["value"] for each in SKYFIX["env"]}
PATCH = load_yaml("docker/kubernetes/index-from-image/deployment.yaml")["spec"]["template"]["spec"]


def merged(old: Any, new: Any) -> Any:
    """What a strategic merge makes of an object and a patch: lists by name, null takes away."""
    if isinstance(old, dict) and isinstance(new, dict):
        both = {key: merged(old.get(key), value) for key, value in new.items() if value is not None}
        return {key: value for key, value in old.items() if key not in new} | both
    if isinstance(old, list) and isinstance(new, list) and all(isinstance(each, dict) for each in [*old, *new]):
        names = [each["name"] for each in old]
        kept = {each["name"]: each for each in old}
        fresh = {each["name"]: merged(kept.get(each["name"]), each) for each in new}
        return [fresh.get(name, kept[name]) for name in names] + [fresh[name] for name in fresh if name not in kept]
    return new


OVERLAID = merged(POD, PATCH)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_manifest_is_valid(manifest: Any, version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_overlaid_deployment_is_valid(version: str) -> None:
    deployment = _one("Deployment")
    whole = deployment | {"spec": deployment["spec"] | {"template": {"metadata": {"labels": LABELS}, "spec": OVERLAID}}}
    kubernetes_validate.validate(whole, version, strict=True)


def test_a_misspelt_field_is_not_valid() -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(_one("Service") | {"specs": {}}, VERSIONS[0], strict=True)


def test_every_file_of_the_base_is_used() -> None:
    files = {path.name for path in (FOLDER / "base").iterdir()}
    assert files == {*KUSTOMIZATION["resources"], "kustomization.yaml"}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", ["base", "index-from-image"])
def test_kustomize_makes_valid_manifests(folder: str) -> None:
    text = subprocess.check_output(["kubectl", "kustomize", str(FOLDER / folder)], text=True)
    made = list(yaml.safe_load_all(text))
    assert len(made) == len(MANIFESTS)
    for manifest in made:
        kubernetes_validate.validate(manifest, VERSIONS[0], strict=True)
    (pod,) = [each["spec"]["template"]["spec"] for each in made if each["kind"] == "Deployment"]
    expected = POD if folder == "base" else OVERLAID
    images = {each["image"] for each in [*pod["containers"], *pod.get("initContainers", [])]}
    assert all(re.fullmatch(r"registry\.example\.org/[a-z-]+:[0-9.]+", image) for image in images)
    assert _by_name(pod["volumes"]) == _by_name(expected["volumes"])
    assert pod["containers"][0]["resources"] == expected["containers"][0]["resources"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_job_and_query(tmp_path: Path) -> None:
    (rule,) = load_yaml("docker/kubernetes/prometheus-adapter.yaml")["rules"]["custom"]
    query = rule["metricsQuery"].replace("<<.GroupBy>>", "pod").replace("<<.Series>>", "skyfix_queue_depth")
    query = query.replace("<<.LabelMatchers>>", 'namespace="skyfix",pod=~"a|b"')
    rules = {"groups": [{"name": "adapter", "rules": [{"record": "queue", "expr": query}]}]}
    (job,) = load_yaml("docker/kubernetes/scrape.yaml")
    del job["kubernetes_sd_configs"]  # which Debian's build does not know
    config = {"scrape_configs": [job], "rule_files": ["rules.yml"]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    done = subprocess.run(
        ["promtool", "check", "config", "prometheus.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "1 rules found" in done.stdout


def test_all_of_it_is_in_one_namespace_that_refuses_less() -> None:
    assert (
        {each["metadata"].get("namespace", "skyfix") for each in MANIFESTS}
        == {"skyfix"}
        == {KUSTOMIZATION["namespace"]}
    )
    assert _one("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("pod", [POD, OVERLAID], ids=["volume", "from-image"])
def test_pod_is_nobody_in_particular(pod: Any) -> None:
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert (context["runAsUser"], context["runAsGroup"]) == (10001, 10001)
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(pod)


@pytest.mark.parametrize("container", [SKYFIX, *OVERLAID["initContainers"]], ids=lambda each: each["name"])
def test_container_is_locked_down(container: Any) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}
    assert set(container["resources"]["requests"]) == {"cpu", "memory", "ephemeral-storage"}


def test_service_gets_no_settings_from_the_cluster() -> None:
    """A Service named skyfix gives pods SKYFIX_PORT=tcp://…, on which the program would not start."""
    assert _one("Service")["metadata"]["name"].upper() + "_PORT" == "SKYFIX_PORT"
    assert POD["enableServiceLinks"] is False


def test_settings_are_known_and_not_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.key_file is not None
    assert not settings.insecure_no_auth
    assert not [name for name in ENVIRONMENT if SECRET.search(name.removesuffix("KEY_FILE"))]
    assert "envFrom" not in SKYFIX


def test_keys_come_from_a_secret_as_a_file() -> None:
    mounts, volumes = _by_name(SKYFIX["volumeMounts"]), _by_name(POD["volumes"])
    assert volumes["keys"]["secret"] == {"secretName": "skyfix-keys", "defaultMode": 0o440}
    assert mounts["keys"]["readOnly"] is True
    assert ENVIRONMENT["SKYFIX_KEY_FILE"] == f"{mounts['keys']['mountPath']}/keys.json"
    assert not [each for each in MANIFESTS if each["kind"] == "Secret"]


@pytest.mark.parametrize("pod", [POD, OVERLAID], ids=["volume", "from-image"])
def test_only_tmp_can_be_written(pod: Any) -> None:
    (container,) = pod["containers"]
    writable = [each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")]
    assert writable == ["/tmp"]
    assert _by_name(pod["volumes"])["tmp"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "64Mi"}


def test_index_is_a_volume_or_copied_before_the_start() -> None:
    assert _by_name(POD["volumes"])["index"] == {
        "name": "index",
        "persistentVolumeClaim": {"claimName": "skyfix-index", "readOnly": True},
    }
    assert set(_by_name(OVERLAID["volumes"])["index"]) == {"name", "emptyDir"}
    (copying,) = OVERLAID["initContainers"]
    assert copying["command"][-1].rstrip("/") == copying["volumeMounts"][0]["mountPath"] == "/index"


def test_probes_are_those_of_the_contract() -> None:
    startup, ready, live = (SKYFIX[f"{name}Probe"] for name in ("startup", "readiness", "liveness"))
    assert (startup["periodSeconds"], startup["failureThreshold"]) == (1, 300)
    assert (ready["periodSeconds"], ready["failureThreshold"]) == (2, 2)
    assert (live["periodSeconds"], live["failureThreshold"]) == (10, 3)
    paths = [each["httpGet"]["path"] for each in (startup, ready, live)]
    assert paths == ["/readyz", "/readyz", "/livez"]
    assert {each["httpGet"]["port"] for each in (startup, ready, live)} == {"http"}


def test_there_is_time_to_stop() -> None:
    before = SKYFIX["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = float(ENVIRONMENT["SKYFIX_DRAIN_S"])
    assert before + drain + GRACE_S < POD["terminationGracePeriodSeconds"] == 35
    assert drain > SKYFIX["readinessProbe"]["periodSeconds"] * SKYFIX["readinessProbe"]["failureThreshold"]


def test_a_rollout_never_has_fewer_pods_and_an_eviction_one_fewer() -> None:
    assert _one("Deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    budget = _one("PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] < _one("HorizontalPodAutoscaler")["spec"]["minReplicas"]


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"])
def test_selectors_find_the_pods(kind: str) -> None:
    spec = _one(kind)["spec"]
    selector = spec.get("selector") or spec["podSelector"]
    assert selector.get("matchLabels", selector) == LABELS
    assert _one("Deployment")["spec"]["template"]["metadata"]["labels"] == LABELS


def test_the_admin_port_is_not_published() -> None:
    assert [port["targetPort"] for port in _one("Service")["spec"]["ports"]] == ["http"]
    ports = {port["name"]: port["containerPort"] for port in SKYFIX["ports"]}
    defaults = {name: Settings.model_fields[name].default for name in ("port", "admin_port")}
    assert ports == {"http": defaults["port"], "admin": defaults["admin_port"]}


def test_nothing_goes_out_and_only_two_come_in() -> None:
    policy = _one("NetworkPolicy")["spec"]
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert policy["egress"] == []
    door, admin = policy["ingress"]
    assert [port["port"] for rule in (door, admin) for port in rule["ports"]] == ["http", "admin"]
    assert all(peer["namespaceSelector"]["matchLabels"] for rule in (door, admin) for peer in rule["from"])
    assert admin["from"][0]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}


def test_whatever_else_is_in_the_namespace_reaches_nobody() -> None:
    policy = _one("NetworkPolicy", "nobody-else")["spec"]
    assert (policy["podSelector"], sorted(policy["policyTypes"])) == ({}, ["Egress", "Ingress"])
    assert not {"ingress", "egress"} & set(policy)


def test_autoscaler_asks_for_what_the_adapter_serves_and_the_service_exports() -> None:
    (metric,) = _one("HorizontalPodAutoscaler")["spec"]["metrics"]
    (rule,) = load_yaml("docker/kubernetes/prometheus-adapter.yaml")["rules"]["custom"]
    name = metric["pods"]["metric"]["name"]
    assert rule["name"]["as"] == name
    assert re.fullmatch(rule["name"]["matches"], rule["seriesQuery"].partition("{")[0])
    assert f'queue="{QUEUE}"' in rule["seriesQuery"]
    assert f'queue="{QUEUE}"' in rule["metricsQuery"]
    assert name in {family.name for family in Metrics("0").registry.collect()}
    assert 0 < int(metric["pods"]["target"]["averageValue"]) < Settings.model_fields["places"].default


def test_prometheus_gives_the_labels_that_the_adapter_asks_for() -> None:
    (job,) = load_yaml("docker/kubernetes/scrape.yaml")
    (rule,) = load_yaml("docker/kubernetes/prometheus-adapter.yaml")["rules"]["custom"]
    targets = {each["target_label"] for each in job["relabel_configs"] if "target_label" in each}
    assert targets == set(rule["resources"]["overrides"])
    assert job["relabel_configs"][0]["regex"] == "admin"
    served = [route.path for route in create_admin_app(Metrics("0"), _never).routes if isinstance(route, Route)]
    assert job.get("metrics_path", "/metrics") in served


def test_the_ingress_speaks_tls_for_the_host_that_is_answered() -> None:
    spec = _one("Ingress")["spec"]
    (rule,), (tls,) = spec["rules"], spec["tls"]
    assert tls["hosts"] == [rule["host"]] == [ENVIRONMENT["SKYFIX_ALLOWED_HOSTS"]]
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "skyfix", "port": {"name": "http"}}


def test_images_are_renamed_to_exact_tags() -> None:
    overlay = load_yaml("docker/kubernetes/index-from-image/kustomization.yaml")
    renamed = {each["name"]: each["newTag"] for part in (KUSTOMIZATION, overlay) for each in part["images"]}
    used = {
        container["image"].partition(":")[0] for container in [*OVERLAID["containers"], *OVERLAID["initContainers"]]
    }
    assert set(renamed) == used
    assert "latest" not in renamed.values()


def _by_name(items: list[Any]) -> dict[str, Any]:
    return {each["name"]: each for each in items}


async def _never(_: str | None) -> list[Outcome]:
    raise AssertionError
