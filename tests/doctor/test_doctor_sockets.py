from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from edge_inspector.doctor.egress import Findings, Held, Judge, Kind, counted, look, on_link
from edge_inspector.doctor.ports import Named
from edge_inspector.doctor.processes import LineProcess, holder_of, named, socket_inodes
from edge_inspector.doctor.sockets import internet_sockets, listeners, unix_sockets
from edge_inspector.settings.endpoint import TcpAddress

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ME = LineProcess(os.getpid(), "main")


def row(local: str, remote: str, state: str, inode: int = 7) -> str:
    return f"   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1 0000 100\n"


def named_at(host: str, port: int) -> Named:
    endpoint = f"tcp://{host}:{port}"
    return Named("signals", endpoint, endpoint, TcpAddress(host, port))


@pytest.fixture
def net(tmp_path: Path) -> Path:
    folder = tmp_path / "net"
    folder.mkdir()
    return folder


def judged(net: Path, table: str, text: str, host: str = "127.0.0.1", port: int = 5560) -> list[Kind]:
    (net / table).write_text(HEAD + text)
    judge = Judge([named_at(host, port)], on_link(net))
    return [judge.of(each)[0] for each in internet_sockets(net)]


def test_addresses_are_read_as_this_processor_keeps_them() -> None:
    with socket.socket() as one, socket.socket(socket.AF_INET6) as six:
        one.bind(("127.0.0.1", 0))
        one.listen()
        six.bind(("::1", 0))
        six.listen()

        found = {str(each.local) for each in listeners()}

        assert f"127.0.0.1:{one.getsockname()[1]}" in found
        assert f"[::1]:{six.getsockname()[1]}" in found


def test_a_mapped_address_is_the_one_it_stands_for(net: Path) -> None:
    (net / "tcp6").write_text(HEAD + row("0000000000000000FFFF00000100007F:15B8", "0" * 32 + ":0000", "0A"))

    assert [str(each.local) for each in internet_sockets(net)] == ["127.0.0.1:5560"]


def test_a_socket_is_found_with_its_process_and_a_process_with_its_command() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        [found] = [each for each in listeners() if each.local.port == one.getsockname()[1]]

        assert found.inode in (socket_inodes(os.getpid()) or set())
        assert holder_of(found.inode) == os.getpid()
        assert "python" in named(os.getpid())


def test_a_unix_socket_is_found_by_its_path(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "s"))
        one.listen()

        assert [each.is_listening for each in unix_sockets() if each.path == str(tmp_path / "s")] == [True]


def test_what_cannot_be_read_is_none_and_not_empty(tmp_path: Path) -> None:
    assert socket_inodes(1, tmp_path) is None


@pytest.mark.parametrize(
    ("table", "text", "kind"),
    [
        ("tcp", row("0100007F:15B8", "00000000:0000", "0A"), Kind.LISTENS),
        ("tcp", row("0100007F:15B8", "0100007F:9C40", "01"), Kind.CLIENT),
        ("tcp", row("0100007F:15B9", "00000000:0000", "0A"), Kind.HERE),
        ("tcp", row("0100007F:9C40", "0100007F:1538", "01"), Kind.HERE),
        ("tcp", row("00000000:15B9", "00000000:0000", "0A"), Kind.UNNAMED),
        ("tcp", row("0A01A8C0:9C40", "010200C0:0050", "01"), Kind.UNNAMED),
        ("tcp", row("0A01A8C0:9C40", "010200C0:0050", "02"), Kind.UNNAMED),  # not answered yet
        ("udp", row("0A01A8C0:9C40", "010200C0:0035", "01"), Kind.UNNAMED),
        ("udp", row("00000000:9C40", "00000000:0000", "07"), Kind.UNNAMED),
        ("raw", row("00000000:0001", "00000000:0000", "07"), Kind.UNNAMED),
    ],
    ids=[
        "named",
        "client",
        "other-port",
        "here-to-here",
        "listens-to-all",
        "out",
        "syn-sent",
        "dns",
        "udp-open",
        "raw",
    ],
)
def test_each_socket_is_judged_by_what_is_named(net: Path, table: str, text: str, kind: Kind) -> None:
    assert judged(net, table, text) == [kind]


def test_a_client_of_an_address_on_all_interfaces_is_named(net: Path) -> None:
    assert judged(net, "tcp", row("0A01A8C0:15B8", "1401A8C0:9C40", "01"), host="*") == [Kind.CLIENT]


ROUTES = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth1 0001A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
eth0 00000000 0101A8C0 0003 0 0 0 00000000 0 0 0
"""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (row("0A01A8C0:9C40", "1401A8C0:0F74", "01"), Kind.CAMERA),  # 192.168.1.20:3956, GigE Vision's control port
        (row("0A01A8C0:9C40", "00000000:0000", "07"), Kind.CAMERA),
        (row("00000000:9C40", "00000000:0000", "07"), Kind.ANYWHERE),
        (row("0A01A8C0:9C40", "010200C0:0F74", "01"), Kind.UNNAMED),
    ],
    ids=["camera", "stream", "tied-to-nothing", "beyond"],
)
def test_a_camera_may_be_spoken_to_where_this_computer_is_plugged_in(net: Path, text: str, kind: Kind) -> None:
    (net / "route").write_text(ROUTES)

    assert judged(net, "udp", text) == [kind]


def test_a_connection_of_this_process_that_nobody_named_is_found() -> None:
    with socket.socket() as there, socket.socket() as here, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        there.bind(("127.0.0.1", 0))
        there.listen()
        here.connect(there.getsockname())
        out.bind(("0.0.0.0", 0))

        found = look([ME], [named_at("127.0.0.1", there.getsockname()[1])], has_camera=False)

        port = there.getsockname()[1]
        assert f"tcp 127.0.0.1:{port} (signals)" in [each.what for each in found.of(Kind.LISTENS)]
        assert any(f"-> 127.0.0.1:{port}" in each.what for each in found.of(Kind.HERE))
        assert any(f"udp 0.0.0.0:{out.getsockname()[1]}" in each.what for each in found.of(Kind.UNNAMED))


def test_a_process_that_may_not_be_looked_into_is_named(tmp_path: Path) -> None:
    found = look([LineProcess(4711, "camera")], [], has_camera=False, proc=tmp_path)

    assert found == Findings((), 0, 0, 0, (LineProcess(4711, "camera"),))


def test_what_is_held_often_is_said_once() -> None:
    held = Held(ME, Kind.CLIENT, "127.0.0.1:1 connected")

    assert list(counted([held, held])) == ["main: 127.0.0.1:1 connected (2 times)"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_what_another_user_s_process_holds_is_hidden_and_not_empty() -> None:
    os.seteuid(65534)
    try:
        found = look([LineProcess(1, "main")], [], has_camera=False)
    finally:
        os.seteuid(0)

    assert found.hidden == (LineProcess(1, "main"),)
