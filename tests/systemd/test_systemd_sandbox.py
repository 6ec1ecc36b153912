"""What the sandbox keeps shut stays shut, and what the program needs goes on working in it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from machine import PYTHON, ROOT, Machine, wait_until, why_not_here
from service import BUNDLE, NO_MODEL

from edge_inspector.simulator.build import build_producer, find_compiler

if TYPE_CHECKING:
    from conftest import MakeService
    from service import Service

if why := why_not_here():
    pytest.skip(why, allow_module_level=True)

pytestmark = pytest.mark.timeout(180)

ELSEWHERE = "192.0.2.7"
"""A network that is in nobody's use (RFC 5737)."""
LISTEN = """
import fcntl, socket, struct
with socket.socket() as asked:
    address = struct.pack("16sH2s4s8x", b"lo:7", socket.AF_INET, b"", socket.inet_aton("192.0.2.7"))
    fcntl.ioctl(asked, 0x8916, address)  # SIOCSIFADDR
server = socket.create_server(("192.0.2.7", 7000))
local = socket.create_server(("127.0.0.1", 7000))
while True:
    server.accept()[0].close()
"""
CAP_SYS_RESOURCE = 24
"""linux/capability.h"""
PROBE = f"""[Service]
Type=oneshot
Restart=no
TimeoutStartSec=30
ExecStart=
ExecStart={PYTHON} /opt/edge-inspector/tests/systemd/probe.py {ELSEWHERE}:7000 127.0.0.1:7000
"""


@contextmanager
def somebody_elsewhere(machine: Machine) -> Iterator[None]:
    """Have somebody listen at an address that is not this computer's loopback."""
    machine.run("systemd-run", "--collect", "--unit=elsewhere.service", PYTHON, "-c", LISTEN)
    reach = f"import socket; socket.create_connection(('{ELSEWHERE}', 7000), 5)"
    wait_until(lambda: machine.run(PYTHON, "-c", reach, is_checked=False) == "", "somebody to listen elsewhere")
    yield
    machine.run("systemctl", "stop", "elsewhere.service")


def probed(line: Service, *drop_ins: str) -> dict[str, str]:
    """Return what a process of the line's unit may do, with more drop-ins of the project."""
    for name in drop_ins:
        line.drop_in((ROOT / "systemd" / "drop-ins" / f"{name}.conf").read_text(), name)
    line.drop_in(PROBE, "zz-probe")
    line.ctl("start")
    assert line.show("Result") == "success", line.ctl("status")
    found: dict[str, str] = json.loads(
        line.machine.journal(f"_SYSTEMD_UNIT={line.unit}", "_TRANSPORT=stdout")[-1]["MESSAGE"]
    )
    return found


def test_the_unit_shuts_what_no_line_needs_and_nothing_else(make_service: MakeService, machine: Machine) -> None:
    line = make_service("probed")
    machine.run("mkdir", "-p", "/var/lib/private/edge-inspector/other")

    with somebody_elsewhere(machine):
        found = probed(line)

    assert found == {
        f"connect {ELSEWHERE}:7000": "timed out",
        f"send {ELSEWHERE}:7000": "EPERM",
        "connect 127.0.0.1:7000": "ok",
        "send 127.0.0.1:7000": "ok",
        "bind a port": "ok",
        "speak raw": "EAFNOSUPPORT",
        "ask the clock": "ok",
        "set the clock": "EPERM",
        "make code": "EPERM",
        "read the boot's number": "ok",
        "see process 1": "ENOENT",
        "choose a core": "ok",
        "stand behind": "ok",
        "go first": "EACCES",
        "real time": "EPERM",
        "write the state": "ok",
        "write the configuration": "EROFS",
        "write the program": "EROFS",
        "look into root's home": "EACCES",
        "see the other lines' state": "ENOENT",
        "make a namespace": "EPERM",
    }


def test_the_drop_ins_open_what_they_say_and_no_more(make_service: MakeService, machine: Machine) -> None:
    shut, opened = make_service("shut"), make_service("opened")
    networks = (ROOT / "systemd" / "drop-ins" / "egress.conf").read_text().replace("192.168.10.0/24", f"{ELSEWHERE}/32")
    opened.drop_in(networks, "network")

    with somebody_elsewhere(machine):
        before, after = probed(shut), probed(opened, "gpu", "usb", "realtime")

    assert {what: how for what, how in after.items() if how != before[what]} == {
        f"connect {ELSEWHERE}:7000": "ok",
        f"send {ELSEWHERE}:7000": "ok",
        "make code": "ok",
    } | ({"go first": "ok"} if may_raise_limits(machine) else {})


