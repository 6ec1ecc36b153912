"""The section about a line that is left to itself: what of it is pure, and what a line is disturbed with."""

from __future__ import annotations

import http.server
import os
import struct
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks import noting
from benchmarks.__main__ import SECTIONS
from benchmarks.ear import Silent
from benchmarks.noting import packed, took_ms
from benchmarks.operations.disturbances import broken_pictures, may_mount, on_full_disk, read_pipe, unread_pipe
from benchmarks.operations.idle import percent_of_a_core
from benchmarks.processes import CpuTime
from benchmarks.scraper import scraping
from benchmarks.slope import slope_of
from edge_inspector.acquire.replay import UnreadablePicture, list_pictures, read_picture
from edge_inspector.app.report import Reporter
from edge_inspector.core.frame import FrameShape


def test_a_line_that_is_left_to_itself_has_a_section() -> None:
    assert "operations" in SECTIONS


def test_the_slope_of_a_straight_line_is_found_and_sure() -> None:
    slope = slope_of([0.0, 1.0, 3.0, 4.0], [5.0, 7.0, 11.0, 13.0])

    assert slope.value == pytest.approx(2.0)
    assert slope.half == pytest.approx(0.0, abs=1e-9)


def test_noise_without_growth_has_an_interval_around_nothing() -> None:
    noise = np.random.default_rng(3).normal(100.0, 1.0, 200)

    slope = slope_of([n / 100 for n in range(200)], list(noise))

    assert slope.low < 0.0 < slope.high
    assert slope.half < 0.5


def test_growth_is_told_from_noise() -> None:
    noise = np.random.default_rng(4).normal(0.0, 1.0, 200)

    slope = slope_of([n / 100 for n in range(200)], [3.0 * n / 100 + noise[n] for n in range(200)])

    assert slope.low > 2.0
    assert slope.high < 4.0


def test_what_comes_in_steps_is_less_sure_than_as_many_values_in_no_order() -> None:
    xs, steps = [float(n) for n in range(40)], [float(n // 10 % 2) for n in range(40)]
    shuffled = list(np.random.default_rng(5).permutation(steps))

    assert slope_of(xs, steps).half > 2 * slope_of(xs, shuffled).half


@pytest.mark.parametrize(("xs", "ys"), [([1.0, 2.0], [1.0, 2.0]), ([1.0] * 3, [1.0] * 3), ([1.0, 2.0, 3.0], [1.0])])
def test_too_few_values_have_no_slope(xs: list[float], ys: list[float]) -> None:
    with pytest.raises(ValueError, match="no slope"):
        slope_of(xs, ys)


def test_the_share_of_a_core_is_what_each_process_took_meanwhile() -> None:
    before = {"main": CpuTime(1.0, 1.0), "camera": CpuTime(5.0, 0.0)}
    after = {"main": CpuTime(1.1, 1.1), "camera": CpuTime(5.0, 0.05)}

    assert percent_of_a_core(before, after, 10.0) == pytest.approx({"main": 2.0, "camera": 0.5})


@pytest.mark.parametrize("after", [{"main": CpuTime(0.1, 0.0)}, {}])
def test_a_process_that_was_replaced_is_not_taken_for_an_idle_one(after: dict[str, CpuTime]) -> None:
    with pytest.raises(Silent, match="replaced"):
        percent_of_a_core({"main": CpuTime(1.0, 1.0)}, after, 10.0)


def test_the_daemon_is_the_plain_one_but_writes_down_how_long_each_verdict_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[dict[str, Any]] = []
    notes = [{"stages": [1, 2, 3, 4, took_ns], "body": {}} for took_ns in (300_000, 1_500_000)]
    monkeypatch.setattr(Reporter, "verdict", lambda _, note: taken.append(note))
    monkeypatch.setattr(noting, "run_daemon", lambda: [Reporter.verdict(None, note) for note in notes])  # type: ignore[arg-type]
    monkeypatch.setenv(noting.VARIABLE, str(tmp_path / "took.bin"))

    noting.main()

    assert took_ms(tmp_path / "took.bin") == [0.3, 1.5]
    assert taken == notes


def test_a_time_that_was_cut_off_is_none(tmp_path: Path) -> None:
    path = tmp_path / "took.bin"
    path.write_bytes(packed({"stages": [0, 0, 0, 0, 2_000_000]}) + struct.pack("<I", 7))

    assert took_ms(path) == [2.0]


def test_every_second_picture_of_the_flood_is_broken(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    cv2.imwrite(str(tmp_path / "good" / "0.png"), np.arange(4096, dtype=np.uint8).reshape(64, 64))

    pictures = list_pictures(broken_pictures(tmp_path / "good", tmp_path / "broken", 6))

    for number, path in enumerate(pictures):
        if number % 2:
            with pytest.raises(UnreadablePicture):
                read_picture(path, FrameShape(64, 64, 1))
        else:
            assert read_picture(path, FrameShape(64, 64, 1)).shape == (64, 64, 1)
    assert len(pictures) == 6


def test_a_log_that_nobody_reads_takes_nothing_and_one_that_is_read_takes_all() -> None:
    with ExitStack() as stack:
        unread = unread_pipe(stack)
        os.set_blocking(unread, False)
        with pytest.raises(BlockingIOError):
            os.write(unread, b"a line\n")

        writing, reader = read_pipe(stack)
        os.write(writing, b"a line\n" * 7)
        os.close(writing)

        assert int(reader.communicate(timeout=20)[0]) == 7


def test_the_disk_for_evidence_is_full_for_the_line_alone_and_leaves_nothing_behind(tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("this user may not mount a disk in a namespace")
    mounts = Path("/proc/self/mounts").read_text()
    script = f'echo x 2>/dev/null >"{tmp_path}/more" && test -s "{tmp_path}/more"; echo $?; ls "{tmp_path}"'

    done = subprocess.run([*on_full_disk(tmp_path), "sh", "-c", script], capture_output=True, text=True, timeout=30)

    assert done.stdout.split() == ["1", "full", "more"]
    assert list(tmp_path.iterdir()) == []
    assert Path("/proc/self/mounts").read_text() == mounts


def test_scrapes_are_counted_when_they_were_answered() -> None:
    enough, asked = threading.Event(), []

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if len(asked) > 4:
                enough.set()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with scraping(server.server_address[1], per_s=200.0) as scrapes:
                assert enough.wait(30)
        finally:
            server.shutdown()
            thread.join()

    assert 4 <= scrapes.answers <= len(asked)
    assert set(asked) == {"/metrics"}
