"""Bundles on the line's computer: taken, proven, listed; and what a line says of an unsigned one."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_program import Said, Sandbox, has_all, heard
from fakes.signed_bundle import Signer
from fakes.tiny_bundle import write_tiny_bundle

from edge_inspector.cli import main
from edge_inspector.client.subscriber import Message

Say = Callable[..., Said]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Call the program in this process, through what prints its errors."""

    def say(*arguments: str | Path) -> Said:
        code = main._run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return say


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer("plant", tmp_path / "trusted")


@pytest.fixture
def bundle(tmp_path: Path, signer: Signer) -> Path:
    return signer.sign(write_tiny_bundle(tmp_path / "from/tiny"))


def _pack(bundle: Path, *more: tuple[str, str]) -> Path:
    packed = bundle.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as file:
        for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
            file.write(path, f"tiny/{path.relative_to(bundle)}")
        for name, text in more:
            file.writestr(name, text)
    return packed


def test_a_zip_is_taken_and_listed(bundle: Path, signer: Signer, tmp_path: Path, say: Say) -> None:
    store = tmp_path / "store"

    taken = say("model", "import", _pack(bundle), "--store", store, "--keys", signer.file)
    listed = say("model", "list", "--store", store, "--keys", signer.file, "--json")
    shown = say("model", "list", "--store", store)

    assert (taken.code, taken.err) == (0, "")
    assert has_all(taken.out, ["signed by plant", "4 golden tiles", f"imported: {store}/tiny-spots@1.0.0"])
    [row] = json.loads(listed.out)
    assert (row["bundle"], row["signer"], row["precisions"], row["fault"]) == (
        "tiny-spots@1.0.0",
        "plant",
        ["fp32"],
        "",
    )
    assert "signed by a key that is not trusted here" in shown.out


def test_a_copy_that_lost_its_signature_is_replaced_and_that_is_said(
    bundle: Path, signer: Signer, tmp_path: Path, say: Say
) -> None:
    words = ("model", "import", bundle, "--store", tmp_path / "store", "--keys", signer.file)
    copy = tmp_path / "store/tiny-spots@1.0.0"
    say(*words)
    (copy / "signature.ed25519").unlink()

    taken = say(*words)

    assert (taken.code, taken.err) == (0, "")
    assert has_all(taken.out, [f"replaced the copy that was there: {copy}: is not signed", f"imported: {copy}"])
    assert say("model", "verify", copy, "--keys", signer.file).code == 0
    assert has_all(say(*words).out, [f"is there already: {copy}"])


def test_a_bundle_proves_itself(bundle: Path, signer: Signer, say: Say) -> None:
    told = say("model", "verify", bundle, "--keys", signer.file.parent)

    assert told.code == 0
    assert has_all(told.out, ["signed by plant", "golden tiles answered within tolerance on cpu", "proven"])


@pytest.mark.parametrize("verb", ["import", "verify"])
def test_an_unsigned_bundle_ends_with_66_unless_it_is_allowed(tmp_path: Path, say: Say, verb: str) -> None:
    bundle, where = write_tiny_bundle(tmp_path / "tiny"), ["--store", tmp_path / "store"] if verb == "import" else []

    refused, allowed = say("model", verb, bundle, *where), say("model", verb, bundle, *where, "--unsigned")

    assert (refused.code, allowed.code) == (66, 0)
    assert has_all(refused.error, ["is not signed", "no key is trusted here"])
    assert "not signed" in allowed.out


@pytest.mark.parametrize("verb", ["import", "verify"])
def test_a_bundle_that_answers_otherwise_here_ends_with_66(tmp_path: Path, say: Say, verb: str) -> None:
    bundle = write_tiny_bundle(tmp_path / "tiny", golden_shift=0.05)
    where = ["--store", tmp_path / "store"] if verb == "import" else []

    told = say("model", verb, bundle, "--unsigned", *where)

    assert told.code == 66
    assert has_all(told.error, ["does not prove itself here (fp32)", "should be"])
    assert not list((tmp_path / "store").glob("*"))


