"""The papers of a wheelhouse, made from what is in it: requirements.lock, VERSION, the list of programs, SHA256SUMS.

python papers.py lock WHEELHOUSE | version WHEELHOUSE KEY=VALUE... | sbom WHEELHOUSE | sums WHEELHOUSE
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, parse_wheel_filename

SUMS = "SHA256SUMS"
OURS = canonicalize_name("edge_inspector")


def wheels(folder: Path) -> dict[str, tuple[str, str, Path]]:
    """Return (version, sha256, file) of each wheel by its name."""
    found = {}
    for path in sorted((folder / "wheels").iterdir()):
        name, version, _build, _tags = parse_wheel_filename(path.name)
        found[str(name)] = (str(version), hashlib.sha256(path.read_bytes()).hexdigest(), path)
    return dict(sorted(found.items()))


def write_lock(folder: Path) -> None:
    """Write requirements.lock in the form of pip's --require-hashes: one file that is allowed for each name."""
    rows = [
        f"{name}=={version} \\\n    --hash=sha256:{digest}\n" for name, (version, digest, _) in wheels(folder).items()
    ]
    (folder / "requirements.lock").write_text("".join(rows))


def glibc_of(names: list[str]) -> str:
    """Return the newest glibc that a wheel asks for, from names such as `…-manylinux_2_28_x86_64.whl`.

    A wheel with several such tags takes the lowest of them.
    """
    lowest = [min(int(n) for n in tags) for name in names if (tags := re.findall(r"manylinux_2_(\d+)_", name))]
    return f"2.{max(lowest, default=17)}"


def write_version(folder: Path, given: dict[str, str]) -> None:
    """Write VERSION: what this is, and what it runs on. `id` names the folder of the installed version."""
    version = wheels(folder)[OURS][0]
    more = [] if given["flavour"] == "cpu" else [given["flavour"]]
    rows = {
        "id": "-".join([version, *more, *given["extras"].replace(",", " ").split()]),
        "version": version,
        **given,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "machine": platform.machine(),
        "glibc": glibc_of([path.name for _, _, path in wheels(folder).values()]),
    }
    (folder / "VERSION").write_text("".join(f"{key}={value}\n" for key, value in rows.items()))


def finish_sbom(folder: Path) -> None:
    """Name the program as what the list is about, and give each component the hash of its wheel.

    The list comes from an environment, which knows licences and who needs whom, but no wheels.
    """
    path = folder / "sbom.cdx.json"
    bom: dict[str, Any] = json.loads(path.read_text())
    known, listed = wheels(folder), {}
    for component in bom["components"]:
        name = canonicalize_name(component["name"])
        version, digest, _ = known[name]
        if component["version"] != version:
            sys.exit(f"error: the list says {name} {component['version']}, the wheel is {version}")
        # Links to where a package comes from: of no use on a line, which has no network, and many.
        component.pop("externalReferences", None)
        listed[name] = component | {"hashes": [{"alg": "SHA-256", "content": digest}]}
    if missing := known.keys() - listed.keys():
        sys.exit(f"error: not in the list of programs: {', '.join(sorted(missing))}")
    bom["metadata"]["component"] = listed.pop(OURS) | {"type": "application"}
    bom["metadata"].pop("tools", None)
    bom["components"] = list(listed.values())
    path.write_text(json.dumps(bom, indent=2, ensure_ascii=False) + "\n", "utf-8")


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over every other file of the folder, as `sha256sum --check` reads it."""
    names = sorted(
        f"./{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file() and path.name != SUMS
    )
    rows = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(rows))


if __name__ == "__main__":
    verb, folder = sys.argv[1], Path(sys.argv[2])
    if verb == "lock":
        write_lock(folder)
    elif verb == "version":
        write_version(folder, dict(pair.split("=", 1) for pair in sys.argv[3:]))
    elif verb == "sbom":
        finish_sbom(folder)
    else:
        write_sums(folder)
