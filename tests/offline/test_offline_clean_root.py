"""The whole way on a clean root: the real wheelhouse, no network, first verdicts, upgrade, rollback, uninstall.

Takes minutes and, the first time, a network for the wheels and the distribution's packages: `scripts/test -m offline`.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from clean_root import PYTHON, CleanRoot, make_archive, why_not_here

ROOT = Path(__file__).resolve().parents[2]
PARTS_OF_IT = ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
FOLDERS = ("edge_inspector", "config", "models", "systemd", "scripts")
ADMIN = "/opt/edge-inspector/edge-inspector-admin"
PROGRAM = "/opt/edge-inspector/bin/edge-inspector"
NO_ROUTES = r"""awk '/^Ip:/ && !column { for (n = 1; n <= NF; n++) if ($n == "OutNoRoutes") column = n; next }
    /^Ip:/ { print "unroutable", $column }' /proc/net/snmp"""
LINE = """
line: press-3
camera: {kind: replay, folder: /opt/edge-inspector/share/edge-inspector/config/demo,
  frame: {width: 1024, height: 256, channels: 3}, rate_hz: 10.0, wait_for_subscribers: 0}
model: {bundle: /opt/edge-inspector/share/edge-inspector/models/bsdata-pitting, unsigned: allow}
evidence: {folder: /var/lib/edge-inspector/press-3/evidence, min_free_mb: 100}
state_dir: /var/lib/edge-inspector/press-3/state
"""
N_KILLS = 5
if why := why_not_here():
    pytest.skip(why, allow_module_level=True)
pytestmark = [pytest.mark.offline, pytest.mark.timeout(1500)]


