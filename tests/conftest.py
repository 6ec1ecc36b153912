"""Its place puts this folder on the path, so that every test finds `fakes`; a skip must be on the named list."""

from __future__ import annotations

import gc
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import settings
from noticing import noticed, pytest_addoption, pytest_configure  # noqa: F401 - a plugin of these tests

# A shell that starts this in the background has it ignore Ctrl-C, and every program that a test starts inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the same with nohup

# An example that takes long says that the computer is busy, no more.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")

# Tests import the runtime directly too, and it would call its maker. Those that watch for that take this away.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

ALLOWED_SKIPS: dict[str, str] = {
    "tests/client/test_client_wire_page.py::test_the_c_example_reads_the_header": "there is no C compiler",
    "tests/benchmarks/test_bench_belt.py": "there is no C compiler",
    "tests/infer/test_infer_telemetry.py::test_openvino_looks_up_no_name_and_one_without_our_word_does": (
        "unshare or strace is refused"
    ),
    "tests/infer/test_infer_telemetry.py::test_a_session_looks_up_no_name_and_one_without_our_word_does": (
        "unshare or strace is refused"
    ),
    "tests/benchmarks/test_bench_operations.py::"
    "test_the_disk_for_evidence_is_full_for_the_line_alone_and_leaves_nothing_behind": "unshare is refused",
    "tests/client/test_client_c.py": "there is no C compiler, or no libzmq3-dev",
    **{
        f"tests/systemd/test_systemd_unit.py::{name}": "systemd is not installed"
        for name in (
            "test_systemd_has_nothing_to_say_about_the_units",
            "test_systemd_would_say_so_if_a_key_were_misspelt",
            "test_systemd_has_nothing_to_say_about_the_drop_ins",
            "test_little_is_open_to_a_service[edge-inspector@.service]",
            "test_little_is_open_to_a_service[edge-inspector-bridge-modbus@.service]",
        )
    },
    **{
        f"tests/systemd/test_systemd_{name}.py": "unshare or control groups are refused, or systemd is not installed"
        for name in ("install", "life", "refusals", "reload", "sandbox")
    },
    "tests/systemd/test_systemd_life.py::test_when_memory_runs_out_the_line_goes_on_and_what_took_it_is_ended": (
        "there is no control of memory"
    ),
    "tests/systemd/test_systemd_install.py::test_udev_understands_the_rule_for_usb_cameras": "udev is not installed",
    "tests/systemd/test_systemd_sandbox.py::test_the_simulated_camera_works_in_the_sandbox": "there is no C compiler",
    **{
        f"tests/infer/test_infer_engine.py::test_a_failed_run_{name}[openvino]": "there is one core"
        for name in (
            "is_an_engine_error_until_the_golden_tiles_were_replayed",
            "leaves_no_answer_of_an_earlier_part",
        )
    },
    "tests/end_to_end/test_e2e_priorities.py::test_each_process_keeps_to_its_cores_and_steps": "there is one core",
    "tests/end_to_end/test_e2e_priorities.py::test_cores_of_main_alone_bind_main_alone": "there is one core",
    "tests/end_to_end/test_e2e_offline.py::test_a_line_runs_without_a_route_and_asks_for_none": "unshare is refused",
    "tests/offline/test_offline_install.py": "unshare is refused",
    "tests/offline/test_offline_versions.py": "unshare is refused",
    "tests/offline/test_offline_units.py": "no systemd is booted here",
    "tests/offline/test_offline_clean_root.py": "unshare is refused, or mmdebstrap is not installed",
    **{
        f"tests/end_to_end/test_e2e_egress.py::{name}": "unshare or a tun device is refused"
        for name in (
            "test_a_line_at_work_with_clients_sends_no_packet_by_a_way_out_that_is_open",
            "test_a_line_that_calls_out_is_seen_by_its_packets_and_by_the_doctor",
        )
    },
    **{
        f"tests/end_to_end/test_e2e_egress.py::{name}": "strace is not installed, or refused"
        for name in (
            "test_a_whole_run_binds_what_is_named_and_connects_to_nobody",
            "test_a_run_that_calls_out_is_seen_in_its_calls",
        )
    },
    "tests/app/test_app_doctor.py::test_root_writes_as_the_line_s_user": "not root",
    "tests/doctor/test_doctor_sockets.py::test_what_another_user_s_process_holds_is_hidden_and_not_empty": "not root",
    **{
        f"tests/signal/test_signal_journal_disk.py::{name}": "unshare is refused"
        for name in (
            "test_a_full_disk_refuses_rows_and_takes_them_again_when_there_is_room",
            "test_a_file_system_that_becomes_read_only_refuses_rows_and_says_so",
            "test_a_limit_on_the_size_of_files_is_met_like_a_full_disk",
        )
    },
    "tests/prometheus/test_prometheus_promtool.py": "prometheus is not installed, and only root can",
    "tests/prometheus/test_prometheus_live.py": "prometheus is not installed, and only root can; or no C compiler",
    **{
        f"tests/faults/test_faults_{name}": "there is no C compiler"
        for name in (
            "disk.py::test_a_disk_that_takes_no_rows_makes_the_line_not_ready_and_costs_no_part",
            "disk.py::test_what_was_not_synced_is_not_called_durable",
            "clock.py::test_utc_may_jump_by_an_hour_and_be_out_of_step_without_any_effect_on_verdicts",
        )
    },
    "tests/faults/test_faults_disk.py::test_a_full_evidence_disk_costs_evidence_and_no_verdict": "unshare is refused",
    "tests/observe/test_observe_nvml.py": "there is no C compiler",
    "tests/app/test_app_gpu_watch.py": "there is no C compiler",
    "tests/app/test_app_examine_gpu.py": "there is no C compiler",
    "tests/end_to_end/test_e2e_gpu.py": "there is no C compiler",
    "tests/cli/test_cli_simulate.py": "there is no C compiler",
    "tests/cli/test_cli_description.py": "there is no C compiler",
    "tests/bad_input/test_bad_input_cameras.py": "there is no C compiler",
    "tests/cli/test_cli_producers.py::test_a_line_names_a_producer_that_crashes": "there is no C compiler",
    "tests/cli/test_cli_producers.py::test_a_producer_that_crashes_is_named_and_hides_none": "there is no C compiler",
    "tests/cli/test_cli_producers.py::test_a_producer_that_hangs_is_given_up": "there is no C compiler",
    "tests/camera_faults/test_camera_faults_parts.py": "there is no C compiler",
    "tests/camera_faults/test_camera_faults_line.py": "there is no C compiler",
    "tests/camera_faults/test_camera_faults_random.py": "there is no C compiler",
    "tests/camera_faults/test_camera_faults_over_trigger.py": "there is no C compiler",
    "tests/camera_faults/test_camera_faults_gate.py": "there is no C compiler",
    "tests/camera_faults/test_camera_faults_several.py": "there is no C compiler",
    "tests/simulator/test_simulator_pictures.py": "there is no C compiler",
    "tests/simulator/test_simulator_triggers.py": "there is no C compiler",
    "tests/simulator/test_simulator_faults.py": "there is no C compiler",
    "tests/simulator/test_simulator_presets.py": "there is no C compiler",
    "tests/simulator/test_simulator_sharing.py": "there is no C compiler",
    "tests/simulator/test_simulator_gentl.py": "there is no C compiler",
    "tests/simulator/test_simulator_memory.py": "there is no C compiler",
    "tests/simulator/test_simulator_project.py": "there is no C compiler",
    "tests/simulator/test_simulator_build.py": "there is no C compiler",
    "tests/end_to_end/test_e2e_reconnect.py": "there is no C compiler",
    "tests/simulator/test_simulator_memory.py::test_valgrind_finds_nothing": "there is no valgrind",
}
"""Test id -> why it may be skipped. A skip that is not named here fails the run: it would hide a missing check."""

