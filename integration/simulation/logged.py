"""What a simulated server or worker logs as an error that the weather does not explain."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Final, Self

from durable_workflow.server.store import OutcomeUnknown, StoreUnavailable
from integration.simulation.weather import Trace

_EXPLAINED: Final = (StoreUnavailable, OutcomeUnknown)
# Logged for commits that the weather fails, and for workflows and activities that fail on purpose.
_EXPECTED: Final = ("could not commit", "not tried again", "failed")


class LoggedErrors(logging.Handler):
    """Collects them for as long as a seed runs, and keeps all lines from other handlers.

    Attributes:
        unexpected: What nothing explains.
    """

    def __init__(self, trace: Trace) -> None:
        super().__init__(logging.ERROR)
        self.unexpected: list[str] = []
        self._trace = trace
        self._logger = logging.getLogger("durable_workflow")
        self._before = (self._logger.level, self._logger.propagate)

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        self._logger.setLevel(logging.ERROR)
        self._logger.propagate = False
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._logger.removeHandler(self)
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        text = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        self._trace.note("logged", text if error is None else f"{text}: {error!r}")
        if isinstance(error, _EXPLAINED) or any(each in text for each in _EXPECTED):
            return
        self.unexpected.append(f"{record.name} logged {text} {error!r}")
