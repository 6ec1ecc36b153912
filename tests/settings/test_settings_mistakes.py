"""Each mistake: its line, and words that say what was meant."""

# ruff: noqa: E501 - a row of a table stays on one line

from collections.abc import Callable

import pytest
from settings_samples import GENICAM, GOOD

Complaints = Callable[[str], list[str]]


def test_a_good_file_has_no_mistakes(complaints: Complaints) -> None:
    assert complaints(GOOD) == []
    assert complaints(GENICAM) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("line: press-3", "line: Press 3", "1: line: must be lower-case letters, digits and dashes, at most 32, not Press 3; write press-3"),
        ("line: press-3", "line: 3", '1: line: must be text, not 3; write "3", in quotes'),
        ("line: press-3", "lien: press-3", "1: lien: unknown key; did you mean `line`?"),
        ("line: press-3", "recipe: a", "1: line: is missing: it must be text"),
        ("line: press-3", "line:", "1: line: is empty: it must be text"),
        ("kind: replay", "kind: replya", "3: camera.kind: must be genicam, replay or synthetic, not replya; did you mean `replay`?"),
        ("kind: replay", "kind: 7", "3: camera.kind: must be genicam, replay or synthetic, not 7"),
        ("  kind: replay\n", "", "2: camera: `kind` is missing: it must be genicam, replay or synthetic"),
        ("  folder: pictures\n", "", "2: camera.folder: is missing: it must be a path"),
        ("folder:", "foldr:", "4: camera.foldr: unknown key; did you mean `folder`?"),
        ("folder: pictures", 'folder: ""', "4: camera.folder: is an empty path"),
        ("folder: pictures", "folder: ~/a", "4: camera.folder: begins with ~, which differs between users: write the path from / on"),
        ("folder: pictures", 'folder: "a\\nb"', "4: camera.folder: holds a character that no path here may hold, such as a line break"),
        ("folder: pictures", "folder: 7", '4: camera.folder: must be a path, not 7; write "7", in quotes'),
        ("width: 512", "width: 8", "5: camera.frame.width: must be a whole number from 16 to 65536, not 8"),
        ("width: 512", "width: 512.0", "5: camera.frame.width: must be a whole number from 16 to 65536, not 512.0; write 512"),
        ("width: 512", "width: '512'", "5: camera.frame.width: must be a whole number from 16 to 65536, not '512'; write 512, without quotes"),
        ("width: 512", "width: 0512", "5: camera.frame.width: must be a whole number from 16 to 65536, not 0512; write 512, without leading zeros"),
        ("width: 512", "width: 1_024", "5: camera.frame.width: must be a whole number from 16 to 65536, not 1_024; write 1024"),
        ("width: 512", "width: 512 px", "5: camera.frame.width: must be a whole number from 16 to 65536, not 512 px; write 512: the unit is in the key's name"),
        ("width: 512", "width: " + "9" * 99, f"5: camera.frame.width: must be a whole number from 16 to 65536, not {'9' * 59}…"),
        ("channels: 3", "channels: 2", "5: camera.frame.channels: must be 1 or 3, not 2"),
        ("channels: 3", "channels: true", "5: camera.frame.channels: must be 1 or 3, not true"),
        ("channels: 3", "channels: 3.0", "5: camera.frame.channels: must be 1 or 3, not 3.0"),
        ("{width: 512, height: 256, channels: 3}", "[512, 256]", "5: camera.frame: must be a block of keys, not a list"),
        ("rate_hz: 1e1", "rate_hz: 0,5", "6: camera.rate_hz: must be a number over 0, up to 10000, or null, not 0,5; write 0.5, with a point"),
        ("rate_hz: 1e1", "rate_hz: .nan", "6: camera.rate_hz: must be a number over 0, up to 10000, or null, not .nan"),
        ("rate_hz: 1e1", "rate_hz: 12:30:00", "6: camera.rate_hz: must be a number over 0, up to 10000, or null, not 12:30:00"),
        ("rate_hz: 1e1", "rate_hz: yes", "6: camera.rate_hz: must be a number over 0, up to 10000, or null, not yes"),
        ("rate_hz: 1e1", "loop: yes", "6: camera.loop: must be true or false, not yes; write true"),
        ("rate_hz: 1e1", "loop: Off", "6: camera.loop: must be true or false, not Off; write false"),
        ("rate_hz: 1e1", "loop: 1", "6: camera.loop: must be true or false, not 1; write true"),
        ("rate_hz: 1e1", "name: Cam 0", "6: camera.name: must be lower-case letters, digits and dashes, at most 32, not beginning with a dash, not Cam 0; write cam-0"),
        ("rate_hz: 1e1", "cti: viky", "6: camera.cti: belongs to a camera of kind genicam, not replay"),
        ("rate_hz: 1e1", "overlap: 3", "6: camera.overlap: unknown key here; `overlap` belongs under `tiling:`"),
        ("rate_hz: 1e1", "fps: 3", "6: camera.fps: unknown key; known here: name, frame, repeat_lines, mm_per_px, transport_ms, kind, folder, rate_hz, loop, wait_for_subscribers"),
        ("  bundle: bundle", "  bundle: bundle\n  provider: CUDA", "9: model.provider: must be cpu, openvino, cuda, tensorrt or null, not CUDA; did you mean `cuda`?"),
        ("model:\n  bundle: bundle", "model:", "7: model: is empty: put keys under `model:`, or leave it out"),
        ("state_dir: state\n", "", "1: state_dir: is missing: it must be a path"),
        ("state_dir:", "log: warn\nstate_dir:", "9: log: must be debug, info, warning or error, not warn; did you mean `warning`?"),
        ("state_dir:", f"recipe: {'x' * 65}\nstate_dir:", f"9: recipe: must be text of at most 64 characters, not {'x' * 59}…"),
        ("state_dir:", "decide: {limits: {PITTING: 1.5}}\nstate_dir:", "9: decide.limits.PITTING: must be a number over 0, up to 1, not 1.5"),
        ("state_dir:", "evidence: {folder: e, keep: [PASS, REJCT]}\nstate_dir:", "9: evidence.keep[1]: must be PASS, REJECT or UNKNOWN, not REJCT; did you mean `REJECT`?"),
        ("state_dir:", "endpoints: {signals: 'http://a'}\nstate_dir:", "9: endpoints.signals: must begin with tcp:// or ipc://, not http://a"),
    ],
)  # fmt: skip
def test_one_mistake_is_told_once_with_its_line(complaints: Complaints, old: str, new: str, expected: str) -> None:
    assert old in GOOD

    assert complaints(GOOD.replace(old, new)) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("cti: viky", "cti: viky\n  serial: 0123456", []),
        ("cti: viky", "cti: viky\n  serial: 12345", ['5: camera.serial: must be text, not 12345; write "12345", in quotes']),
        ("cti: viky", "cti: viky\n  features: {TriggerMode: On, Gain: 1e1, Reg: 0x10}", []),
        ("cti: viky", "cti: viky\n  features: {Gain: [1]}", ["5: camera.features.Gain: must be true or false, a whole number, a number, or text; below a selector a block of its entries; not a list"]),
        ("cti: viky", "cti: viky\n  features: {TriggerSelector: {FrameStart: {TriggerMode: On}, LineStart: {TriggerMode: Off}}}", []),
        ("cti: viky", "cti: viky\n  features: {ASelector: {X: {BSelector: {1: {Value: 2}}}}}", []),
        ("cti: viky", "cti: viky\n  features: {ASelector: {X: {BSelector: {Y: {CSelector: {Z: {}}}}}}}", ["5: camera.features.ASelector: X: BSelector: Y: CSelector: selectors stand at most 2 deep"]),
        ("cti: viky", "cti: viky\n  features: {TriggerSelector: {FrameStart: On}}", ["5: camera.features.TriggerSelector: FrameStart: must be a block of features, as in TriggerSelector: {FrameStart: {TriggerMode: On}}"]),
        ("cti: viky", "cti: viky\n  features: {TriggerSelector: {FrameStart: {TriggerMode: }}}", ["5: camera.features.TriggerSelector: FrameStart: TriggerMode: is empty: it must be a value, or below a selector a block of its entries"]),
        ("cti: viky", "cti: viky\n  features: {TriggerSelector: {FrameStart: {Trigger Mode: On}}}", ["5: camera.features.TriggerSelector: FrameStart: Trigger Mode is no GenICam feature name: those are letters, digits and _"]),
        ("cti: viky", "cti: viky\n  features: {TriggerSelector: {}}", ["5: camera.features.TriggerSelector: is empty: name an entry of the selector, and below it its features"]),
        ("cti: viky", "cti: viky\n  preset: photo-eye", ["5: camera.preset: must be free_run, photo_eye, line_scan_encoder, endless_web, software or burst, or null, not photo-eye"]),
        ("cti: viky", "cti: viky\n  preset: photo_eye\n  trigger: {line: Line 1}", ["6: camera.trigger.line: is no name of an input: those are letters, digits and _"]),
        ("cti: viky", "cti: viky\n  features: {Exposure Time: 1}", ["5: camera.features.Exposure Time: is no GenICam feature name: those are letters, digits and _"]),
        ("RGB8", "rgb8", ["6: camera.pixel_format: must be Mono8, RGB8, BGR8, RGBa8, BGRa8, BayerGR8, BayerRG8, BayerGB8, BayerBG8, Mono10, Mono12, Mono14, Mono16, Mono10p, Mono12p, Mono10Packed, Mono12Packed, YUV422_8 or YUV422_8_UYVY, not rgb8; did you mean `RGB8`?"]),
    ],
)  # fmt: skip
def test_a_genicam_camera_is_told_likewise(complaints: Complaints, old: str, new: str, expected: list[str]) -> None:
    assert complaints(GENICAM.replace(old, new)) == expected


