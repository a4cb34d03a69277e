"""Prometheus' settings and rules, and Grafana's dashboard: what they name exists."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.declared_metrics import series
from tests.deploy.test_compose import COMPOSE, DOCKERFILE, PROXY, SERVICES

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
CONFIGURATION: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
GROUPS: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "cordon.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
# Of Prometheus itself, its Python client, the node exporter and HAProxy.
FOREIGN = {
    "up",
    "ALERTS",
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "haproxy_backend_active_servers",
}


def selected(expression: str) -> set[str]:
    """Return the metrics of an expression. Raises ValueError for one that is no PromQL."""
    found: set[str] = set()
    waiting: list[Any] = [promql_parser.parse(expression)]
    while waiting:
        part = waiting.pop()
        match part:
            case promql_parser.VectorSelector():
                assert part.name is not None, expression
                found.add(part.name)
            case promql_parser.MatrixSelector():
                waiting.append(part.vector_selector)
            case promql_parser.BinaryExpr():
                waiting += [part.lhs, part.rhs]
            case promql_parser.Call():
                waiting += part.args
            case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
                pass
            case _:
                waiting.append(part.expr)
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Yield (where, expression) of every rule, panel and annotation."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in PANELS:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_exists(where: str, expression: str) -> None:
    names = selected(expression)
    assert names, where
    assert names <= series() | FOREIGN


def test_something_that_is_no_promql_is_refused() -> None:
    with pytest.raises(ValueError, match="parenthesis"):
        selected("sum by (rate(x[5m])")


# The rules.


def test_rules_are_whole() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"Cordon[A-Za-z]+", name) for name in names)
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"\d+[sm]", rule["for"]), rule
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "runbook"}


def test_every_rule_leads_to_what_to_do() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    headings = re.findall(r"^## ([\w -]+)$", page, re.MULTILINE)
    anchors = {f"docs/operations.md#{heading.lower().replace(' ', '-')}" for heading in headings}
    assert {rule["annotations"]["runbook"] for rule in RULES} <= anchors


@pytest.mark.parametrize(
    "trouble",
    [
        "cordon_worker_lag_events",
        "cordon_worker_holes_repaired_total",
        "cordon_worker_dead_letters_total",
        "cordon_worker_register_errors_total",
        "cordon_worker_commit_retries_total",
        "cordon_worker_commit_seconds_bucket",
        "cordon_worker_fenced_total",
        "cordon_worker_local_store_errors_total",
        "cordon_worker_units",
        "cordon_ingest_broker_up",
        "cordon_ingest_accepted_total",
        "cordon_ingest_rejected_total",
        "cordon_ingest_conflicting_repeats_total",
        "cordon_ingest_window_errors_total",
        "cordon_ingest_defects_total",
        "cordon_api_broker_up",
        "cordon_api_findings_lag",
        "cordon_api_findings_lost_total",
        "cordon_api_findings_dead_total",
        "cordon_api_findings_failures_total",
        "cordon_api_outbox_lag",
        "cordon_api_feed_cut_off_total",
        "cordon_api_errors_total",
        "cordon_api_register_unreadable_total",
        "cordon_api_register_rebuilds_total",
        "cordon_api_overdue",
        "cordon_api_escalation_failures_total",
        "cordon_api_alerts_capped_total",
        "cordon_sightings_lag_events",
        "cordon_sightings_write_failures_total",
        "cordon_sightings_records_lost_total",
        "node_filesystem_avail_bytes",
        "up",
    ],
)
def test_what_means_trouble_has_a_rule(trouble: str) -> None:
    assert any(trouble in selected(rule["expr"]) for rule in RULES)


def test_the_rule_about_partitions_knows_how_many_there_are() -> None:
    (rule,) = [rule for rule in RULES if rule["alert"] == "CordonPartitionWithoutWorker"]
    partitions = COMPOSE["x-cordon"]["environment"]["CORDON_PARTITIONS"]
    assert f"sum(cordon_worker_units) < {partitions} " in rule["expr"]


# What is scraped.


def test_every_replica_is_scraped_on_its_port() -> None:
    ports = {
        name.lower(): int(port) for name, port in re.findall(r"CORDON_(\w+)_PORT=(\d+)", DOCKERFILE)
    }
    jobs = {job["job_name"]: job for job in CONFIGURATION["scrape_configs"]}
    for name, port in ports.items():
        (found,) = jobs.pop(name)["dns_sd_configs"]
        assert (found["names"], found["type"], found["port"]) == ([name], "A", port)
    targets = {
        name: target
        for name, job in jobs.items()
        for static in job["static_configs"]
        for target in static["targets"]
    }
    assert targets == {
        "proxy": "proxy:8404",
        "disk": "disk:9100",
        "prometheus": "localhost:9090",
    }
    assert "bind :8404" in PROXY
    assert set(targets) <= set(SERVICES)
    assert CONFIGURATION["rule_files"] == ["alerts.yml"]


def test_the_rules_name_jobs_that_are_scraped() -> None:
    jobs = {job["job_name"] for job in CONFIGURATION["scrape_configs"]}
    for where, expression in expressions():
        for named in re.findall(r'job=~?"([\w|]+)"', expression):
            assert set(named.split("|")) <= jobs, where


# The dashboard.


def test_the_dashboard_is_whole() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(ids) == len(set(ids))
    titles = [panel["title"] for panel in PANELS]
    assert len(titles) == len(set(titles))
    (source,) = yaml.safe_load(
        (GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )["datasources"]
    assert source["url"] == "http://prometheus:9090"
    wanted = {"type": source["type"], "uid": source["uid"]}
    for panel in PANELS:
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == wanted, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(letters) == len(set(letters)) > 0
        assert all(target["datasource"] == wanted for target in panel["targets"])


def test_no_panel_covers_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {
            (place["x"] + across, place["y"] + down)
            for across in range(place["w"])
            for down in range(place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_dashboard_lies_where_grafana_looks() -> None:
    (provider,) = yaml.safe_load(
        (GRAFANA / "provisioning" / "dashboards" / "cordon.yml").read_text()
    )["providers"]
    folder = provider["options"]["path"]
    assert f"./deploy/grafana/dashboards:{folder}:ro" in SERVICES["grafana"]["volumes"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/cordon.json"