MORE_PER_FILE = 8
"""Descriptors that a file of tests may leave open: ZeroMQ's context and its first sockets keep 5 to the end."""
MORE_AT_ALL = 40
"""At the end of a run. From 1024 on, what asks the kernel with `select` cannot work: 190 files may not keep 8 each."""
_CLOSING_S = 5.0
"""ZeroMQ closes sockets in a thread of its own."""

_skipped: list[str] = []
_open_at_start = 0


def _open() -> Counter[str]:
    """Count what this process has open by what it is, so that a message says more than a number."""
    found: Counter[str] = Counter()
    with os.scandir("/proc/self/fd") as entries:
        for entry in entries:
            try:
                found[re.sub(r"\d+", "0", os.readlink(entry.path))] += 1
            except FileNotFoundError:
                continue  # the one that lists them
    return found


def _left_open(before: int, most: int) -> str:
    """Say what was opened since there were `before` and is still there; empty when no more than `most`."""
    until_s = time.monotonic() + _CLOSING_S
    while (more := _open().total() - before) > most:
        gc.collect()
        if time.monotonic() > until_s:
            return f"{more} more descriptors are open than before, {most} may be; now open: {dict(_open())}"
        time.sleep(0.05)
    return ""


@pytest.fixture(scope="module", autouse=True)
def a_file_closes_what_it_opened() -> Iterator[None]:
    before = _open().total()
    yield
    left = _left_open(before, MORE_PER_FILE)
    assert not left, left


def pytest_sessionstart() -> None:
    global _open_at_start
    _open_at_start = _open().total()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if left := _left_open(_open_at_start, MORE_AT_ALL):
        print(f"\n{left}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    unnamed = [nodeid for nodeid in _skipped if nodeid not in ALLOWED_SKIPS]
    if unnamed:
        print(f"\nskipped without being on the named list in tests/conftest.py: {', '.join(unnamed)}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
