"""Rules about the tree itself, so that they hold without anybody remembering them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("edge_inspector", "export")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
MAX_FILE_BYTES = 20_000_000
"""A clone stays small; a larger model belongs into a release, not into the history."""

BROAD = {
    ("edge_inspector/acquire/genicam.py", "__enter__"): "lets go of the camera, then raises again",
    ("edge_inspector/acquire/teardown.py", "_try"): "a dying camera raises what it likes; the next step must run",
    (
        "edge_inspector/app/candidate.py",
        "main",
    ): "whatever a library raises is its row; the others are tried all the same",
    ("edge_inspector/app/examine.py", "look"): "whatever a check raises is its row; the others are made all the same",
    ("edge_inspector/run/judge.py", "_see"): "whatever the model raises, the part gets its UNKNOWN; logged",
    ("edge_inspector/run/judge.py", "_prove_again"): "a model that cannot prove itself is not trusted; recorded",
    ("edge_inspector/run/worker.py", "_run"): "recorded and logged: a thread has nobody to raise to",
}
"""Where everything may be caught, and why that is right there."""

THREAD_MAKERS = {"Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "start_new_thread", "to_thread"}
CHILD_MAKERS = {"Popen", "fork", "posix_spawn", "system", "Process"}
NOT_OURS = {".git", ".venv", "build", "dist", "__pycache__", "demo-output", "runs", "evidence", "state"}
MACHINE_PATH = re.compile(rb"(?<![\w.~])/(?:tmp|work|root|home)/[\w.]")


def _is_ours(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    is_made = any(part.endswith((".egg-info", "_cache")) or part == ".hypothesis" for part in parts)
    return not is_made and not (NOT_OURS & set(parts[:1]) or "__pycache__" in parts)


@cache
def our_files() -> tuple[Path, ...]:
    """Return every file of the checkout that is not made by a tool or a run."""
    tops = [top for top in ROOT.iterdir() if _is_ours(top)]
    below = (path for top in tops for path in ([top] if top.is_file() else top.rglob("*")))
    return tuple(path for path in below if path.is_file() and _is_ours(path))


@cache
def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module that is shipped, by its path in the checkout."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_bytes()) for path in paths}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def called(tree: ast.AST) -> set[str]:
    """Return the last part of the name of everything that is called."""
    callees = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {callee.id for callee in callees if isinstance(callee, ast.Name)}
    return names | {callee.attr for callee in callees if isinstance(callee, ast.Attribute)}


def is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in kinds
    )


def test_there_is_something_to_look_at() -> None:
    assert len(modules()) > 80
    assert len(our_files()) > len(modules())


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {name: len((ROOT / name).read_bytes().splitlines()) for name in modules()}

    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        f"{name}:{function.lineno} {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for name, tree in modules().items()
        for function in functions(tree)
    }

    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def test_only_the_worker_makes_threads_and_the_trainer_on_its_workstation() -> None:
    makers = {name for name, tree in modules().items() if called(tree) & THREAD_MAKERS}

    assert makers == {"edge_inspector/run/worker.py", "export/learn/ahead.py"}


def test_only_the_child_the_probe_the_demo_and_the_drill_make_processes() -> None:
    makers = {name for name, tree in modules().items() if called(tree) & CHILD_MAKERS}

    assert makers == {
        f"edge_inspector/{name}.py" for name in ("run/child", "run/probe", "cli/rehearsal", "drill/processes")
    }


def test_nothing_prints_but_the_command_line() -> None:
    printing = {
        name
        for name, tree in modules().items()
        if "print" in called(tree) and name.startswith("edge_inspector/") and "/cli/" not in name
    }

    assert printing == set()


def test_everything_is_caught_only_where_there_is_a_reason() -> None:
    found = {
        (name, function.name)
        for name, tree in modules().items()
        for function in functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    }

    assert found == set(BROAD)


def test_nothing_shipped_names_a_folder_of_the_machine_it_was_made_on() -> None:
    naming = {}
    for path in our_files():
        if path.relative_to(ROOT).parts[0] == "tests":
            continue
        content = path.read_bytes()
        if b"\0" not in content[:1024] and (match := MACHINE_PATH.search(content)):
            naming[str(path.relative_to(ROOT))] = content[match.start() : match.end() + 40]

    assert naming == {}


def test_no_merge_was_left_half_done() -> None:
    marks = re.compile(rb"^(?:<{7} |>{7} )", re.MULTILINE)

    assert [str(path.relative_to(ROOT)) for path in our_files() if marks.search(path.read_bytes())] == []


def test_no_file_is_too_large_for_the_history() -> None:
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in our_files()}

    assert {name: size for name, size in sizes.items() if size > MAX_FILE_BYTES} == {}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("try: pass\nexcept: pass", True),
        ("try: pass\nexcept Exception: pass", True),
        ("try: pass\nexcept (OSError, BaseException): pass", True),
        ("try: pass\nexcept (OSError, ValueError): pass", False),
    ],
)
def test_the_look_for_broad_handlers_sees_every_form(code: str, expected: bool) -> None:
    handler = next(node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ExceptHandler))

    assert is_broad(handler) is expected
