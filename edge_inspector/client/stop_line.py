"""When a gate asks for a stop of the line: too many parts in a row without a verdict, or rejected. Pure."""

from __future__ import annotations

from edge_inspector.client.decision import Why


class StopLine:
    """Counts in a row; once asked, the request stands until a person resets it."""

    def __init__(self, after_missing: int | None, after_rejects: int | None) -> None:
        """Take the limits; None for no limit."""
        self._after_missing, self._after_rejects = after_missing, after_rejects
        self._missing = self._rejects = 0
        self.why = ""
        """Why the line should stop; empty while it need not."""

    @property
    def is_asked(self) -> bool:
        """Whether the line should stop."""
        return bool(self.why)

    def decided(self, why: Why) -> None:
        """Take a decision."""
        self._missing = self._missing + 1 if why in (Why.NO_VERDICT, Why.NOT_ARMED) else 0
        self._rejects = 0 if why is Why.PASS else self._rejects + 1
        if self.why:
            return
        if self._after_missing is not None and self._missing >= self._after_missing:
            self.why = f"{self._missing} parts in a row had no verdict"
        elif self._after_rejects is not None and self._rejects >= self._after_rejects:
            self.why = f"{self._rejects} parts in a row were rejected"

    def reset(self) -> None:
        """A person has looked: count anew."""
        self._missing = self._rejects = 0
        self.why = ""
