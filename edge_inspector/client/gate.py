"""A reject gate: releases a part only on a live PASS of exactly that part, in time. Everything else rejects."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from edge_inspector.client.decision import Decision, GateCounts, Outcome, Result
from edge_inspector.client.gate_core import GateCore
from edge_inspector.client.gate_settings import GateSettings
from edge_inspector.client.keys import ClientKeys
from edge_inspector.client.live import Live, now_us
from edge_inspector.client.notice import Notice


class Gate:
    """Use it as a context manager, in a loop of one thread.

        with Gate("press-4", settings, consumer="gate-1") as gate:
            while True:
                for decision in gate.step(0.002, enc=encoder.read()):
                    output.hold_open(decision.release)
                for edge_us, count in sensor.edges():
                    gate.part(edge_us, count)

    The output must reject by itself: no signal, no power, no program means reject. This is quality control, not a
    safety function: nothing here may be the only thing between a person and a machine.
    """

    def __init__(
        self,
        line: str,
        settings: GateSettings,
        *,
        consumer: str | None,
        signals: str = "tcp://127.0.0.1:5560",
        service: str = "tcp://127.0.0.1:5562",
        keys: ClientKeys | None = None,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> None:
        """Connect, disarmed; succeeds before the daemon is up.

        Args:
            line: Name of the line.
            settings: How the gate is built.
            consumer: Name of this gate; with keys, the name of its key. None for one that is wired to nothing, such as
                a drill's: it acknowledges nothing and stands in no record of the line.
            signals: Address of the signals endpoint.
            service: Address of the service endpoint.
            keys: None for a line without keys.
            on_notice: Told, inside `step`, of refused connections, silence and nonsense; None writes it to the log.
        """
        self._core = GateCore(line, settings)
        self._live = Live(line, signals, service, consumer, keys, on_notice)

    def step(self, timeout_s: float, enc: float | None = None, fds: tuple[int, ...] = ()) -> list[Decision]:
        """Hear the line, then return what is to be done with parts now. Call it at least once in `ahead`.

        Args:
            timeout_s: Waits so long for a message or for one of `fds`; 0 does not wait.
            enc: Own encoder count now, rising forwards, unwrapped; needed where the settings use an encoder.
            fds: Files that end the wait when they can be read, such as an input of the sensor.

        Returns:
            Decisions in the order of the parts, to be carried out at once.
        """
        core, live = self._core, self._live
        if enc is not None:
            core.encoder(now_us(), enc)
        live.wait(timeout_s, fds)
        for heard in live.hear():
            core.hear(heard.message, heard.at_us, heard.now_us)
        asked, hello = live.serve(must_greet=not core.arming.is_armed)
        if hello is not None:
            core.arming.answered(hello)
        if asked:
            core.arming.asked(now_us())
        decisions = core.due(now_us())
        live.report(core.take_outcomes(), core.arming.epoch, core.settled_upto())
        core.counts.outcomes_dropped = live.dropped
        return decisions

    def part(self, at_us: int | None = None, enc: float | None = None) -> int:
        """Tell an edge of the own part sensor; returns the part's number. `step` gives its decision when it is due.

        Args:
            at_us: Its moment on the monotonic clock (`time.monotonic_ns() // 1000`); None for now.
            enc: Own encoder count latched at the edge; needed where the settings use an encoder.
        """
        return self._core.part(now_us() if at_us is None else at_us, enc)

    def confirm(self, decision: Decision, was_rejected: bool) -> None:
        """Tell what the sensor in the reject chute saw of a part that was rejected."""
        epoch = self._core.arming.epoch
        if decision.seq is not None and epoch is not None:
            result = Result.CONFIRMED if was_rejected else Result.NOT_CONFIRMED
            self._live.report([Outcome(epoch, result, decision.seq)], epoch, self._core.settled_upto())

    @property
    def is_armed(self) -> bool:
        """Whether a part could be released now."""
        return self._core.arming.check(now_us())

    @property
    def why(self) -> str:
        """Why it is disarmed, for the panel; empty while armed."""
        return self._core.arming.why

    @property
    def n_waiting(self) -> int:
        """Parts that the sensor has seen and that are not decided yet."""
        return self._core.n_waiting

    @property
    def stop_line(self) -> str:
        """Why the line should stop; empty while it need not. Stands until `reset_stop`."""
        return self._core.stop.why

    def reset_stop(self) -> None:
        """A person has looked: the line may run again."""
        self._core.stop.reset()

    @property
    def counts(self) -> GateCounts:
        """Totals since it was made."""
        return self._core.counts

    def close(self) -> None:
        """Disconnect. Switch the output to reject before."""
        self._live.close()

    def __enter__(self) -> Self:
        """Return itself; connected already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        self.close()
