from __future__ import annotations

import logging

import pytest
from genicam import genapi

import edge_inspector.acquire.genicam  # noqa: F401 - brings Harvesters and its logger
from edge_inspector.acquire.description import LOGGER, overheard, why_no_description

PARSER = "RuntimeException thrown (file 'XmlParser.cpp', line 1742)"
NO_FEATURE = genapi.AccessException("Feature not present (reference not valid) : AccessException thrown")


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        (
            f"Error while parsing XML stream at line 80 and column 109 : 'unclosed token' : {PARSER}",
            "cannot be read: unclosed token at line 80, column 109",
        ),
        (
            f"Error in XML stream : dangling node reference 'Nowhere' : {PARSER}",
            "cannot be read: dangling node reference 'Nowhere'",
        ),
    ],
)
def test_what_the_parser_said_is_told_with_its_place(heard: str, said: str) -> None:
    assert why_no_description(NO_FEATURE, ["something else", heard]) == said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NO_FEATURE, "is missing"),
        (AssertionError(), "is empty"),
        (
            NotImplementedError("Failed to parse URL http://maker/camera.xml: not supported"),
            "http://maker/camera.xml, ",
        ),
        (OSError(28, "No space left on device"), r"temporary files (No space left on device)"),
    ],
)
def test_what_the_parser_never_saw_is_told_too(error: Exception, said: str) -> None:
    why = why_no_description(error, [])

    assert why is not None
    assert said in why


def test_an_error_about_something_else_is_not_explained() -> None:
    assert why_no_description(genapi.OutOfRangeException("too large"), ["no such chunk"]) is None


def test_what_is_overheard_goes_nowhere_else_and_the_log_is_as_before(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger(LOGGER)
    before = logger.level, logger.propagate, list(logger.handlers)
    assert logger.handlers, "Harvesters writes to stderr by itself"
    with overheard() as heard:
        logger.warning("broken")
        logger.info("nothing to warn of")

    assert heard == ["broken"]
    assert caplog.text == ""
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
