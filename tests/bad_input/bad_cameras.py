"""Features, producers, descriptions and access that are not as they should be, and what is then told."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BadFeature:
    """Keys under `camera:` that the simulated camera does not take; `check` ends with 69."""

    what: str
    """In words, for the table."""
    camera: dict[str, Any]
    """Keys of the block that differ from a right one, in their order."""
    sees: str
    """What is said of the camera."""


FEATURES: tuple[BadFeature, ...] = (
    BadFeature(
        "a feature that does not exist",
        {"features": {"ExposureTme": 5.0}},
        "has no feature 'ExposureTme', did you mean ExposureTime or ChunkExposureTime or ExposureMode?; check its manual",
    ),
    BadFeature(
        "a feature that can only be read",
        {"features": {"DeviceModelName": "mine"}},
        "refuses DeviceModelName = 'mine' (it can only be read), it has 'SimulatedCamera'; change camera.features",
    ),
    BadFeature(
        "a value out of range",
        {"features": {"Gain": 60.0}},
        "refuses Gain = 60.0 (Value 60.000000 must be smaller than or equal 48.000000), it has 0.0; allowed: 0 to 48 dB; change camera.features",
    ),
    BadFeature(
        "a value between the steps that there are",
        {"features": {"OffsetX": 3}},
        "refuses OffsetX = 3 (The difference between Value = 3 and Min = 0 must be dividable without rest by Inc = 4), it has 0; allowed: 0 to 16384 in steps of 4; change camera.features",
    ),
    BadFeature(
        "a value that the camera changes (clamps)",
        {"features": {"ExposureTime": 30.2, "AcquisitionFrameRate": 90000.0}},
        "made 33333.333333333336 of AcquisitionFrameRate = 90000.0; allowed: 0.1 to 100000 Hz; write a value that it keeps in camera.features",
    ),
    BadFeature(
        "a value that a later feature changes",
        {"features": {"AcquisitionFrameRate": 1000.0, "ExposureTime": 3000.0}},
        "kept AcquisitionFrameRate = 1000.0 at first and has 333.3333333333333 now: a feature written after it changed it; change the order or the values in camera.features",
    ),
    BadFeature(
        "a feature that another one locks",
        {"features": {"TLParamsLocked": 1, "OffsetX": 4}},
        "refuses OffsetX = 4 (it is locked now, by acquisition or by another feature: write that one first), it has 0; allowed: 0 to 16384 in steps of 4; change camera.features",
    ),
    BadFeature(
        "an entry that there is not",
        {"features": {"TriggerSource": "Line9"}},
        "refuses TriggerSource = 'Line9' (Feature 'TriggerSource' : cannot convert value 'Line9', the value is invalid), it has 'Software'; allowed: Software, Line0, Line1, Encoder0; change camera.features",
    ),
    BadFeature(
        "a block below an entry that there is not",
        {"features": {"LineSelector": {"Line7": {"LineInverter": True}}}},
        "refuses LineSelector = 'Line7' (Feature 'LineSelector' : cannot convert value 'Line7', the value is invalid), it has 'Line0'; allowed: Line0, Line1, Line2; change camera.features",
    ),
    BadFeature(
        "a word for a switch",
        {"features": {"ChunkModeActive": "On"}},
        "refuses ChunkModeActive = 'On' (it is a switch; write true), it has False; allowed: true, false; change camera.features",
    ),
    BadFeature(
        "a number for a command",
        {"features": {"UserSetLoad": 1}},
        "refuses UserSetLoad = 1 (it is a command; write true to have it executed); change camera.features",
    ),
    BadFeature(
        "a user set that there is not",
        {"user_set": "UserSet9"},
        "refuses UserSetSelector = 'UserSet9' (Feature 'UserSetSelector' : cannot convert value 'UserSet9', the value is invalid), it has 'Default'; allowed: Default, UserSet0; change camera.features",
    ),
    BadFeature(
        "a frame that the camera cannot send",
        {"frame": {"width": 126, "height": 112, "channels": 3}},
        "refuses Width = 126 (The difference between Value = 126 and Min = 16 must be dividable without rest by Inc = 4), it has 128; allowed: 16 to 16384 in steps of 4; change camera.frame.width",
    ),
    BadFeature(
        "a chunk that there is not",
        {"trigger_count": {"source": "counter", "chunk": "ChunkLineCount"}},
        "has no chunk 'ChunkLineCount'; look in its manual for the one that it sends and set camera.trigger_count.chunk or camera.encoder.chunk",
    ),
)

HELD_BY_TESTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "a producer that is not there",
        "69, its path, and those that are installed or why none is; `run` stays up, not ready, and tries again",
        (
            "test_check_says_what_is_wrong_with_the_camera",
            "test_a_configuration_whose_producer_is_gone_is_told_where_others_are",
            "test_a_line_without_its_camera_stays_up_not_ready_and_tries_again",
        ),
    ),
    (
        "a folder, a pipe, or a link that leads nowhere, named .cti",
        "69, what it is",
        ("test_what_only_has_a_producer_s_name_is_told_as_what_it_is",),
    ),
    (
        "text, a Windows library, one for another processor, one cut off, one that lacks a function: named .cti",
        "69, which of them; it is not loaded, since its first use would crash",
        ("test_a_broken_producer_is_told_by_what_is_wrong", "test_another_library_is_no_producer"),
    ),
    (
        "a producer that crashes",
        "`camera list`: named, 69 where it was the only one; `run`: its process is replaced, event `camera_process_lost` names it",
        (
            "test_a_producer_that_crashes_is_named_and_hides_none",
            "test_a_line_names_a_producer_that_crashes",
        ),
    ),
    ("a producer that does not answer", "`camera list`: named after 60 s", ("test_a_producer_that_hangs_is_given_up",)),
    (
        "a producer whose own description (XML) is broken",
        "69, the producer, and where reading ended",
        ("test_a_producer_that_describes_itself_wrongly_is_named",),
    ),
    (
        "GENICAM_GENTL64_PATH: not set, empty, a folder that is not there, folders full of other files, a file",
        "`camera list`: 69, which of them for each folder, and what to install",
        ("test_the_list_says_why_no_producer_is_found",),
    ),
    (
        "GENICAM_GENTL64_PATH: several producers, some broken",
        "`camera list`: cameras of those that work, a warning for each other one; 69 when none works",
        (
            "test_of_several_producers_those_that_work_are_listed_and_the_others_named",
            "test_when_no_installed_producer_can_be_used_each_is_named_and_the_list_ends_with_69",
        ),
    ),
    (
        "a camera whose description (XML) is cut off, no XML, another XML, empty, on a server, or refers to nothing",
        "69, which of them, line and column; `camera list` needs none",
        ("test_a_broken_description_is_told_by_what_is_wrong_with_it",),
    ),
    (
        "a camera without a description",
        "`check`, `camera snap`, `camera features`: 69, that it is missing",
        ("test_a_description_that_is_not_there_ends_every_command_that_needs_it",),
    ),
    (
        "the same while a line runs",
        "event `camera_error` with the same words at each try; armed when it is right",
        ("test_a_line_says_what_is_wrong_with_the_description_and_goes_on_trying_until_it_is_right",),
    ),
    (
        "a serial number that no camera has, or none where there are several",
        "69, those that are there",
        ("test_check_says_what_is_wrong_with_the_camera", "test_no_camera_is_guessed"),
    ),
    (
        "a camera that a second daemon wants",
        "the second: event `camera_error`, that it is in use and for how long access was denied; it has the camera when the first ends",
        ("test_a_second_daemon_on_one_camera_is_told_that_it_is_in_use_and_has_it_when_the_first_ends",),
    ),
    (
        "a camera that a line has, for `camera snap`",
        "69, that it is in use; the line goes on",
        ("test_a_command_for_a_camera_that_a_line_has_ends_with_69",),
    ),
    (
        "a camera that a killed process still holds",
        "waited for, 4 s or a second longer than the heartbeat timeout that is configured",
        ("test_a_camera_that_a_killed_process_still_holds_is_waited_for",),
    ),
)
"""What no single sample shows; names of the tests that hold it."""
