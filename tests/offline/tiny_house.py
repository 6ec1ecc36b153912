"""Small wheelhouses for the real installer: a program of one file that answers as the real one does."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "offline"))

import papers

OFFLINE = Path(papers.__file__).parent
PIP = Path(shutil.__file__).parent / "ensurepip" / "_bundled"
"""Where Python keeps a wheel of pip."""

PROGRAM = """
import os, signal, socket, sys
from pathlib import Path
SAYS, JUDGES, REFUSES, STARTS = {says!r}, {judges!r}, {refuses!r}, {starts!r}
def main():
    verb = sys.argv[1]
    if verb == "version":
        print(SAYS)
    if verb == "model" and not JUDGES:
        sys.exit("tile 3 answers 0.2 where it answered 0.9")
    if verb == "check" and REFUSES and REFUSES in Path(sys.argv[-1]).read_text():
        print(f"{{sys.argv[-1]}}: {{REFUSES}}: unknown key", file=sys.stderr)
        sys.exit(78)
    if verb == "run":
        if not STARTS:
            sys.exit(70)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
        signal.pause()
"""
ENTRY = "[console_scripts]\nedge-inspector = edge_inspector_tiny:main\n"
UNIT = """# {version}
[Service]
Type=notify
ExecStart=/opt/edge-inspector/bin/edge-inspector run
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str], requires: str = "") -> Path:
    """Write a wheel whose bytes depend on these words alone; files below `DATA/` go to the environment's share."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + requires
    whole = {
        path.replace("DATA", f"{name}-{version}.data/data/share/edge-inspector"): text for path, text in files.items()
    }
    whole |= {f"{info}/METADATA": metadata}
    whole |= {f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    rows = []
    for path, text in whole.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}")
    whole[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in whole.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel


def tiny_house(
    folder: Path,
    version: str,
    *,
    says: str | None = None,
    judges: bool = True,
    refuses: str = "",
    starts: bool = True,
    journal: int = 1,
    room_kb: int = 100,
) -> Path:
    """Build a whole wheelhouse.

    Args:
        folder: Where; must not exist.
        version: Of the program.
        says: What it answers to `version`; None for the truth.
        judges: Whether its golden tiles come out right.
        refuses: A word in a configuration that its `check` ends with 78 for; empty for none.
        starts: Whether its line becomes ready, or ends at once.
        journal: Schema of the journal that it knows.
        room_kb: What VERSION says that it takes.
    """
    (folder / "wheels").mkdir(parents=True)
    program = PROGRAM.format(says=says or version, judges=judges, refuses=refuses, starts=starts)
    files = {
        "edge_inspector_tiny.py": program,
        "DATA/models/tiny/manifest.json": "{}",
        "DATA/systemd/edge-inspector@.service": UNIT.format(version=version),
        f"DATA/systemd/edge-inspector-only-{version}@.service": "[Service]\n",
        "DATA/systemd/gpu.conf": "[Service]\n",
        "DATA/systemd/edge-inspector.sysctl": "net.core.rmem_max = 16777216\n",
        f"edge_inspector-{version}.dist-info/entry_points.txt": ENTRY,
    }
    write_wheel(folder / "wheels", "edge_inspector", version, files, "Requires-Dist: companion\n")
    write_wheel(folder / "wheels", "companion", "1.0", {"companion.py": "# " + "x" * 2_000_000})
    shutil.copy(next(PIP.glob("pip-*.whl")), folder / "pip.whl")
    for name in ("install", "edge-inspector-admin", "installed.py", "README.txt"):
        shutil.copy(OFFLINE / name, folder)
    (folder / "sbom.cdx.json").write_text("{}")
    papers.write_lock(folder)
    papers.write_version(folder, {"flavour": "cpu", "extras": "", "journal": str(journal), "room_kb": str(room_kb)})
    papers.write_sums(folder)
    return folder


def write_version_line(folder: Path, key: str, value: str) -> None:
    """Change one line of VERSION, and seal the folder again as its builder would."""
    rows = (folder / "VERSION").read_text().splitlines()
    rows = [f"{key}={value}" if row.startswith(f"{key}=") else row for row in rows]
    (folder / "VERSION").write_text("\n".join([*rows, ""]))
    papers.write_sums(folder)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, (0, 0))
