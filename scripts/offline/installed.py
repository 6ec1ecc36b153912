"""Compare an installed environment with the wheels that it came from; ends with 1 and a line for each difference.

Runs on the line PC with the standard library alone: python -I installed.py WHEELS ENVIRONMENT
"""

import base64
import csv
import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MADE_BY_PIP = {"INSTALLER", "REQUESTED", "RECORD"}


def expected(wheel: Path, environment: Path, packages: Path) -> Iterator[tuple[Path, str]]:
    """Yield (place, hash as in RECORD) of each file of a wheel; scripts aside, whose first line pip writes."""
    with zipfile.ZipFile(wheel) as archive:
        [record] = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
        for name, digest, _size in csv.reader(io.StringIO(archive.read(record).decode())):
            top, *rest = PurePosixPath(name).parts
            if not top.endswith(".data"):
                yield packages / name, digest
            elif rest[0] in ("purelib", "platlib"):
                yield packages.joinpath(*rest[1:]), digest
            elif rest[0] == "data":
                yield environment.joinpath(*rest[1:]), digest


def digest_of(path: Path) -> str:
    """Return the hash of a file as RECORD writes it."""
    found = hashlib.sha256(path.read_bytes()).digest()
    return "sha256=" + base64.urlsafe_b64encode(found).rstrip(b"=").decode()


def differences(wheels: Path, environment: Path) -> list[str]:
    """Return a line for each file that is gone, changed, or not from the wheels."""
    packages = environment / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    known = {
        path: digest
        for wheel in sorted(wheels.glob("*.whl"))
        for path, digest in expected(wheel, environment, packages)
    }
    wrong = [f"{path} is missing" for path in known if not path.is_file()]
    wrong += [
        f"{path} is not what the wheel holds"
        for path, digest in known.items()
        if digest and path.is_file() and digest_of(path) != digest
    ]
    for path in packages.rglob("*"):
        is_made = path.suffix == ".pyc" or (path.name in MADE_BY_PIP and path.parent.suffix == ".dist-info")
        if path.is_file() and path not in known and not is_made:
            wrong.append(f"{path} is in no wheel")
    return wrong


if __name__ == "__main__":
    found = differences(Path(sys.argv[1]), Path(sys.argv[2]))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
