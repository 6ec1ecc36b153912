"""The papers of a wheelhouse, and what its builder refuses."""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import pytest
from tiny_house import papers, tiny_house


@pytest.fixture
def house(tmp_path: Path) -> Path:
    return tiny_house(tmp_path / "house", "0.1.0")


def write_list(house: Path, *components: tuple[str, str]) -> None:
    rows = [
        {"name": name, "version": version, "bom-ref": name, "externalReferences": [{"url": "x"}]}
        for name, version in components
    ]
    (house / "sbom.cdx.json").write_text(json.dumps({"components": rows, "metadata": {"tools": {}}}))


def test_the_lock_names_each_package_with_the_hash_of_its_wheel(house: Path) -> None:
    wheel = house / "wheels" / "companion-1.0-py3-none-any.whl"
    known = subprocess.run(["sha256sum", wheel], capture_output=True, text=True, check=True).stdout.split()[0]

    lock = (house / "requirements.lock").read_text()

    assert lock.startswith(f"companion==1.0 \\\n    --hash=sha256:{known}\nedge-inspector==0.1.0 \\\n")


def test_the_same_wheels_give_the_same_papers(house: Path, tmp_path: Path) -> None:
    again = tiny_house(tmp_path / "again", "0.1.0")

    assert (again / "SHA256SUMS").read_bytes() == (house / "SHA256SUMS").read_bytes()


@pytest.mark.parametrize(
    ("flavour", "extras", "expected"),
    [("cpu", "", "0.1.0"), ("gpu", "", "0.1.0-gpu"), ("gpu", "modbus", "0.1.0-gpu-modbus")],
)
def test_what_is_not_usual_stands_in_the_name_of_the_version(
    house: Path, flavour: str, extras: str, expected: str
) -> None:
    papers.write_version(house, {"flavour": flavour, "extras": extras})

    rows = dict(row.split("=") for row in (house / "VERSION").read_text().splitlines())
    assert (rows["id"], rows["machine"]) == (expected, platform.machine())


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["any"], "2.17"),
        (["manylinux_2_34_x86_64", "manylinux_2_28_x86_64"], "2.34"),
        (["manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64"], "2.17"),
    ],
)
def test_the_newest_glibc_that_a_wheel_cannot_do_without_is_known(tags: list[str], expected: str) -> None:
    assert papers.glibc_of([f"a-1-cp311-cp311-{tag}.whl" for tag in tags]) == expected


def test_the_list_is_about_the_program_and_gives_each_part_its_hash(house: Path) -> None:
    write_list(house, ("companion", "1.0"), ("edge_inspector", "0.1.0"))

    papers.finish_sbom(house)

    bom = json.loads((house / "sbom.cdx.json").read_text())
    [component] = bom["components"]
    assert bom["metadata"]["component"]["name"] == "edge_inspector"
    assert component["hashes"][0]["content"] in (house / "requirements.lock").read_text()
    assert "externalReferences" not in component


@pytest.mark.parametrize(
    ("components", "words"),
    [
        ([("edge_inspector", "0.1.0")], "not in the list of programs: companion"),
        ([("edge_inspector", "0.1.0"), ("companion", "2.0")], "the list says companion 2.0, the wheel is 1.0"),
    ],
)
def test_a_list_that_is_not_of_these_wheels_is_refused(
    house: Path, components: list[tuple[str, str]], words: str
) -> None:
    write_list(house, *components)

    with pytest.raises(SystemExit, match=words):
        papers.finish_sbom(house)


def test_the_builder_says_what_is_wrong_with_its_command_line(tmp_path: Path) -> None:
    script = Path(papers.__file__).parents[1] / "wheelhouse"
    for words, told in (
        ([], "the folder is missing"),
        (["--flavour", "tpu", "x"], "no flavour tpu"),
        (["--extras", "export", "x"], "a line PC takes modbus, openvino, both or nothing"),
        (["--fast"], "there is no option --fast"),
        ([str(tmp_path)], "exists already"),
    ):
        done = subprocess.run([script, *words], capture_output=True, text=True, check=False, timeout=20)

        assert done.returncode == 64
        assert told in done.stderr
