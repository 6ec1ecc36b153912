"""Where a verdict's part is expected at the gate's own sensor: by time, or by the gate's own encoder. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from edge_inspector.client.encoder import CameraCounts, OwnEncoder
from edge_inspector.client.gate_settings import GateSettings
from edge_inspector.client.message import Message

BEAT_LAG_US = 5_000
"""A heartbeat that was held up for longer says where the belt was, not where it is."""


class Counts(NamedTuple):
    """A count of the camera's encoder."""

    value: int
    generation: int
    modulus: int


class Expected(NamedTuple):
    """Of one verdict."""

    place: float | None
    """Moment (µs) or own count at the own sensor; None where it cannot be known."""
    fire: float | None
    """Own counts from the own sensor to the line's `fire_enc`; None where it gives none."""


class Places:
    """Follows the gate's own encoder and what the line says of the camera's."""

    def __init__(self, settings: GateSettings) -> None:
        """Begin knowing nothing."""
        self._settings = settings
        self._own = OwnEncoder(settings.window)
        self._camera = CameraCounts(settings.counts_per_camera_count, settings.window)

    @property
    def enc_now(self) -> float | None:
        """The newest own count; None before the first."""
        return self._own.now

    def encoder(self, at_us: int, count: float) -> bool:
        """Take a reading of the own encoder; False when places from before are worth nothing."""
        if self._own.add(at_us, count) or not self._settings.needs_encoder:
            return True
        self._camera.forget()
        return False

    def beat(self, body: dict[str, Any], lag_us: int | None, now_us: int) -> bool:
        """Take a heartbeat; False when the camera's counts begin anew, and expectations by them are worth nothing."""
        count, age_us, generation = (_int(body.get(key)) for key in ("enc_now", "enc_age_us", "enc_gen"))
        if lag_us is None or lag_us > BEAT_LAG_US or self._own.now is None:
            return True
        if count is None or age_us is None or generation is None:
            return True
        return self._camera.beat(count, age_us, generation, now_us, self._own) or self._settings.match != "encoder"

    def expected(self, message: Message, now_us: int) -> Expected:
        """Return where the part of a live verdict that was read now is expected."""
        settings, counts = self._settings, _counts(message.body)
        fire = self._fire(message.header.fire_enc, counts)
        if settings.match == "encoder":
            own = self._camera.translate(*counts) if counts is not None else None
            return Expected(None if own is None else own + settings.offset_enc, fire)
        moment = self._moment(message, now_us)
        return Expected(None if moment is None else float(moment + settings.offset_us), fire)

    def _moment(self, message: Message, now_us: int) -> int | None:
        """Return the deadline or the trigger on the own clock; None where the line does not say."""
        if self._settings.expect_from == "deadline":
            return now_us + message.header.budget_us if message.header.budget_us >= 0 else None
        latency_us = _int(message.body.get("latency_us"))
        return now_us - latency_us if latency_us is not None and latency_us >= 0 else None

    def _fire(self, fire_enc: int, counts: Counts | None) -> float | None:
        if self._settings.travel_by != "encoder" or fire_enc < 0 or counts is None or counts.value < 0:
            return None
        way = fire_enc - counts.value
        way = way % counts.modulus if counts.modulus > 0 else way
        return way * self._settings.counts_per_camera_count - self._settings.offset_enc


def _counts(body: dict[str, Any]) -> Counts | None:
    count, generation, modulus = (_int(body.get(key)) for key in ("enc_trigger", "enc_gen", "enc_modulus"))
    return None if count is None or generation is None or modulus is None else Counts(count, generation, modulus)


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
