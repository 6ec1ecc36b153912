"""Bad input as the people and the gate of a line meet it: the program itself, its exit codes, its verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_bundles import BUNDLES, pack
from bad_configurations import FILES
from bad_pictures import PICTURES, SHAPE, WHOLE, metal, png
from cli.cli_program import Sandbox, heard

NEXT_STEPS = ("wants", "save", "copy", "export", "pack", "check", "write", "leave it out", "keep one", "?")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.mark.fault(
    43,
    injected="files that are no configuration",
    seen="exit 78, with file and line and the next step; a service manager does not try again",
    noticed="at the start",
)
@pytest.mark.parametrize("verb", ["check", "run"])
@pytest.mark.parametrize(
    "what",
    [
        "UTF-16 text",
        "a NUL byte",
        "a tab where spaces belong",
        "a section twice",
        "anchors that repeat each other (a billion laughs)",
        "a tag that makes objects",
    ],
)
def test_a_file_that_is_no_configuration_ends_with_78_and_words(sandbox: Sandbox, verb: str, what: str) -> None:
    config = sandbox.folder / "line.yaml"
    config.write_bytes(next(bad.raw for bad in FILES if bad.what == what))

    said = sandbox.say(verb, "--config", config)

    assert said.code == 78, said.err
    assert str(config) in said.error
    assert any(step in said.error for step in NEXT_STEPS)


@pytest.mark.parametrize(
    "what",
    [
        "another limit typed into the manifest",
        "the operator If",
        "weights in another file",
        "a .zip with a path out of it",
        "a .zip with a link",
        "a .zip whose model unpacks to 100 MB",
    ],
)
def test_a_bundle_that_may_do_harm_ends_with_66_and_words(sandbox: Sandbox, what: str) -> None:
    sandbox.config()
    bundle = sandbox.folder / "bundle"
    path = next(bad.spoil for bad in BUNDLES if bad.what == what)(bundle) or bundle

    said = sandbox.say("check", "--config", sandbox.config(model={"bundle": path.name, "unsigned": "allow"}))

    assert said.code == 66, said.err
    assert str(path) in said.error
    assert any(step in said.error for step in NEXT_STEPS)


def test_a_line_runs_with_a_bundle_that_is_one_zip(sandbox: Sandbox) -> None:
    sandbox.config()
    packed = pack(sandbox.folder / "bundle", prefix="tiny-spots/")
    (sandbox.folder / "bundle").rename(sandbox.folder / "elsewhere")
    (sandbox.folder / "bundle").mkdir()  # so that no new one is made; what is in it must not matter
    config = sandbox.config(
        {"rate_hz": None, "count": 4, "defect_every": 2},
        model={"bundle": packed.name, "unsigned": "allow", "threads": 1},
    )

    said = sandbox.say("run", "--config", config)

    assert said.code == 0, said.error
    assert "triggers=4 passes=2 rejects=2 unknowns=0" in said.err


def test_each_bad_picture_is_one_unknown_and_its_neighbours_are_judged(sandbox: Sandbox) -> None:
    folder = sandbox.folder / "pictures"
    folder.mkdir()
    expected = []
    for number, picture in enumerate(PICTURES):
        picture.write(folder / f"{number:02}-a{Path(picture.name).suffix}")
        expected.append("UNKNOWN" if picture.judged_as is None else "PASS")
    spotted = metal(seed=1, spot_px=24)
    (folder / "98.png").write_bytes(png(spotted.reshape(SHAPE.height, -1), 8, 2))
    (folder / "99.png").write_bytes(WHOLE[".png"])
    expected += ["REJECT", "PASS"]
    config = sandbox.config({"kind": "replay", "folder": "pictures", "rate_hz": None, "wait_for_subscribers": 1})

    daemon = sandbox.start("run", "--config", config)
    with sandbox.listen() as subscriber:
        verdicts = [heard(subscriber, lambda message: message.kind == "verdict").body for _ in expected]
    said = sandbox.ended(daemon)

    assert said.code == 0, said.error
    assert [verdict["verdict"] for verdict in verdicts] == expected
    assert {v["reason"] for v in verdicts if v["verdict"] == "UNKNOWN"} == {"frame_invalid"}
    assert "picture_refused" in said.err  # the first ones; a flood of them is counted, not written
