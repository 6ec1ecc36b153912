"""Settings that are right one by one and wrong together."""

# ruff: noqa: E501 - a row of a table stays on one line

from collections.abc import Callable
from pathlib import Path

import pytest
from settings_samples import GENICAM, GOOD

from edge_inspector.settings.endpoint import endpoint_fault
from edge_inspector.settings.load import load_line

Complaints = Callable[[str], list[str]]


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp://127.0.0.1:5560",
        "tcp://127.9.9.9:1",
        "tcp://localhost:65535",
        "tcp://[::1]:5560",
        "ipc:///run/a",
        "ipc://@a",
    ],
)
def test_an_address_on_this_computer_may_be_bound(endpoint: str) -> None:
    assert endpoint_fault(endpoint) is None


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        *[
            (f"tcp://{host}:5560", "outside this computer")
            for host in ("*", "0.0.0.0", "192.168.0.5", "eth0", "pc-3", "[::]")
        ],
        *[
            (f"tcp://{host}:5560", "outside this computer")
            for host in ("::1", "[127.0.0.1]", "127.0.0.1;eth0:1", "127.1")
        ],
        *[
            (f"tcp://127.0.0.1:{port}", "no port from 1 to 65535")
            for port in ("*", "0", "65536", "", "-1", "１２", "5560/x")
        ],
        *[("tcp://127.0.0.1", "lacks its port"), ("tcp://:5560", "lacks its port")],
        *[("ipc://*", "lets the system choose"), ("ipc://a/b", "from / on"), ("ipc:///" + "a" * 107, "allows 107")],
    ],
)
def test_any_other_address_is_refused(endpoint: str, words: str) -> None:
    assert words in (endpoint_fault(endpoint) or "")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("endpoints: {signals: 'tcp://127.0.0.1:5562'}", "10: endpoints.service: port 5562 is taken by endpoints.signals already; each needs its own"),
        ("endpoints: {signals: 'tcp://localhost:5561'}", "10: endpoints.telemetry: port 5561 is taken by endpoints.signals already; each needs its own"),
        ("endpoints: {signals: 'ipc:///a', service: 'ipc:///a'}", "10: endpoints.service: ipc:///a is endpoints.signals already; each needs its own"),
        ("metrics: {port: 5560}", "10: metrics.port: port 5560 is taken by endpoints.signals already; each needs its own"),
        ("metrics: {host: 0.0.0.0, port: 5560}", "10: metrics.port: port 5560 is taken by endpoints.signals already; each needs its own"),
        ("metrics: {host: '127.0.0.1:9560'}", "10: metrics.host: '127.0.0.1:9560' is no address to listen on; write 127.0.0.1"),
        ("metrics: {host: 127.0.0.300}", "10: metrics.host: '127.0.0.300' is no address to listen on; write 127.0.0.1"),
        ("ring: {slots: 8, evidence_slots: 6}", "10: ring.evidence_slots: 6 of 8 slots lent to evidence leave too few to inspect with: one is being filled, one judged, one waits; at most 5, or raise ring.slots"),
        ("performance: {profile: throughput, workers: 4}\nring: {slots: 12}", "11: ring.slots: 12 slots are too few for 4 workers side by side: each holds two pictures, evidence 4, and one is being filled; at least 13"),
        ("decide: {min_area_px: 131073}", "10: decide.min_area_px: 131073 px are more than the whole frame of 131072 px: no part would ever be rejected"),
        ("evidence: {folder: e, keep: []}", "10: evidence.keep: names no verdict; leave `evidence:` out to keep no pictures"),
        ("evidence: {folder: e, keep: [PASS, PASS]}", "10: evidence.keep[1]: PASS stands twice; once is enough"),
        ("evidence: {folder: state/e}", "10: evidence.folder: HERE/state/e overlaps state_dir, HERE/state; old evidence is deleted, so give it a folder of its own"),
        ("evidence: {folder: pictures}", "10: evidence.folder: HERE/pictures overlaps camera.folder, HERE/pictures; old evidence is deleted, so give it a folder of its own"),
        ("evidence: {folder: pictures/a.PNG/../../f.yaml}", "10: evidence.folder: HERE/f.yaml is a file; name a folder"),
    ],
)  # fmt: skip
def test_a_combination_that_cannot_work_is_told_at_its_line(complaints: Complaints, more: str, expected: str) -> None:
    assert complaints(GOOD + more + "\n") == [expected]


GREY = GENICAM.replace("channels: 3", "channels: 1").replace("RGB8", "Mono8")


