"""Setting values in a configuration: they count afterwards, and every other byte is what it was."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from settings_samples import GOOD as REPLAYED

from edge_inspector.core.errors import SettingsError
from edge_inspector.settings import edit
from edge_inspector.settings.edit import edit_line
from edge_inspector.settings.load import load_line

GOOD = REPLAYED.replace("kind: replay\n  folder: pictures", "kind: synthetic")
PROVIDER, PRECISION = ("model", "provider"), ("model", "precision")
EXAMPLE = Path(__file__).parents[2] / "config" / "line.yaml"
COMMENT = st.sampled_from(["", "  # (!) the one", " # provider: cuda", "    #ä: {", "   "])
FULL = st.sampled_from(["", "# provider: cuda\n", "\n", "  # precision: int8\n\n", "    #\n"])
QUOTES = st.sampled_from(["", '"', "'"])


@st.composite
def block_style(draw: st.DrawFn) -> tuple[str, dict[str, bool]]:
    """Return a `model:` block with @provider and @precision where these are, and which of them are there."""
    indent, is_there = " " * draw(st.integers(1, 7)), {key: draw(st.booleans()) for key in ("provider", "precision")}
    rows = ["bundle: bundle", "chunk: 4", "trusted_keys: []"]
    rows += [f"{key}:  @{key}" for key, is_in in is_there.items() if is_in]
    rows = draw(st.permutations(rows))
    lines = [f"model:{draw(COMMENT)}\n"]
    lines += [f"{draw(FULL)}{indent}{row}{draw(COMMENT)}\n" for row in rows]
    return "".join(lines), is_there


@st.composite
def flow_style(draw: st.DrawFn) -> tuple[str, dict[str, bool]]:
    is_there = {key: draw(st.booleans()) for key in ("provider", "precision")}
    rows = ["bundle: bundle", "trusted_keys: []"] + [f"{key}: @{key}" for key, is_in in is_there.items() if is_in]
    comma = draw(st.sampled_from([", ", ",", " ,  ", ",\n   "]))
    return f"model:  {{{comma.join(draw(st.permutations(rows)))} }}{draw(COMMENT)}\n", is_there


@given(
    style=block_style() | flow_style(),
    quote=QUOTES,
    comments=st.tuples(FULL, FULL, COMMENT),
    is_dos=st.booleans(),
    has_mark=st.booleans(),
    ends=st.booleans(),
    is_last=st.booleans(),
)
def test_values_are_set_and_every_other_byte_stays(
    style: tuple[str, dict[str, bool]],
    quote: str,
    comments: tuple[str, str, str],
    is_dos: bool,
    has_mark: bool,
    ends: bool,
    is_last: bool,
) -> None:
    model, is_there = style
    start, middle, end = comments
    rest = GOOD.replace("model:\n  bundle: bundle\n", "")
    pieces = [start, rest, middle, model]
    text = "".join(pieces if is_last else [start, model, *pieces[1:3]]) + (f"#{end}" if end else "")

    def rendered(provider: str, precision: str) -> bytes:
        filled = text.replace("@provider", provider).replace("@precision", precision)
        filled = filled if ends else filled.rstrip("\n")
        return (b"\xef\xbb\xbf" if has_mark else b"") + filled.replace("\n", "\r\n" if is_dos else "\n").encode()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.yaml"
        path.write_bytes(before := rendered(f"{quote}cuda{quote}", f"{quote}fp32{quote}"))

        edit_line(path, {PROVIDER: "cpu", PRECISION: "int8"}).write()

        after, model_now = path.read_bytes(), load_line(path).model
        assert (model_now.provider, model_now.precision) == ("cpu", "int8")
        assert (Path(folder) / "line.yaml.before").read_bytes() == before
    for key, word in (("provider", "cpu"), ("precision", "int8")):
        if not is_there[key]:  # what was added is one line, or one pair behind a comma
            added, lines = f", {key}: {word}".encode(), after.splitlines(keepends=True)
            if b"model:  {" not in after:
                lines.remove(next(line for line in lines if line.strip() == f"{key}: {word}".encode()))
            after = after.replace(added, b"", 1) if b"model:  {" in after else b"".join(lines)
    assert after == rendered("cpu", "int8")


def write(folder: Path, text: str) -> Path:
    path = folder / "line.yaml"
    path.write_text(text)
    return path


def test_the_shipped_example_changes_in_two_words(tmp_path: Path) -> None:
    path = write(tmp_path, EXAMPLE.read_text())

    found = edit_line(path, {PROVIDER: "cuda", PRECISION: "int8"})

    assert len(found.diff) == 4
    assert path.read_text() == EXAMPLE.read_text(), "nothing is written yet"
    found.write()
    changed = path.read_text()
    assert changed == EXAMPLE.read_text().replace("provider: cpu ", "provider: cuda ").replace(
        "precision: fp32 ", "precision: int8 "
    )


def test_a_further_camera_s_model_is_edited_and_the_first_is_not(tmp_path: Path) -> None:
    view = "  - camera: {kind: synthetic, name: b, frame: {width: 64, height: 64, channels: 1}}\n    model:\n"
    path = write(tmp_path, f"{GOOD}more_views:\n{view}      bundle: other  # mine\n")

    found = edit_line(path, {("more_views", 0, "model", "precision"): "int8"})
    found.write()

    assert found.diff == ["+       precision: int8"]
    first, second = load_line(path).views()
    assert (first.model.precision, second.model.precision) == ("fp32", "int8")


def test_what_is_said_already_is_not_written(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("bundle: bundle", "bundle: bundle\n  provider: cpu"))

    assert edit_line(path, {PROVIDER: "cpu"}).write() is None
    assert os.listdir(tmp_path) == ["line.yaml"]


def test_a_link_stays_a_link_and_the_mode_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = write(tmp_path / "real", GOOD)
    real.chmod(0o640)
    link = tmp_path / "line.yaml"
    link.symlink_to(real)

    kept = edit_line(link, {PRECISION: "int8"}).write()

    assert link.is_symlink()
    assert (kept, load_line(link).model.precision) == (tmp_path / "real/line.yaml.before", "int8")
    assert [oct(path.stat().st_mode & 0o777) for path in (real, tmp_path / "real/line.yaml.before")] == ["0o640"] * 2


def test_a_file_that_somebody_changes_meanwhile_is_left_to_him(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    found = edit_line(path, {PRECISION: "int8"})
    path.write_text(GOOD + "log: debug\n")

    with pytest.raises(SettingsError, match="changed by somebody else"):
        found.write()

    assert path.read_text() == GOOD + "log: debug\n"
    assert os.listdir(tmp_path) == ["line.yaml"]


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        (GOOD.replace("line:", "lime:"), {PRECISION: "int8"}, "line"),
        (GOOD, {PRECISION: "int4"}, "precision"),
        (GOOD, {("gate", "speed"): "int8"}, "has no block `gate`"),
        (GOOD, {("more_views", 0, "model", "precision"): "int8"}, "has no block `more_views.0.model`"),
        (GOOD.replace("  bundle: bundle", "  ? bundle\n  : bundle"), {PRECISION: "int8"}, "by hand"),
        (GOOD.replace("bundle: bundle", "bundle: >-\n    bundle"), {PRECISION: "int8"}, "no plain value"),
        (
            GOOD.replace("bundle: bundle", "bundle: bundle\n  precision: |-\n    fp32"),
            {PRECISION: "int8"},
            "line.yaml:8",
        ),
    ],
    ids=["wrong before", "wrong after", "no block", "no list", "explicit keys", "folded text", "literal text"],
)
def test_what_cannot_be_edited_safely_is_left_alone(
    tmp_path: Path, text: str, values: dict[tuple[str | int, ...], str], words: str
) -> None:
    path = write(tmp_path, text)

    with pytest.raises(SettingsError, match=words):
        edit_line(path, values)

    assert path.read_text() == text


def test_an_edit_that_changes_anything_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, GOOD)
    monkeypatch.setattr(edit, "_inserted", lambda _path, text, *_: f"{text}log: debug\n")

    with pytest.raises(SettingsError, match="set the values by hand"):
        edit_line(path, {PRECISION: "int8"})
