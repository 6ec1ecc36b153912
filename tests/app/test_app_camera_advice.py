"""A camera process that died in native code names the producer."""

from __future__ import annotations

import pytest
from app_samples import settings_of, values

from edge_inspector.app.camera_advice import with_advice


def told(kind: str, name: str, detail: str) -> tuple[str, str]:
    heard: list[tuple[str, str]] = []

    def announce(name: str, severity: str, detail: str, extra: dict[str, object] | None = None) -> None:
        heard.append((name, detail))

    with_advice(announce, settings_of(values(kind)))(name, "error", detail)
    return heard[0]


@pytest.mark.parametrize(("number", "word"), [(11, "SIGSEGV"), (6, "SIGABRT"), (7, "SIGBUS")])
def test_a_death_in_native_code_names_the_producer_and_the_next_step(number: int, word: str) -> None:
    _, detail = told(
        "genicam", "camera_process_lost", f"camera process was killed by signal {number}; it is started again"
    )

    assert detail.startswith(f"camera process was killed by signal {number}; it is started again; {word}")
    assert "edge-inspector camera list --cti /opt/producer.cti" in detail


@pytest.mark.parametrize(
    ("kind", "name", "detail"),
    [
        ("genicam", "camera_process_lost", "camera process was killed by signal 9; it is started again"),
        ("genicam", "camera_process_lost", "camera process hung and was killed; it is started again"),
        ("genicam", "inspect_process_lost", "inspect process was killed by signal 11"),
        ("replay", "camera_process_lost", "camera process was killed by signal 11"),
    ],
)
def test_another_death_is_told_as_it_is(kind: str, name: str, detail: str) -> None:
    assert told(kind, name, detail) == (name, detail)
