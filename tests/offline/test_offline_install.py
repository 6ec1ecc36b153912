"""The installer: what it refuses changes nothing, and what it installs is what the stick says."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import papers
import pytest
from line_pc import LinePC, is_refused
from tiny_house import flip_a_byte, tiny_house, write_version_line

if is_refused():
    pytest.skip("unshare is refused", allow_module_level=True)

HOME = "/opt/edge-inspector"
UNITS = "/etc/systemd/system"


def copy_of(house: Path, folder: Path) -> Path:
    return Path(shutil.copytree(house, folder / "copy"))


def refusal(pc: LinePC, house: Path, *options: str) -> str:
    """Return what the installer says when it refuses, after a look that nothing has changed."""
    before = pc.version()

    code, said = pc.install(house, *options)

    assert code == 1, said
    assert pc.version() == before
    assert "Traceback" not in said
    [row] = [row for row in said.splitlines() if row.startswith("error: ") and " is not installed, " not in row]
    return said[said.index(row) + len("error: ") :]


def test_an_installation_is_proven_and_brings_the_units_of_its_version(bare: LinePC, old: Path) -> None:
    code, said = bare.install(old)

    assert code == 0, said
    assert said.splitlines()[-1].startswith("6/6 0.1.0 runs")
    assert bare.version() == "0.1.0"
    assert "0.1.0" in bare.path(f"{UNITS}/edge-inspector@.service").read_text()
    assert not bare.path(f"{UNITS}/gpu.conf").exists(), "a drop-in is the site's choice"
    assert os.readlink(bare.path(f"{HOME}/current")) == "versions/0.1.0"
    assert not list(bare.path(f"{HOME}/versions/0.1.0").glob("lib/*/site-packages/pip*"))
    assert bare.install(old, "--verify") == (0, bare.install(old, "--verify")[1])
    assert bare.admin("verify")[0] == 0


def test_the_same_folder_again_restarts_and_changes_nothing(pc: LinePC, old: Path) -> None:
    history = pc.path(f"{HOME}/history").read_text()

    code, said = pc.install(old)

    assert (code, "is installed already" in said) == (0, True)
    assert pc.path(f"{HOME}/history").read_text() == history


def test_a_flipped_byte_is_refused_with_the_name_of_the_file(pc: LinePC, new: Path, tmp_path: Path) -> None:
    house = copy_of(new, tmp_path)
    flip_a_byte(house / "wheels" / "companion-1.0-py3-none-any.whl")

    assert "./wheels/companion-1.0-py3-none-any.whl: FAILED" in refusal(pc, house)


def test_a_wheel_that_the_lock_does_not_know_is_refused_also_when_the_sums_agree(
    pc: LinePC, new: Path, tmp_path: Path
) -> None:
    house = copy_of(new, tmp_path)
    flip_a_byte(house / "wheels" / "companion-1.0-py3-none-any.whl")
    papers.write_sums(house)

    code, said = pc.install(house)

    assert code != 0
    assert "companion-1.0-py3-none-any.whl" in said
    assert "0.2.0 is not installed" in said
    assert pc.version() == "0.1.0"
    assert not pc.path(f"{HOME}/versions/0.2.0").exists()


def test_files_that_are_missing_or_too_many_are_named(pc: LinePC, new: Path, tmp_path: Path) -> None:
    house = copy_of(new, tmp_path)
    (house / "wheels" / "more.whl").touch()
    assert "what was not built into it: ./wheels/more.whl" in refusal(pc, house)

    (house / "wheels" / "more.whl").unlink()
    (house / "pip.whl").unlink()
    assert "./pip.whl" in refusal(pc, house)

    (house / "SHA256SUMS").unlink()
    assert "SHA256SUMS is missing" in refusal(pc, house)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("python", "3.99", "this folder is for Python 3.99; here python3 is Python 3."),
        ("machine", "riscv64", "this folder is for riscv64, this PC is "),
        ("glibc", "2.99", "this folder needs glibc 2.99 or newer"),
        ("room_kb", "999999999999", "MB free, this version needs 976562499 MB"),
    ],
)
def test_a_pc_that_does_not_fit_is_told_what_does(
    pc: LinePC, new: Path, tmp_path: Path, key: str, value: str, words: str
) -> None:
    house = copy_of(new, tmp_path)
    write_version_line(house, key, value)

    assert words in refusal(pc, house)


def test_only_root_installs(bare: LinePC, new: Path) -> None:
    code, said = bare.run("unshare", "--user", "sh", str(new / "install"))

    assert (code, said) == (1, "error: this needs root: start it again with sudo\n")


def test_a_disk_that_fills_on_the_way_costs_nothing_but_the_attempt(pc: LinePC, new: Path) -> None:
    code, _ = pc.run("sh", "-c", "fallocate -l $(($(df -Pk /mnt | awk 'NR == 2 { print $4 }') - 1000))K /mnt/full")
    assert code == 0

    code, said = pc.install(new)

    assert code != 0
    assert "No space left on device" in said
    assert said.splitlines()[-1].startswith("error: 0.2.0 is not installed, what was begun is removed")
    assert said.splitlines()[-1].endswith("0.1.0 runs as before")
    assert pc.version() == "0.1.0"
    assert not pc.path(f"{HOME}/versions/0.2.0").exists()


@pytest.mark.parametrize(
    ("fault", "words"),
    [({"says": "0.1.9"}, "0.2.0 says that it is 0.1.9"), ({"judges": False}, "0.2.0 judges wrongly here: tile 3")],
)
def test_a_version_that_does_not_prove_itself_never_runs(
    pc: LinePC, tmp_path: Path, fault: dict[str, str], words: str
) -> None:
    house = tiny_house(tmp_path / "house", "0.2.0", **fault)  # type: ignore[arg-type]

    assert words in refusal(pc, house)
    assert not pc.path(f"{HOME}/versions/0.2.0").exists()


def test_a_version_is_one_set_of_bytes(pc: LinePC, tmp_path: Path) -> None:
    house = tiny_house(tmp_path / "house", "0.1.0", refuses="other")

    assert "0.1.0 is installed from another folder with other contents" in refusal(pc, house)


def test_an_installation_by_hand_is_not_touched(bare: LinePC, new: Path) -> None:
    bare.path(HOME).mkdir()
    bare.path(f"{HOME}/bin").mkdir()

    assert "/opt/edge-inspector/bin is a folder of an installation by hand" in refusal(bare, new)


def test_a_changed_and_a_foreign_file_are_found_from_the_stick_and_without_it(pc: LinePC, old: Path) -> None:
    [module] = pc.path(f"{HOME}/versions/0.1.0").glob("lib/*/site-packages/companion.py")
    flip_a_byte(module)
    (module.parent / "sitecustomize.py").write_text("import socket\n")

    from_stick, by_itself = pc.install(old, "--verify"), pc.admin("verify")

    assert (from_stick[0], by_itself[0]) == (1, 1)
    assert "companion.py is not what the wheel holds" in from_stick[1]
    assert "sitecustomize.py is in no wheel" in from_stick[1]
    assert "site-packages/companion.py changed or gone" in by_itself[1]
    assert "site-packages/sitecustomize.py was not installed" in by_itself[1]

    code, said = pc.install(old)

    assert (code, "0.1.0 is damaged and built anew" in said) == (0, True)
    assert pc.admin("verify")[0] == 0
