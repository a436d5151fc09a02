"""Limits that keep one run from harming the others. 0 turns a limit off."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Structural limits (worker-protocol 9) and those of the history of one run."""

    pending_activities: int = 2000
    pending_children: int = 1000
    pending_timers: int = 2000
    pending_signals: int = 5000
    pending_updates: int = 500
    command_batch_size: int = 1000
    payload_bytes: int = 2_097_152
    memo_bytes: int = 262_144
    search_attribute_bytes: int = 40_960
    events_per_transaction: int = 5000
    history_hint_events: int = 10_000
    history_hint_bytes: int = 5 * 1024 * 1024
    history_events: int = 200_000
    history_bytes: int = 256 * 1024 * 1024

    def exceeded(self, events: int, size: int) -> tuple[str, int, int] | None:
        """The bound that a history is over: its name, what the history has, and what it may have.

        Args:
            events, size: How many events it has, and how many bytes they take.
        """
        if self.history_events and events > self.history_events:
            return "history_event_count", events, self.history_events
        if self.history_bytes and size > self.history_bytes:
            return "history_size_bytes", size, self.history_bytes
        return None
