"""What only the order of the pictures tells: the same one twice, and when a fault of the image began and ended."""

from __future__ import annotations

from dataclasses import replace

from edge_inspector.core.verdict import Outcome, Reason
from edge_inspector.decide.image_health import Policy, with_trouble
from edge_inspector.run.judge import Seen, unknown


class ImageWatch:
    """Sees every view of one camera in the order of the parts. Owned by the loop's thread."""

    def __init__(self, stuck: Policy) -> None:
        """Begin.

        Args:
            stuck: What becomes of a part whose picture is exactly the one before.
        """
        self._stuck: Policy = stuck
        self._former = 0
        self.is_fault = False
        """The newest picture that was looked at has a trouble whose policy is `fault`."""

    def review(self, seen: Seen, stuck: Policy | None = None) -> Seen:
        """Return a view as it stands beside the one before: never better than it was.

        One that is UNKNOWN already keeps its reason. One without a picture changes nothing of what is known.

        Args:
            seen: The view.
            stuck: What this part brings of its own; None for what was given at the start.
        """
        look = seen.look
        if look is None:
            return seen
        if look.fingerprint and look.fingerprint == self._former:
            look = with_trouble(look, "stuck", stuck or self._stuck)
        self._former = look.fingerprint
        self.is_fault = look.is_fault
        if look.refuses and seen.judgement.outcome is not Outcome.UNKNOWN:
            return replace(seen, judgement=unknown(Reason.IMAGE_HEALTH), look=look)
        return seen if look is seen.look else replace(seen, look=look)
