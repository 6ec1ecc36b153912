"""What a drill can pull, how it is put back, and what must happen meanwhile."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import Protocol

from edge_inspector.core.errors import ProcessError
from edge_inspector.drill.judge import SLACK_US, Expected
from edge_inspector.drill.processes import Grip
from edge_inspector.drill.scene import Scene

CAMERA_US = 1_000_000
"""A lost camera is told within a second, or within the lease where that is longer."""
REFUSE_S = 2.0
FAIL_PARTS = 5
STOP_S = 2.0
"""A process stands still so long after SIGSTOP at the latest."""
NO_PARTS = "no parts come: this shows only on a line that runs"


class Plug(Protocol):
    """One thing that can fail."""

    name: str
    what: str
    """What is pulled, for people."""

    def refusal(self, scene: Scene) -> str:
        """Return why it cannot be pulled here; empty when it can."""
        ...

    def pull(self, scene: Scene) -> None:
        """Pull it; returns at once."""
        ...

    def why_not_pulled(self, scene: Scene) -> str:
        """Return why nothing was pulled after all; empty when something was. Asked after the watch, before `put_back`.

        A plug that was not pulled is a drill that shows nothing, and nothing may not pass.
        """
        ...

    def put_back(self, scene: Scene) -> None:
        """Put it back, also after an interruption; no harm where nothing was pulled."""
        ...

    def expected(self, scene: Scene) -> Expected:
        """Return what must happen."""
        ...


class _Signal:
    """A signal to processes of the line."""

    def __init__(self, name: str, what: str, module: str, number: signal.Signals, told_us: int = 0) -> None:
        """Take a child's module, what it is sent, and within which time at the latest the gate must know."""
        self.name, self.what = name, what
        self._module, self._number, self._told_us = module, number, told_us
        self._grips: list[Grip] = []
        self._n_pulled = 0

    def refusal(self, _scene: Scene) -> str:
        return ""

    def pull(self, scene: Scene) -> None:
        self._n_pulled = 0
        self._grips = [Grip(pid) for pid in scene.children(self._module)]
        sent = [grip for grip in self._grips if grip.send(self._number)]
        if self._number is signal.SIGSTOP:
            scene.witness.watch(lambda: all(grip.is_stopped for grip in sent), STOP_S)
            sent = [grip for grip in sent if grip.is_stopped]
        self._n_pulled = len(sent)

    def why_not_pulled(self, _scene: Scene) -> str:
        if not self._grips or self._n_pulled < len(self._grips):
            return f"{self._n_pulled} of {len(self._grips)} {self._module} processes took the signal"
        if self._number is signal.SIGKILL and not all(grip.has_ended for grip in self._grips):
            return f"a {self._module} process goes on after kill -9"
        return ""

    def put_back(self, _scene: Scene) -> None:
        for grip in self._grips:
            if self._number is signal.SIGSTOP:
                grip.send(signal.SIGCONT)
            grip.close()
        self._grips = []

    def expected(self, scene: Scene) -> Expected:
        return Expected(max(scene.lease_us, self._told_us) + SLACK_US, scene.back_us)


class _MainKilled:
    name, what = "main-killed", "kill -9 of the main process: all processes of the line die with it"

    def __init__(self) -> None:
        """Nothing is pulled yet."""
        self._former = 0

    def refusal(self, scene: Scene) -> str:
        if scene.daemon is not None or scene.status()["is_service"]:
            return ""
        return "nothing starts this daemon again: run it as a service, or have the drill run it with --start"

    def pull(self, scene: Scene) -> None:
        self._former = int(scene.status()["pid"])
        if scene.daemon is not None:
            scene.daemon.kill()
            scene.daemon.start()
            return
        grip = Grip(self._former)
        grip.send(signal.SIGKILL)
        grip.close()

    def why_not_pulled(self, scene: Scene) -> str:
        with suppress(ProcessError):  # none answers: that the line does not come back is told already
            return "" if scene.status()["pid"] != self._former else f"process {self._former} is main still"
        return ""

    def put_back(self, scene: Scene) -> None:
        if scene.daemon is not None and scene.daemon.has_ended:
            scene.daemon.start()

    def expected(self, scene: Scene) -> Expected:
        return Expected(scene.lease_us + SLACK_US, scene.back_us)


class _SubscriberRestarted:
    name, what = "subscriber-restarted", "kill -9 of a recording subscriber, started again after half a second"

    def refusal(self, scene: Scene) -> str:
        return "" if scene.witness.seen.period_us is not None else NO_PARTS

    def pull(self, scene: Scene) -> None:
        scene.recorder.kill()
        scene.witness.watch_for(0.5)  # what comes meanwhile it must ask for
        scene.recorder.start()

    def why_not_pulled(self, _scene: Scene) -> str:
        return ""

    def put_back(self, scene: Scene) -> None:
        if scene.recorder.has_ended:
            scene.recorder.start()

    def expected(self, scene: Scene) -> Expected:
        return Expected(back_us=scene.back_us)


class _Fault:
    """A fault that the daemon makes itself, in drill mode only; it ends by itself."""

    def __init__(self, name: str, what: str, fault: str, amount: float) -> None:
        """Take what the daemon calls it, and how long or how often."""
        self.name, self.what, self._fault, self._amount = name, what, fault, amount

    def refusal(self, scene: Scene) -> str:
        return "" if scene.witness.seen.period_us is not None else NO_PARTS

    def pull(self, scene: Scene) -> None:
        scene.ask({"op": "drill_fault", "what": self._fault, "amount": self._amount})

    def why_not_pulled(self, scene: Scene) -> str:
        seen = scene.witness.seen
        if self._fault == "model" or any(not beat.is_ready for beat in seen.beats if beat.at_us > seen.pulled_us):
            return ""  # of the model its verdicts tell
        return "every heartbeat said ready: the fault was not made"

    def put_back(self, scene: Scene) -> None:
        pass

    def expected(self, scene: Scene) -> Expected:
        if self._fault == "model":
            return Expected(None, scene.back_us, "model_error", int(self._amount))
        period_us = scene.witness.seen.period_us or 0
        return Expected(2 * period_us + scene.lease_us + SLACK_US, scene.back_us, must_disarm=True)


def all_plugs() -> list[Plug]:
    """Return every drill, in the order in which they are run."""
    return [
        _Signal("inspect-killed", "kill -9 of the inspect process", "inspect", signal.SIGKILL),
        _Signal("inspect-frozen", "SIGSTOP to the inspect process", "inspect", signal.SIGSTOP),
        _Signal("camera-lost", "kill -9 of every camera process", "camera", signal.SIGKILL, CAMERA_US),
        _SubscriberRestarted(),
        _Fault("journal-unwritable", f"the journal refuses rows for {REFUSE_S:g} s (made up)", "journal", REFUSE_S),
        _Fault("model-failing", f"the model fails for {FAIL_PARTS} parts (made up)", "model", FAIL_PARTS),
        _MainKilled(),
    ]
