"""What main says to the world: state, events, metrics, hello and status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from edge_inspector.app.keys import KeyKeeper, curve_plan
from edge_inspector.app.planning import bypass_most_ns, drill_most_ns, is_simulated, journal_plan
from edge_inspector.app.plans import InspectPlan
from edge_inspector.app.record import Record
from edge_inspector.app.trust import unsigned_sentence
from edge_inspector.core.clock import monotonic_ns
from edge_inspector.core.logs import get_log
from edge_inspector.core.verdict import LineState
from edge_inspector.observe.figures import KeyFigures
from edge_inspector.observe.page import MetricsPage
from edge_inspector.observe.snapshot import Family
from edge_inspector.run.bypass import bypass_left_ns
from edge_inspector.run.drill import drill_left_ns
from edge_inspector.run.ledger import Ledger
from edge_inspector.run.memory import LineMemory, Word
from edge_inspector.run.scheduling import PAGE_NICE, SERVICE_NICE
from edge_inspector.run.worker import Worker
from edge_inspector.settings.line import LineSettings
from edge_inspector.signal.consumers import Consumers
from edge_inspector.signal.journal_reader import JournalReader
from edge_inspector.signal.service import Service, ServiceFacts
from edge_inspector.signal.telemetry import Telemetry

log = get_log(__name__)

_NOTE_NS = 50_000_000
"""A heartbeat's note wakes main at once; one that has not come by then was lost with its process."""


