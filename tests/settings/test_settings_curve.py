"""Addresses beyond this computer, which need encryption, and where its keys are."""

# ruff: noqa: E501 - a row of a table stays on one line

from collections.abc import Callable
from pathlib import Path

import pytest
from settings_samples import GOOD

from edge_inspector.settings.describe import describe
from edge_inspector.settings.endpoint import address_here, endpoint_fault
from edge_inspector.settings.load import load_line

Complaints = Callable[[str], list[str]]


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://*:5560", "tcp://0.0.0.0:5560", "tcp://192.168.0.5:5560", "tcp://[::]:5560", "tcp://[fd00::5]:5560", "tcp://127.0.0.1:5560", "ipc:///run/a"],
)  # fmt: skip
def test_an_encrypted_address_may_lie_beyond_this_computer(endpoint: str) -> None:
    assert endpoint_fault(endpoint, is_encrypted=True) is None


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        *[(f"tcp://{host}:5560", "in numbers, or tcp://*:5560") for host in ("eth0", "pc-3", "::1", "[127.0.0.1]", "127.0.0.1;eth0:1", "127.1", "**")],
        *[(f"tcp://*:{port}", "no port from 1 to 65535") for port in ("*", "0", "65536", "")],
        ("tcp://:5560", "lacks its port"),
        ("ipc://a/b", "from / on"),
    ],
)  # fmt: skip
def test_encryption_makes_no_address_right_that_is_none(endpoint: str, words: str) -> None:
    assert words in (endpoint_fault(endpoint, is_encrypted=True) or "")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("endpoints: {signals: 'tcp://*:5560', curve: {keys: keys}}", []),
        ("endpoints: {signals: 'tcp://0.0.0.0:5561', curve: {keys: keys}}", ["10: endpoints.telemetry: port 5561 is taken by endpoints.signals already; each needs its own"]),
        ("endpoints: {signals: 'tcp://*:5560'}", ["10: endpoints.signals: tcp://*:5560 would listen outside this computer, where anyone could speak for the line; write tcp://127.0.0.1:5560 or an ipc:// path, or encrypt the endpoints (endpoints.curve)"]),
        ("endpoints: {curve: {keys: f.yaml}}", ["10: endpoints.curve.keys: HERE/f.yaml is a file; name a folder"]),
        ("endpoints: {curve: {keys: keys}}\nevidence: {folder: keys/e}", ["11: evidence.folder: HERE/keys/e overlaps endpoints.curve.keys, HERE/keys; old evidence is deleted, so give it a folder of its own"]),
    ],
)  # fmt: skip
def test_an_address_beyond_this_computer_needs_encryption(
    complaints: Complaints, more: str, expected: list[str]
) -> None:
    assert complaints(GOOD + more + "\n") == expected


@pytest.mark.parametrize(
    "curve", ["{}", "{keys: keys, server_key: vault}", "{keys: keys, roles: {}}", "true", "{keys: ''}"]
)
def test_a_curve_section_that_means_nothing_is_a_mistake(complaints: Complaints, curve: str) -> None:
    told = complaints(GOOD + f"endpoints: {{curve: {curve}}}\n")

    assert len(told) == 1
    assert told[0].startswith("10: endpoints.curve")


@pytest.mark.parametrize(
    ("more", "words"),
    [("", "they are not encrypted: every program on this computer may connect"), ("endpoints: {curve: {keys: keys}}\n", "they are encrypted; who may connect stands in HERE/keys")],
)  # fmt: skip
def test_what_protects_the_addresses_is_told(folder: Path, more: str, words: str) -> None:
    (folder / "f.yaml").write_text(GOOD + more)

    assert words.replace("HERE", str(folder)) in describe(load_line(folder / "f.yaml"))


@pytest.mark.parametrize(
    ("endpoint", "here"),
    [
        ("tcp://*:5560", "tcp://127.0.0.1:5560"),
        ("tcp://0.0.0.0:5560", "tcp://127.0.0.1:5560"),
        ("tcp://[::]:5560", "tcp://[::1]:5560"),
        ("tcp://192.168.0.5:5560", "tcp://192.168.0.5:5560"),
        ("ipc:///run/a", "ipc:///run/a"),
    ],
)
def test_a_program_on_this_computer_reaches_an_address_on_all_its_addresses(endpoint: str, here: str) -> None:
    assert address_here(endpoint) == here
