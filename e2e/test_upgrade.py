"""From one version of the chart to the next: no address moves; what is lost on the way is counted."""

from pathlib import Path

import pytest
import yaml

from e2e.conftest import Apps, Figures, Offer
from e2e.manifests import service
from e2e.patience import wait_until
from e2e.probing import Lost, probing
from e2e.release import Release

NEXT_VERSION = "99.0.0"


@pytest.fixture
def next_chart(release: Release, tmp_path: Path) -> Path:
    """The chart as its next version, with something in it that replaces every pod."""
    release.helm("package", str(release.chart), "--version", NEXT_VERSION, "--destination", str(tmp_path))
    [archive] = tmp_path.glob("*.tgz")
    return archive


def test_an_upgrade_moves_no_address(
    release: Release, apps: Apps, lan: Offer, routed: Offer, figures: Figures, next_chart: Path
) -> None:
    lan.need(4)
    routed.need(4)
    site = apps.site
    held: dict[str, str] = {}
    where = {"upgrade-l2": (lan.pool, "client"), "upgrade-bgp": (routed.pool, "remote")}
    for name, (pool, place) in where.items():
        apps.run(name, name)
        apps.given.apply(service(name, pool, selector={"app": name}))
        held[name] = wait_until("an address", lambda n=name: site.address(n))
        wait_until("an answer", lambda n=name, p=place: site.get(p, held[n]) == n)
    before = {*release.pods("speaker"), *release.pods("controller")}
    rolled = [f"{part}.podAnnotations.example\\.com/rolled=yes" for part in ("speaker", "controller")]
    with (
        probing(site, "client", [held["upgrade-l2"]]) as layer2,
        probing(site, "remote", [held["upgrade-bgp"]]) as bgp,
    ):
        release.upgrade(next_chart, "--set-string", ",".join(rolled))
    lost: dict[str, Lost] = {"layer 2": layer2.of(held["upgrade-l2"]), "BGP": bgp.of(held["upgrade-bgp"])}
    for mode, result in lost.items():
        figures.note(f"roll-out of an upgrade, {mode}", result)
    assert not before & {*release.pods("speaker"), *release.pods("controller")}
    assert {name: site.address(name) for name in held} == held
    for name, (_, place) in where.items():
        wait_until("an answer", lambda n=name, p=place: site.get(p, held[n]) == n)
    listed = yaml.safe_load(release.helm("list", "-o", "yaml").stdout)
    assert [one["chart"] for one in listed] == [f"ferrite-{NEXT_VERSION}"]
