"""The protocol's page for people: its examples are run, its tables compared with the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import zmq

from edge_inspector.client.wire import Flag, Header
from edge_inspector.core.verdict import Heartbeat, Judgement, LineState, Outcome, Reason, Totals, Verdict
from edge_inspector.signal.message import heartbeat_body, verdict_body

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "wire-protocol.md").read_text(encoding="utf-8")
EXAMPLE = Header(Flag.READY | Flag.REJECT | Flag.SIMULATED, 0x5EED0001, 1042, 1_790_000_000_123_456, 20017, -1, 18250)
VERDICT = Verdict(
    "demo", 7, 3, 5, "cam0", 1, Judgement(Outcome.REJECT, Reason.DEFECT, 0.9, "DEFECT", (), 7, 1), "m@1", "0" * 64, "r",
    1_790_000_000_000_000, "host", 900, -1, False, False, None,
)  # fmt: skip
BEAT = Heartbeat("demo", 7, 3, 0, LineState.READY, True, (), 1000, True, -1, Totals())


def block(name: str, language: str = "") -> str:
    """Return the code that follows a marker comment."""
    found = re.search(rf"<!-- {name}: [^>]*-->\n```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, name
    return found[1]


def section(title: str) -> str:
    """Return the text from a heading to the next of the same or a higher level."""
    level, _ = title.split(" ", 1)
    start = PAGE.index(f"\n{title}") + 1
    following = re.search(rf"^#{{2,{len(level)}}} ", PAGE[start + len(title) :], re.MULTILINE)
    return PAGE[start : start + len(title) + following.start()] if following else PAGE[start:]


def first_column(text: str) -> set[str]:
    """Return every word in code quotes in the first column of the tables."""
    return {
        word for row in text.splitlines() if row.startswith("| `") for word in re.findall("`(\\w+)`", row.split("|")[1])
    }


def test_the_header_shown_is_what_the_code_makes() -> None:
    assert bytes.fromhex(block("header-example")) == EXAMPLE.pack()


def test_the_header_taken_apart_is_the_header_shown() -> None:
    table = section("### A header, byte by byte")
    parts = [match[1] for match in re.finditer(r"^\| `([0-9a-f ]+)` \|", table, re.MULTILINE)]

    assert bytes.fromhex("".join(parts)) == EXAMPLE.pack()
    for field in fields(Header):
        if field.name != "flags":
            assert f"| {getattr(EXAMPLE, field.name)} |" in table or str(getattr(EXAMPLE, field.name)) in table


def test_every_key_of_a_verdict_and_a_heartbeat_is_described() -> None:
    assert first_column(section("## Verdict").split("### Reasons")[0]) == set(verdict_body(VERDICT))
    assert first_column(section("## Heartbeat")) == set(heartbeat_body(BEAT))


def test_every_reason_and_state_and_flag_is_described() -> None:
    reasons = set(re.findall(r"^\| (?:PASS|REJECT|UNKNOWN) \| `(\w+)` \|", PAGE, re.MULTILINE))
    states = first_column(section("## State, event, metrics"))
    flags = {name.upper(): int(value) for name, value in re.findall(r"^\| (\w+) \| (\d+) \|", PAGE, re.MULTILINE)}

    assert reasons == {reason.value for reason in Reason}
    assert {state.wire_name for state in LineState} <= states
    assert flags == {flag.name: int(flag) for flag in Flag}


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here")
def test_the_c_example_reads_the_header(tmp_path: Path) -> None:
    values = ", ".join(f"0x{byte:02x}" for byte in EXAMPLE.pack())
    main = f"""
    #include <stdio.h>
    int main(void) {{
        const unsigned char data[] = {{{values}}};
        struct insp_header h;
        if (!insp_read(data, sizeof data, &h) || insp_read(data, 47, &h)) return 1;
        printf("%u %u %lld %llu %llu %lld %lld", (unsigned)h.flags, (unsigned)h.epoch, (long long)h.seq,
               (unsigned long long)h.t_utc_us, (unsigned long long)h.part_id,
               (long long)h.fire_enc, (long long)h.budget_us);
        return 0;
    }}
    """
    (tmp_path / "read.c").write_text(block("c-example", "c") + main)
    program = tmp_path / "read"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program, tmp_path / "read.c"], check=True)

    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout

    assert said == " ".join(str(int(getattr(EXAMPLE, field.name))) for field in fields(Header))


def test_the_python_example_runs(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/s"
    code = block("python-example", "python").replace("tcp://127.0.0.1:5560", endpoint)
    publisher: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
    publisher.bind(endpoint)
    # -W error is not for somebody else's program; its own wait of a second ends it.
    reader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ.copy())
    publisher.recv()
    for flags in (Flag.READY, Flag.READY | Flag.REJECT, Flag.READY | Flag.REPLAYED):
        header = Header(flags, 7, 3, 0, 5).pack()
        publisher.send_multipart([b"insp.v1.demo.verdict", header, b'{"reason":"ok"}'])
    publisher.send_multipart([b"insp.v1.demo.hb", Header(Flag(0), 7, 3, 0, 1000).pack(), b'{"faults":["model"]}'])

    said, _ = reader.communicate(timeout=30)
    publisher.close(linger=0)

    assert said.splitlines() == ["7 3 5 pass ok", "7 3 5 reject ok", "7 3 5 reject ok", "not ready ['model']"]