class Outlet:
    """Telemetry in main's thread; service and metrics page in threads of their own."""

    def __init__(self, settings: LineSettings, memory: LineMemory, unsigned: Sequence[str] = ()) -> None:
        """Bind everything that main binds; `begin_epoch` before anything is said.

        `unsigned` names the bundles in use, name@version, that no trusted key signed.

        Raises:
            KeysError: The keys of encrypted endpoints cannot be used.
            EndpointError: An address cannot be bound.
        """
        self._curve = curve_plan(settings)
        self._keys = None if self._curve is None else KeyKeeper(self._curve)
        guard = None if self._keys is None else self._keys.guard
        self._settings, self._memory, self._unsigned = settings, memory, unsigned
        self._ledger = Ledger(memory)
        self._epoch = 0
        self._state = LineState.PREOPERATIONAL
        self._dead: set[str] = set()
        self.doing = ""
        """Why the line is not ready just now, in words, where a reason is known that no heartbeat tells."""
        self._newest_beat: tuple[dict[str, Any], int] | None = None
        endpoints = settings.endpoints
        self._telemetry = Telemetry(
            endpoints.telemetry,
            settings.line,
            is_simulated(settings),
            lambda: self._ledger.head_seq,
            lambda: self.bypass_left_s() > 0,
            lambda: self.drill_left_s() > 0,
            guard,
            unsigned,
        )
        folder, consumers = journal_plan(settings).folder, Consumers(settings.state_dir / "consumers.db")
        service = Service(endpoints.service, self._facts, JournalReader(folder), consumers, guard)
        self.record = Record(memory, folder, service, consumers)
        """Fills metrics of the journal and of who asks for it."""
        self._workers = [Worker("service", service.step, service, nice=SERVICE_NICE)]
        self._page: MetricsPage | None = None
        if settings.metrics.port is not None:
            self._page = MetricsPage(settings.metrics.host, settings.metrics.port)
            self._workers.append(Worker("metrics", self._page.step, self._page, nice=PAGE_NICE))

    def begin_epoch(self, epoch: int) -> None:
        """Say from here on that numbers are of this epoch; main's loop."""
        self._epoch = self._telemetry.epoch = epoch

    def settle(self, settings: LineSettings) -> None:
        """Take in the settings in force; what is bound stays bound."""
        self._settings = settings

    def start(self) -> None:
        """Begin to answer."""
        if self._keys is not None:
            self._keys.start()
        for worker in self._workers:
            worker.start()
        self._telemetry.state(self._state, self._state, "started")
        if self._unsigned:
            self.announce("bundle_unsigned", "warning", unsigned_sentence(self._unsigned), stands=True)

    def with_keys(self, plan: InspectPlan) -> InspectPlan:
        """Return the inspect process's plan with the keys that encrypt the other endpoints."""
        return replace(plan, curve=self._curve)

    def watch_workers(self, *others: Worker) -> None:
        """Announce a thread that has died, once: the line goes on inspecting, but somebody must know."""
        for worker in (*self._workers, *others):
            if worker.error is not None and worker.name not in self._dead:
                self._dead.add(worker.name)
                detail = f"the {worker.name} thread ended: {worker.error}; restart the line when it may stop"
                self.announce("worker_died", "error", detail, stands=True)

    def failed(self, why: str) -> None:
        """Announce that the line ends and a person must act."""
        self._telemetry.state(LineState.ERROR, self._state, why)
        self._state = LineState.ERROR

    def heard_beat(self, body: dict[str, Any], sent_ns: int) -> None:
        """Take in the newest heartbeat."""
        self._newest_beat = (body, sent_ns)

    def announce(
        self,
        name: str,
        severity: str,
        detail: str,
        extra: dict[str, object] | None = None,
        *,
        stands: bool = False,
    ) -> None:
        """Log an event and send it; one that `stands` is sent again to clients that come later."""
        write = {"info": log.info, "warning": log.warning}.get(severity, log.error)
        write(name, detail=detail, **(extra or {}))
        self._telemetry.event(name, severity, detail, extra, stands=stands)

    def withdraw(self, name: str) -> None:
        """No longer tell a standing event to clients that come later."""
        self._telemetry.withdraw(name)

    def bypass_left_s(self) -> float:
        """Return how long bypass still lasts; 0 while it is off."""
        return bypass_left_ns(self._memory, bypass_most_ns(self._settings), monotonic_ns()) / 1e9

    def drill_left_s(self) -> float:
        """Return how long drill mode still lasts; 0 while the line is at work."""
        return drill_left_ns(self._memory, drill_most_ns(self._settings), monotonic_ns()) / 1e9

    def follow_state(self) -> None:
        """Announce the state when it has changed, and tell it to clients that have just come."""
        self._telemetry.greet()
        for name in self._keys.follow(self.announce) if self._keys is not None else ():
            self.withdraw(name)
        state, reason = self.state()
        if state is not self._state and not self._is_beat_on_its_way():
            log.info("state", state=state.wire_name, previous=self._state.wire_name, reason=reason)
            self._telemetry.state(state, self._state, reason)
            self._state = state

    def state(self) -> tuple[LineState, str]:
        """Return the state and why; without heartbeats within the lease nobody may rely on the line."""
        heartbeat_ns = self._memory.read(Word.HEARTBEAT_NS)
        age_ms = (monotonic_ns() - heartbeat_ns) / 1e6
        state = LineState(self._memory.read(Word.STATE))
        if state is LineState.HALTED:
            return state, "stopped, every accepted part has its verdict"
        if self.doing:
            return LineState.PREOPERATIONAL, self.doing
        if not heartbeat_ns:
            return LineState.PREOPERATIONAL, "starting"
        if age_ms > self._settings.endpoints.lease_ms:
            return LineState.PREOPERATIONAL, f"no heartbeat for {age_ms:.0f} ms"
        if self._memory.read(Word.HALT_NS):
            return state, "stopping"
        faults = self._newest_beat[0]["faults"] if self._newest_beat else []
        if state is LineState.PREOPERATIONAL and not faults:  # written by main: nobody is there to say a fault
            return state, "the inspect process has ended and is started again"
        return state, ", ".join(faults) or "no faults"

    def _is_beat_on_its_way(self) -> bool:
        """Return whether a heartbeat has written its state, and its note, which brings the reason, is not here yet."""
        heartbeat_ns = self._memory.read(Word.HEARTBEAT_NS)
        sent_ns = self._newest_beat[1] if self._newest_beat else 0
        return heartbeat_ns > sent_ns and monotonic_ns() - heartbeat_ns < _NOTE_NS

    def faults(self) -> Sequence[str]:
        """Return why the line is not ready, as the heartbeat says; without one that is the fault."""
        heartbeat_ns = self._memory.read(Word.HEARTBEAT_NS)
        if not heartbeat_ns or self._newest_beat is None:
            return ("starting",)
        if (monotonic_ns() - heartbeat_ns) / 1e6 > self._settings.endpoints.lease_ms:
            return ("no_heartbeat",)
        faults: list[str] = self._newest_beat[0]["faults"]
        return faults

    def is_ready(self) -> bool:
        """Whether the line is ready now."""
        return bool(self._memory.read(Word.READY)) and self.state()[0] is not LineState.PREOPERATIONAL

    def metrics(self, families: list[Family]) -> None:
        """Send a snapshot, and have the page show the same."""
        self._telemetry.metrics([dict(family) for family in families])
        if self._page is not None:
            self._page.publish(families)

    def key_figures(self) -> KeyFigures | None:
        """Return the counts of encrypted endpoints; None where nothing is encrypted."""
        return None if self._keys is None else self._keys.figures(self._memory.read(Word.KEYS_REFUSED))

    def close(self) -> None:
        """Stop answering; what was sent has its linger time."""
        for worker in self._workers:
            worker.stop(timeout_s=2.0)
        if self._keys is not None:
            self._keys.close()
        self._telemetry.close()

    def _facts(self) -> ServiceFacts:
        body, sent_ns = self._newest_beat or (None, 0)
        return ServiceFacts(
            line=self._settings.line,
            epoch=self._epoch,
            lease_ms=self._settings.endpoints.lease_ms,
            head_seq=self._ledger.head_seq,
            state=self.state()[0],
            heartbeat=body,
            heartbeat_ns=sent_ns,
        )
