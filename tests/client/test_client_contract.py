"""The subscriber that misses nothing, against a line that follows the protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.wire_line import WireLine
from line_contract import Consumer

from edge_inspector.client import subscriber as module


@pytest.fixture
def line(tmp_path: Path) -> Iterator[WireLine]:
    with WireLine(tmp_path) as line:
        yield line


def test_whoever_begins_now_gets_what_comes_each_verdict_once(line: WireLine) -> None:
    line.judge()
    with Consumer(line) as consumer:
        consumer.greeted()
        for _ in range(5):
            line.judge()
        consumer.until(lambda: len(consumer.numbers()) >= 5, "5 verdicts")

    assert consumer.live() == [2, 3, 4, 5, 6]
    assert consumer.replayed() == []


def test_whoever_begins_at_the_tail_gets_all_that_is_kept(line: WireLine) -> None:
    for _ in range(1203):  # three calls: the line gives at most 500 rows at once
        line.judge()
    line.forget(line.epoch, 1, 3)
    with Consumer(line, from_tail=True) as consumer:
        consumer.until(lambda: len(consumer.numbers()) >= 1200, "all rows")

    assert consumer.replayed() == list(range(4, 1204))
    assert consumer.told("gap") == []


def test_a_cursor_resumes_where_the_consumer_was(line: WireLine, tmp_path: Path) -> None:
    with Consumer(line, tmp_path / "cursor") as first:
        first.greeted()
        for _ in range(3):
            line.judge()
        first.until(lambda: len(first.numbers()) >= 3, "3 verdicts")
    for _ in range(4):
        line.judge()
    with Consumer(line, tmp_path / "cursor") as second:
        second.until(lambda: len(second.numbers()) >= 4, "what came meanwhile")
        line.judge()
        second.until(lambda: second.live() == [8], "the next")

    assert first.live() == [1, 2, 3]
    assert second.replayed() == [4, 5, 6, 7]


def test_what_was_not_done_comes_again_after_a_kill(line: WireLine, tmp_path: Path) -> None:
    consumer = Consumer(line, tmp_path / "cursor")
    consumer.greeted()
    for _ in range(3):
        line.judge()
    consumer.until(lambda: len(consumer.numbers()) >= 2, "2 verdicts")
    consumer.subscriber._store(0)  # the clock says so; verdict 2 was given, and is not done yet
    with Consumer(line, tmp_path / "cursor") as after:
        after.until(lambda: len(after.numbers()) >= 2, "the rest")
    consumer.subscriber._link.close()
    consumer.subscriber._service.close()

    assert after.replayed() == [2, 3]


def test_a_verdict_that_was_missed_is_asked_for(line: WireLine) -> None:
    with Consumer(line) as consumer:
        consumer.greeted()
        line.judge()
        line.judge(is_sent=False)
        line.judge()
        consumer.until(lambda: len(consumer.numbers()) >= 3, "3 verdicts")

    assert (consumer.live(), consumer.replayed()) == ([1, 3], [2])


def test_a_lost_tail_is_found_by_the_heartbeat(line: WireLine) -> None:
    with Consumer(line) as consumer:
        consumer.greeted()
        line.judge()
        for _ in range(3):
            line.judge(is_sent=False)
        consumer.until(lambda: len(consumer.numbers()) >= 4, "4 verdicts")

    assert (consumer.live(), consumer.replayed()) == ([1], [2, 3, 4])


def test_what_is_no_longer_kept_is_said_and_not_skipped(line: WireLine, tmp_path: Path) -> None:
    (tmp_path / "cursor").write_text(json.dumps({"v": 1, "epochs": [{"epoch": 7, "seq": 2}]}))
    for _ in range(10):
        line.judge()
    line.forget(7, 1, 6)
    with Consumer(line, tmp_path / "cursor") as consumer:
        consumer.until(lambda: len(consumer.numbers()) >= 4, "what is kept")

    assert consumer.told("gap") == [(7, 3, 6)]
    assert consumer.replayed() == [7, 8, 9, 10]


def test_a_gap_answered_to_a_replay_is_said(line: WireLine) -> None:
    with Consumer(line) as consumer:
        consumer.greeted()
        line.judge(is_sent=False)
        line.judge(is_sent=False)
        line.forget(7, 1, 1)
        line.judge()
        consumer.until(lambda: len(consumer.numbers()) >= 2, "what is kept")

    assert consumer.told("gap") == [(7, 1, 1)]
    assert sorted(consumer.numbers()) == [(7, 2), (7, 3)]


def test_rows_that_the_line_left_out_are_said(line: WireLine) -> None:
    def leaves_out(request: dict[str, Any]) -> list[bytes] | None:
        return [json.dumps({"id": request["id"], "count": 0, "next": None}).encode()] if "from" in request else None

    line.answer_hook = leaves_out
    with Consumer(line) as consumer:
        consumer.greeted()
        line.judge(is_sent=False)
        line.judge()
        consumer.until(lambda: consumer.told("gap"), "the gap")

    assert consumer.told("gap") == [(7, 1, 1)]


def test_former_epochs_are_finished_first(line: WireLine, tmp_path: Path) -> None:
    with Consumer(line, tmp_path / "cursor") as first:
        first.greeted()
        line.judge()
        first.until(lambda: len(first.numbers()) >= 1, "a verdict")
    line.judge()
    line.judge()
    line.new_epoch(8)
    for _ in range(2):
        line.judge()
    with Consumer(line, tmp_path / "cursor") as second:
        second.until(lambda: len(second.numbers()) >= 4, "both epochs")

    assert second.numbers() == [(7, 2), (7, 3), (8, 1), (8, 2)]
    assert json.loads((tmp_path / "cursor").read_text())["epochs"] == [
        {"epoch": 7, "seq": 3},
        {"epoch": 8, "seq": 2},
    ]


def test_a_new_epoch_while_connected_begins_at_1(line: WireLine) -> None:
    with Consumer(line) as consumer:
        consumer.greeted()
        line.judge()
        consumer.until(lambda: len(consumer.numbers()) >= 1, "a verdict")
        line.judge(is_sent=False)
        line.new_epoch(8)
        line.judge(is_sent=False)
        line.judge()
        consumer.until(lambda: len(consumer.numbers()) >= 4, "4 verdicts")

    assert sorted(consumer.numbers()) == [(7, 1), (7, 2), (8, 1), (8, 2)]
    assert consumer.told("new_epoch") == [(8, None, None)]


def test_a_tail_that_the_line_lost_is_said(line: WireLine) -> None:
    """After a power cut the line counts in a new epoch, and the journal ends before what was heard."""
    with Consumer(line) as consumer:
        consumer.greeted()
        for _ in range(5):
            line.judge()
        consumer.until(lambda: len(consumer.numbers()) >= 5, "5 verdicts")
        line.forget(7, 4, 5)
        line.new_epoch(8)
        line.judge()
        consumer.until(lambda: consumer.told("tail_lost"), "tail_lost")

    assert consumer.told("tail_lost") == [(7, 4, 5)]


def test_an_epoch_that_is_gone_is_said(line: WireLine, tmp_path: Path) -> None:
    (tmp_path / "cursor").write_text(json.dumps({"v": 1, "epochs": [{"epoch": 5, "seq": 20}]}))
    with Consumer(line, tmp_path / "cursor") as consumer:
        consumer.greeted()

    assert consumer.told("epoch_gone") == [(5, 21, None)]


@pytest.mark.parametrize("name", ["parts_lost", "tail_lost"])
def test_losses_that_the_line_announces_are_told(line: WireLine, name: str) -> None:
    with Consumer(line) as consumer:
        consumer.greeted()
        line.event(name, range=[20, 25], **({"of_epoch": 5} if name == "tail_lost" else {}))
        consumer.until(lambda: consumer.told(name), name)

    assert consumer.told(name) == [(5 if name == "tail_lost" else 7, 20, 25)]


def test_a_verdict_sent_twice_is_given_once(line: WireLine) -> None:
    with Consumer(line) as consumer:
        consumer.greeted()
        line.judge()
        line.send("verdict", *line.journal[7][1])
        line.judge()
        consumer.until(lambda: (7, 2) in consumer.numbers(), "the second")

    assert consumer.numbers() == [(7, 1), (7, 2)]


def test_a_restart_of_the_line_loses_nothing(line: WireLine) -> None:
    with Consumer(line) as consumer:
        consumer.greeted()
        line.judge()
        consumer.until(lambda: len(consumer.numbers()) >= 1, "a verdict")
        line.stop()
        line.judge()
        line.judge()
        line.start()
        consumer.until(lambda: len(consumer.numbers()) >= 3, "3 verdicts")

    assert sorted(consumer.numbers()) == [(7, 1), (7, 2), (7, 3)]


def test_what_is_not_the_protocol_is_said_and_left_out(line: WireLine) -> None:
    with Consumer(line) as consumer:
        consumer.greeted()
        line.send("verdict", b"x", b"{}")
        line.send("verdict", line.journal[7].get(1, (b"",))[0], b"{")
        line.judge()
        consumer.until(lambda: len(consumer.numbers()) >= 1, "a verdict")

    assert len(consumer.told("bad_message")) == 2
    assert consumer.numbers() == [(7, 1)]


@pytest.mark.parametrize("answer", [[b"{"], [b"[]"], [b'{"id":1'], [b'{"count":1,"next":null,"id":0}', b"x"], []])
def test_a_service_that_answers_nonsense_is_asked_again(line: WireLine, answer: list[bytes]) -> None:
    def nonsense(request: dict[str, Any]) -> list[bytes] | None:
        is_first = "from" in request and sum("from" in each for each in line.requests) == 1
        return ([b"".join(answer[:1]).replace(b":0}", b":%d}" % request["id"]), *answer[1:]]) if is_first else None

    line.answer_hook = nonsense
    with Consumer(line) as consumer:
        consumer.greeted()
        line.judge(is_sent=False)
        consumer.until(lambda: len(consumer.numbers()) >= 1, "the verdict")

    assert consumer.replayed() == [1]


def test_a_service_that_says_nothing_is_asked_through_a_fresh_socket(
    line: WireLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_inspector.client.service.ANSWER_US", 100_000)
    line.answers = False
    with Consumer(line) as consumer:
        consumer.until(lambda: consumer.told("unanswered"), "the time-out")
        line.answers = True
        consumer.greeted()
        line.judge(is_sent=False)
        consumer.until(lambda: consumer.replayed() == [1], "the verdict")
        assert consumer.subscriber._service is not None
        assert consumer.subscriber._service.link.renewals >= 1


def test_silence_is_said_once_and_a_fresh_socket_hears_again(line: WireLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_US", 200_000)
    with Consumer(line) as consumer:
        consumer.greeted()
        line.beats = False
        consumer.until(lambda: consumer.subscriber._link.renewals >= 2, "two fresh sockets")
        line.beats = True
        n = len(consumer.got)
        consumer.until(lambda: len(consumer.got) > n, "a heartbeat")

    assert len(consumer.told("silent")) == 1


def test_a_slow_consumer_does_not_pile_up_messages(line: WireLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 10)
    with Consumer(line) as consumer:
        consumer.greeted()
        for _ in range(300):
            line.judge()
        most = 0

        def is_done() -> bool:
            nonlocal most
            most = max(most, len(consumer.subscriber._heard))
            return len(consumer.numbers()) >= 300

        consumer.until(is_done, "300 verdicts")

    assert most <= 10
    assert sorted(consumer.numbers()) == [(7, n) for n in range(1, 301)]


def test_a_corrupt_cursor_is_refused_with_what_to_do(line: WireLine, tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"epochs":[{"epoch":-1,"seq":1}]}', '{"epochs":[{"epoch":1}]}', "[" * 50_000):
        (tmp_path / "cursor").write_text(text)
        with pytest.raises(ValueError, match="delete it to begin anew"):
            Consumer(line, tmp_path / "cursor")


def test_resuming_needs_the_name_of_the_line() -> None:
    with pytest.raises(ValueError, match="name of its line"):
        module.Subscriber(None, [], service="ipc:///nowhere")