@pytest.mark.parametrize(
    ("base", "old", "new", "expected"),
    [
        (GOOD, "folder: pictures", "folder: nowhere", "4: camera.folder: there is no folder HERE/nowhere; relative paths count from the folder of this file"),
        (GOOD, "folder: pictures", "folder: f.yaml", "4: camera.folder: HERE/f.yaml is a file; name the folder that holds the pictures"),
        (GOOD, "folder: pictures", "folder: .", "4: camera.folder: HERE holds no picture; their names end in .png, .jpg, .jpeg, .bmp, .tif, .tiff"),
        (GOOD, "state_dir: state", "state_dir: f.yaml", "9: state_dir: HERE/f.yaml is a file; name a folder"),
        (GOOD, "rate_hz: 1e1", "rate_hz: 5000", "1: ring.records: 4096 records are less than a second at 5000 a second; at least 5000"),
        (GENICAM, "cti: viky", "cti: lib/x.so", "4: camera.cti: HERE/lib/x.so is no producer: their files end in .cti"),
        (GENICAM, "cti: viky", "cti: viky\n  serial: ' 1'", "5: camera.serial: ' 1' has blanks around it; leave them out"),
        (GENICAM, "bundle: bundle", "bundle: bundle\n  precision: fp16", "9: model.precision: fp16 is for `provider: tensorrt`, and cpu would compute in fp32: write fp32 or int8"),
        (GENICAM, "bundle: bundle", 'bundle: bundle\n  provider: "null"', "9: model.provider: null calls every part good without looking, which no camera's parts may be: only replay and synthetic pictures; write cpu, openvino, cuda or tensorrt"),
        (GENICAM, "RGB8", "Mono8", "6: camera.pixel_format: Mono8 makes frames of 1 channel, camera.frame.channels is 3; change one of them"),
        (GENICAM, "RGB8", "YUV422_8\n  levels: {black: 1, white: 2}", "7: camera.levels: YUV422_8 has 8 bits already; leave `levels` out, or set a pixel_format of 10 bits or more"),
        (GREY, "Mono8", "Mono12p\n  levels: {black: 9, white: 9}", "7: camera.levels.black: 9 must be below white, 9"),
        (GREY, "Mono8", "Mono12\n  levels: {black: 9, white: 4096}", "7: camera.levels.white: 4096 is over the greatest value of Mono12, 4095"),
        (GREY.replace("512", "510"), "Mono8", "Mono10p", "5: camera.frame.width: 510 is no multiple of 4, and 4 pixels Mono10p share bytes; write 508, or a pixel_format that is not packed"),
        (GENICAM, "cti: viky", "cti: viky\n  trigger: {line: Line1}", "5: camera.trigger: belongs to a preset: name one in camera.preset, or leave it out"),
        (GENICAM, "cti: viky", "cti: viky\n  preset: free_run\n  triggered: true", "6: camera.triggered: preset free_run waits for no trigger here, so silence means that the camera is lost; leave it out"),
        (GENICAM, "cti: viky", "cti: viky\n  preset: free_run\n  trigger: {line: Line1}", "6: camera.trigger.line: preset free_run does not use it; it takes frame_rate_hz"),
        (GENICAM, "cti: viky", "cti: viky\n  preset: burst", "2: camera.trigger.burst_frames: is missing: preset burst needs it"),
        (GENICAM, "cti: viky", "cti: viky\n  preset: burst\n  trigger: {burst_frames: 17}", "6: camera.trigger.burst_frames: a burst of 17 pictures does not fit 16 buffers; raise camera.buffers to 17"),
        (GENICAM, "cti: viky", "cti: viky\n  preset: endless_web\n  trigger: {line_rate_hz: 9, encoder_a: Line3}", "6: camera.trigger.line_rate_hz: lines come by time or by the encoder, not both; leave it or encoder_a out"),
        (GENICAM, "cti: viky", "cti: viky\n  preset: line_scan_encoder\n  trigger: {line: Line1}", "6: camera.trigger.encoder_a: Line1 is line already; each signal has an input of its own"),
        (GENICAM, "cti: viky", "cti: viky\n  preset: photo_eye\n  features: {TriggerSource: Line2}", "6: camera.features.TriggerSource: preset photo_eye sets TriggerSource below a selector; say which is meant, as in TriggerSelector: {FrameStart: {TriggerSource: Line2}}"),
        (GENICAM, "cti: viky", "cti: viky\n  preset: photo_eye\n  features: {TriggerSelector: {FrameStart: {TriggerMode: Off}}}", "6: camera.features.TriggerSelector: TriggerMode (TriggerSelector=FrameStart) is Off here and On with preset photo_eye; choose another preset, or none"),
        (GENICAM, "cti: viky", "cti: viky\n  preset: software\n  features: {TriggerSelector: FrameStart, TriggerSource: Line0}", "6: camera.features.TriggerSelector: TriggerSource (TriggerSelector=FrameStart) is Line0 here and Software with preset software; choose another preset, or none"),
        (GENICAM, "cti: viky", "cti: viky\n  features: {Width: 640}", "5: camera.features.Width: is 640 here and 512 in camera.frame.width, which sets it; leave it out here"),
    ],
)  # fmt: skip
def test_a_camera_that_cannot_work_is_told_at_its_line(
    complaints: Complaints, base: str, old: str, new: str, expected: str
) -> None:
    assert complaints(base.replace(old, new)) == [expected]


def test_a_deadline_that_is_over_on_arrival_is_refused(complaints: Complaints) -> None:
    text = GOOD.replace("rate_hz: 1e1", "transport_ms: 20") + "decide: {deadline_ms: 20}\n"

    told = "10: decide.deadline_ms: 20 ms are over before the picture arrives (camera.transport_ms is 20): "
    assert complaints(text) == [told + "every part would be late"]


def test_frames_that_do_not_fit_the_memory_are_refused(complaints: Complaints) -> None:
    told = complaints(GOOD.replace("width: 512, height: 256", "width: 65536, height: 65536"))

    assert len(told) == 1
    assert "12 frames of this size take 154.6 GB, over half of the" in told[0]


def test_relative_paths_count_from_the_folder_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "f.yaml").write_text(GOOD + "evidence: {folder: ../e}\n")
    monkeypatch.chdir(folder / "pictures")

    settings = load_line(Path("../f.yaml"))

    assert settings.camera.kind == "replay"
    assert settings.camera.folder == folder / "pictures"
    assert settings.model.bundle == folder / "bundle"
    assert settings.state_dir == folder / "state"
    assert settings.evidence is not None
    assert settings.evidence.folder == folder.parent / "e"
