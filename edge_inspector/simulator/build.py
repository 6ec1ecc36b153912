"""Building the producer: found a C compiler, compiled once per version of the sources, kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge_inspector.core.errors import CameraNotFoundError
from edge_inspector.simulator.faults import BrokenXml, Fault
from edge_inspector.simulator.features import PIXEL_FORMATS, addresses, end_of_registers
from edge_inspector.simulator.genapi_xml import MODULES, camera_xml, module_xml, unresolved_xml
from edge_inspector.simulator.layout import STRUCTURES, offsets
from edge_inspector.simulator.names import PREFIX

SOURCES = Path(__file__).parent / "c"
FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden")
_LINK = ("-shared", "-pthread")
_LIBRARIES = ("-lm",)
_COMPILERS = ("cc", "gcc", "clang")
_COMPILE_LIMIT_S = 120.0  # a slow PC needs some seconds
_NEXT_STEP = "check the compiler and its headers with `sudo apt-get install gcc libc6-dev`"


def build_producer(folder: Path | None = None, extra_flags: Sequence[str] = ()) -> Path:
    """Return the path of the producer's .cti file, compiled now if it is not in the cache.

    Args:
        folder: Where to keep it; None for `edge_inspector` in the user's cache folder.
        extra_flags: For the compiler, such as `-fsanitize=address`; they make a file of their own.

    Raises:
        CameraNotFoundError: There is no C compiler, or it refuses the sources.
    """
    generated = generated_header()
    compiler = find_compiler()
    if compiler is None:
        looked_for = os.environ.get("CC") or ", ".join(_COMPILERS)
        raise CameraNotFoundError(
            f"the simulated camera is compiled on this computer and there is no C compiler (no {looked_for}); "
            "run `sudo apt-get install gcc libc6-dev`"
        )
    folder = folder or _cache_folder()
    path = folder / f"{PREFIX}{_fingerprint(generated, compiler, extra_flags)}.cti"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _compile(compiler, generated, extra_flags, path)
    return path


def find_compiler() -> str | None:
    """Return the C compiler: $CC, or the first of cc, gcc, clang; None when it is not there."""
    candidates = [os.environ["CC"]] if os.environ.get("CC") else _COMPILERS
    return next((name for name in candidates if shutil.which(name)), None)


def generated_header() -> str:
    """Return the part of the C sources that is made from the tables: registers, descriptions, checks of the layout."""
    lines = ["/* Made by build.py from features.py, genapi_xml.py and layout.py. */"]
    lines += [f"#define REG_{name} {address:#x}u" for name, address in addresses().items()]
    lines += [f"#define PIXEL_{name} {value:#x}u" for name, value in PIXEL_FORMATS.items()]
    lines += [f"#define REGISTER_BYTES {end_of_registers():#x}u"]
    texts = {
        "camera": camera_xml(False),
        "camera_old": camera_xml(True),
        "unresolved": unresolved_xml(),
        **{name: module_xml(name) for name in MODULES},
    }
    for name, text in texts.items():
        body = ",".join(str(byte) for byte in text.encode())
        lines.append(f"__attribute__((unused)) static const unsigned char xml_{name}[] = {{{body}}};")
    for structure, field, offset in offsets():
        lines.append(
            f'_Static_assert(offsetof(struct {structure}, {field}) == {offset}, "{structure}.{field} in layout.py");'
        )
    for name, structure_type in STRUCTURES.items():
        size = ctypes.sizeof(structure_type)
        lines.append(f'_Static_assert(sizeof(struct {name}) == {size}, "size of {name} in layout.py");')
    lines += [f'_Static_assert(FAULT_{fault.name} == {fault.value}, "faults.py");' for fault in Fault]
    lines += [f'_Static_assert(XML_{way.name} == {way.value}, "faults.py");' for way in BrokenXml]
    return "\n".join(lines) + "\n"


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edge_inspector"


def _fingerprint(generated: str, compiler: str, extra_flags: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted(SOURCES.glob("*.[ch]")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update("\0".join([generated, compiler, *FLAGS, *extra_flags]).encode())
    return digest.hexdigest()[:16]


def _compile(compiler: str, generated: str, extra_flags: Sequence[str], path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as work:
        (Path(work) / "generated.h").write_text(generated)
        made = Path(work) / "simulator.cti"
        sources = [str(source) for source in sorted(SOURCES.glob("*.c"))]
        command = [compiler, *FLAGS, *extra_flags, *_LINK, f"-I{work}", f"-I{SOURCES}", "-o", str(made), *sources]
        try:
            done = subprocess.run(
                [*command, *_LIBRARIES], capture_output=True, text=True, timeout=_COMPILE_LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CameraNotFoundError(f"the simulated camera could not be compiled ({error}); {_NEXT_STEP}") from error
        if done.returncode != 0:
            said = "\n".join(done.stderr.strip().splitlines()[:5]) or f"{compiler} ended with {done.returncode}"
            raise CameraNotFoundError(f"the simulated camera could not be compiled ({said}); {_NEXT_STEP}")
        # At once or not at all: another process may be waiting for the same file.
        made.replace(path)
