"""A child process that runs nothing: its end is written into it."""

from __future__ import annotations


class FakeChild:
    """Obeys what `Watched`, `Supervisor` and `GpuWatch` use of `Child`."""

    def __init__(self, pid: int = 4711) -> None:
        self.pid = pid
        self.pid_fd = -1
        self.status: int | None = None
        self.kills = 0
        self.is_stuck = False
        """No signal ends it."""
        self.is_closed = False

    def poll(self) -> int | None:
        return self.status

    def kill(self) -> None:
        self.kills += 1
        if self.status is None and not self.is_stuck:
            self.status = -9

    def send_kill(self) -> None:
        """It does not end of it: that is for the test to say."""
        self.kills += 1

    def close(self) -> None:
        self.is_closed = True


class FakeSpawner:
    """Gives a new fake child each time, after so many refusals; remembers them all."""

    def __init__(self) -> None:
        self.refusals = 0
        self.children: list[FakeChild] = []

    def __call__(self) -> FakeChild:
        if self.refusals:
            self.refusals -= 1
            raise BlockingIOError("the fake computer has no process left")
        self.children.append(FakeChild())
        return self.children[-1]

    @property
    def newest(self) -> FakeChild:
        return self.children[-1]
