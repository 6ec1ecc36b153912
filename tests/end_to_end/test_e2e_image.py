"""A picture that shows nothing is not judged: its part is UNKNOWN, it alone, and everybody can see why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from daemon import FRAME_HW, START_S, Line, Listener, wait_until
from fakes.tiny_bundle import draw_tile

from edge_inspector.cli.main import _run

BLACK = 5
N = 9
MakeLine = Callable[..., Line]


def write_pictures(folder: Path, n: int = N, black: int | None = BLACK) -> None:
    """Write clean parts, and one that nobody lit."""
    folder.mkdir()
    for number in range(1, n + 1):
        part = draw_tile(FRAME_HW, 1, seed=number)
        cv2.imwrite(str(folder / f"{number:03}.png"), part * 0 if number == black else part)


def replay(**changes: Any) -> dict[str, Any]:
    return {"kind": "replay", "folder": "pictures"} | changes


def told(listener: Listener) -> list[tuple[str, str]]:
    return [(message.body["verdict"], message.body["reason"]) for message in listener.messages("verdict")]


def counted(line: Line, check: str) -> float | None:
    head = f'edge_inspector_image_troubles_total{{check="{check}"}} '
    return next((float(row.split()[1]) for row in line.page().splitlines() if row.startswith(head)), None)


@pytest.mark.parametrize("profile", ["latency", "throughput"])
def test_one_black_picture_is_unknown_and_counted_and_its_neighbours_are_judged(
    make_line: MakeLine, tmp_path: Path, profile: str
) -> None:
    write_pictures(tmp_path / "pictures")
    line = make_line(camera=replay(), performance={"profile": profile})
    listener = line.listen()

    code = line.start().wait_exit(START_S)
    line.end_listeners()

    assert code == 0
    expected = [("PASS", "ok")] * N
    expected[BLACK - 1] = ("UNKNOWN", "image_health")
    assert told(listener) == expected
    assert listener.violations() == []
    families = {family["name"]: family for family in listener.messages("metrics")[-1].body["families"]}
    troubles = {s[1]["check"]: s[2] for s in families["edge_inspector_image_troubles_total"]["samples"]}
    assert troubles == {"black": 1, "saturated": 0, "stuck": 0, "defocus": 0, "brightness": 0}
    assert families["edge_inspector_image_baseline"]["samples"][0][2] == 0
    assert "no_baseline" in line.stderr()


@pytest.mark.fault(
    11,
    injected="every second picture is black",
    seen="UNKNOWN `image_health`, counted by check; with policy `fault` not ready until a healthy picture",
    noticed="with the part",
)
def test_a_fault_of_the_image_makes_the_line_not_ready_until_a_healthy_picture_comes(
    make_line: MakeLine, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "pictures", n=2, black=2)
    line = make_line(camera=replay(loop=True, rate_hz=2.0), image_health={"black": "fault"})
    listener = line.listen()
    line.start()

    faulty = listener.wait_for("hb", lambda m: m.body["faults"] == ["image_health"])
    n_beats = len(listener.messages("hb"))
    listener.wait_for("hb", lambda m: m.body["ready"], after=n_beats)
    state = listener.wait_for("state", lambda m: m.body["reason"] == "image_health")
    wait_until(lambda: (counted(line, "black") or 0) >= 1, START_S, "the metric")

    assert not faulty.body["ready"]
    assert (faulty.body["state"], state.body["state"]) == ("Preoperational", "Preoperational")
    assert line.stop() == 0
    assert {(verdict, reason) for verdict, reason in told(listener)} == {("PASS", "ok"), ("UNKNOWN", "image_health")}
    for verdict in listener.messages("verdict"):
        if verdict.body["verdict"] == "PASS":
            assert verdict.body["part_id"] % 2 == 1
    assert listener.violations() == []


@pytest.mark.fault(
    10,
    injected="the same picture twice",
    seen="UNKNOWN `image_health` for the second",
    noticed="with the part",
)
def test_a_repeated_picture_is_refused_where_the_line_says_so(make_line: MakeLine, tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", n=4, black=None)
    (tmp_path / "pictures" / "002-again.png").write_bytes((tmp_path / "pictures" / "002.png").read_bytes())
    line = make_line(camera=replay(), image_health={"stuck": "unknown"}, performance={"profile": "throughput"})
    listener = line.listen()

    code = line.start().wait_exit(START_S)
    line.end_listeners()

    assert code == 0
    ok, stuck = ("PASS", "ok"), ("UNKNOWN", "image_health")
    assert told(listener) == [ok, ok, stuck, ok, ok]


@pytest.mark.fault(
    11,
    injected="one picture out of focus, against a recorded baseline",
    seen="UNKNOWN `image_health` for that part alone",
    noticed="with the part",
)
def test_a_line_with_a_baseline_notices_a_lost_focus(make_line: MakeLine, tmp_path: Path) -> None:
    write_pictures(tmp_path / "pictures", black=None)
    line = make_line(camera=replay())
    assert _run(["camera", "baseline", "--config", str(line.config), "--frames", str(N)]) == 0
    third = tmp_path / "pictures" / "003.png"
    sharp = cv2.imread(str(third), cv2.IMREAD_UNCHANGED)
    assert sharp is not None
    cv2.imwrite(str(third), cv2.GaussianBlur(sharp, (0, 0), 3.0).astype(np.uint8))
    listener = line.listen()

    code = line.start().wait_exit(START_S)
    line.end_listeners()

    assert code == 0
    expected = [("PASS", "ok")] * N
    expected[2] = ("UNKNOWN", "image_health")
    assert told(listener) == expected
    assert "no_baseline" not in line.stderr()
