"""What keeps a line from starting is one clear line of systemctl status; no loop where none helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from machine import PROGRAM, ROOT, wait_until, why_not_here
from service import NO_MODEL

if TYPE_CHECKING:
    from conftest import MakeService
    from service import Service

if why := why_not_here():
    pytest.skip(why, allow_module_level=True)

pytestmark = pytest.mark.timeout(180)

KEYS = "/etc/edge-inspector/test-keys"
CURVE = {"curve": {"keys": KEYS}}


def refused(line: Service, code: int, *words: str) -> None:
    """Start a line, and see that it stays down with this exit code and says these words in its status line."""
    line.ctl("start")

    line.wait_for("ActiveState", "failed")
    assert line.show("ExecMainStatus") == str(code)
    assert line.show("NRestarts") == "0"
    said = line.show("StatusText")
    assert said.startswith("failed: ")
    assert all(word in said for word in words), said
    assert said.endswith(f"exit code {code}, it stays down until that is repaired and it is started by hand")
    assert f'Status: "{said}"' in line.ctl("status", "--full")


def tried_again(line: Service, *words: str) -> None:
    """Start a line, and see that it is tried again and again, and says why."""
    line.ctl("start", "--no-block")

    wait_until(lambda: int(line.show("NRestarts")) >= 2, "the third try", instead=lambda: line.ctl("status"))
    said = wait_until(lambda: (text := line.show("StatusText")).startswith("failed: ") and text, "why it failed")
    assert all(word in said for word in words), said
    assert said.endswith("exit code 70, it is tried again")
    assert line.show("ActiveState") in ("activating", "active")


def with_keys(line: Service) -> None:
    """Make the keys of a line as docs/how-to/secure-the-endpoints.md says."""
    run = line.machine.run
    run("rm", "-rf", KEYS)
    run("install", "-d", "-m", "700", "-o", "edge-inspector", "-g", "edge-inspector", KEYS)
    run(PROGRAM, "keys", "new", "server", "--keys", KEYS)
    run(PROGRAM, "keys", "new", "gate-1", "--keys", KEYS)
    run(PROGRAM, "keys", "authorize", "gate-1", "--role", "gate", "--keys", KEYS)


def test_an_instance_without_a_configuration_stays_down(make_service: MakeService) -> None:
    line = make_service("nobody")
    line.machine.run("rm", line.config)

    refused(line, 78, line.config, "there is no such file")


def test_a_mistake_in_the_configuration_stays_down(make_service: MakeService) -> None:
    line = make_service(tilling={"overlap": 16})

    refused(line, 78, f"{line.config}:", "tilling", "tiling")


def test_a_configuration_that_the_service_may_not_read_stays_down(make_service: MakeService) -> None:
    line = make_service()
    line.machine.run("chmod", "600", line.config)

    refused(line, 78, line.config, "may not be read by this user")


def test_a_missing_model_stays_down(make_service: MakeService) -> None:
    line = make_service(model={"bundle": "/opt/edge-inspector/models/none", "unsigned": "allow"})

    refused(line, 66, "/opt/edge-inspector/models/none")


def test_a_key_that_the_service_may_not_read_stays_down(make_service: MakeService) -> None:
    line = make_service()
    line = make_service(endpoints=line.endpoints | CURVE)
    with_keys(line)
    line.machine.run("chown", "root:root", f"{KEYS}/server.key")

    refused(line, 78, f"{KEYS}/server.key", "Permission denied")


def test_a_list_of_keys_of_another_owner_stays_down(make_service: MakeService) -> None:
    line = make_service()
    line = make_service(endpoints=line.endpoints | CURVE)
    with_keys(line)
    line.machine.run("chown", "4711", f"{KEYS}/authorized")
    line.machine.run("chmod", "644", f"{KEYS}/authorized")

    refused(line, 78, f"{KEYS}/authorized", "belongs to")


def test_a_key_as_a_credential_is_for_the_service_alone(make_service: MakeService) -> None:
    line = make_service()
    line = make_service(
        endpoints=line.endpoints | {"curve": {"keys": KEYS, "server_key": "credential"}}, model=NO_MODEL
    )
    with_keys(line)
    secret = f"/etc/edge-inspector/{line.name}.server.key"
    line.machine.run("mv", f"{KEYS}/server.key", secret)
    line.machine.run("chown", "root:root", secret)
    line.drop_in((ROOT / "systemd" / "drop-ins" / "keys.conf").read_text(), "keys")

    line.start()

    line.ctl("stop")
    line.machine.run("rm", secret)
    line.ctl("start", "--no-block")
    wait_until(lambda: int(line.show("NRestarts")) >= 1, "another try")
    assert "credentials" in line.ctl("status", "--lines=20").lower()


def test_a_port_that_another_line_has_is_waited_for(make_service: MakeService) -> None:
    first, second = make_service("press-3", model=NO_MODEL).start(), make_service("press-4", model=NO_MODEL)

    tried_again(second, "tcp://127.0.0.1:556", "in use by another program")
    first.ctl("stop")

    second.wait_until_inspecting()


def test_a_state_directory_that_cannot_be_written_is_tried_again(make_service: MakeService) -> None:
    line = make_service(state_dir="/srv/read-only")
    line.machine.run("mkdir", "-p", "/srv/read-only")

    tried_again(line, "state_dir /srv/read-only cannot be used", "Read-only file system")


def test_with_a_disk_that_is_full_at_the_start_the_line_stays_up_and_is_not_ready(make_service: MakeService) -> None:
    line = make_service(state_dir="/srv/state", model=NO_MODEL)
    line.machine.run("mkdir", "-p", "/srv/state")
    line.drop_in("[Service]\nTemporaryFileSystem=/srv/state:size=64k,mode=1777\n")

    line.ctl("start")
    wait_until(lambda: "journal" in line.show("StatusText"), "the status line to say so")
    wait_until(lambda: "disk is full" in str(line.events("journal_fault")), "the log to say why")

    assert line.show("StatusText").startswith("not ready: Preoperational, journal")
    assert (line.show("ActiveState"), line.show("NRestarts")) == ("active", "0")
