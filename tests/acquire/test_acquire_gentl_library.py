"""What is no producer is found out before it is used: using it would end the process."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path

import genicam
import pytest

from edge_inspector.acquire.gentl_library import REQUIRED, why_not_loadable

VIKY = Path(genicam.__file__).parent / "viky.cti"


def test_a_producer_that_has_everything_can_be_loaded() -> None:
    assert len(set(REQUIRED)) == 41
    assert why_not_loadable(VIKY) is None
    assert why_not_loadable(VIKY) is None  # it was let go of


def test_another_library_is_no_producer() -> None:
    library = Path(zlib.__file__)

    assert "none of a GenTL producer's functions" in str(why_not_loadable(library))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda raw: b"", "too short"),
        (lambda raw: b"text", "no ELF library"),
        (lambda raw: raw[:19], "too short"),
        (lambda raw: b"MZ" + raw[2:], r"Windows library \(DLL\)"),
        (lambda raw: raw[:18] + b"\x03\x00" + raw[20:], "built for i686, this computer is"),
        (lambda raw: raw[:18] + b"\xff\xff" + raw[20:], "built for another architecture"),
        (lambda raw: raw.replace(b"\0GCReadPort\0", b"\0GCReadPorx\0"), "it lacks GCReadPort, which"),
        (
            lambda raw: (
                raw.replace(b"\0TLOpen\0", b"\0TLOpex\0")
                .replace(b"\0TLClose\0", b"\0TLClosx\0")
                .replace(b"\0DSClose\0", b"\0DSClosx\0")
                .replace(b"\0DevClose\0", b"\0DevClosx\0")
            ),
            "it lacks TLOpen, TLClose, DevClose and 1 more",
        ),
        (lambda raw: raw[: len(raw) // 2], "its end is missing"),
        (lambda raw: raw[:40], "its end is missing"),
        (lambda raw: raw[:80], "its end is missing"),
    ],
)
def test_a_broken_producer_is_told_by_what_is_wrong(
    tmp_path: Path, changed: Callable[[bytes], bytes], said: str
) -> None:
    file = tmp_path / "maker.cti"
    file.write_bytes(changed(VIKY.read_bytes()))

    why = why_not_loadable(file)

    assert why is not None
    assert re.search(said, why), why


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in str(why_not_loadable(tmp_path))
