"""The table of bad input: every sample stands in it, and none has a happy end that it should not have."""

from __future__ import annotations

import tempfile

import pytest
from bad_bundles import BUNDLES
from bad_configurations import CLASHES, FILES
from bad_input_page import bad_input_page
from bad_pictures import PICTURES


@pytest.fixture(scope="module")
def page() -> str:
    return bad_input_page()


@pytest.fixture
def rows(page: str) -> dict[str, tuple[str, str]]:
    """What is seen and how it ends, by input."""
    cells = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {what: (seen, end) for what, seen, end in cells}


def test_every_picture_is_judged_or_unknown(rows: dict[str, tuple[str, str]]) -> None:
    for picture in PICTURES:
        expected = "UNKNOWN `frame_invalid`" if picture.judged_as is None else "judged"
        assert rows[picture.what][1] == expected


def test_every_configuration_ends_with_78_and_every_bundle_with_66(rows: dict[str, tuple[str, str]]) -> None:
    configurations = [bad.what for bad in FILES] + [what for what, _ in CLASHES]

    assert {what: rows[what][1] for what in configurations} == dict.fromkeys(configurations, "78")
    assert {bad.what: rows[bad.what][1] for bad in BUNDLES} == {bad.what: "66" for bad in BUNDLES}


def test_the_page_is_the_same_each_time_and_names_no_folder_of_the_machine(page: str) -> None:
    assert page == bad_input_page()
    assert tempfile.gettempdir() not in page
