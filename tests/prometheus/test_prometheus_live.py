"""A real Prometheus scrapes real daemons: every alert that can be provoked in seconds fires, every panel has data."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from daemon import wait_until
from live_alerts import LINE_OF
from live_site import LiveSite
from rule_files import BoardQuery, board_queries, is_missing

from edge_inspector.simulator.build import find_compiler

if is_missing("prometheus"):
    pytest.skip("prometheus is not installed, and only root can", allow_module_level=True)
COMPILER = find_compiler()
if COMPILER is None:
    pytest.skip("there is no C compiler", allow_module_level=True)

pytestmark = pytest.mark.timeout(240)
DATA_S = 30.0
FIRES_S = 150.0
"""The slowest needs 85 s of parts; a scrape that a busy computer misses begins a wait anew."""
BROKEN = {"Why not?": "press-4", "What rings": "press-4", "Dropped, a minute": "press-3"}
"""Panel -> line at which it has something to show: on one that is in order these are empty, as they should be."""
NEVER_BY_LOAD = {
    *("EdgeInspectorAllReject", "EdgeInspectorAllPass", "EdgeInspectorRejectRateJump"),
    *("EdgeInspectorBypassOn", "EdgeInspectorDrillOn", "EdgeInspectorImageTrouble", "EdgeInspectorImageDrift"),
    *("EdgeInspectorCameraFlap", "EdgeInspectorDiskLow", "EdgeInspectorRestarting"),
}
"""What a busy computer cannot bring about: half a minute is a second here, so that it is late with all else."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSite]:
    with ExitStack() as stack:
        yield LiveSite(tmp_path_factory.mktemp("site"), stack, COMPILER or "").start()


def test_the_page_of_a_line_follows_the_customs_of_prometheus(site: LiveSite) -> None:
    command, page = ["promtool", "check", "metrics"], site.orderly.page()
    done = subprocess.run(command, input=page, capture_output=True, text=True, timeout=50, check=False)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def provoke(site: LiveSite, alert: str, stack: ExitStack) -> None:
    """Do what shows at once; all else was done when the lines were started."""
    match alert:
        case "EdgeInspectorRestarting" | "EdgeInspectorCameraFlap":
            site.end_cameras_of_the_slow_line()
        case "EdgeInspectorHandshakesRefused":
            site.knock()
        case "EdgeInspectorNotInspecting":
            stack.enter_context(site.held_journal())
        case "EdgeInspectorHeartbeatAge":
            site.freeze_inspect_of_the_dark_line()
        case "EdgeInspectorCameraGone":
            site.take_the_camera_of_the_dark_line()
        case "EdgeInspectorAuthenticatorDead":
            site.killer.touch()
        case "EdgeInspectorGpuLost":
            site.lose_the_gpu()
        case "EdgeInspectorGpuSampleStale":
            site.hang_the_driver()
        case "EdgeInspectorDown":
            site.kill_the_turning_line()


@pytest.mark.parametrize("query", list(board_queries()), ids=lambda query: f"{query.board}: {query.panel}")
def test_every_panel_has_data(site: LiveSite, query: BoardQuery) -> None:
    line = "press-5" if "GPU" in query.panel else BROKEN.get(query.panel, "press-1")
    expr = query.expr.replace("$line", line)

    def numbers() -> bool:
        # A quantile of no parts is no number: what was asked before a line's first parts counted is asked again.
        found = site.prometheus.query(expr)
        return bool(found) and all(series["value"][1] != "NaN" for series in found)

    wait_until(numbers, DATA_S, f"numbers of {expr}")


@pytest.mark.parametrize("alert", LINE_OF)
def test_each_alert_fires_and_says_what_to_do(site: LiveSite, alert: str) -> None:
    with ExitStack() as stack:
        if not site.fired(alert, LINE_OF[alert]):
            provoke(site, alert, stack)
        annotations = site.wait_for(alert, LINE_OF[alert], FIRES_S)["annotations"]

    for text in annotations.values():
        assert not re.search(r"<no value>|<error|\{\{|%!", text), text
    assert LINE_OF[alert] in annotations["summary"]
    assert alert != "EdgeInspectorNotReady" or "image_health" in annotations["summary"]


def test_operators_see_that_a_line_does_not_answer_and_why_another_does_not_inspect(site: LiveSite) -> None:
    site.wait_for("EdgeInspectorDown", "press-2", FIRES_S)
    shown = {query.panel: query.expr for query in board_queries() if query.board == "operators"}

    [silent] = site.prometheus.query(shown["Does it inspect?"].replace("$line", "press-2"))
    why = site.prometheus.query(shown["Why not?"].replace("$line", "press-4"))

    assert silent["value"][1] == "-1"
    assert "camera" in {series["metric"]["fault"] for series in why}


def test_a_line_in_order_fires_nothing_of_what_was_provoked_at_the_others(site: LiveSite) -> None:
    ever = site.prometheus.query('last_over_time(ALERTS{alertstate="firing", line="press-1"}[10m])')

    assert {series["metric"]["alertname"] for series in ever} & NEVER_BY_LOAD == set()


def test_every_rule_could_be_evaluated(site: LiveSite) -> None:
    assert site.prometheus.rule_errors() == []
