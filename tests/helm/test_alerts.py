"""Alerts and dashboard ask for metrics that the daemons have."""

import json
import re

import pytest
from programs import CHART, render
from variants import MONITORING

from controller.metrics import ControllerCollector, State as ControllerState
from speaker.metrics import SpeakerCollector, State as SpeakerState

DASHBOARD = json.loads((CHART / "files" / "dashboards" / "ferrite.json").read_text())
NAME = re.compile(r"\b(?:metallb|ferrite)_[a-z0-9_]+(?=\{)")


def exposed() -> set[str]:
    """The names of samples, as a scrape shows them."""
    families = [
        *ControllerCollector(ControllerState()).collect(),
        *SpeakerCollector(lambda: SpeakerState("node-1")).collect(),
    ]
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}


def test_every_panel_has_something_to_show():
    asked = [
        name
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    ]
    assert len(asked) > len(DASHBOARD["panels"])
    assert set(asked) <= exposed()


def test_panels_do_not_lie_on_each_other():
    fields = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(fields) == len(set(fields))
    assert max(x for x, _ in fields) == 23


@pytest.mark.requires("helm")
@pytest.mark.timeout(60)
def test_every_alert_can_fire():
    values = {"prometheus": {"prometheusRule": {"enabled": True}}}
    (group,) = render(values, apis=(MONITORING,))["PrometheusRule/ferrite"]["spec"]["groups"]
    for rule in group["rules"]:
        asked = NAME.findall(rule["expr"])
        assert asked, rule["alert"]
        assert set(asked) <= exposed()


@pytest.mark.requires("helm")
@pytest.mark.timeout(60)
def test_the_dashboard_arrives_whole():
    found = render({"grafana": {"dashboard": {"enabled": True}}})["ConfigMap/ferrite-dashboard"]
    assert json.loads(found["data"]["ferrite.json"]) == DASHBOARD
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
