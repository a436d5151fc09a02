"""Opening a history whose events are parsed one at a time, by the quickest parser that is there."""

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Protocol

from durable_workflow.replay_check._history_text import HistoryText


class OpenHistory(Protocol):
    """A history that can be gone through once."""

    @property
    def document(self) -> Mapping[str, Any]:
        """Members beside the events; those behind them perhaps only once they are parsed."""
        ...

    def events(self) -> Iterator[Mapping[str, Any]]:
        """The events."""
        ...


def _as_text(payload: bytes) -> OpenHistory:
    return HistoryText(payload.decode())


def _quickest() -> Callable[[bytes], OpenHistory]:
    if find_spec("msgspec") is None:
        return _as_text
    from durable_workflow.replay_check._history_bytes import HistoryBytes

    return HistoryBytes


# Opens the JSON bytes of a list of events, or of an object that has one.
open_history = _quickest()
