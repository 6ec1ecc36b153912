"""A line under a real systemd: it comes back from whatever ends it, and says in its journal what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from machine import why_not_here

if TYPE_CHECKING:
    from conftest import MakeService

if why := why_not_here():
    pytest.skip(why, allow_module_level=True)


def test_a_line_starts_and_inspects(make_service: MakeService) -> None:
    line = make_service().start()

    print(line.ctl("status"))
    print(line.machine.run("journalctl", "-n", "50"))
    assert line.show("ActiveState") == "active"
