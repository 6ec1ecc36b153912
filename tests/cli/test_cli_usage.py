"""What is wrong with a command line or a configuration, seen from outside: exit code and words, no traceback."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from cli_program import Said, Sandbox, has_all

from edge_inspector.cli import main
from edge_inspector.cli.camera import camera as camera_group
from edge_inspector.core.errors import CameraNotFoundError, EdgeInspectorError

VERBS = [
    *("demo", "run", "watch", "check", "doctor", "camera", "reload", "bypass", "drill", "bridge", "model", "keys"),
    "schema",
    "version",
]
NEED_CONFIG = [
    ["run"],
    ["check"],
    ["camera", "snap"],
    ["reload"],
    ["bypass", "on"],
    ["bypass", "off"],
    ["bypass", "status"],
    ["drill"],
    ["drill", "on"],
]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Call the program in this process, through what prints its errors: for commands that end at once."""

    def say(*arguments: str | Path) -> Said:
        code = main._run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return say


Say = Callable[..., Said]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["inspect"], ["No such command", "inspect"]),
        ([], ["Usage"]),
        (["run"], ["Missing option", "--config"]),
        (["check"], ["Missing option", "--config"]),
        (["camera", "snap"], ["Missing option", "--config"]),
        (["camera", "list", "--cti"], ["--cti", "requires an argument"]),
        (["camera", "features"], ["--config", "--cti", "--serial"]),
        (["camera", "open"], ["No such command", "open"]),
        (["check", "--confg", "a"], ["No such option", "--confg"]),
        (["run", "--config"], ["--config", "requires an argument"]),
        (["run", "a.yaml"], ["--config"]),
        (["demo", "--parts", "0"], ["--parts", "1<=x<=1000000"]),
        (["demo", "--parts", "many"], ["--parts", "many"]),
        (["version", "extra"], ["unexpected extra argument", "extra"]),
        (["keys", "new", "gate-1"], ["Missing option", "--keys"]),
        (["keys", "authorize", "gate-1", "--keys", "k"], ["Missing option", "--role"]),
        (["keys", "authorize", "gate-1", "--keys", "k", "--role", "root"], ["--role", "root", "read", "gate"]),
        (["watch", "--connect", "garbage"], ["garbage is no address", "tcp://127.0.0.1:5560"]),
        (["watch", "--connect", "tcp://127.0.0.1"], ["is no address"]),
        (["watch", "--connect", "tcp://127.0.0.1:99999"], ["is no address"]),
        (["watch", "--connect", "ipc://" + "a" * 108], ["is no address"]),
    ],
)
def test_a_command_line_without_sense_is_a_usage_error(say: Say, arguments: list[str], words: list[str]) -> None:
    said = say(*arguments)

    assert said.code == 64
    assert has_all(said.error, words)


@pytest.mark.parametrize(
    "verb", [[], *[[verb] for verb in VERBS], ["camera", "list"], ["camera", "snap"], ["camera", "features"]]
)
def test_every_verb_explains_itself(say: Say, verb: list[str]) -> None:
    said = say(*verb, "--help")

    assert (said.code, said.err) == (0, "")
    assert "Usage: edge-inspector" in said.out


def test_the_help_names_every_verb_and_every_exit_code(say: Say) -> None:
    said = say("--help")

    def below(error: type[EdgeInspectorError]) -> Iterator[type[EdgeInspectorError]]:
        yield error
        for child in error.__subclasses__():
            yield from below(child)

    codes = {str(error.exit_code) for error in below(EdgeInspectorError)}
    assert has_all(said.out, [*VERBS, *codes])


def test_the_help_does_not_load_what_only_one_verb_needs(sandbox: Sandbox) -> None:
    # In a process of its own: here everything is loaded already.
    import subprocess
    import sys

    code = "import sys; import edge_inspector.cli.main as m; m._run(['version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)

    assert not {"onnxruntime", "harvesters", "rich", "zmq", "cv2", "pydantic"} & set(done.stdout.split())


def test_version_and_schema_are_for_programs_too(say: Say) -> None:
    assert say("version").out == version("edge_inspector") + "\n"
    schema = json.loads(say("schema").out)
    assert {"line", "camera", "model", "state_dir"} <= set(schema["properties"])


