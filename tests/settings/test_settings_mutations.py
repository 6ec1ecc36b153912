"""Whatever is done to a good file, the answer is settings or a report, never another exception."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from settings_samples import GENICAM, GOOD

from edge_inspector.core.errors import SettingsError
from edge_inspector.settings.against_bundle import BundleFacts, check_against_bundle
from edge_inspector.settings.describe import describe
from edge_inspector.settings.load import load_line_with_lines

EXAMPLE = (Path(__file__).parents[2] / "config" / "line.yaml").read_text("utf-8")
FACTS = BundleFacts(labels=("OK", "DEFECT"), tile_hw=(256, 256), channels=3, limits={"DEFECT": 0.5})
JUNK = st.text(max_size=20) | st.sampled_from(
    [
        *[
            "",
            "~",
            "yes",
            "1e999",
            "-1",
            "9" * 30,
            "0x",
            "[",
            "{}",
            "[]",
            "{a: 1}",
            "[1, [2]]",
            "'",
            '"',
            "\t",
            ":",
            "- 1",
        ],
        *["*a", "&a b", "!t x", "<<", "a: b", "? x", "| ", "> ", "%", "@", '"\\0"', '"\\ud8ff"', "ipc://", "tcp://:"],
        *["/" * 5000, "a" * 300, "tcp://[", "tcp://127.0.0.1:99999999999", "~/a", ".", "..", "/dev/null"],
    ]
)


def load(raw: bytes) -> None:
    """Load bytes as a configuration; what raises is a SettingsError with a file and a sentence in each mistake."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.yaml"
        path.write_bytes(raw)
        try:
            settings, lines = load_line_with_lines(path)
        except SettingsError as error:
            report = error
        else:
            assert all(describe(settings))
            check_against_bundle(settings, FACTS, lines)
            return
    assert report.mistakes
    assert all(one.what and one.file == str(path) and (one.line or 1) > 0 for one in report.mistakes)
    assert str(report).encode()


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A good file with up to three lines left out, doubled, moved, indented, or with another value."""
    lines = draw(st.sampled_from([GOOD, GENICAM, EXAMPLE])).splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        head, colon, _ = lines[at].partition(":")
        changes = {
            "leave out": [],
            "double": [lines[at], lines[at]],
            "indent": ["  " + lines[at]],
            "outdent": [lines[at].lstrip()],
            "value": [f"{head}{colon} {draw(JUNK)}"],
            "key": [f"{draw(JUNK)}: {lines[at]}"],
        }
        lines[at : at + 1] = changes[draw(st.sampled_from(sorted(changes)))]
        lines = lines or [""]
    return "\n".join(lines)


@given(mutations())
def test_a_mutated_file_gives_settings_or_a_report(text: str) -> None:
    load(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_random_bytes_give_a_report(raw: bytes) -> None:
    load(raw)


@given(st.text(alphabet="ab:-{}[],&*!|>%@`'\"#?\n \t\\0x~<", max_size=60))
def test_random_punctuation_gives_a_report(text: str) -> None:
    load(text.encode())