OPENVINO = {"bundle": BUNDLE, "unsigned": "allow", "threads": 1, "provider": "openvino", "precision": "int8"}


def test_openvino_judges_in_the_sandbox_with_its_drop_in(make_service: MakeService) -> None:
    line = make_service("vino", model=OPENVINO)
    line.drop_in((ROOT / "systemd" / "drop-ins" / "openvino.conf").read_text(), "openvino")

    line.start()

    assert line.show("NRestarts") == "0"
    assert line.events("model_error") == []


def test_openvino_without_its_drop_in_judges_nothing_and_names_it(make_service: MakeService) -> None:
    line = make_service("shut", model=OPENVINO)

    line.ctl("start", "--no-block")
    wait_until(
        lambda: line.machine.journal("LINE=shut", "EVENT=model_error"),
        "the reason",
        instead=lambda: line.ctl("status", "--full", "--lines=40"),
    )

    [told, *_] = line.machine.journal("LINE=shut", "EVENT=model_error")
    assert "openvino.conf" in told["MESSAGE"]
    assert line.show("StatusText").startswith("not ready")
    assert (line.show("ActiveState"), line.show("NRestarts")) == ("active", "0")


def test_openvino_opens_code_and_nothing_else(make_service: MakeService) -> None:
    before, after = probed(make_service("shut")), probed(make_service("opened"), "openvino")

    assert {what: how for what, how in after.items() if how != before[what]} == {"make code": "ok"}


def may_raise_limits(machine: Machine) -> bool:
    """Whether systemd inside may give more than it has; some virtual machines keep that right from root."""
    status = machine.path("/proc/1/status").read_text()
    return bool(int(re.search(r"CapEff:\s*(\w+)", status)[1], 16) >> CAP_SYS_RESOURCE & 1)  # type: ignore[index]


def test_a_camera_by_harvesters_works_in_the_sandbox(make_service: MakeService) -> None:
    camera = {"kind": "genicam", "cti": "viky", "serial": "0", "pixel_format": "RGBa8"}
    camera |= {"frame": {"width": 512, "height": 512, "channels": 3}, "features": {"AcquisitionFrameRate": 10.0}}
    line = make_service("viky", camera=camera, image_health={"saturated": "metric"})

    line.start()

    assert line.show("NRestarts") == "0"
    assert {row["PROCESS"] for row in line.machine.journal("LINE=viky")} >= {"main", "camera", "inspect"}


@pytest.mark.skipif(find_compiler() is None, reason="there is no C compiler")
def test_the_simulated_camera_works_in_the_sandbox(make_service: MakeService, machine: Machine) -> None:
    cti = "/opt/edge-inspector/simulated.cti"
    shutil.copy(build_producer(), machine.path(cti))
    frame = {"width": 640, "height": 480, "channels": 3}
    camera = {"kind": "genicam", "cti": cti, "serial": "SIM0001", "pixel_format": "RGB8", "frame": frame}
    line = make_service("simulated", camera=camera)

    line.start()

    assert line.show("NRestarts") == "0"


def test_the_bridge_works_in_its_sandbox(make_service: MakeService, machine: Machine) -> None:
    line = make_service("bridged", model=NO_MODEL).start()
    unit = f"edge-inspector-bridge-modbus@{line.name}.service"
    ask = "import sys\nfrom pymodbus.client import ModbusTcpClient as C\nc = C('127.0.0.1', port=1502)\n"
    ask += "sys.exit(not c.connect() or c.read_holding_registers(0, count=2).isError())"

    machine.run("systemctl", "start", unit)
    try:
        wait_until(lambda: machine.run(PYTHON, "-c", ask, is_checked=False) == "", "an answer by Modbus")
        assert machine.run("systemctl", "show", "--value", "--property=NRestarts,ActiveState", unit) == "0\nactive"
    finally:
        machine.run("systemctl", "stop", unit)


def test_a_second_line_on_the_same_computer_is_a_second_instance(make_service: MakeService) -> None:
    first, second = make_service("left", model=NO_MODEL), make_service("right", model=NO_MODEL, first_port=5660)
    first.start()
    second.start()

    first.ctl("stop")
    second.wait_until_inspecting()

    assert (first.show("ActiveState"), second.show("ActiveState")) == ("inactive", "active")
    assert len(first.events("line_ended")) == 1
    assert second.events("line_ended") == []
    assert second.machine.path(f"{second.state}/state").exists()