@pytest.mark.parametrize("verb", [*NEED_CONFIG, ["watch"]])
def test_a_configuration_that_is_not_there(say: Say, verb: list[str], tmp_path: Path) -> None:
    said = say(*verb, "--config", tmp_path / "absent.yaml")

    assert said.code == 78
    assert has_all(said.error, ["absent.yaml", "no such file", "--config"])


@pytest.mark.parametrize("verb", [*NEED_CONFIG, ["watch"]])
def test_every_mistake_comes_in_one_report_with_file_and_line(say: Say, verb: list[str], sandbox: Sandbox) -> None:
    config = sandbox.config(camera={"rate": 5}, log="loud", tiling={"overlap": -1})
    lines = config.read_text().splitlines()

    said = say(*verb, "--config", config)

    assert said.code == 78
    told = [line.removeprefix("error: ") for line in said.error.splitlines()]
    assert [line.split(": ")[1] for line in told] == ["camera.rate", "log", "tiling.overlap"]
    for line in told:
        place, key, _ = line.split(": ", 2)
        file, number = place.rsplit(":", 1)
        assert file == str(config)
        assert key.rsplit(".", 1)[-1] in lines[int(number) - 1]
    assert "did you mean `rate_hz`?" in said.error


def test_a_doubled_key_is_told_with_both_places(say: Say, sandbox: Sandbox) -> None:
    config = sandbox.config()
    config.write_text(config.read_text() + "line: other\n")
    last = len(config.read_text().splitlines())

    said = say("check", "--config", config)

    assert said.code == 78
    assert has_all(said.error, [f"{config}:{last}: line:", f"in line 1 and in line {last}"])


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [lol, lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)),
        "line: " + "[" * 100_000,
        "line: " + "[" * 30_000,
        "{" * 30_000,
        "- " * 30_000,
        "!!python/object/apply:os.system ['true']\n",
        "\x00\x01\x02" * 100,
        "",
        "\n\n# nothing\n",
        "just words\n",
        "[1, 2]\n",
        "line: a\n---\nline: b\n",
        "line: \"a\n",
    ],
    ids=["alias-bomb", "brackets-100k", "brackets-30k", "braces", "dashes", "python-tag", "binary", "empty",
         "comment", "words", "list", "two-documents", "open-quote"],
)  # fmt: skip
def test_no_file_makes_the_program_hang_or_crash(say: Say, tmp_path: Path, text: str) -> None:
    config = tmp_path / "line.yaml"
    config.write_text(text)

    said = say("check", "--config", config)

    assert said.code == 78
    assert str(config) in said.error


def test_a_sparse_gigabyte_is_refused_by_its_size_and_not_read(say: Say, tmp_path: Path) -> None:
    config = tmp_path / "line.yaml"
    with config.open("wb") as file:
        file.truncate(1 << 30)

    said = say("check", "--config", config)

    assert said.code == 78
    assert has_all(said.error, ["1073741824 bytes", "is it another file?"])


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_at_once(say: Say, tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "line.yaml")

    said = say("run", "--config", tmp_path / "line.yaml")

    assert said.code == 78
    assert "not a configuration file" in said.error


def test_errors_are_plain_text_where_there_is_no_terminal(sandbox: Sandbox) -> None:
    said = sandbox.say("check", "--config", "absent.yaml")

    assert said.code == 78
    assert said.error.startswith("error: absent.yaml: ")
    assert "\x1b" not in said.err
    assert said.out == ""


def test_ctrl_c_ends_a_command_as_shells_say_it(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edge_inspector.settings.load.load_line", interrupted)

    assert say("check", "--config", "line.yaml").code == 130


def test_a_producer_without_cameras_is_an_error_for_programs_too(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_inspector.app.producers.cameras_of", lambda _cti: [])

    said = say("camera", "list", "--cti", "maker.cti", "--json")

    assert said.code == CameraNotFoundError.exit_code == 69
    assert json.loads(said.out) == []
    assert "maker.cti offers no camera" in said.error


def test_every_verb_is_on_the_list() -> None:
    group = main.LazyGroup()
    assert group.list_commands(click.Context(group)) == VERBS
    assert set(camera_group.commands) == {"baseline", "features", "list", "simulate", "snap"}
