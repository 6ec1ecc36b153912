"""Producers as the makers' packages leave them: GENICAM_GENTL64_PATH in every state, and producers that are broken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_program import Sandbox, has_all, heard, is_event, viky

from edge_inspector.acquire.gentl_library import REQUIRED
from edge_inspector.acquire.installed import VARIABLE
from edge_inspector.acquire.producer import producer_path
from edge_inspector.simulator.build import find_compiler

CRASHES = "int GCInitLib(void) { *(volatile int *)0 = 1; return 0; }"
HANGS = "#include <unistd.h>\nint GCInitLib(void) { for (;;) pause(); }"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


def make_producer(path: Path, init: str) -> None:
    """Compile a producer of which only GCInitLib does anything."""
    others = "".join(f"int {name}(void) {{ return -1003; }}\n" for name in REQUIRED if name != "GCInitLib")
    source = path.with_suffix(".c")
    source.write_text(f"{init}\n{others}")
    subprocess.run([str(find_compiler()), "-shared", "-fPIC", "-o", str(path), str(source)], check=True)
    source.unlink()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, [f"{VARIABLE} is not set"]),
        ("", [f"{VARIABLE} is empty"]),
        (":: :", [f"{VARIABLE} is empty"]),
        ("/gone/lib", ["/gone/lib (no such folder)"]),
        ("others", ["others (no .cti file among 3)"]),
        ("others/maker.xml", ["others/maker.xml (a file; the variable names folders)"]),
        (
            "bare:/gone/lib:others",
            ["bare (an empty folder), /gone/lib (no such folder), others (no .cti file among 3)"],
        ),
    ],
)
def test_the_list_says_why_no_producer_is_found(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, value: str | None, said: list[str]
) -> None:
    (sandbox.folder / "bare").mkdir()
    (sandbox.folder / "others").mkdir()
    for name in ("maker.xml", "libmaker.so", "maker.cti.bak"):
        (sandbox.folder / "others" / name).write_text("not a producer")
    if value is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, value)

    told = sandbox.say("camera", "list")

    assert told.code == 69
    assert has_all(told.error, [*said, "install the camera maker's GenTL package", "--cti"])
    assert told.out == ""


def test_a_configuration_whose_producer_is_gone_is_told_where_others_are(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = sandbox.config(viky(cti="/gone/maker.cti"))
    monkeypatch.delenv(VARIABLE, raising=False)
    without = sandbox.say("check", "--config", config)
    (sandbox.folder / "maker").mkdir()
    (sandbox.folder / "maker" / "new.cti").touch()
    monkeypatch.setenv(VARIABLE, f"/gone:{sandbox.folder / 'maker'}:{sandbox.folder / 'maker'}")
    with_others = sandbox.say("check", "--config", config)

    assert (without.code, with_others.code) == (69, 69)
    assert has_all(without.error, ["no GenTL producer at /gone/maker.cti", f"{VARIABLE} is not set", "camera.cti"])
    assert has_all(with_others.error, [f"installed here: {sandbox.folder / 'maker' / 'new.cti'}; install"])


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("folder", "is no file, so no GenTL producer"),
        ("pipe", "is no file"),
        ("link", "is a link to gone.so, which is"),
    ],
)
def test_what_only_has_a_producer_s_name_is_told_as_what_it_is(sandbox: Sandbox, what: str, said: str) -> None:
    path = sandbox.folder / "maker.cti"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("gone.so")

    listed = sandbox.say("camera", "list", "--cti", "maker.cti")
    checked = sandbox.say("check", "--config", sandbox.config(viky(cti="maker.cti")))

    assert (listed.code, checked.code) == (69, 69)
    assert has_all(listed.error, [f"maker.cti {said}"])
    assert has_all(checked.error, [f"maker.cti {said}"])


def test_of_several_producers_those_that_work_are_listed_and_the_others_named(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = sandbox.folder / "good", sandbox.folder / "bad"
    good.mkdir()
    bad.mkdir()
    whole = producer_path("viky").read_bytes()
    (good / "maker.cti").write_bytes(whole)
    (bad / "cut.cti").write_bytes(whole[: len(whole) // 2])
    (bad / "lacking.cti").write_bytes(whole.replace(b"\0TLOpen\0", b"\0TLOpex\0"))
    (bad / "arm.cti").write_bytes(whole[:18] + b"\xb7\x00" + whole[20:])
    (bad / "text.cti").write_text("no library")
    (bad / "folder.cti").mkdir()
    monkeypatch.setenv(VARIABLE, f"{bad}:{good}:{good}/")

    told, listing = sandbox.say("camera", "list"), sandbox.say("camera", "list", "--json")

    assert (told.code, listing.code) == (0, 0), told.err
    assert {row["cti"] for row in json.loads(listing.out)} == {str(good / "maker.cti")}
    assert told.out.count("maker.cti:") == 1
    assert told.error.count("warning: ") == 5
    for name, why in (
        ("cut.cti", "its end is missing"),
        ("lacking.cti", "it lacks TLOpen"),
        ("arm.cti", "it is built for aarch64"),
        ("text.cti", "it is no ELF library"),
        ("folder.cti", "is no file"),
    ):
        [line] = [line for line in told.error.splitlines() if line.startswith(f"warning: {bad / name} ")]
        assert why in line


def test_when_no_installed_producer_can_be_used_each_is_named_and_the_list_ends_with_69(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one.cti", "two.cti"):
        (sandbox.folder / name).write_text("no library")
    monkeypatch.setenv(VARIABLE, str(sandbox.folder))

    told = sandbox.say("camera", "list")

    assert told.code == 69
    assert has_all(told.error, ["no producer that is installed can be used", "one.cti", "two.cti", "no ELF library"])


@pytest.mark.skipif(find_compiler() is None, reason="there is no C compiler")
def test_a_producer_that_crashes_is_named_and_hides_none(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    make_producer(sandbox.folder / "crashes.cti", CRASHES)
    shutil.copy(producer_path("viky"), sandbox.folder / "works.cti")
    monkeypatch.setenv(VARIABLE, str(sandbox.folder))

    every, alone = sandbox.say("camera", "list"), sandbox.say("camera", "list", "--cti", "crashes.cti")

    assert (every.code, alone.code) == (0, 69)
    assert has_all(every.out, ["works.cti:", "VikyTL_DEV_red"])
    words = ["crashes.cti ended the process that asked it", "SIGSEGV", "install the maker's current release"]
    assert has_all(every.error, ["warning:", *words])
    assert has_all(alone.error, ["error:", *words])


@pytest.mark.skipif(find_compiler() is None, reason="there is no C compiler")
def test_a_line_names_a_producer_that_crashes(sandbox: Sandbox) -> None:
    make_producer(sandbox.folder / "crashes.cti", CRASHES)
    daemon = sandbox.start("run", "--config", sandbox.config(viky(cti="crashes.cti")))

    with sandbox.listen() as subscriber:
        for _ in range(2):
            event = heard(subscriber, is_event("camera_process_lost"))
            assert has_all(event.body["detail"], ["SIGSEGV comes from native code", "crashes.cti", "camera list --cti"])
        assert not heard(subscriber, lambda message: message.kind == "hb").body["ready"]
        daemon.terminate()
        said = sandbox.ended(daemon)

    assert said.code == 0


@pytest.mark.skipif(find_compiler() is None, reason="there is no C compiler")
def test_a_producer_that_hangs_is_given_up(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    make_producer(sandbox.folder / "hangs.cti", HANGS)
    code = "from edge_inspector.app import producers; producers.ANSWER_S = 2.0; producers.cameras_of('hangs.cti')"

    said = sandbox.ended(sandbox.start_python(code))

    assert "hangs.cti did not list its cameras within 2 s" in said.err
