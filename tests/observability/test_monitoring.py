"""The Grafana dashboard and the alert rules ask only for metrics that /metrics serves."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.observability.metrics import STAGES, Metrics

MONITORING = Path(__file__).parent.parent.parent / "monitoring"
NAME = re.compile(r"\b(?:appliance|process)_[a-z_]+\b")
SELECTOR = re.compile(r"\b((?:appliance|process)_[a-z_]+)\{([^}]*)\}")
# Labels that Prometheus adds to every series.
ADDED = {"job", "instance"}


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
    return read


def panel_queries() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def alert_queries() -> list[str]:
    rules = yaml.safe_load((MONITORING / "rules.yml").read_text("utf-8"))
    return [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def _series() -> Iterator[tuple[str, set[str]]]:
    """The series that /metrics can serve, with their labels."""
    metrics = Metrics()
    for name in re.findall(r"^(process_\w+) ", metrics.text().decode(), re.MULTILINE):
        yield name, set()
    for collector, names in metrics.registry._collector_to_names.items():
        labels = set(getattr(collector, "_labelnames", ()))
        for name in names:
            yield name, labels | ({"le"} if name.endswith("_bucket") else set())


SERIES = dict(_series())


def test_the_files_ask_for_series_that_there_are() -> None:
    queries = [*panel_queries(), *alert_queries()]
    assert len(queries) > 25
    for query in queries:
        assert set(NAME.findall(query)) <= set(SERIES), query
        for name, selector in SELECTOR.findall(query):
            labels = set(re.findall(r"(\w+)\s*=~?", selector))
            assert labels - ADDED <= SERIES[name], query


def test_every_metric_of_ours_stands_on_the_dashboard() -> None:
    shown = " ".join(panel_queries())
    families = {
        re.sub(r"_(?:bucket|sum|count|total|created)$", "", name)
        for name in SERIES
        if name.startswith("appliance_")
    }
    assert {name for name in families if not re.search(rf"\b{name}", shown)} == set()


def test_the_stages_in_the_queries_exist() -> None:
    named = re.findall(r'stage="(\w+)"', " ".join([*panel_queries(), *alert_queries()]))
    assert named
    assert set(named) <= set(STAGES)


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in dashboard()["panels"]
        for grid in [panel["gridPos"]]
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed")
@pytest.mark.parametrize(
    "arguments", [("check", "config", "prometheus.yml"), ("test", "rules", "rules_test.yml")]
)
def test_prometheus_accepts_the_rules(arguments: tuple[str, ...]) -> None:
    run = subprocess.run(
        ["promtool", *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed")
def test_prometheus_understands_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    queries = [
        query.replace("$__rate_interval", "5m").replace("$job", ".+") for query in panel_queries()
    ]
    rules = [{"record": f"panel:{place}", "expr": query} for place, query in enumerate(queries)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    run = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
