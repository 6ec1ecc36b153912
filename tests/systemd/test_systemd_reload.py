"""`systemctl reload`: what can change does so without a restart, and what cannot fails in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from machine import wait_until, why_not_here

if TYPE_CHECKING:
    from conftest import MakeService
    from service import Service

if why := why_not_here():
    pytest.skip(why, allow_module_level=True)

pytestmark = pytest.mark.timeout(180)


def change(line: Service, section: str, **values: object) -> None:
    """Change keys of a section in the configuration."""
    file = line.machine.path(line.config)
    config = yaml.safe_load(file.read_text())
    config[section] = config.get(section, {}) | values
    file.write_text(yaml.safe_dump(config))


def test_a_limit_changes_without_a_restart_and_a_port_is_refused_by_name(make_service: MakeService) -> None:
    line = make_service().start()
    main = line.main_pid()

    change(line, "decide", min_defect_tiles=2)
    line.ctl("reload")

    [changed] = wait_until(lambda: line.events("config_changed"), "the change in the log")
    assert "decide.min_defect_tiles" in changed["MESSAGE"]
    assert (line.main_pid(), line.show("ReloadResult")) == (main, "success")

    change(line, "metrics", port=5999)
    line.ctl("reload")

    [refused] = wait_until(lambda: line.events("config_refused"), "the refusal in the log")
    assert "metrics.port" in refused["MESSAGE"]
    assert line.show("ReloadResult") == "exit-code"
    line.wait_until_inspecting()
    assert line.main_pid() == main
