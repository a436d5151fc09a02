"""The history of a run, as the server writes it."""

from datetime import datetime
from typing import Any, Final

_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


def written(moment: datetime) -> str:
    """A moment as events spell it."""
    return moment.strftime(_FORMAT)


class History:
    """Events of one run, and how many of them its machine has seen.

    Attributes:
        events: The events, oldest first. The list is never replaced.
    """

    def __init__(self, run_id: str, events: list[dict[str, Any]]) -> None:
        self.events = events
        self._run_id = run_id
        self._fed = 0

    def append(self, event_type: str, payload: dict[str, Any], now: datetime) -> None:
        """Record an event. Members that are None are left out."""
        sequence = len(self.events) + 1
        self.events.append(
            {
                "id": f"{self._run_id}/{sequence}",
                "sequence": sequence,
                "event_type": event_type,
                "payload": {key: value for key, value in payload.items() if value is not None},
                "recorded_at": written(now),
            }
        )

    def take_new(self) -> list[dict[str, Any]]:
        """The events since the last call."""
        new = self.events[self._fed :]
        self._fed = len(self.events)
        return new