def test_a_path_out_of_the_zip_is_refused_and_nothing_is_written(bundle: Path, tmp_path: Path, say: Say) -> None:
    packed = _pack(bundle, ("tiny/../../evil.py", "print(1)"))

    told = say("model", "import", packed, "--store", tmp_path / "store", "--unsigned")

    assert told.code == 66
    assert "which is no path inside a bundle" in told.error
    assert not list(tmp_path.rglob("evil.py"))
    assert not list((tmp_path / "store").glob("*"))


def test_a_configuration_says_who_is_trusted_and_where_the_store_is(
    sandbox: Sandbox, bundle: Path, signer: Signer, say: Say
) -> None:
    model = {"bundle": "models/tiny-spots@1.0.0", "trusted_keys": ["trusted"], "threads": 1}
    config = sandbox.config(model=model)

    taken = say("model", "import", bundle, "--config", config)
    checked = sandbox.say("check", "--config", config)

    assert (taken.code, taken.err) == (0, "")
    assert (checked.code, checked.err) == (0, "")
    assert "its bundle is signed by plant" in checked.out


def test_keys_beside_a_configuration_are_a_mistake(sandbox: Sandbox, bundle: Path, signer: Signer, say: Say) -> None:
    told = say("model", "verify", bundle, "--config", sandbox.config(), "--keys", signer.file)

    assert told.code == 64
    assert "model.trusted_keys" in told.error


def test_an_empty_store_says_what_to_do(tmp_path: Path, say: Say) -> None:
    assert "edge-inspector model import" in say("model", "list", "--store", tmp_path / "none").out


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_line_refuses_what_nobody_signed(sandbox: Sandbox, verb: str) -> None:
    config = sandbox.config(model={"bundle": "bundle", "threads": 1})

    told = sandbox.say(verb, "--config", config, *(["--no-camera"] if verb == "check" else []))

    assert told.code == 66
    assert has_all(told.error, ["is not signed", "model.unsigned: allow"])


def test_a_damaged_key_ends_with_78_and_its_file(sandbox: Sandbox, signer: Signer) -> None:
    signer.file.write_text("-----BEGIN PUBLIC KEY-----\n")
    config = sandbox.config(model={"bundle": "bundle", "trusted_keys": ["trusted"], "unsigned": "allow"})

    told = sandbox.say("check", "--config", config, "--no-camera")

    assert told.code == 78
    assert has_all(told.error, ["plant.pub", "is no public key, or a damaged one"])


def test_a_line_with_an_unsigned_bundle_says_so_to_whoever_comes(sandbox: Sandbox) -> None:
    config = sandbox.config({"rate_hz": 20.0})
    seen: dict[str, dict[str, Any]] = {}

    def is_all_said(message: Message) -> bool:
        if message.kind != "event" or message.body["name"] == "bundle_unsigned":
            seen[message.kind] = message.body
        return {"state", "event", "metrics"} <= seen.keys()

    with sandbox.listen() as client:
        sandbox.start("run", "--config", config)
        heard(client, is_all_said)

    assert seen["state"]["unsigned"] == ["tiny-spots@1.0.0"]
    assert "no trusted key signed it" in seen["event"]["detail"]
    families = {family["name"]: family["samples"] for family in seen["metrics"]["families"]}
    assert families["edge_inspector_bundle_signed"] == [["", {"camera": "cam0", "signer": ""}, 0]]


def test_a_line_holds_its_bundle(sandbox: Sandbox, tmp_path: Path, say: Say) -> None:
    store = tmp_path / "store"
    say("model", "import", write_tiny_bundle(tmp_path / "from/tiny", tile=(64, 64)), "--store", store, "--unsigned")
    config = sandbox.config(
        {"rate_hz": 20.0}, model={"bundle": "store/tiny-spots@1.0.0", "unsigned": "allow", "threads": 1}
    )
    with sandbox.listen() as client:
        sandbox.start("run", "--config", config)
        heard(client, lambda message: message.kind == "verdict")

        [row] = json.loads(say("model", "list", "--store", store, "--json").out)
    assert row["running"] is True
    assert os.listdir(store) == ["tiny-spots@1.0.0"]
