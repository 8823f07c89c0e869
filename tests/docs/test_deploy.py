"""Files for servers in docs/deploy: they parse, and name what servers have."""

import json
import os
import re
import urllib.request

import pytest

from export.graph.serving_config import CONTAINER_ROOT, write_serving_files
from tests.docs.helpers import DOCS, blocks
from tests.export.graph.test_serving_files import FLAGS

DEPLOY = DOCS / "deploy"
PAGE = (DOCS / "serving-production.md").read_text("utf-8")

# Source: TensorFlow Serving, servables/tensorflow/util.cc and saved_model_warmup_util.cc; slashes
# become colons in util/prometheus_exporter.cc, which adds the endings of histograms.
COUNTERS = {":tensorflow:serving:request_count": {"model_name", "status"}}
HISTOGRAMS = {
    ":tensorflow:serving:request_latency": {"model_name", "API", "entrypoint"},
    ":tensorflow:serving:runtime_latency": {"model_name", "API", "runtime"},
    ":tensorflow:serving:model_warmup_latency": {"model_path", "status"},
}
LABELS = COUNTERS | {
    f"{name}_{ending}": labels | ({"le"} if ending == "bucket" else set())
    for name, labels in HISTOGRAMS.items()
    for ending in ("bucket", "sum", "count")
}


def documents(name):
    yaml = pytest.importorskip("yaml", reason="needs pyyaml to read docs/deploy")
    return list(yaml.safe_load_all((DEPLOY / name).read_text("utf-8")))


def dashboard():
    return json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))


def expressions():
    board = dashboard()
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    found += [one["query"]["query"] for one in board["templating"]["list"][1:]]
    (group,) = documents("prometheus-rules.yaml")[0]["groups"]
    return found + [rule["expr"] for rule in group["rules"]]


def test_every_file_is_named_on_the_page():
    for path in DEPLOY.iterdir():
        assert f"(deploy/{path.name})" in PAGE


def test_metrics_and_labels_are_those_of_the_server():
    names = set()
    for text in expressions():
        for name, chosen in re.findall(r"(:tensorflow:[\w:]+)(\{[^}]*\})?", text):
            assert name in LABELS, f"{text}: no such metric"
            names.add(name)
            assert set(re.findall(r"(\w+)[=!]~?\"", chosen)) <= LABELS[name], text
        grouped = re.findall(r"\bby \(([^)]*)\)", text)
        known = set().union(*(LABELS[name] for name in LABELS if name in text))
        assert {label.strip() for part in grouped for label in part.split(",")} <= known, text
        assert text.count("(") == text.count(")")
    assert names <= set(LABELS) and len(names) > 5
    rows = dict(re.findall(r"^\| `(:tensorflow[\w:]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    told = {name: set(labels.split(", ")) for name, labels in rows.items()}
    assert told == COUNTERS | HISTOGRAMS


def test_a_real_server_tells_these_metrics():
    """TFDEBLUR_TFS_METRICS=http://HOST:8501/monitoring/prometheus/metrics, after some calls."""
    page = os.environ.get("TFDEBLUR_TFS_METRICS")
    if page is None:
        pytest.skip("needs a TensorFlow Serving: TFDEBLUR_TFS_METRICS names its page of metrics")
    with urllib.request.urlopen(page, timeout=10) as answer:
        told = re.findall(r"^# TYPE (\S+)", answer.read().decode(), re.MULTILINE)
    warm_up = ":tensorflow:serving:model_warmup_latency"  # only of versions with records
    assert set(COUNTERS) | set(HISTOGRAMS) <= {*told, warm_up}


def test_the_dashboard_is_whole():
    board = dashboard()
    assert board["title"] and board["schemaVersion"] >= 36
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(numbers) == len(set(numbers))
    variables = {one["name"] for one in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(board)))
    assert used <= variables, "a variable that nothing sets"
    for panel in board["panels"]:
        assert panel["targets"] and panel["description"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(letters) == len(set(letters))


def test_kubernetes_runs_the_server_that_compose_runs(tmp_path):
    deployment, service, budget = documents("kubernetes.yaml")
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    flags = dict(flag.removeprefix("--").split("=") for flag in container["args"])
    assert set(flags) <= FLAGS
    write_serving_files(tmp_path, ["deblur"])
    compose = (tmp_path / "docker-compose.yml").read_text()
    composed = dict(re.findall(r'"--(\w+)=(.*)"', compose))
    for name in flags.keys() - {"grpc_max_threads"}:
        assert flags[name] == composed[name], name
    left_out = composed.keys() - flags.keys()
    assert left_out == {"enable_batching", "enable_per_model_batching_parameters"}  # off as well
    assert f"{container['image']}}}" in compose and container["command"][0] in compose
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {CONTAINER_ROOT, "/tmp"}
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["spec"]["volumes"]}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": int(flags["port"]), "http": int(flags["rest_api_port"])}
    assert {port["targetPort"] for port in service["spec"]["ports"]} == set(ports)
    for kind in ("startupProbe", "readinessProbe"):
        assert container[kind]["grpc"]["port"] == ports["grpc"]
    assert "grpc" not in container["livenessProbe"]
    assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]
    labels = pod["metadata"]["labels"]
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        budget["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    monitoring = (tmp_path / "monitoring.config").read_text()
    notes = pod["metadata"]["annotations"]
    assert notes["prometheus.io/path"] in monitoring
    assert int(notes["prometheus.io/port"]) == ports["http"]
    wait = int(re.search(r"sleep (\d+)", str(container["lifecycle"]))[1])
    assert wait < pod["spec"]["terminationGracePeriodSeconds"]


def test_kserve():
    (service,) = documents("kserve.yaml")
    assert (service["apiVersion"], service["kind"]) == (
        "serving.kserve.io/v1beta1",
        "InferenceService",
    )
    predictor = service["spec"]["predictor"]
    assert 0 <= predictor["canaryTrafficPercent"] <= 100
    model = predictor["model"]
    assert model["modelFormat"] == {"name": "tensorflow"}
    assert {flag.removeprefix("--").partition("=")[0] for flag in model["args"]} <= FLAGS
    ((image,),) = {
        tuple(re.findall(r"tensorflow/serving:([\d.]+)$", one["image"]))
        for one in documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]["containers"]
    }
    assert model["runtimeVersion"] == image


def test_what_the_page_adds_for_gpus_is_yaml():
    yaml = pytest.importorskip("yaml", reason="needs pyyaml")
    (text,) = blocks(PAGE, "yaml")
    assert yaml.safe_load(text)["resources"]["limits"] == {"nvidia.com/gpu": 1}