def build(tree: Path, version: str, out: Path) -> tuple[Path, str]:
    """Build a wheelhouse from a copy of this checkout that has another version; returns it, and what was said."""
    tree.mkdir()
    for name in PARTS_OF_IT:
        shutil.copy(ROOT / name, tree)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    setup = (tree / "setup.cfg").read_text()
    (tree / "setup.cfg").write_text(re.sub(r"(?m)^version = .*", f"version = {version}", setup, count=1))
    began = time.monotonic()
    done = subprocess.run(
        [tree / "scripts" / "wheelhouse", out], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout
    print(f"built in {time.monotonic() - began:.0f} s: {done.stdout.splitlines()[-2]}")
    return out, done.stdout


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Return the same version built twice, and the next one."""
    folder = tmp_path_factory.mktemp("houses")
    versions = ["0.1.0", "0.1.0", "0.2.0"]
    yield [build(folder / f"tree-{n}", version, folder / f"house-{n}")[0] for n, version in enumerate(versions)]
    shutil.rmtree(folder)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[CleanRoot]:
    with CleanRoot(make_archive(), tmp_path / "root") as clean:
        yield clean


def well(root: CleanRoot, stick: Path, script: str) -> str:
    """Run a script that must end with 0; returns what it said."""
    began = time.monotonic()
    code, said = root.run(stick, script)
    print(f"--- {time.monotonic() - began:.0f} s: {script.splitlines()[0]}\n{said}")
    assert code == 0, said
    return said


def test_the_same_checkout_gives_the_same_bytes(houses: list[Path]) -> None:
    assert (houses[0] / "SHA256SUMS").read_text() == (houses[1] / "SHA256SUMS").read_text()


def test_from_stick_to_verdict_upgrade_rollback_uninstall(root: CleanRoot, houses: list[Path]) -> None:
    old, new = houses[0], houses[2]

    well(root, old, "sh /media/install && sh /media/install --verify")
    said = well(root, old, f"cd /root && {PROGRAM} demo --parts 20; {NO_ROUTES}")
    assert re.search(r"accounted for +triggers (\d+) == verdicts \1\b", said)
    assert "unroutable 0" in said

    root.path("/etc/edge-inspector").mkdir(exist_ok=True)
    root.path("/etc/edge-inspector/press-3.yaml").write_text(LINE)
    well(root, old, f"{PROGRAM} run --config /etc/edge-inspector/press-3.yaml")
    journal = [path.name for path in root.path("/var/lib/edge-inspector/press-3/state/journal").glob("*.db")]
    evidence = sorted(path.name for path in root.path("/var/lib/edge-inspector/press-3/evidence").rglob("*.jpg"))
    assert journal
    assert evidence

    for chance in random.Random(3).sample(range(1, 20), N_KILLS):
        root.run(new, "sh /media/install", kill_after_s=chance)
        assert well(root, new, f"{ADMIN} verify && {PROGRAM} version").splitlines()[-1] in ("0.1.0", "0.2.0")
    well(root, new, "sh /media/install && sh /media/install --verify")
    assert well(root, new, f"{PROGRAM} version; {ADMIN} list") == "0.2.0\n0.1.0  previous\n0.2.0  runs\n"
    well(root, new, f"{PROGRAM} run --config /etc/edge-inspector/press-3.yaml")

    assert well(root, new, f"{ADMIN} rollback && {PROGRAM} version").endswith("0.1.0 runs\n0.1.0\n")
    well(root, new, f"{PROGRAM} check --no-camera --config /etc/edge-inspector/press-3.yaml")

    well(root, new, f"{ADMIN} uninstall")
    assert not root.path("/opt/edge-inspector").exists()
    assert {path.name for path in root.path("/var/lib/edge-inspector/press-3/state/journal").iterdir()} >= set(journal)
    kept = {path.name for path in root.path("/var/lib/edge-inspector/press-3/evidence").rglob("*.jpg")}
    assert kept >= set(evidence)


def test_what_the_distribution_left_out_is_named(root: CleanRoot, houses: list[Path]) -> None:
    library = f"dpkg --purge --force-depends libpython{PYTHON} >/dev/null 2>&1; sh /media/install"
    venv_module = f"rm -r /usr/lib/python{PYTHON}/venv; sh /media/install"
    no_python = f"rm /usr/bin/python3 /usr/bin/python{PYTHON}; sh /media/install"

    said = [root.run(houses[0], script) for script in (library, venv_module, no_python)]

    assert [code for code, _ in said] == [1, 1, 1]
    assert f"install the package libpython{PYTHON}" in said[0][1]
    assert f"install the package python{PYTHON}-venv" in said[1][1]
    assert f"for Python {PYTHON}; here python3 is missing" in said[2][1]


def test_another_reader_finds_in_the_list_of_programs_what_is_in_the_lock(houses: list[Path], tmp_path: Path) -> None:
    venv.create(tmp_path / "reader", with_pip=True)
    python = tmp_path / "reader" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "--quiet", "install", "lib4sbom"], check=True, timeout=200)
    code = "import json, sys; from lib4sbom.parser import SBOMParser as P; p = P(); p.parse_file(sys.argv[1]); "
    code += "print(json.dumps([p.get_type(), p.get_packages()]))"
    list_of = houses[0] / "sbom.cdx.json"

    read = subprocess.run([python, "-c", code, list_of], capture_output=True, check=True, timeout=60)

    kind, packages = json.loads(read.stdout.splitlines()[-1])

    rows = (houses[0] / "requirements.lock").read_text().replace("\\\n", "").splitlines()
    locked = {row.split()[0]: row.split("sha256:")[1] for row in rows}
    ours = locked.pop("edge-inspector==0.1.0")
    plain = {
        f"{each['name'].lower().replace('_', '-')}=={each['version']}": dict(each["checksum"]) for each in packages
    }
    assert kind == "cyclonedx"
    assert {name: sums["SHA256"] for name, sums in plain.items() if not name.startswith("edge-inspector")} == locked
    about = json.loads(list_of.read_text())["metadata"]["component"]
    assert (about["version"], about["hashes"][0]["content"]) == ("0.1.0", ours)


def test_the_folder_names_no_place_that_packages_came_from(houses: list[Path]) -> None:
    written = [path for path in houses[0].iterdir() if path.is_file() and path.suffix != ".whl"]
    naming = {path.name for path in written if re.search(rb"index-url|://(?!cyclonedx\.org/schema)", path.read_bytes())}

    assert len(written) >= 7
    assert naming == set()


def test_the_gpu_flavour_says_what_would_be_in_it() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "wheelhouse", "--flavour", "gpu", "--extras", "modbus", "--list"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    names = [row.split()[0].lower() for row in done.stdout.splitlines() if len(row.split()) == 2]
    assert {"edge_inspector", "onnxruntime-gpu", "pymodbus"} <= {name.replace("edge-", "edge_") for name in names}
    assert any("cudnn" in name for name in names)