def test_every_mistake_is_told_in_one_report_in_the_order_of_the_lines(complaints: Complaints) -> None:
    text = """\
foo: 1
line: A
camera:
  kind: replya
  fodler: x
  frame: {width: 8, height: "512", channels: 3}
  loop: maybe
model: {bundle: 3, chunk: 0}
endpoints:
  signals: tcp://*:5560
  service: tcp://127.0.0.1:5561
  service: tcp://127.0.0.1:5562
ring: {slots: 4}
log: &level waring
"""

    told = complaints(text)

    assert [line.split(": ")[:2] for line in told] == [
        ["1", "state_dir"],
        ["1", "foo"],
        ["2", "line"],
        ["4", "camera.kind"],
        ["5", "camera.fodler"],
        ["6", "camera.frame.width"],
        ["6", "camera.frame.height"],
        ["7", "camera.loop"],
        ["8", "model.bundle"],
        ["8", "model.chunk"],
        ["10", "endpoints.signals"],
        ["12", "endpoints.service"],
        ["13", "ring.evidence_slots"],
        ["14", "log"],
    ]


def test_a_value_that_was_replaced_causes_no_second_mistake(complaints: Complaints) -> None:
    # Without `telemetry`, the default 5561 would stand in and seem to be taken twice.
    text = GOOD + "endpoints: {signals: 'tcp://127.0.0.1:5561', telemetry: 7}\n"

    assert [line.split(": ")[1] for line in complaints(text)] == ["endpoints.telemetry"]


def test_another_kind_of_file_gives_a_page_of_mistakes_and_no_more(complaints: Complaints) -> None:
    told = complaints("".join(f"key{n}: 1\n" for n in range(2000)))

    assert len(told) == 101
    assert told[-1].endswith("1904 more mistakes follow; is it a configuration of this program?")


def test_no_message_speaks_of_python_or_pydantic(complaints: Complaints) -> None:
    text = GOOD.replace("replay", "genicam").replace("512", "[]") + "ring: 3\ndecide: {limits: 3, deadline_ms: {}}\n"

    told = "\n".join(complaints(text))

    for jargon in ("Input", "pydantic", "http", "dict", "NoneType", "class", "literal", "union"):
        assert jargon not in told
