"""Checks of this computer, on a tree of files that stands for /proc and /sys."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_inspector.acquire.host import (
    backlog,
    host_checks,
    mtu,
    receive_buffer,
    reverse_path,
    usbfs_memory,
    wired_interfaces,
)

CORE = "proc/sys/net/core"
GOOD = {
    f"{CORE}/rmem_max": "33554432",
    f"{CORE}/netdev_max_backlog": "10000",
    "proc/sys/net/ipv4/conf/all/rp_filter": "0",
    "sys/module/usbcore/parameters/usbfs_memory_mb": "1000",
}


def tree(root: Path, **changes: str) -> Path:
    for file, value in {**GOOD, **changes}.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(f"{value}\n")
    return root


def add_interface(
    root: Path, name: str, size: int, rp_filter: int = 0, state: str = "up", kind: str = "device"
) -> None:
    folder = root / "sys/class/net" / name
    (folder / kind).mkdir(parents=True)
    (folder / "device").mkdir(exist_ok=True)
    (folder / "mtu").write_text(f"{size}\n")
    (folder / "operstate").write_text(f"{state}\n")
    conf = root / "proc/sys/net/ipv4/conf" / name
    conf.mkdir(parents=True)
    (conf / "rp_filter").write_text(f"{rp_filter}\n")


def test_a_computer_that_is_set_up_has_nothing_to_mend(tmp_path: Path) -> None:
    add_interface(tree(tmp_path), "eth1", 9000)

    assert [check for kind in ("GEV", "U3V") for check in host_checks(kind, tmp_path) if not check.ok] == []


@pytest.mark.parametrize(("value", "ok"), [("16777215", False), ("16777216", True)])
def test_a_small_receive_buffer_is_told_with_the_command(tmp_path: Path, value: str, ok: bool) -> None:
    check = receive_buffer(tree(tmp_path, **{f"{CORE}/rmem_max": value}))

    assert (check.ok, check.found) == (ok, value)
    assert "sudo sysctl -w net.core.rmem_max=33554432" in check.mend
    assert str(check).startswith(f"net.core.rmem_max is {value}, at least 16777216 is wanted: packets are lost")


@pytest.mark.parametrize(("value", "ok"), [("4999", False), ("5000", True)])
def test_a_short_backlog_is_told(tmp_path: Path, value: str, ok: bool) -> None:
    assert backlog(tree(tmp_path, **{f"{CORE}/netdev_max_backlog": value})).ok is ok


@pytest.mark.parametrize(("value", "ok"), [("16", False), ("999", False), ("1000", True), ("0", True)])
def test_little_memory_for_usb_is_told_and_none_means_no_limit(tmp_path: Path, value: str, ok: bool) -> None:
    root = tree(tmp_path, **{"sys/module/usbcore/parameters/usbfs_memory_mb": value})

    assert usbfs_memory(root).ok is ok
    assert [check.name for check in host_checks("U3V", root)] == ["usbcore.usbfs_memory_mb"]


@pytest.mark.parametrize(("size", "ok"), [(1500, False), (7999, False), (8000, True), (9000, True)])
def test_an_interface_without_jumbo_frames_is_told(tmp_path: Path, size: int, ok: bool) -> None:
    add_interface(tree(tmp_path), "eth1", size)

    assert mtu("eth1", tmp_path).ok is ok
    assert "sudo ip link set dev eth1 mtu 9000" in mtu("eth1", tmp_path).mend


@pytest.mark.parametrize(
    ("for_all", "own", "ok"), [("0", 0, True), ("1", 0, False), ("0", 1, False), ("2", 1, True), ("1", 2, True)]
)
def test_the_stricter_reverse_path_filter_counts(tmp_path: Path, for_all: str, own: int, ok: bool) -> None:
    root = tree(tmp_path, **{"proc/sys/net/ipv4/conf/all/rp_filter": for_all})
    add_interface(root, "eth1", 9000, rp_filter=own)

    assert reverse_path("eth1", root).ok is ok


def test_one_interface_with_jumbo_frames_is_enough(tmp_path: Path) -> None:
    add_interface(tree(tmp_path), "eth0", 1500)
    alone = [check.name for check in host_checks("GEV", tmp_path) if not check.ok]
    add_interface(tmp_path, "eth1", 9000)

    assert alone == ["MTU of eth0"]
    assert [check.name for check in host_checks("GEV", tmp_path) if not check.ok] == []


def test_only_wired_hardware_that_is_up_can_lead_to_a_camera(tmp_path: Path) -> None:
    tree(tmp_path)
    add_interface(tmp_path, "eth1", 9000)
    add_interface(tmp_path, "eth2", 9000, state="down")
    add_interface(tmp_path, "wlan0", 1500, kind="wireless")
    (tmp_path / "sys/class/net/lo").mkdir()

    assert wired_interfaces(tmp_path) == ["eth1"]


def test_what_cannot_be_read_is_not_held_against_the_computer(tmp_path: Path) -> None:
    checks = [receive_buffer, backlog, usbfs_memory]

    assert [(check(tmp_path).ok, check(tmp_path).found) for check in checks] == [(True, "unknown")] * 3
    assert mtu("eth9", tmp_path).ok
    assert reverse_path("eth9", tmp_path).ok
    assert wired_interfaces(tmp_path) == []


@pytest.mark.parametrize("transport", ["CXP", "Custom", ""])
def test_other_transports_need_nothing(tmp_path: Path, transport: str) -> None:
    assert host_checks(transport, tmp_path) == []
